/* What an agent reads from the pipe of an executor whose fit may have written anything into it. */
#include "worker/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ff_arena arena = {0};
    struct ff_channel_message message;
    struct ff_bytes rest = {data, size};
    int64_t taken;
    while ((taken = ff_channel_parse(rest, &arena, &message)) > 0)
        rest = (struct ff_bytes){rest.data + taken, rest.size - (size_t)taken};
    ff_arena_fini(&arena);
    return 0;
}

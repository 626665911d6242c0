/* A capsule as somebody might send it: the bytes as they come, and as body and blocks of a file whose header
 * and checksum are right. */
#include "common/capsule.h"
#include "common/objects.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct ff_buf *file)
{
    static volatile double sink;
    struct ff_arena arena = {0};
    struct ff_capsule capsule;
    struct ff_error err = {0};
    if (ff_capsule_decode(ff_buf_bytes(file), &arena, &capsule, &err) == FF_OK) {
        const struct ff_frame *frame = &capsule.task.frame;
        for (size_t i = 0; i < frame->steps * frame->columns; i++)
            sink = frame->values[i];
    }
    ff_arena_fini(&arena);
}

static void seal(struct ff_bytes body, struct ff_bytes blocks, struct ff_buf *file)
{
    uint32_t numbers[2] = {1, (uint32_t)body.size};
    uint64_t sizes[2] = {blocks.size, 0};
    ff_buf_append(file, "FFCAPSUL", 8);
    ff_buf_append(file, numbers, sizeof numbers);
    ff_buf_append(file, sizes, sizeof sizes);
    ff_buf_append(file, body.data, body.size);
    while (file->size % 64)
        ff_buf_append(file, "", 1);
    ff_buf_append(file, blocks.data, blocks.size);
    struct ff_object_id checksum = ff_object_hash(ff_buf_bytes(file));
    ff_buf_append(file, checksum.bytes, sizeof checksum.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ff_buf file = {0};
    if (size < 2)
        return 0;
    ff_buf_append(&file, data, size); /* aligned, as a file that was read is */
    decode(&file);
    file.size = 0;
    size_t rest = size - 2, cut = (size_t)(data[0] | data[1] << 8) % (rest + 1);
    seal((struct ff_bytes){data + 2, cut}, (struct ff_bytes){data + 2 + cut, rest - cut}, &file);
    decode(&file);
    ff_buf_fini(&file);
    return 0;
}

/* protobuf-c asks for a block per message, string and repeated field, and frees only what it gave up on: both
 * fit an arena. What a failed unpack left behind goes with the next reset. */
#include "common/codec/alloc.h"

static void *take(void *arena, size_t size)
{
    return ff_arena_try(arena, size);
}

static void forget(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

ProtobufCAllocator ff_codec_allocator(struct ff_arena *arena)
{
    return (ProtobufCAllocator){.alloc = take, .free = forget, .allocator_data = arena};
}

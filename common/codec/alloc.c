#include "common/codec/alloc.h"

static void *take(void *arena, size_t size)
{
    return ff_arena_try(arena, size);
}

static void give_back(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

ProtobufCAllocator ff_codec_allocator(struct ff_arena *arena)
{
    return (ProtobufCAllocator){.alloc = take, .free = give_back, .allocator_data = arena};
}

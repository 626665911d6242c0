/* protobuf-c's allocator over an arena: what a message unpacks to is freed with the arena and held to its limit. */
#ifndef FF_COMMON_CODEC_ALLOC_H
#define FF_COMMON_CODEC_ALLOC_H

#include "common/arena.h"

#include <protobuf-c/protobuf-c.h>

ProtobufCAllocator ff_codec_allocator(struct ff_arena *arena);

#endif

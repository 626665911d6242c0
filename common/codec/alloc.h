/* protobuf-c's allocator over an arena: a decoded message is freed with its arena, and the arena's limit
 * holds against small messages that unfold into large ones. */
#ifndef FF_COMMON_CODEC_ALLOC_H
#define FF_COMMON_CODEC_ALLOC_H

#include "common/arena.h"

#include <protobuf-c/protobuf-c.h>

/* For the unpack functions of generated code, which then return NULL past the limit. Its free does nothing,
 * so a message need not be given to free_unpacked. arena is borrowed for as long as the message is used. */
ProtobufCAllocator ff_codec_allocator(struct ff_arena *arena);

#endif

/* Shared by the codec's files: helpers over protobuf-c's generated structs. Private to common/codec. */
#ifndef FF_COMMON_CODEC_MESSAGES_H
#define FF_COMMON_CODEC_MESSAGES_H

#include "common/codec/alloc.h"
#include "common/wire.h"
#include "fleet.pb-c.h"

#include <string.h>

/* Memory that decoding one message may take, or 24 times its size if that is more: empty submessages of two
 * bytes each would otherwise grow a hundredfold. */
enum { FF_DECODE_LIMIT = 64 << 20 };

/* protobuf-c has no const; encoding does not write through these. */
static inline char *ff_pb_text(const char *text)
{
    return text ? (char *)(uintptr_t)text : (char *)(uintptr_t) "";
}
static inline ProtobufCBinaryData ff_pb_bytes(const void *data, size_t size)
{
    return (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
}

/* Packs any message behind out. */
void ff_pb_pack(const ProtobufCMessage *message, struct ff_buf *out);
/* Unpacks into the arena; NULL with INVALID_ARGUMENT in err if the bytes are no such message. */
void *ff_pb_unpack(const ProtobufCMessageDescriptor *descriptor, struct ff_bytes bytes,
                   struct ff_arena *arena, struct ff_error *err);
/* INVALID_ARGUMENT unless it has the size of an id. */
enum ff_status ff_pb_object(ProtobufCBinaryData in, struct ff_object_id *out, struct ff_error *err);

/* NULL for none; in the arena. */
Fitfleet__Memory *ff_pb_from_memory(const struct ff_memory_place *in, struct ff_arena *arena);
struct ff_memory_place ff_pb_to_memory(const Fitfleet__Memory *in); /* in: NULL for none */

/* One outcome. offsets of model and log are left to the caller. */
void ff_pb_from_outcome(const struct ff_outcome *in, Fitfleet__Outcome *out);
enum ff_status ff_pb_to_outcome(const Fitfleet__Outcome *in, struct ff_bytes models, struct ff_bytes logs,
                                struct ff_outcome *out, struct ff_error *err);

/* A chunk in the arena; its frames are added to blocks. */
Fitfleet__Chunk *ff_pb_from_chunk(const struct ff_chunk *chunk, struct ff_blocks *blocks,
                                  struct ff_arena *arena);
/* NULL with INVALID_ARGUMENT in err unless every index and every place of a frame is right. */
struct ff_chunk *ff_pb_to_chunk(const Fitfleet__Chunk *in, size_t blocks_size, struct ff_arena *arena,
                                struct ff_error *err);

#endif

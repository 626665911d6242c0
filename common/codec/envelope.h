/* The envelope of a message: prefix, RpcRequest or RpcResponse, body, blocks (proto/rpc.proto). */
#ifndef FF_COMMON_CODEC_ENVELOPE_H
#define FF_COMMON_CODEC_ENVELOPE_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdint.h>

enum { FF_ENVELOPE_PREFIX = 16 };

/* Borrowed from the message or an arena. A request has a method, a response a status and a text. */
struct ff_envelope {
    uint32_t protocol;
    const char *version;
    uint64_t request_id;
    const char *method;
    uint32_t deadline_ms;
    struct ff_bytes token;
    uint32_t status;
    const char *text;
};

/* Appends prefix and envelope; body and blocks of the sizes given must follow. */
void ff_envelope_encode_request(const struct ff_envelope *envelope, size_t body, size_t blocks,
                                struct ff_buf *out);
void ff_envelope_encode_response(const struct ff_envelope *envelope, size_t body, size_t blocks,
                                 struct ff_buf *out);

/* Splits a whole message. INVALID_ARGUMENT unless its sizes add up and the envelope decodes. */
FF_NODISCARD enum ff_status ff_envelope_decode_request(struct ff_bytes message, struct ff_arena *arena,
                                                       struct ff_envelope *envelope, struct ff_bytes *body,
                                                       struct ff_bytes *blocks, struct ff_error *err);
FF_NODISCARD enum ff_status ff_envelope_decode_response(struct ff_bytes message, struct ff_arena *arena,
                                                        struct ff_envelope *envelope, struct ff_bytes *body,
                                                        struct ff_bytes *blocks, struct ff_error *err);

#endif

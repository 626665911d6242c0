#include "common/codec/envelope.h"

#include "common/codec/alloc.h"
#include "rpc.pb-c.h"

#include <string.h>

static const char MAGIC[4] = {'F', 'F', 'R', '1'};

static void put_u32(uint8_t *at, size_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static size_t get_u32(const uint8_t *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static uint8_t *prefix(struct ff_buf *out, size_t envelope, size_t body, size_t blocks)
{
    uint8_t *at = ff_buf_reserve(out, FF_ENVELOPE_PREFIX + envelope);
    memcpy(at, MAGIC, sizeof MAGIC);
    put_u32(at + 4, envelope);
    put_u32(at + 8, body);
    put_u32(at + 12, blocks);
    out->size += FF_ENVELOPE_PREFIX + envelope;
    return at + FF_ENVELOPE_PREFIX;
}

void ff_envelope_encode_request(const struct ff_envelope *envelope, size_t body, size_t blocks,
                                struct ff_buf *out)
{
    Fitfleet__RpcRequest message = FITFLEET__RPC_REQUEST__INIT;
    message.protocol = envelope->protocol;
    message.version = (char *)(uintptr_t)envelope->version;
    message.method = (char *)(uintptr_t)envelope->method;
    message.request_id = envelope->request_id;
    message.deadline_ms = envelope->deadline_ms;
    message.token.data = (uint8_t *)(uintptr_t)envelope->token.data;
    message.token.len = envelope->token.size;
    fitfleet__rpc_request__pack(&message,
                                prefix(out, fitfleet__rpc_request__get_packed_size(&message), body, blocks));
}

void ff_envelope_encode_response(const struct ff_envelope *envelope, size_t body, size_t blocks,
                                 struct ff_buf *out)
{
    Fitfleet__RpcResponse message = FITFLEET__RPC_RESPONSE__INIT;
    message.protocol = envelope->protocol;
    message.version = (char *)(uintptr_t)envelope->version;
    message.request_id = envelope->request_id;
    message.status = envelope->status;
    message.message = (char *)(uintptr_t)envelope->text;
    fitfleet__rpc_response__pack(
        &message, prefix(out, fitfleet__rpc_response__get_packed_size(&message), body, blocks));
}

static enum ff_status split(struct ff_bytes message, struct ff_bytes *envelope, struct ff_bytes *body,
                            struct ff_bytes *blocks, struct ff_error *err)
{
    if (message.size < FF_ENVELOPE_PREFIX || memcmp(message.data, MAGIC, sizeof MAGIC) != 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "not a fitfleet message");
    size_t sizes[3];
    size_t rest = message.size - FF_ENVELOPE_PREFIX;
    for (int i = 0; i < 3; i++) {
        sizes[i] = get_u32(message.data + 4 + 4 * i);
        if (sizes[i] > rest)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "message sizes do not add up");
        rest -= sizes[i];
    }
    if (rest != 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "message sizes do not add up");
    *envelope = (struct ff_bytes){message.data + FF_ENVELOPE_PREFIX, sizes[0]};
    *body = (struct ff_bytes){envelope->data + sizes[0], sizes[1]};
    *blocks = (struct ff_bytes){body->data + sizes[1], sizes[2]};
    return FF_OK;
}

enum ff_status ff_envelope_decode_request(struct ff_bytes message, struct ff_arena *arena,
                                          struct ff_envelope *envelope, struct ff_bytes *body,
                                          struct ff_bytes *blocks, struct ff_error *err)
{
    struct ff_bytes head;
    if (split(message, &head, body, blocks, err))
        return FF_INVALID_ARGUMENT;
    ProtobufCAllocator allocator = ff_codec_allocator(arena);
    Fitfleet__RpcRequest *in = fitfleet__rpc_request__unpack(&allocator, head.size, head.data);
    if (!in)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "damaged request envelope");
    *envelope = (struct ff_envelope){.protocol = in->protocol,
                                     .version = in->version,
                                     .request_id = in->request_id,
                                     .method = in->method,
                                     .deadline_ms = in->deadline_ms,
                                     .token = {in->token.data, in->token.len},
                                     .text = ""};
    return FF_OK;
}

enum ff_status ff_envelope_decode_response(struct ff_bytes message, struct ff_arena *arena,
                                           struct ff_envelope *envelope, struct ff_bytes *body,
                                           struct ff_bytes *blocks, struct ff_error *err)
{
    struct ff_bytes head;
    if (split(message, &head, body, blocks, err))
        return FF_INVALID_ARGUMENT;
    ProtobufCAllocator allocator = ff_codec_allocator(arena);
    Fitfleet__RpcResponse *in = fitfleet__rpc_response__unpack(&allocator, head.size, head.data);
    if (!in)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "damaged response envelope");
    *envelope = (struct ff_envelope){.protocol = in->protocol,
                                     .version = in->version,
                                     .request_id = in->request_id,
                                     .status = in->status,
                                     .text = in->message,
                                     .method = ""};
    return FF_OK;
}

#include "common/codec/messages.h"

void ff_pb_pack(const ProtobufCMessage *message, struct ff_buf *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, ff_buf_reserve(out, size));
    out->size += size;
}

void *ff_pb_unpack(const ProtobufCMessageDescriptor *descriptor, struct ff_bytes bytes,
                   struct ff_arena *arena, struct ff_error *err)
{
    size_t limit = arena->limit;
    arena->limit = arena->used + (bytes.size > FF_DECODE_LIMIT / 24 ? bytes.size * 24 : FF_DECODE_LIMIT);
    ProtobufCAllocator allocator = ff_codec_allocator(arena);
    void *message = protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
    arena->limit = limit; /* what is built from the message is in proportion to it */
    if (!message)
        ff_error_set(err, FF_INVALID_ARGUMENT, "damaged or oversized %s", descriptor->short_name);
    return message;
}

enum ff_status ff_pb_object(ProtobufCBinaryData in, struct ff_object_id *out, struct ff_error *err)
{
    if (in.len != FF_OBJECT_ID_SIZE)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "an object id has %d bytes, found %zu",
                            FF_OBJECT_ID_SIZE, in.len);
    memcpy(out->bytes, in.data, FF_OBJECT_ID_SIZE);
    return FF_OK;
}

void ff_pb_from_outcome(const struct ff_outcome *in, Fitfleet__Outcome *out)
{
    fitfleet__outcome__init(out);
    out->target = in->target;
    out->class_ = in->class;
    out->code = in->code;
    out->errmsg = ff_pb_text(in->errmsg);
    out->kind = ff_pb_text(in->kind);
    out->summary = ff_pb_text(in->summary);
    out->fit_ms = in->fit_ms;
    out->cpu_ms = in->cpu_ms;
    out->peak_rss_bytes = in->peak_rss_bytes;
    out->pid = in->pid;
    out->attempts = in->attempts;
    out->signal = in->signal;
    out->model_size = in->model.size;
    out->log_size = in->log.size;
    if (in->model_in_object)
        out->model_object = ff_pb_bytes(in->model_object.bytes, FF_OBJECT_ID_SIZE);
}

static bool slice(struct ff_bytes whole, uint64_t offset, uint64_t size, struct ff_bytes *out)
{
    *out = (struct ff_bytes){0};
    if (size == 0 || whole.size == 0)
        return true;
    if (offset > whole.size || size > whole.size - offset)
        return false;
    *out = (struct ff_bytes){whole.data + offset, size};
    return true;
}

static bool known_class(uint32_t class)
{
    return class < FF_CLASS_COUNT;
}

static bool known_code(uint32_t code)
{
    return strcmp(ff_code_name((enum ff_code)code), "UNKNOWN") != 0;
}

enum ff_status ff_pb_to_outcome(const Fitfleet__Outcome *in, struct ff_bytes models, struct ff_bytes logs,
                                struct ff_outcome *out, struct ff_error *err)
{
    if (!known_class(in->class_) || !known_code(in->code))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "outcome of target %u: unknown class %u or code %u",
                            in->target, in->class_, in->code);
    *out = (struct ff_outcome){.target = in->target,
                               .class = (enum ff_class)in->class_,
                               .code = (enum ff_code)in->code,
                               .errmsg = in->errmsg,
                               .kind = in->kind,
                               .summary = in->summary,
                               .fit_ms = in->fit_ms,
                               .cpu_ms = in->cpu_ms,
                               .peak_rss_bytes = in->peak_rss_bytes,
                               .pid = in->pid,
                               .attempts = in->attempts,
                               .signal = in->signal,
                               .model_size = in->model_size,
                               .model_in_object = in->model_object.len != 0};
    if ((!out->model_in_object && !slice(models, in->model_offset, in->model_size, &out->model)) ||
        !slice(logs, in->log_offset, in->log_size, &out->log))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "outcome of target %u: bytes outside its blocks",
                            in->target);
    return out->model_in_object ? ff_pb_object(in->model_object, &out->model_object, err) : FF_OK;
}

/* The bytes of a capsule. The task travels as a chunk of one, so that its checks are those of the wire. */
#include "common/capsule.h"
#include "common/codec/messages.h"
#include "common/objects.h"
#include "common/version.h"

#include "capsule.pb-c.h"

#include <assert.h>

enum { FORMAT = 1, ALIGN = 64, MAX_BODY = 1 << 30, CHECKSUM = FF_OBJECT_ID_SIZE };

static const char MAGIC[8] = "FFCAPSUL";

struct header {
    char magic[8];
    uint32_t format;
    uint32_t body;
    uint64_t blocks;
    uint64_t zero;
};
_Static_assert(sizeof(struct header) == 32 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "as it is in the file");

static size_t blocks_offset(size_t body_size)
{
    return (sizeof(struct header) + body_size + ALIGN - 1) / ALIGN * ALIGN;
}

/* ---- encoding ---- */

static void pack(const struct ff_capsule *capsule, struct ff_buf *body, struct ff_blocks *blocks)
{
    struct ff_arena arena = {0};
    Fitfleet__Capsule message = FITFLEET__CAPSULE__INIT;
    Fitfleet__Outcome outcome;
    struct ff_wire_task task;
    struct ff_chunk chunk = ff_capsule_chunk(capsule, &task);
    ff_pb_from_outcome(&capsule->outcome, &outcome);
    outcome.model_size = capsule->outcome.model_size;
    outcome.log_offset = ff_blocks_add(blocks, capsule->outcome.log);
    message.version = ff_pb_text(capsule->version);
    message.job = ff_pb_text(capsule->job);
    message.chunk = ff_pb_from_chunk(&chunk, blocks, &arena);
    message.outcome = &outcome;
    message.worker = ff_pb_text(capsule->worker);
    message.profile = ff_pb_text(capsule->profile);
    message.rebuilt = capsule->rebuilt;
    message.files_changed = capsule->files_changed;
    if (capsule->has_model)
        message.model_hash = ff_pb_bytes(capsule->model_hash.bytes, FF_OBJECT_ID_SIZE);
    ff_pb_pack(&message.base, body);
    ff_arena_fini(&arena);
}

static void append_zeros(struct ff_buf *out, size_t count)
{
    memset(ff_buf_reserve(out, count), 0, count);
    out->size += count;
}

void ff_capsule_encode(const struct ff_capsule *capsule, struct ff_buf *out)
{
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    assert(out->size == 0);
    pack(capsule, &body, &blocks);
    struct header header = {.format = FORMAT, .body = (uint32_t)body.size, .blocks = blocks.size};
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    ff_buf_reserve(out, blocks_offset(body.size) + blocks.size + CHECKSUM);
    ff_buf_append(out, &header, sizeof header);
    ff_buf_append(out, body.data, body.size);
    append_zeros(out, blocks_offset(body.size) - out->size);
    for (size_t i = 0; i < blocks.count; i++)
        ff_buf_append(out, blocks.segments[i].data, blocks.segments[i].size);
    struct ff_object_id checksum = ff_object_hash(ff_buf_bytes(out));
    ff_buf_append(out, checksum.bytes, CHECKSUM);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

/* ---- decoding ---- */

/* Finds body and blocks in a file whose sizes and checksum are right. */
static enum ff_status open_file(struct ff_bytes bytes, struct ff_bytes *body, struct ff_bytes *blocks,
                                struct ff_error *err)
{
    struct header header;
    if (bytes.size < sizeof header || memcmp(bytes.data, MAGIC, sizeof MAGIC) != 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "not a capsule");
    memcpy(&header, bytes.data, sizeof header);
    if (header.format != FORMAT || header.zero)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "a capsule of format %u, this fitfleet (%s) reads format %d", header.format,
                            ff_version, FORMAT);
    uint64_t expected = blocks_offset(header.body) + CHECKSUM;
    if (header.body > MAX_BODY || header.blocks > FF_CAPSULE_MAX_BYTES ||
        bytes.size != expected + header.blocks)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "the capsule is cut off, or something is behind it");
    struct ff_object_id checksum = ff_object_hash((struct ff_bytes){bytes.data, bytes.size - CHECKSUM});
    if (memcmp(checksum.bytes, bytes.data + bytes.size - CHECKSUM, CHECKSUM) != 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "the capsule is damaged: its checksum is wrong");
    *body = (struct ff_bytes){bytes.data + sizeof header, header.body};
    *blocks = (struct ff_bytes){bytes.data + blocks_offset(header.body), header.blocks};
    return FF_OK;
}

static enum ff_status take_task(const Fitfleet__Capsule *in, struct ff_bytes blocks, struct ff_arena *arena,
                                struct ff_capsule *out, struct ff_error *err)
{
    const struct ff_chunk *chunk = in->chunk ? ff_pb_to_chunk(in->chunk, blocks.size, arena, err) : NULL;
    if (in->chunk && !chunk)
        return FF_INVALID_ARGUMENT;
    if (!chunk || chunk->task_count != 1 || chunk->tasks[0].in_object)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "a capsule without its task");
    out->task = chunk->tasks[0].task;
    out->task.frame.values = (const double *)(const void *)(blocks.data + chunk->tasks[0].offset);
    out->timeout_ms = chunk->timeout_ms;
    out->memory_bytes = chunk->memory_bytes;
    return FF_OK;
}

static enum ff_status take_outcome(const Fitfleet__Capsule *in, struct ff_bytes blocks,
                                   struct ff_capsule *out, struct ff_error *err)
{
    if (!in->outcome)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "a capsule without its outcome");
    if (ff_pb_to_outcome(in->outcome, (struct ff_bytes){0}, blocks, &out->outcome, err))
        return FF_INVALID_ARGUMENT;
    out->has_model = in->model_hash.len != 0;
    return out->has_model ? ff_pb_object(in->model_hash, &out->model_hash, err) : FF_OK;
}

enum ff_status ff_capsule_decode(struct ff_bytes bytes, struct ff_arena *arena, struct ff_capsule *out,
                                 struct ff_error *err)
{
    struct ff_bytes body, blocks;
    if (open_file(bytes, &body, &blocks, err))
        return FF_INVALID_ARGUMENT;
    const Fitfleet__Capsule *in = ff_pb_unpack(&fitfleet__capsule__descriptor, body, arena, err);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_capsule capsule = {.version = in->version,
                                 .job = in->job,
                                 .rebuilt = in->rebuilt,
                                 .files_changed = in->files_changed,
                                 .worker = in->worker,
                                 .profile = in->profile};
    if (take_task(in, blocks, arena, &capsule, err) || take_outcome(in, blocks, &capsule, err))
        return FF_INVALID_ARGUMENT;
    *out = capsule;
    return FF_OK;
}

/* A repro capsule: everything that refits one target away from its job, and what became of it there.
 *
 * The bytes (proto/capsule.proto) are a file that travels between people, so all of it is checked before it
 * is believed: magic, format, sizes against the size of the whole, checksum, then the message as strictly as
 * one from the network. */
#ifndef FF_COMMON_CAPSULE_H
#define FF_COMMON_CAPSULE_H

#include "common/wire.h"

#define FF_CAPSULE_MAX_BYTES (4ULL << 30) /* of a file */

struct ff_capsule {
    const char *version; /* of the fitfleet that wrote it */
    const char *job;     /* NAME-NUMBER */
    bool rebuilt;       /* the frame was made from the data files again; else it is the one that was fitted */
    bool files_changed; /* since the job was submitted */
    uint32_t timeout_ms;
    uint64_t memory_bytes; /* 0: half of the worker's memory */
    struct ff_task task;   /* frame and all; fallback is never NULL */

    /* As recorded; class FF_OPEN and code FF_CODE_OK: there is no outcome yet. Without the model's bytes. */
    struct ff_outcome outcome;
    const char *worker;
    const char *profile;
    bool has_model;
    struct ff_object_id model_hash; /* ff_object_hash of the recorded model */
};

/* The chunk of its one task, which is written to *task. Both borrow from the capsule. */
static inline struct ff_chunk ff_capsule_chunk(const struct ff_capsule *capsule, struct ff_wire_task *task)
{
    *task = (struct ff_wire_task){.task = capsule->task};
    return (struct ff_chunk){.covers = 1,
                             .of = 1,
                             .timeout_ms = capsule->timeout_ms,
                             .memory_bytes = capsule->memory_bytes,
                             .tasks = task,
                             .task_count = 1};
}

/* Appends the encoded capsule to an empty out. Everything in it is borrowed for the call. */
void ff_capsule_encode(const struct ff_capsule *capsule, struct ff_buf *out);

/* Strings are in the arena; the frame's values and the log are in bytes, which must be 8-byte aligned.
 * INVALID_ARGUMENT with what is wrong. */
FF_NODISCARD enum ff_status ff_capsule_decode(struct ff_bytes bytes, struct ff_arena *arena,
                                              struct ff_capsule *out, struct ff_error *err);

#endif

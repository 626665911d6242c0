/* The messages between programs as plain structs: what the codec makes of bytes from the network and back.
 *
 * Field by field the messages of proto/fleet.proto and proto/jobs.proto, whose comments say what they mean.
 * Decoded strings, arrays and bytes live in the arena given or in the message's blocks; nothing is owned
 * here. Decoding checks every length, index and offset, so what is returned can be used without checking
 * again. */
#ifndef FF_COMMON_WIRE_H
#define FF_COMMON_WIRE_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/memfile.h"
#include "common/outcome.h"
#include "common/task.h"

/* number is private to a build: names travel. */
#define FF_METHOD_LIST(X)                                                                                    \
    X(FLEET_JOIN, "Fleet.Join")                                                                              \
    X(FLEET_LEASE, "Fleet.Lease")                                                                            \
    X(FLEET_REPORT, "Fleet.Report")                                                                          \
    X(FLEET_BEAT, "Fleet.Beat")                                                                              \
    X(FLEET_FETCH, "Fleet.Fetch")                                                                            \
    X(FLEET_PUT, "Fleet.Put")                                                                                \
    X(FLEET_LEAVE, "Fleet.Leave")                                                                            \
    X(JOBS_SUBMIT, "Jobs.Submit")                                                                            \
    X(JOBS_STATUS, "Jobs.Status")                                                                            \
    X(JOBS_CANCEL, "Jobs.Cancel")                                                                            \
    X(JOBS_RETRY, "Jobs.Retry")                                                                              \
    X(JOBS_ACTIVATE, "Jobs.Activate")                                                                        \
    X(JOBS_RELEASE, "Jobs.Release")                                                                          \
    X(JOBS_READ, "Jobs.Read")                                                                                \
    X(JOBS_PING, "Jobs.Ping")

enum ff_method {
    FF_NO_METHOD = -1,
#define X(symbol, name) FF_##symbol,
    FF_METHOD_LIST(X)
#undef X
};

const char *ff_method_name(enum ff_method method);
enum ff_method ff_method_from_name(const char *name);

enum { FF_PROBE_BYTES = 32 };
enum { FF_OBJECT_RANGE = 1 << 20 }; /* bytes of an object in one Fetch or Put */

struct ff_lease_id {
    uint64_t epoch;
    uint64_t counter;
};

struct ff_join_request {
    const char *host;
    uint32_t pid;
    uint32_t slots;
    const char *profile;
    uint64_t incarnation;
    uint64_t memory_bytes;
    uint64_t max_message;
};

struct ff_join_reply {
    uint64_t worker;
    const char *name;
    uint64_t epoch;
    uint32_t beat_ms;
    uint32_t expiry_ms;
    uint64_t max_message;
    struct ff_memory_place probe; /* size 0: none */
    struct ff_bytes secret;
};

struct ff_lease_request {
    uint64_t worker;
    uint64_t sequence;
    uint32_t idle;
    uint32_t prefetch;
    bool nearby;
};

/* A task on the wire: its frame's values are offsets in the blocks or the chunk's memory, or an object. */
struct ff_wire_task {
    struct ff_task task; /* task.frame.values is NULL until the blocks are at hand */
    uint64_t offset;
    bool in_object;
    struct ff_object_id object;
    uint64_t object_size;
    uint64_t input_size; /* the task's input is so much of the object behind the frame; 0: it came along */
};

struct ff_chunk {
    struct ff_lease_id lease;
    uint64_t job;
    uint32_t covers; /* how many of the lease's targets this part of it stands for */
    uint32_t of;     /* its targets, in all parts */
    uint32_t timeout_ms;
    uint64_t memory_bytes;         /* 0: half of the worker's memory */
    struct ff_memory_place memory; /* size 0: frames are in the blocks */
    struct ff_wire_task *tasks;
    size_t task_count;
};

enum { FF_CHUNK_MOST_SHARED = 64 };

/* The files that the chunk's programs share, each once and without empty ones, in a fixed order. out has room
 * for FF_CHUNK_MOST_SHARED; those beyond are left out. Returns their number. */
size_t ff_chunk_shared(const struct ff_chunk *chunk, struct ff_shared *out);

struct ff_report {
    uint64_t worker;
    struct ff_lease_id lease;
    uint64_t job;
    uint64_t sequence;
    const struct ff_outcome *outcomes;
    size_t outcome_count;
    bool finished;
};

struct ff_report_reply {
    bool drop_lease;
};

struct ff_executor_state {
    uint32_t pid;
    uint32_t ppid;
    bool alive;
    uint64_t age_ms;
    struct ff_lease_id lease;
    uint64_t job;
    uint32_t target;
    bool busy;
    uint64_t busy_ms;
    uint64_t cpu_ms;
    uint64_t done;
    int last_exit;   /* -1: none */
    int last_signal; /* 0: none */
};

struct ff_beat_request {
    uint64_t worker;
    const struct ff_lease_id *leases;
    size_t lease_count;
    const struct ff_executor_state *executors;
    size_t executor_count;
    bool draining;
};

struct ff_beat_reply {
    const struct ff_lease_id *drop;
    size_t drop_count;
    uint32_t beat_ms;
};

struct ff_fetch_request {
    struct ff_object_id object;
    uint64_t offset;
    uint64_t size;
};

struct ff_put_request {
    struct ff_object_id object;
    uint64_t size;
    uint64_t offset;
};

struct ff_uploaded_file {
    const char *path;
    struct ff_object_id object;
    uint64_t size;
    int64_t mtime_ns;
};

struct ff_submit_request {
    const char *yaml;
    const char *file;
    const char *base_dir;
    const char *const *overrides;
    size_t override_count;
    const char *override_dir;
    const char *request_id;
    bool no_reuse;
    const struct ff_uploaded_file *files;
    size_t file_count;
    bool upload;
};

struct ff_job_request {
    const char *job;
    uint32_t wait_ms;
    uint64_t version;
};

struct ff_retry_request {
    const char *job;
    const char *const *classes;
    size_t class_count;
};

struct ff_counts {
    uint64_t requested;
    uint64_t of_class[FF_CLASS_COUNT];
};

struct ff_job_status {
    const char *id;
    const char *name;
    const char *state;
    const char *stage;
    double percent;
    double eta_ms;         /* < 0: not known */
    uint64_t loaded_bytes; /* of the data files, while they are read */
    uint64_t data_bytes;
    struct ff_counts counts;
    enum ff_code code;
    const char *errmsg;
    uint64_t version;
    const char *set;
    uint64_t generation;
    int64_t started_ms;
    int64_t finished_ms;
    bool all_failed;
};

struct ff_read_request {
    const char *what;
    const char *job;
    const char *target;
    const char *format;
    const char *const *classes;
    size_t class_count;
    const char *set;
    uint64_t cursor;
    bool full;
    uint64_t before, after; /* generations, of "diff" */
};

struct ff_read_reply {
    uint64_t size;
    bool in_object;
    struct ff_object_id object;
    uint64_t cursor;
};

struct ff_activate_request {
    const char *set;
    uint64_t number;
    const char *target;
};

struct ff_activate_reply {
    uint64_t number;
    uint64_t before;
    uint64_t models;
};

struct ff_ping_reply {
    const char *version;
    uint32_t protocol;
    uint32_t workers;
    uint32_t slots;
};

struct ff_capsule;

struct ff_stored_report {
    const char *worker;
    const char *profile;
    struct ff_outcome *outcomes;
    size_t outcome_count;
    const struct ff_capsule *capsules; /* written with it, not read back: see ff_store_capsule() */
    size_t capsule_count;
};

struct ff_stored_target {
    const char *name;
    uint64_t rows;
    uint64_t steps;
    struct ff_fingerprint fingerprint;
};

struct ff_stored_targets {
    const struct ff_stored_target *targets;
    size_t target_count;
    uint64_t rows_skipped;
    const char *const *metrics;
    size_t metric_count;
    bool has_all;
    uint64_t all_rows;
    uint64_t all_steps;
    struct ff_fingerprint all_fingerprint;
};

struct ff_stored_model {
    const char *target; /* "" for all */
    uint64_t report;
    uint32_t index;
    uint64_t from;
    struct ff_fingerprint fingerprint;
};

struct ff_stored_generation {
    const struct ff_stored_model *models;
    size_t model_count;
};

/* Encoders append to out. Bytes that travel as blocks (frames, models, logs) are not written: an encoder that
 * has some adds them to blocks, one segment each with its padding, and writes their offsets. */
struct ff_blocks {
    struct ff_bytes *segments;
    size_t count;
    size_t capacity;
    size_t size; /* of all segments */
};
void ff_blocks_fini(struct ff_blocks *blocks);
/* Pads to FF_RPC_BLOCK_ALIGN and adds borrowed bytes; returns their offset. */
uint64_t ff_blocks_add(struct ff_blocks *blocks, struct ff_bytes bytes);

#define FF_DECODER(name, type)                                                                               \
    FF_NODISCARD enum ff_status ff_decode_##name(struct ff_bytes bytes, struct ff_arena *arena, type *out,   \
                                                 struct ff_error *err)
#define FF_DECODER_WITH_BLOCKS(name, type)                                                                   \
    FF_NODISCARD enum ff_status ff_decode_##name(struct ff_bytes bytes, struct ff_bytes blocks,              \
                                                 struct ff_arena *arena, type *out, struct ff_error *err)

void ff_encode_join_request(const struct ff_join_request *in, struct ff_buf *out);
void ff_encode_join_reply(const struct ff_join_reply *in, struct ff_buf *out);
void ff_encode_lease_request(const struct ff_lease_request *in, struct ff_buf *out);
/* chunk NULL: nothing to do. Tasks with the same model pointers share one entry on the wire. */
void ff_encode_lease_reply(const struct ff_chunk *chunk, struct ff_buf *out, struct ff_blocks *blocks);
void ff_encode_report(const struct ff_report *in, struct ff_buf *out, struct ff_blocks *blocks);
void ff_encode_report_reply(const struct ff_report_reply *in, struct ff_buf *out);
void ff_encode_beat_request(const struct ff_beat_request *in, struct ff_buf *out);
void ff_encode_beat_reply(const struct ff_beat_reply *in, struct ff_buf *out);
void ff_encode_fetch_request(const struct ff_fetch_request *in, struct ff_buf *out);
void ff_encode_fetch_reply(uint64_t size, struct ff_buf *out);
void ff_encode_put_request(const struct ff_put_request *in, struct ff_buf *out);
void ff_encode_put_reply(bool complete, struct ff_buf *out);
void ff_encode_leave_request(uint64_t worker, struct ff_buf *out);
void ff_encode_submit_request(const struct ff_submit_request *in, struct ff_buf *out);
void ff_encode_job_request(const struct ff_job_request *in, struct ff_buf *out);
void ff_encode_retry_request(const struct ff_retry_request *in, struct ff_buf *out);
void ff_encode_job_status(const struct ff_job_status *in, struct ff_buf *out);
void ff_encode_read_request(const struct ff_read_request *in, struct ff_buf *out);
void ff_encode_read_reply(const struct ff_read_reply *in, struct ff_buf *out);
void ff_encode_activate_request(const struct ff_activate_request *in, struct ff_buf *out);
void ff_encode_activate_reply(const struct ff_activate_reply *in, struct ff_buf *out);
void ff_encode_ping_reply(const struct ff_ping_reply *in, struct ff_buf *out);
void ff_encode_stored_report(const struct ff_stored_report *in, struct ff_buf *out, struct ff_buf *models,
                             struct ff_buf *logs);
void ff_encode_stored_targets(const struct ff_stored_targets *in, struct ff_buf *out);
void ff_encode_stored_generation(const struct ff_stored_generation *in, struct ff_buf *out);

FF_DECODER(join_request, struct ff_join_request);
FF_DECODER(join_reply, struct ff_join_reply);
FF_DECODER(lease_request, struct ff_lease_request);
/* *out is NULL for an empty reply. A frame's place is checked against blocks_size; its values stay NULL. */
FF_NODISCARD enum ff_status ff_decode_lease_reply(struct ff_bytes bytes, size_t blocks_size,
                                                  struct ff_arena *arena, struct ff_chunk **out,
                                                  struct ff_error *err);
FF_DECODER_WITH_BLOCKS(report, struct ff_report);
FF_DECODER(report_reply, struct ff_report_reply);
FF_DECODER(beat_request, struct ff_beat_request);
FF_DECODER(beat_reply, struct ff_beat_reply);
FF_DECODER(fetch_request, struct ff_fetch_request);
FF_DECODER(fetch_reply, uint64_t);
FF_DECODER(put_request, struct ff_put_request);
FF_DECODER(put_reply, bool);
FF_DECODER(leave_request, uint64_t);
FF_DECODER(submit_request, struct ff_submit_request);
FF_DECODER(job_request, struct ff_job_request);
FF_DECODER(retry_request, struct ff_retry_request);
FF_DECODER(job_status, struct ff_job_status);
FF_DECODER(read_request, struct ff_read_request);
FF_DECODER(read_reply, struct ff_read_reply);
FF_DECODER(activate_request, struct ff_activate_request);
FF_DECODER(activate_reply, struct ff_activate_reply);
FF_DECODER(ping_reply, struct ff_ping_reply);
/* models or logs may be empty: the outcomes then come without them. */
FF_NODISCARD enum ff_status ff_decode_stored_report(struct ff_bytes bytes, struct ff_bytes models,
                                                    struct ff_bytes logs, struct ff_arena *arena,
                                                    struct ff_stored_report *out, struct ff_error *err);
FF_DECODER(stored_targets, struct ff_stored_targets);
FF_DECODER(stored_generation, struct ff_stored_generation);

#endif

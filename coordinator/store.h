/* What survives: jobs, their targets and outcomes, models, generations and costs, in STATE/fitfleet.db
 * (SQLite, WAL, synchronous=FULL).
 *
 * A writer is opened once per state directory (a lock on STATE/lock refuses a second one); it is not
 * thread-safe: store_thread.h gives it a thread. Readers are other connections, at any time, also in other
 * processes. All functions block on the disk. Failures are UNAVAILABLE (busy, disk full: try again),
 * DATA_LOSS (damaged), FAILED_PRECONDITION (locked, newer schema, network file system), PERMISSION_DENIED,
 * NOT_FOUND. */
#ifndef FF_COORDINATOR_STORE_H
#define FF_COORDINATOR_STORE_H

#include "common/capsule.h"

struct ff_store;

enum ff_job_state {
    FF_JOB_QUEUED,
    FF_JOB_LOADING,
    FF_JOB_RUNNING,
    FF_JOB_PAUSED,
    FF_JOB_DONE,
    FF_JOB_FAILED,
    FF_JOB_CANCELLED,
};
const char *ff_job_state_name(enum ff_job_state state);
static inline bool ff_job_state_is_final(enum ff_job_state state)
{
    return state >= FF_JOB_DONE;
}

/* A job's row. Strings are borrowed when written, and in the arena when read. */
struct ff_job_record {
    uint64_t id; /* row; 0: not yet written */
    const char *name;
    uint64_t number;        /* the job is called NAME-NUMBER */
    const char *set;        /* "": an errand, which publishes nothing */
    const char *request_id; /* "" if none */
    const char *yaml;
    const char *file;
    const char *base_dir;
    const char *overrides; /* each ended by '\n' */
    const char *override_dir;
    const char *data_files; /* a line per file: size, mtime_ns, path; what the job was submitted with */
    bool no_reuse;
    uint64_t keep;             /* generations of the set that stay when it publishes, 0: all */
    bool partial;              /* it publishes what it has even if it fails or is cancelled */
    uint64_t retry_of;         /* row of the job that this one repeats, 0: none */
    const char *retry_classes; /* words separated by commas */
    enum ff_job_state state;
    enum ff_code code;
    const char *errmsg;
    int64_t submitted_ms, started_ms, finished_ms; /* wall clock, 0: not yet */
    uint64_t generation;                           /* 0: none published */
    bool all_failed;
    struct ff_counts counts; /* when finished */
    const char *times;       /* JSON object "time_ms", "" while it runs */
};

/* dir is made (0700) if it is not there. Raises the epoch. */
FF_NODISCARD enum ff_status ff_store_open(const char *dir, struct ff_store **out, struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_open_reader(const char *dir, struct ff_store **out,
                                                 struct ff_error *err);
void ff_store_close(struct ff_store *store);
/* Why the last call of this store failed, in a few words: "disk full". */
const char *ff_store_why(const struct ff_store *store);
uint64_t ff_store_epoch(const struct ff_store *store);

/* ---- writing: between begin and commit; after an error roll back ---- */

FF_NODISCARD enum ff_status ff_store_begin(struct ff_store *store, struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_commit(struct ff_store *store, struct ff_error *err);
void ff_store_rollback(struct ff_store *store);

/* Inserts (id 0: number is chosen and both are filled in) or updates. */
FF_NODISCARD enum ff_status ff_store_put_job(struct ff_store *store, struct ff_job_record *job,
                                             struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_put_targets(struct ff_store *store, uint64_t job,
                                                 const struct ff_stored_targets *targets,
                                                 struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_add_report(struct ff_store *store, uint64_t job,
                                                const struct ff_stored_report *report, struct ff_error *err);
/* What refits a quarantined target, in place of an older one. ff_store_add_report() writes those of the
 * report. */
FF_NODISCARD enum ff_status ff_store_put_capsule(struct ff_store *store, uint64_t job,
                                                 const struct ff_capsule *capsule, struct ff_error *err);
/* Makes the job's models the next generation of its set and the active one, and writes the job with its
 * number. Of older ones the job's `keep` newest and the active one stay; models that no generation needs any
 * more lose their bytes. A job that failed or was cancelled without a model of its own makes no
 * generation, and neither does an errand. */
FF_NODISCARD enum ff_status ff_store_publish(struct ff_store *store, struct ff_job_record *job,
                                             int64_t now_ms, struct ff_error *err);
/* Frees what an errand's outcomes came to: it was read. */
FF_NODISCARD enum ff_status ff_store_release(struct ff_store *store, uint64_t job, struct ff_error *err);
/* Another generation of the set becomes the active one. NOT_FOUND, with what there is, before anything is
 * written. */
FF_NODISCARD enum ff_status ff_store_activate(struct ff_store *store, const struct ff_activate_request *in,
                                              int64_t now_ms, struct ff_activate_reply *out,
                                              struct ff_error *err);

/* Which finished jobs are kept; 0: all. */
struct ff_retention {
    uint64_t jobs;  /* the newest */
    int64_t age_ms; /* since they finished */
};
enum { FF_FORGET_AT_ONCE = 16 };
struct ff_forgotten {
    uint64_t jobs[FF_FORGET_AT_ONCE]; /* rows */
    size_t count;
};
/* Removes finished jobs beyond those that are kept, the oldest first, and errands of yesterday; if out is
 * full there may be more. A job with models that a generation needs stays, and so does the newest of each
 * name. */
FF_NODISCARD enum ff_status ff_store_forget(struct ff_store *store, const struct ff_retention *keep,
                                            int64_t now_ms, struct ff_forgotten *out, struct ff_error *err);

/* ---- reading ---- */

/* A job by id (NAME-NUMBER), by name (its newest), or "" (the newest of all that are no errands).
 * NOT_FOUND. */
FF_NODISCARD enum ff_status ff_store_find_job(struct ff_store *store, const char *reference,
                                              struct ff_arena *arena, struct ff_job_record *job,
                                              struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_job_by_id(struct ff_store *store, uint64_t id, struct ff_arena *arena,
                                               struct ff_job_record *job, struct ff_error *err);
/* All jobs, oldest first. */
FF_NODISCARD enum ff_status ff_store_jobs(struct ff_store *store, struct ff_arena *arena,
                                          struct ff_job_record **jobs, size_t *count, struct ff_error *err);
/* No rows yet: an empty list. */
FF_NODISCARD enum ff_status ff_store_targets(struct ff_store *store, uint64_t job, struct ff_arena *arena,
                                             struct ff_stored_targets *targets, struct ff_error *err);

enum ff_report_parts { FF_REPORT_OUTCOMES = 0, FF_REPORT_MODELS = 1, FF_REPORT_LOGS = 2 };
/* Called per report in order of commit; what it is given ends with the call. Not FF_OK: stops and is
 * returned. */
typedef enum ff_status ff_report_visitor(void *context, uint64_t row, const struct ff_stored_report *report);
FF_NODISCARD enum ff_status ff_store_reports(struct ff_store *store, uint64_t job, int parts,
                                             ff_report_visitor *visitor, void *context, struct ff_error *err);
/* Those with a row over `after` only. */
FF_NODISCARD enum ff_status ff_store_reports_after(struct ff_store *store, uint64_t job, uint64_t after,
                                                   int parts, ff_report_visitor *visitor, void *context,
                                                   struct ff_error *err);
/* One report by row. */
FF_NODISCARD enum ff_status ff_store_report(struct ff_store *store, uint64_t row, int parts,
                                            struct ff_arena *arena, struct ff_stored_report *report,
                                            struct ff_error *err);
/* Whether a report still has the bytes of its models; they may have been freed. */
bool ff_store_has_models(struct ff_store *store, uint64_t row);

/* The bytes of a target's capsule (common/capsule.h) into an empty out. NOT_FOUND, with no text: none was
 * kept. */
FF_NODISCARD enum ff_status ff_store_capsule(struct ff_store *store, uint64_t job, uint32_t target,
                                             struct ff_buf *out, struct ff_error *err);

struct ff_generation_row {
    const char *set;
    uint64_t number;
    uint64_t job;
    const char *job_name; /* NAME-NUMBER */
    int64_t created_ms;
    uint64_t models;
    bool active;
};
/* Generations of a set ("": of all), by set and number. */
FF_NODISCARD enum ff_status ff_store_generations(struct ff_store *store, const char *set,
                                                 struct ff_arena *arena, struct ff_generation_row **rows,
                                                 size_t *count, struct ff_error *err);
/* The models of a set's generation (0: the active one). NOT_FOUND. */
FF_NODISCARD enum ff_status ff_store_generation(struct ff_store *store, const char *set, uint64_t number,
                                                struct ff_arena *arena, struct ff_stored_generation *out,
                                                struct ff_error *err);

/* ---- looking after it ---- */

/* What a check went through, and how much it found. */
struct ff_store_check {
    uint64_t jobs, reports, generations, models, findings;
};
typedef void ff_store_finding(void *context, const char *text);
/* Looks for damage: SQLite's integrity check; every blob decodes; outcomes name targets of their job, each
 * once; counts of finished jobs add up; a generation's models are where it says; a set's active generation is
 * there. Each finding is a sentence. Changes nothing; a live writer may go on. FF_OK also with findings. */
FF_NODISCARD enum ff_status ff_store_check(struct ff_store *store, ff_store_finding *found, void *context,
                                           struct ff_store_check *out, struct ff_error *err);
/* Writes DIR/fitfleet.db, a state as of now; DIR is made. It appears whole or not at all. FAILED_PRECONDITION
 * if DIR holds anything but an older backup of this state. */
FF_NODISCARD enum ff_status ff_store_backup(struct ff_store *store, const char *dir, struct ff_error *err);

/* ---- the cost book: the CPU time that a cell (one step of one metric) of a model took so far ---- */

enum { FF_COST_NAME = 128 };

struct ff_cost {
    char name[FF_COST_NAME]; /* costbook.h */
    double cells;
    double ms;
};
FF_NODISCARD enum ff_status ff_store_costs(struct ff_store *store, struct ff_arena *arena,
                                           struct ff_cost **costs, size_t *count, struct ff_error *err);
FF_NODISCARD enum ff_status ff_store_add_cost(struct ff_store *store, const struct ff_cost *cost,
                                              struct ff_error *err);

#endif

/* Everything that is shown to people and programs: listings and documents, rendered from the state into text.
 *
 * The same functions serve `--state DIR` (a reader beside a live coordinator) and the coordinator's reader
 * thread, so a document does not depend on the way to it. format is "json", "csv" or "table" (others:
 * INVALID_ARGUMENT); each appends to out and ends with a newline. The formats are those of docs/formats.md.
 */
#ifndef FF_COORDINATOR_DOCUMENTS_H
#define FF_COORDINATOR_DOCUMENTS_H

#include "coordinator/fleet.h"
#include "coordinator/store.h"

struct ff_load_progress;

/* The result document of a job, finished or not (then: what is committed, "state": "running").
 * classes: only these ("failed", …), count 0: all. target: a glob, "" for all. table: a summary a person
 * understands (counts, the all model, then one line per target: the first 20 and every one that is not
 * fitted, unless full). */
struct ff_results_options {
    const char *format;
    const char *const *classes;
    size_t class_count;
    const char *target;
    bool full;         /* table: every target */
    const char *where; /* table: what the commands that it names end with, to find the job; NULL: nothing */
};
FF_NODISCARD enum ff_status ff_document_results(struct ff_store *store, const struct ff_job_record *job,
                                                const struct ff_results_options *options, struct ff_buf *out,
                                                struct ff_error *err);
/* One JSON line per outcome committed in reports with a row over *cursor (for --follow: {"target": …,
 * "class": …, …}); *cursor becomes the last row seen. */
FF_NODISCARD enum ff_status ff_document_follow(struct ff_store *store, const struct ff_job_record *job,
                                               uint64_t *cursor, struct ff_buf *out, struct ff_error *err);

/* The job's log: its settings (yaml and --set), start and end, then what executors printed, by target in
 * order of name bytes. target: a name, "" for all. NOT_FOUND for a target that the job does not have. */
FF_NODISCARD enum ff_status ff_document_logs(struct ff_store *store, const struct ff_job_record *job,
                                             const char *target, struct ff_buf *out, struct ff_error *err);

/* Why a target is where it is, from what is stored: its outcome with class, error, tries, worker, pid, times,
 * and what that means and what to do next, in sentences. target "" explains the job (state, counts, the
 * commonest errors with example targets). */
struct ff_explain_options {
    const char *target;
    const char *live;  /* a sentence about what is going on now from the coordinator; NULL: none */
    const char *where; /* as above */
};
FF_NODISCARD enum ff_status ff_document_explain(struct ff_store *store, const struct ff_job_record *job,
                                                const struct ff_explain_options *options, struct ff_buf *out,
                                                struct ff_error *err);

/* The capsule of a target (common/capsule.h) into an empty out: the one that was kept when it was
 * quarantined, else one whose rows are made from the data files as they are now, which takes as long as
 * loading them. NOT_FOUND, FAILED_PRECONDITION (nothing to refit), INVALID_ARGUMENT (the files), CANCELLED.
 */
struct ff_capsule_options {
    const char *target;
    const char *data_root; /* files must lie below it; NULL: anywhere */
    bool from_files;       /* false: this job's targets came from elsewhere, and are not made again */
    const char *folder;    /* for rows beyond data.memory, as ff_spill_create */
    struct ff_load_progress *progress; /* or NULL */
};
FF_NODISCARD enum ff_status ff_document_capsule(struct ff_store *store, const struct ff_job_record *job,
                                                const struct ff_capsule_options *options, struct ff_buf *out,
                                                struct ff_error *err);

/* A job as status shows it, rebuilt from the state (counts of an unfinished one from its reports). Strings in
 * arena. */
FF_NODISCARD enum ff_status ff_status_from_store(struct ff_store *store, const struct ff_job_record *job,
                                                 struct ff_arena *arena, struct ff_job_status *out,
                                                 struct ff_error *err);
/* Jobs, one line each, newest first: jobs are given oldest first, as they are kept. */
FF_NODISCARD enum ff_status ff_document_jobs(const struct ff_job_status *jobs, size_t count,
                                             const char *format, struct ff_buf *out, struct ff_error *err);
/* One job: state, stage, percent, ETA, counts, times, error. */
FF_NODISCARD enum ff_status ff_document_status(const struct ff_job_status *job, const char *format,
                                               struct ff_buf *out, struct ff_error *err);

/* Name, host, version, slots, state; per executor pid, ppid, alive, age, current target, done, exit code or
 * signal of the last one. targets: names by executor in the order of workers and their executors, "" if idle.
 * now_ms: monotonic. */
FF_NODISCARD enum ff_status ff_document_workers(struct ff_worker *const *workers, size_t count,
                                                const char *const *targets, int64_t now_ms,
                                                const char *format, struct ff_buf *out, struct ff_error *err);

/* Sets and their generations; set "": all. */
FF_NODISCARD enum ff_status ff_document_models(struct ff_store *store, const char *set, const char *format,
                                               struct ff_buf *out, struct ff_error *err);
/* What differs between two generations of a set, by target: added, removed, changed, same; kind, size and
 * summary of either model. table: lines of what is the same only if full. NOT_FOUND. */
struct ff_diff_options {
    const char *set;
    uint64_t before, after;
    const char *format;
    bool full;
};
FF_NODISCARD enum ff_status ff_document_diff(struct ff_store *store, const struct ff_diff_options *options,
                                             struct ff_buf *out, struct ff_error *err);
/* JSON lines of the active generation: {"target": …, "kind": …, "from": N (if carried over), "metrics":
 * {…every parameter}}; a multivariate model has "model" instead of "metrics"; "all" comes last. target: a
 * glob, "" for all. */
FF_NODISCARD enum ff_status ff_document_export(struct ff_store *store, const char *set, const char *target,
                                               struct ff_buf *out, struct ff_error *err);

/* The same models as they are, with their job: common/kit.h, for who applies them. NOT_FOUND. */
FF_NODISCARD enum ff_status ff_document_kit(struct ff_store *store, const char *set, const char *target,
                                            struct ff_buf *out, struct ff_error *err);

/* What an errand came to, from the reports behind *cursor: a page of common/harvest.h; *cursor becomes the
 * last report's. FAILED_PRECONDITION for a job that is none. */
FF_NODISCARD enum ff_status ff_document_harvest(struct ff_store *store, const struct ff_job_record *job,
                                                uint64_t *cursor, struct ff_buf *out, struct ff_error *err);

#endif

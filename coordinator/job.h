/* One job in the coordinator's memory: its record, and while it runs its specification, targets and counts.
 * Used by the loop's thread only. */
#ifndef FF_COORDINATOR_JOB_H
#define FF_COORDINATOR_JOB_H

#include "coordinator/dispatch.h"
#include "coordinator/loader.h"
#include "coordinator/store.h"
#include "coordinator/targetset.h"

struct ff_job {
    struct ff_job *next;
    struct ff_arena arena;       /* of the record's strings */
    struct ff_job_record record; /* counts in it are of what is committed */
    char *id;                    /* NAME-NUMBER */

    /* While it is loading or running. */
    struct ff_loaded *loaded;
    struct ff_load_progress *progress;
    size_t total;               /* targets, and one more for the frame of all */
    size_t committed;           /* of total */
    struct ff_counts under_way; /* outcomes of targets whose commit is on its way */
    bool finishing;             /* its last write is under way */
    enum ff_class all_class;

    /* CLOCK_MONOTONIC, for time_ms. */
    int64_t accepted_us, running_us, last_result_us;
    double fit_sum_ms;
    double plan_ms;
    uint64_t retries;
    uint64_t kept_bytes; /* of frames in capsules */

    uint64_t version;          /* raised by every change that a viewer would show */
    struct ff_waiter *waiters; /* Status calls that wait for a newer version */
};

/* What the record's job was submitted as, to be parsed again. data_root is borrowed, the rest is the record's
 * and the arena's. */
struct ff_jobspec_source ff_job_source(const struct ff_job_record *record, const char *data_root,
                                       struct ff_arena *arena);

/* Takes copies of the record's strings. */
struct ff_job *ff_job_create(const struct ff_job_record *record);
void ff_job_destroy(struct ff_job *job);
/* After the row is written: fills in the id. */
void ff_job_name(struct ff_job *job);

/* It publishes nothing: its outcomes are for whoever submitted it. */
bool ff_job_is_errand(const struct ff_job *job);
bool ff_job_is_all(const struct ff_job *job, uint32_t target);
/* What the worker is asked to fit, and under which limits. The frame's values, if they are in memory, are the
 * target set's; ff_job_rows gets the others. */
void ff_job_task(const struct ff_job *job, uint32_t target, struct ff_wire_task *task);
uint32_t ff_job_timeout_ms(const struct ff_job *job, uint32_t target);
uint64_t ff_job_memory_bytes(const struct ff_job *job, uint32_t target);

/* Bytes of the values of a target's frame, whose rows are there: the target set's, or in the arena. DATA_LOSS
 * if they cannot be read back. */
FF_NODISCARD enum ff_status ff_job_rows(const struct ff_job *job, uint32_t target, uint64_t offset,
                                        size_t size, struct ff_arena *arena, struct ff_bytes *out,
                                        struct ff_error *err);
/* Gives the task of a target whose rows are there its values, in the same way. */
FF_NODISCARD enum ff_status ff_job_fill_task(const struct ff_job *job, uint32_t target,
                                             struct ff_arena *arena, struct ff_wire_task *task,
                                             struct ff_error *err);

/* The target whose frame is the object of that id, and its size; false if none is or its rows are gone. */
bool ff_job_object(const struct ff_job *job, const struct ff_object_id *id, uint32_t *target, uint64_t *size);

/* The dispatch items of a loaded job; count is job->total. Free them. */
struct ff_dispatch_item *ff_job_items(const struct ff_job *job);
/* The targets as they are stored. In the arena. */
struct ff_stored_targets ff_job_stored_targets(const struct ff_job *job, struct ff_arena *arena);

/* An outcome that was handed to the store; committed: and is there. */
void ff_job_count_under_way(struct ff_job *job, const struct ff_outcome *outcome, bool committed);
/* The final counts of a job that fails or is cancelled: behind what is under way, the rest is cancelled. */
void ff_job_close_counts(struct ff_job *job);
/* Counts a committed outcome. */
void ff_job_count(struct ff_job *job, const struct ff_outcome *outcome);
/* Whether more targets failed or were quarantined than limits.max_failed allows. */
bool ff_job_failed_too_many(const struct ff_job *job);
/* "time_ms" of a job that ends now, into record.times. */
void ff_job_set_times(struct ff_job *job, int64_t now_us);

/* For viewers; strings are borrowed from the job. eta_ms < 0: not known. */
void ff_job_status(const struct ff_job *job, double eta_ms, struct ff_job_status *out);

#endif

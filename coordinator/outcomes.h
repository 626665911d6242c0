/* What became of a job's targets: its reports, merged target by target. */
#ifndef FF_COORDINATOR_OUTCOMES_H
#define FF_COORDINATOR_OUTCOMES_H

#include "coordinator/store.h"

struct ff_target_outcome {
    const char *name; /* "all" for all */
    uint64_t rows;
    uint64_t steps;
    struct ff_outcome
        outcome;        /* class FF_OPEN: none yet. Without model bytes, and without log unless asked for */
    const char *worker; /* "" if none fitted it */
    const char *profile;
    uint64_t from; /* generation whose model it keeps in the job's own generation, 0: none */
};

struct ff_outcomes {
    struct ff_target_outcome *targets; /* in order of name bytes */
    size_t target_count;
    struct ff_target_outcome *all; /* NULL: the job has none */
    uint64_t rows_skipped;
    struct ff_counts counts;
    bool all_failed;
};

/* The last report of a target counts. In a job that failed or was cancelled, targets without one are
 * cancelled (CANCELLED), and counted so. parts: FF_REPORT_OUTCOMES or FF_REPORT_LOGS. Everything is in arena.
 */
FF_NODISCARD enum ff_status ff_outcomes_read(struct ff_store *store, const struct ff_job_record *job,
                                             int parts, struct ff_arena *arena, struct ff_outcomes *out,
                                             struct ff_error *err);

/* The target of that name, else all if it is called "all". NOT_FOUND, with a name like it. */
FF_NODISCARD enum ff_status ff_outcomes_find(const struct ff_outcomes *outcomes,
                                             const struct ff_job_record *job, const char *name,
                                             const struct ff_target_outcome **out, struct ff_error *err);

static inline bool ff_outcome_has_model(const struct ff_outcome *outcome)
{
    return outcome->class == FF_FITTED || outcome->class == FF_REUSED || outcome->class == FF_FALLBACK;
}

#endif

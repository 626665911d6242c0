/* Outcomes that a job has before it runs: its own, committed before an interruption; those that a retry takes
 * over from the job that it repeats; those reused because nothing that their model depends on has changed.
 *
 * Of a target the first one found counts. Models are not read: what is taken over refers to where the store
 * has it. Reads the state; on the loader's thread. */
#ifndef FF_COORDINATOR_KNOWN_H
#define FF_COORDINATOR_KNOWN_H

#include "coordinator/store.h"
#include "coordinator/targetset.h"

struct ff_known_outcome {
    struct ff_outcome outcome; /* target: index in the set, target_count for all */
    const char *worker;        /* the same pointers for all that came from one report */
    const char *profile;
    struct ff_fingerprint fingerprint; /* of what its model is fitted from, which may not be today's rows */
    bool committed;                    /* of this job: counted only; else it is still to be stored */
};

struct ff_known {
    struct ff_arena arena;
    struct ff_known_outcome *outcomes;
    size_t count, capacity;
    bool *has; /* by target */
};

struct ff_known *ff_known_create(const struct ff_targetset *set);
void ff_known_destroy(struct ff_known *known);

/* INVALID_ARGUMENT if the data have other targets now than when the job was interrupted; nothing stored yet
 * is fine. */
FF_NODISCARD enum ff_status ff_known_resume(struct ff_known *known, const char *state_dir, uint64_t job,
                                            const struct ff_targetset *set, struct ff_error *err);
/* The outcomes of job, by name of target, except those of the classes (names separated by commas) and those
 * whose models were freed by retention. */
FF_NODISCARD enum ff_status ff_known_take_over(struct ff_known *known, const char *state_dir, uint64_t job,
                                               const char *classes, const struct ff_targetset *set,
                                               struct ff_error *err);
/* Targets whose fingerprint is the one of their model in the active generation of the set that is named: as
 * reused, or as fallback if that is what they were. A set without generation is fine. */
FF_NODISCARD enum ff_status ff_known_reuse(struct ff_known *known, const char *state_dir,
                                           const char *set_name, const struct ff_targetset *set,
                                           struct ff_error *err);

#endif

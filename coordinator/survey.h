/* What must be known of every series before the first target is prepared: which are asked for, and their
 * axes. */
#ifndef FF_COORDINATOR_SURVEY_H
#define FF_COORDINATOR_SURVEY_H

#include "coordinator/pass.h"
#include "coordinator/prepare.h"

/* Of one series. */
struct ff_survey {
    bool is_included; /* by targets.include and exclude, and by the guide; only then the rest is set */
    uint64_t rows;    /* inside the window; only if there are any the rest is set */
    double rank;
    int64_t first_ms; /* of these rows */
    int64_t last_ms;
    enum ff_code code; /* what ff_axis_find says */
    struct ff_axis axis;
};

/* A pass over the rows; guide may be NULL; *out: one for each series, to be freed. INVALID_ARGUMENT if
 * targets.rank_by names a metric that is not there; what ff_pass_run says. */
FF_NODISCARD enum ff_status ff_survey_make(const struct ff_dataset *dataset, const struct ff_jobspec *spec,
                                           const struct ff_target_guide *guide,
                                           struct ff_load_progress *progress, struct ff_survey **out,
                                           int64_t *cpu_us, struct ff_error *err);

#endif

/* The frame of all targets together: one axis, one column per target and metric. Pure. */
#ifndef FF_COORDINATOR_ALLFRAME_H
#define FF_COORDINATOR_ALLFRAME_H

#include "coordinator/prepare.h"

/* What a target that is not skipped brings: its own step and the times of its first and last row. */
struct ff_allframe_member {
    int64_t first_ms;
    int64_t last_ms;
    int64_t step_ms;
};

/* step_ms, or if that is 0 the lower median of the members' steps, from the earliest to the latest time.
 * ALL_MISSING without members (the axis is not set), TOO_MANY_STEPS. */
enum ff_code ff_allframe_axis(const struct ff_allframe_member *members, size_t count, int64_t step_ms,
                              struct ff_axis *axis);

#endif

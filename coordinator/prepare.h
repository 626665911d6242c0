/* Rows to a regular time axis: axis, aggregation and interpolation, as CONTRACT ("Preparation") has them.
 * Pure. */
#ifndef FF_COORDINATOR_PREPARE_H
#define FF_COORDINATOR_PREPARE_H

#include "common/outcome.h"
#include "coordinator/jobspec.h"
#include "coordinator/rows.h"

enum { FF_MAX_STEPS = 10000000 };

struct ff_axis {
    int64_t t0_ms;
    int64_t step_ms;
    uint64_t steps;
};

/* The axis from first to last. Sets every field also when it returns TOO_MANY_STEPS. step_ms > 0. */
enum ff_code ff_axis_make(int64_t first_ms, int64_t last_ms, int64_t step_ms, struct ff_axis *axis);
/* The axis of one target's rows (at least one). step_ms 0: the median of the positive gaps, or TOO_FEW_ROWS
 * if all rows have one time (nothing is set then). */
enum ff_code ff_axis_find(const struct ff_rows *rows, int64_t step_ms, struct ff_axis *axis);

/* Aggregates one metric into y[axis->steps]; a step without a value is NaN (0 for count). All rows lie on the
 * axis. What overflows becomes NaN. */
void ff_prepare_aggregate(const struct ff_rows *rows, size_t metric, const struct ff_axis *axis,
                          enum ff_aggregate aggregate, double *y);
/* Fills runs of at most max_gap NaN between two values. */
void ff_prepare_interpolate(double *y, size_t count, enum ff_interpolate how, uint64_t max_gap);

#endif

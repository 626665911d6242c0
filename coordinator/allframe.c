/* The axis is decided over all members first; then each target fills its own columns, so that its rows can be
 * let go as soon as that is done. */
#include "coordinator/allframe.h"

#include "common/buf.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t lower_median_step(const struct ff_allframe_member *members, size_t count)
{
    int64_t *steps = ff_xalloc(count * sizeof *steps);
    for (size_t i = 0; i < count; i++)
        steps[i] = members[i].step_ms;
    qsort(steps, count, sizeof *steps, by_value);
    int64_t median = steps[(count - 1) / 2];
    free(steps);
    return median;
}

enum ff_code ff_allframe_axis(const struct ff_allframe_member *members, size_t count, struct ff_axis *axis)
{
    if (count == 0)
        return FF_CODE_ALL_MISSING;
    int64_t first = members[0].first_ms, last = members[0].last_ms;
    for (size_t i = 1; i < count; i++) {
        first = members[i].first_ms < first ? members[i].first_ms : first;
        last = members[i].last_ms > last ? members[i].last_ms : last;
    }
    return ff_axis_make(first, last, lower_median_step(members, count), axis);
}

void ff_allframe_fill(const struct ff_rows *rows, const struct ff_axis *axis, enum ff_aggregate aggregate,
                      enum ff_interpolate how, double *columns)
{
    for (size_t metric = 0; metric < rows->metrics; metric++) {
        double *y = columns + metric * axis->steps;
        ff_prepare_aggregate(rows, metric, axis, aggregate, y);
        ff_prepare_interpolate(y, axis->steps, how, UINT64_MAX);
    }
}

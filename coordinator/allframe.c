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

enum ff_code ff_allframe_axis(const struct ff_allframe_member *members, size_t count, int64_t step_ms,
                              struct ff_axis *axis)
{
    if (count == 0)
        return FF_CODE_ALL_MISSING;
    int64_t first = members[0].first_ms, last = members[0].last_ms;
    for (size_t i = 1; i < count; i++) {
        first = members[i].first_ms < first ? members[i].first_ms : first;
        last = members[i].last_ms > last ? members[i].last_ms : last;
    }
    return ff_axis_make(first, last, step_ms ? step_ms : lower_median_step(members, count), axis);
}

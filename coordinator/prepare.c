/* Rows come in order of time, so each step's rows are neighbours: one pass aggregates, with the sum of one
 * step at a time, left to right. Everything here is plain IEEE arithmetic in a fixed order: the same on every
 * host. */
#include "coordinator/prepare.h"

#include "common/buf.h"
#include "coordinator/calendar.h"

#include <math.h>
#include <stdlib.h>

enum ff_code ff_axis_make(int64_t first_ms, int64_t last_ms, int64_t step_ms, struct ff_axis *axis)
{
    axis->step_ms = step_ms;
    axis->t0_ms = ff_floor_div(first_ms, step_ms) * step_ms;
    axis->steps = (uint64_t)((last_ms - axis->t0_ms) / step_ms) + 1;
    return axis->steps > FF_MAX_STEPS ? FF_CODE_TOO_MANY_STEPS : FF_CODE_OK;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Of gaps, floored between the middle two; all equal is the common case. */
static int64_t median(int64_t *gaps, size_t count, bool equal)
{
    if (equal)
        return gaps[0];
    qsort(gaps, count, sizeof *gaps, by_value);
    return (gaps[(count - 1) / 2] + gaps[count / 2]) / 2;
}

/* 0 if no gap is positive. */
static int64_t median_gap(const struct ff_rows *rows)
{
    int64_t *gaps = ff_xalloc((rows->count + 1) * sizeof *gaps);
    size_t count = 0;
    bool equal = true;
    for (size_t row = 1; row < rows->count; row++) {
        int64_t gap = ff_rows_time(rows, row) - ff_rows_time(rows, row - 1);
        if (gap <= 0)
            continue;
        gaps[count++] = gap;
        equal &= gap == gaps[0];
    }
    int64_t result = count ? median(gaps, count, equal) : 0;
    free(gaps);
    return result;
}

enum ff_code ff_axis_find(const struct ff_rows *rows, int64_t step_ms, struct ff_axis *axis)
{
    if (step_ms == 0)
        step_ms = median_gap(rows);
    if (step_ms == 0)
        return FF_CODE_TOO_FEW_ROWS;
    return ff_axis_make(ff_rows_time(rows, 0), ff_rows_time(rows, rows->count - 1), step_ms, axis);
}

/* What one step has seen of its non-missing values. */
struct step {
    uint64_t count;
    double sum, min, max, last;
};

static void step_add(struct step *step, double value)
{
    step->sum = step->count ? step->sum + value : value;
    step->min = step->count && step->min < value ? step->min : value;
    step->max = step->count && step->max > value ? step->max : value;
    step->last = value;
    step->count++;
}

static double step_value(const struct step *step, enum ff_aggregate aggregate)
{
    switch (aggregate) {
    case FF_AGG_MEAN:
        return step->sum / (double)step->count;
    case FF_AGG_SUM:
        return step->sum;
    case FF_AGG_MIN:
        return step->min;
    case FF_AGG_MAX:
        return step->max;
    case FF_AGG_LAST:
        return step->last;
    case FF_AGG_COUNT:
        return (double)step->count;
    }
    return NAN;
}

static double finite_or_nan(double value)
{
    return isfinite(value) ? value : NAN;
}

void ff_prepare_aggregate(const struct ff_rows *rows, size_t metric, const struct ff_axis *axis,
                          enum ff_aggregate aggregate, double *y)
{
    double empty = aggregate == FF_AGG_COUNT ? 0 : NAN;
    for (size_t i = 0; i < axis->steps; i++)
        y[i] = empty;
    for (size_t row = 0; row < rows->count;) {
        int64_t index = (ff_rows_time(rows, row) - axis->t0_ms) / axis->step_ms;
        int64_t end_ms = axis->t0_ms + (index + 1) * axis->step_ms;
        struct step step = {0};
        for (; row < rows->count && ff_rows_time(rows, row) < end_ms; row++) {
            double value = ff_rows_value(rows, row, metric);
            if (!isnan(value))
                step_add(&step, value);
        }
        if (step.count)
            y[index] = finite_or_nan(step_value(&step, aggregate));
    }
}

/* y[a] and y[b] are values, all between them NaN. */
static void fill_gap(double *y, size_t a, size_t b, enum ff_interpolate how)
{
    for (size_t i = a + 1; i < b; i++) {
        double value = y[a];
        if (how == FF_INTERPOLATE_LINEAR)
            value += (y[b] - y[a]) * (double)(i - a) / (double)(b - a);
        y[i] = finite_or_nan(value);
    }
}

void ff_prepare_interpolate(double *y, size_t count, enum ff_interpolate how, uint64_t max_gap)
{
    if (how == FF_INTERPOLATE_NONE)
        return;
    size_t last = count; /* the last value seen; count: none */
    for (size_t i = 0; i < count; i++) {
        if (isnan(y[i]))
            continue;
        if (last < i && i - last - 1 <= max_gap)
            fill_gap(y, last, i, how);
        last = i;
    }
}

/* A column is dropped if more than half of it is missing, if all its values are equal, or if its spread
 * cannot be told from 0 or overflows (so that no NaN reaches the linear algebra). Of the others holes become
 * the mean and the deviation is that of the filled column, with 1/n. */
#include "worker/models/standardize.h"

#include "worker/models/stats.h"

#include <math.h>
#include <stdbool.h>

static double mean_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* x = values with holes at the mean, minus the mean; returns the deviation. */
static double centre(const double *values, size_t n, double mean, double *x)
{
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = isnan(values[i]) ? 0 : values[i] - mean;
        squares += x[i] * x[i];
    }
    return sqrt(squares / (double)n);
}

/* Standardizes into x; returns why the column cannot be used, or NULL. */
static const char *standardize_column(const double *values, size_t n, double *x, double *mean, double *sd)
{
    size_t count = ff_finite_values(values, n, x);
    if (n - count > count)
        return "missing";
    if (ff_all_equal(x, count))
        return "constant";
    *mean = mean_of(x, count);
    *sd = centre(values, n, *mean, x);
    if (*sd == 0)
        return "constant";
    if (!isfinite(*sd))
        return "not finite";
    for (size_t i = 0; i < n; i++)
        x[i] /= *sd;
    return NULL;
}

void ff_standardize(struct ff_fit *fit, const struct ff_kind_frame *frame, struct ff_columns *columns)
{
    size_t most = frame->columns;
    *columns = (struct ff_columns){
        .rows = frame->steps,
        .x = fit->alloc(fit, most * frame->steps, sizeof(double)),
        .names = fit->alloc(fit, most, sizeof(char *)),
        .means = fit->alloc(fit, most, sizeof(double)),
        .sds = fit->alloc(fit, most, sizeof(double)),
        .dropped = fit->alloc(fit, most, sizeof(char *)),
        .reasons = fit->alloc(fit, most, sizeof(char *)),
    };
    for (size_t c = 0; c < most; c++) {
        size_t next = columns->count;
        const char *reason =
            standardize_column(frame->values + c * frame->steps, frame->steps,
                               columns->x + next * frame->steps, &columns->means[next], &columns->sds[next]);
        if (reason) {
            columns->dropped[columns->dropped_count] = frame->names[c];
            columns->reasons[columns->dropped_count++] = reason;
        } else {
            columns->names[columns->count++] = frame->names[c];
        }
    }
}

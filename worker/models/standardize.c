/* A column is dropped if more than half of it is missing, if all its values are equal, or if its spread
 * cannot be told from 0 or overflows (so that no NaN reaches the linear algebra). Of the others holes become
 * the mean and the deviation is that of the filled column, with 1/n. */
#include "worker/models/standardize.h"

#include "common/text.h"
#include "worker/models/stats.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

static size_t dropped_for(const struct ff_columns *columns, const char *reason)
{
    size_t count = 0;
    for (size_t i = 0; i < columns->dropped_count; i++)
        count += strcmp(columns->reasons[i], reason) == 0;
    return count;
}

int ff_columns_check(struct ff_fit *fit, const struct ff_columns *columns, size_t least_rows)
{
    if (columns->rows < least_rows)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu row%s, at least %zu are needed", columns->rows,
                         ff_plural(columns->rows), least_rows);
    if (columns->count > 0)
        return FF_FIT_OK;
    size_t constant = dropped_for(columns, "constant"), missing = dropped_for(columns, "missing");
    return fit->fail(fit, constant ? FF_FIT_CONSTANT : FF_FIT_NOT_ENOUGH_DATA,
                     "no column of %zu can be used: %zu constant, %zu more than half missing, %zu too large",
                     columns->dropped_count, constant, missing, columns->dropped_count - constant - missing);
}

void ff_columns_summarize(struct ff_fit *fit, const struct ff_columns *columns)
{
    fit->integer(fit, "n", (int64_t)columns->rows, FF_SUMMARY);
    fit->integer(fit, "columns", (int64_t)columns->count, FF_SUMMARY);
    fit->integer(fit, "dropped", (int64_t)columns->dropped_count, FF_SUMMARY);
}

void ff_columns_export(struct ff_fit *fit, const struct ff_columns *columns)
{
    fit->texts(fit, "names", columns->names, columns->count, FF_EXPORT);
    fit->numbers(fit, "means", columns->means, columns->count, FF_EXPORT);
    fit->numbers(fit, "sds", columns->sds, columns->count, FF_EXPORT);
}

void ff_columns_export_dropped(struct ff_fit *fit, const struct ff_columns *columns)
{
    fit->texts(fit, "dropped_names", columns->dropped, columns->dropped_count, FF_EXPORT);
    fit->texts(fit, "dropped_reasons", columns->reasons, columns->dropped_count, FF_EXPORT);
}

/* ---- the columns of a model in another frame ---- */

struct named {
    const char *name;
    size_t place;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct named *)left)->name, ((const struct named *)right)->name);
}

static size_t *find_places(struct ff_fit *fit, const char *const *names, size_t count,
                           const struct ff_kind_frame *frame)
{
    struct named *list = fit->alloc(fit, frame->columns, sizeof *list);
    size_t *places = fit->alloc(fit, count, sizeof *places);
    for (size_t i = 0; i < frame->columns; i++)
        list[i] = (struct named){frame->names[i], i};
    qsort(list, frame->columns, sizeof *list, by_name);
    for (size_t i = 0; i < count; i++) {
        struct named key = {names[i], 0};
        const struct named *found = bsearch(&key, list, frame->columns, sizeof *list, by_name);
        places[i] = found ? found->place : FF_NO_COLUMN;
    }
    return places;
}

bool ff_fitted_columns(struct ff_fit *fit, const struct ff_kind_model *model,
                       const struct ff_kind_frame *frame, struct ff_fitted_columns *out)
{
    size_t names, means, sds;
    const char *const *list = model->texts(model, "names", &names);
    out->means = model->numbers(model, "means", &means);
    out->sds = model->numbers(model, "sds", &sds);
    out->count = names;
    if (names == 0 || names > INT_MAX || means != names || sds != names)
        return false;
    for (size_t i = 0; i < sds; i++)
        if (!(out->sds[i] > 0))
            return false;
    out->places = find_places(fit, list, names, frame);
    return true;
}

static double value_at(const struct ff_fitted_columns *columns, const struct ff_kind_frame *frame,
                       size_t step, size_t column)
{
    size_t place = columns->places[column];
    return place == FF_NO_COLUMN ? NAN : frame->values[place * frame->steps + step];
}

bool ff_fitted_columns_any(const struct ff_fitted_columns *columns, const struct ff_kind_frame *frame,
                           size_t step)
{
    for (size_t i = 0; i < columns->count; i++)
        if (!isnan(value_at(columns, frame, step, i)))
            return true;
    return false;
}

void ff_fitted_columns_row(const struct ff_fitted_columns *columns, const struct ff_kind_frame *frame,
                           size_t step, double *row)
{
    for (size_t i = 0; i < columns->count; i++) {
        double value = value_at(columns, frame, step, i);
        row[i] = isnan(value) ? 0 : (value - columns->means[i]) / columns->sds[i];
    }
}

void ff_statistic_put(struct ff_kind_scores *scores, size_t step, double value, double limit)
{
    scores->value[step] = value;
    scores->expected[step] = scores->lower[step] = 0;
    scores->upper[step] = limit;
    scores->score[step] = value / limit;
}

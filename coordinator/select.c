/* The window is a suffix, for rows are in order of time. The best by rank stay, ties by name. min_rows is not
 * looked at here: a target that has too few keeps its place. */
#include "coordinator/select.h"

#include "common/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool matches_any(const struct ff_strings *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (ff_glob_match(patterns->items[i], name))
            return true;
    return false;
}

bool ff_select_includes(const struct ff_jobspec *spec, const char *name)
{
    bool included = spec->targets.include.count == 0 || matches_any(&spec->targets.include, name);
    return included && !matches_any(&spec->targets.exclude, name);
}

struct ff_rows ff_select_window(const struct ff_jobspec *spec, const struct ff_rows *rows, int64_t newest_ms)
{
    if (spec->prepare.window_ms == 0)
        return *rows;
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ff_rows_time(rows, middle) > newest_ms - spec->prepare.window_ms)
            high = middle;
        else
            low = middle + 1;
    }
    struct ff_rows inside = *rows;
    if (low > 0)
        inside.cells += low * (rows->metrics + 1);
    inside.count -= low;
    return inside;
}

double ff_select_rank(const struct ff_jobspec *spec, const struct ff_rows *rows, size_t metric)
{
    enum ff_rank how = spec->targets.rank;
    if (how == FF_RANK_ROWS)
        return (double)rows->count;
    double sum = 0, max = -INFINITY;
    size_t count = 0;
    for (size_t row = 0; row < rows->count; row++) {
        double value = ff_rows_value(rows, row, metric);
        if (isnan(value))
            continue;
        sum += value;
        max = value > max ? value : max;
        count++;
    }
    double rank = how == FF_RANK_MAX ? max : how == FF_RANK_SUM ? sum : sum / (double)count;
    return count == 0 || isnan(rank) ? -INFINITY : rank;
}

static int by_rank(const void *a, const void *b)
{
    const struct ff_candidate *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct ff_candidate *x = a, *y = b;
    return strcmp(x->name, y->name);
}

enum ff_status ff_select_metric(const struct ff_jobspec *spec, const struct ff_strings *metrics,
                                size_t *metric, struct ff_error *err)
{
    *metric = 0;
    if (spec->targets.rank == FF_RANK_ROWS)
        return FF_OK;
    const char *name = spec->targets.rank_metric;
    for (; *metric < metrics->count; ++*metric)
        if (strcmp(metrics->items[*metric], name) == 0)
            return FF_OK;
    const char *nearest = ff_suggest(name, metrics->items, metrics->count);
    return ff_error_set(err, FF_INVALID_ARGUMENT, "targets.rank_by: the data have no metric '%s'%s%s%s", name,
                        nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

size_t ff_select_best(const struct ff_jobspec *spec, struct ff_candidate *candidates, size_t count)
{
    size_t kept = spec->targets.top > 0 && spec->targets.top < count ? (size_t)spec->targets.top : count;
    if (kept < count)
        qsort(candidates, count, sizeof *candidates, by_rank);
    qsort(candidates, kept, sizeof *candidates, by_name);
    return kept;
}

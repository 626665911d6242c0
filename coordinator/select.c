/* Each series gets its rows inside the window (a suffix, for rows are in order of time) and a rank; the best
 * stay, ties by name. min_rows is not looked at here: a target that has too few keeps its place. */
#include "coordinator/select.h"

#include "common/buf.h"
#include "common/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    const char *name;
    double rank;
    struct ff_selected selected;
};

static bool matches_any(const struct ff_strings *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (ff_glob_match(patterns->items[i], name))
            return true;
    return false;
}

static bool is_included(const struct ff_jobspec *spec, const char *name)
{
    bool included = spec->targets.include.count == 0 || matches_any(&spec->targets.include, name);
    return included && !matches_any(&spec->targets.exclude, name);
}

/* Rows with time > newest − window. */
static struct ff_rows rows_in_window(const struct ff_series *series, size_t metrics, int64_t newest_ms,
                                     int64_t window_ms)
{
    struct ff_rows rows = {series->cells, series->count, metrics};
    if (window_ms == 0)
        return rows;
    size_t low = 0, high = rows.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ff_rows_time(&rows, middle) > newest_ms - window_ms)
            high = middle;
        else
            low = middle + 1;
    }
    if (low > 0)
        rows.cells += low * (metrics + 1);
    rows.count -= low;
    return rows;
}

/* Without any value: below everything. */
static double rank_of(const struct ff_rows *rows, enum ff_rank how, size_t metric)
{
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
    const struct ranked *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static enum ff_status find_metric(const struct ff_jobspec *spec, const struct ff_strings *metrics,
                                  size_t *metric, struct ff_error *err)
{
    if (spec->targets.rank == FF_RANK_ROWS)
        return FF_OK;
    const char *name = spec->targets.rank_metric;
    for (*metric = 0; *metric < metrics->count; ++*metric)
        if (strcmp(metrics->items[*metric], name) == 0)
            return FF_OK;
    const char *nearest = ff_suggest(name, metrics->items, metrics->count);
    return ff_error_set(err, FF_INVALID_ARGUMENT, "targets.rank_by: the data have no metric '%s'%s%s%s", name,
                        nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static void take_best(struct ranked *ranked, size_t found, uint64_t top, struct ff_selection *out)
{
    size_t kept = top > 0 && top < found ? (size_t)top : found;
    if (kept < found)
        qsort(ranked, found, sizeof *ranked, by_rank);
    qsort(ranked, kept, sizeof *ranked, by_name);
    out->items = ff_xcalloc(kept + 1, sizeof *out->items);
    out->count = kept;
    for (size_t i = 0; i < kept; i++)
        out->items[i] = ranked[i].selected;
}

enum ff_status ff_select(const struct ff_jobspec *spec, const struct ff_series *series, size_t count,
                         const struct ff_strings *metrics, int64_t newest_ms, struct ff_selection *out,
                         struct ff_error *err)
{
    size_t metric = 0, found = 0;
    enum ff_status status = find_metric(spec, metrics, &metric, err);
    if (status)
        return status;
    struct ranked *ranked = ff_xcalloc(count + 1, sizeof *ranked);
    for (size_t i = 0; i < count; i++) {
        if (!is_included(spec, series[i].name))
            continue;
        struct ff_rows rows = rows_in_window(&series[i], metrics->count, newest_ms, spec->prepare.window_ms);
        ranked[found++] =
            (struct ranked){series[i].name, rank_of(&rows, spec->targets.rank, metric), {i, rows}};
    }
    take_best(ranked, found, spec->targets.top, out);
    out->not_selected = count - out->count;
    free(ranked);
    return FF_OK;
}

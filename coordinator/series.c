/* Rows lie behind one another in one block that grows by half, so a row of one metric costs 16 to 24 bytes.
 * Nearly all data arrive in order of time; the others are sorted by (time, arrival), which makes the order
 * total. */
#include "coordinator/series.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 16 };

union ff_cell *ff_series_append(struct ff_series *series, size_t metrics)
{
    size_t stride = metrics + 1;
    size_t used = series->count * stride;
    if (series->capacity - used < stride) {
        size_t capacity = used ? used + used / 2 + stride : FIRST_ROWS * stride;
        union ff_cell *cells = realloc(series->cells, capacity * sizeof *cells);
        if (!cells)
            return NULL;
        series->cells = cells;
        series->capacity = capacity;
    }
    series->count++;
    return series->cells + used;
}

void ff_series_drop_metric(struct ff_series *series, size_t metrics, size_t metric)
{
    union ff_cell *to = series->cells;
    const union ff_cell *from = series->cells;
    size_t before = metric + 1, behind = metrics - metric - 1;
    for (size_t row = 0; row < series->count; row++) {
        memmove(to, from, before * sizeof *to);
        memmove(to + before, from + before + 1, behind * sizeof *to);
        to += metrics;
        from += metrics + 1;
    }
}

struct place {
    int64_t time_ms;
    size_t row;
};

static int by_time(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool is_sorted(const struct ff_rows *rows)
{
    for (size_t row = 1; row < rows->count; row++)
        if (ff_rows_time(rows, row) < ff_rows_time(rows, row - 1))
            return false;
    return true;
}

bool ff_series_sort(struct ff_series *series, size_t metrics)
{
    struct ff_rows rows = {series->cells, series->count, metrics};
    if (is_sorted(&rows))
        return true;
    size_t stride = metrics + 1;
    struct place *places = malloc(rows.count * sizeof *places);
    union ff_cell *sorted = malloc(rows.count * stride * sizeof *sorted);
    if (!places || !sorted) {
        free(places);
        free(sorted);
        return false;
    }
    for (size_t row = 0; row < rows.count; row++)
        places[row] = (struct place){ff_rows_time(&rows, row), row};
    qsort(places, rows.count, sizeof *places, by_time);
    for (size_t row = 0; row < rows.count; row++)
        memcpy(sorted + row * stride, series->cells + places[row].row * stride, stride * sizeof *sorted);
    free(places);
    free(series->cells);
    series->cells = sorted;
    series->capacity = rows.count * stride;
    return true;
}

void ff_series_fini(struct ff_series *series)
{
    free(series->cells);
    series->cells = NULL;
    series->count = series->capacity = 0;
}

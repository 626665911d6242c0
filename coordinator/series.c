/* Nearly all data arrive in order of time; the others are sorted by (time, arrival), which makes the order
 * total. */
#include "coordinator/series.h"

#include <stdlib.h>
#include <string.h>

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

bool ff_rows_sort(union ff_cell *cells, size_t count, size_t metrics)
{
    struct ff_rows rows = {cells, count, metrics};
    if (is_sorted(&rows))
        return true;
    size_t stride = metrics + 1, bytes = count * stride * sizeof *cells;
    struct place *places = malloc(count * sizeof *places);
    union ff_cell *unsorted = malloc(bytes);
    bool has_memory = places && unsorted;
    if (has_memory) {
        memcpy(unsorted, cells, bytes);
        for (size_t row = 0; row < count; row++)
            places[row] = (struct place){ff_rows_time(&rows, row), row};
        qsort(places, count, sizeof *places, by_time);
        for (size_t row = 0; row < count; row++)
            memcpy(cells + row * stride, unsorted + places[row].row * stride, stride * sizeof *cells);
    }
    free(places);
    free(unsorted);
    return has_memory;
}

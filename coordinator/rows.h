/* Parsed rows of one target: a time and one value per metric, NaN where it is missing, row after row. */
#ifndef FF_COORDINATOR_ROWS_H
#define FF_COORDINATOR_ROWS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

union ff_cell {
    int64_t time_ms;
    double value;
};

/* Borrowed; in order of time. Row i begins at cells[i * (metrics + 1)] with its time. */
struct ff_rows {
    const union ff_cell *cells;
    size_t count;
    size_t metrics;
};

static inline int64_t ff_rows_time(const struct ff_rows *rows, size_t row)
{
    return rows->cells[row * (rows->metrics + 1)].time_ms;
}

static inline double ff_rows_value(const struct ff_rows *rows, size_t row, size_t metric)
{
    return rows->cells[row * (rows->metrics + 1) + 1 + metric].value;
}

/* Whether one of these values is there. */
static inline bool ff_cells_have_value(const union ff_cell *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i].value))
            return true;
    return false;
}

#endif

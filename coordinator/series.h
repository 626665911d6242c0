/* The growing rows of one target while data are read. Owns its cells. */
#ifndef FF_COORDINATOR_SERIES_H
#define FF_COORDINATOR_SERIES_H

#include "coordinator/rows.h"

#include <stdbool.h>

/* Zero is an empty series; free it with ff_series_fini. */
struct ff_series {
    const char *name; /* borrowed */
    union ff_cell *cells;
    size_t count;    /* rows */
    size_t capacity; /* in cells */
};

/* Room for one row of metrics + 1 cells, which the caller fills; NULL without memory. */
union ff_cell *ff_series_append(struct ff_series *series, size_t metrics);
/* Takes one metric out of every row. metrics is the number before. */
void ff_series_drop_metric(struct ff_series *series, size_t metrics, size_t metric);
/* Orders rows by time, those of one time as they came. False without memory. */
bool ff_series_sort(struct ff_series *series, size_t metrics);
void ff_series_fini(struct ff_series *series);

#endif

/* A target while its rows are loaded. */
#ifndef FF_COORDINATOR_SERIES_H
#define FF_COORDINATOR_SERIES_H

#include "coordinator/rows.h"

#include <stdbool.h>

struct ff_series {
    const char *name;  /* borrowed */
    uint64_t count;    /* rows */
    uint32_t batch;    /* of its dataset */
    uint32_t position; /* in its batch */
};

/* Orders rows of metrics + 1 cells by time, those of one time as they came. False without memory. */
bool ff_rows_sort(union ff_cell *cells, size_t count, size_t metrics);

#endif

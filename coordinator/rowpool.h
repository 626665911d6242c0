/* The rows of a load between its blocks and its targets: kept in order of arrival, by partition, in memory up
 * to a limit and behind it in a file.
 *
 * A partition holds all rows of its series, so that a target can be put together from one of them. */
#ifndef FF_COORDINATOR_ROWPOOL_H
#define FF_COORDINATOR_ROWPOOL_H

#include "coordinator/rows.h"
#include "coordinator/spill.h"

#include <stdbool.h>

enum { FF_PARTITIONS = 64 };

struct ff_rowpool;

struct ff_rowpool_options {
    uint64_t memory_bytes; /* that rows may take, to a few MiB */
    const char *folder;    /* of the file, as ff_spill_create */
    struct ff_load_progress *progress;
};

/* Borrows what the options point to. */
struct ff_rowpool *ff_rowpool_create(const struct ff_rowpool_options *options);
void ff_rowpool_destroy(struct ff_rowpool *pool);

/* Rows that lie behind one another. */
struct ff_row_run {
    uint32_t series;
    uint32_t metrics; /* a row has one cell more */
    size_t rows;
    const union ff_cell *cells;
};
/* One thread at a time. Copies the cells. RESOURCE_EXHAUSTED without memory; what ff_spill_write says. */
FF_NODISCARD enum ff_status ff_rowpool_add(struct ff_rowpool *pool, unsigned partition,
                                           const struct ff_row_run *run, struct ff_error *err);
/* Behind the last rows: once some are in the file, all are, and no memory is taken any more. */
FF_NODISCARD enum ff_status ff_rowpool_finish(struct ff_rowpool *pool, struct ff_error *err);
/* The same, with rows that would fit in memory as well. */
FF_NODISCARD enum ff_status ff_rowpool_spill(struct ff_rowpool *pool, struct ff_error *err);
bool ff_rowpool_is_spilled(const struct ff_rowpool *pool);
/* Of the rows that are in memory. */
uint64_t ff_rowpool_memory(const struct ff_rowpool *pool);

/* Visits what was added to a partition, in that order, though perhaps in smaller runs. Several threads may
 * do so at once behind ff_rowpool_finish. */
typedef void ff_row_visitor(void *context, const struct ff_row_run *run);
FF_NODISCARD enum ff_status ff_rowpool_visit(const struct ff_rowpool *pool, unsigned partition,
                                             ff_row_visitor *visitor, void *context, struct ff_error *err);
/* Lets the memory of a partition go that nobody visits any more. */
void ff_rowpool_release(struct ff_rowpool *pool, unsigned partition);

#endif

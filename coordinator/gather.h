/* The loaded rows behind a dataset. Private to dataset.c and gather.c. */
#ifndef FF_COORDINATOR_GATHER_H
#define FF_COORDINATOR_GATHER_H

#include "common/arena.h"
#include "coordinator/dataset.h"
#include "coordinator/rowpool.h"

struct ff_dataset_storage {
    struct ff_arena arena;
    struct ff_rowpool *pool;
    uint8_t *partitions; /* by series, until there are batches */
    size_t *dropped;     /* dropped[metrics]: the column that was dropped when there were so many; not for
                            layout wide, where a column is a series */
    uint32_t *numbers;   /* by series as the pool knows it: as the dataset does; NULL: the same */
};

#define FF_NO_NUMBER UINT32_MAX /* of a wide column that was dropped */

/* Divides the series among batches, and says how many may be open at once, so that this takes no more than
 * ff_memory_for_rows of the limit, with the rows if they are in memory: where both do not fit, they go to the
 * file. RESOURCE_EXHAUSTED if one series alone takes more; what ff_rowpool_spill says. */
FF_NODISCARD enum ff_status ff_dataset_make_batches(struct ff_dataset *dataset, uint64_t limit_bytes,
                                                    size_t threads, struct ff_error *err);

#endif

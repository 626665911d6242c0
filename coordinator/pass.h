/* A pass over the rows of a dataset: several threads open its batches. */
#ifndef FF_COORDINATOR_PASS_H
#define FF_COORDINATOR_PASS_H

#include "coordinator/dataset.h"

struct ff_pass {
    const struct ff_dataset *dataset;
    struct ff_load_progress *progress; /* NULL: nobody cancels */
    /* Called for each batch; at once for as many as dataset->threads says, each with another worker number
     * below it. */
    enum ff_status (*visit)(void *context, size_t worker, const struct ff_batch *batch,
                            const struct ff_opened *opened, struct ff_error *err);
    void *context;
};

/* Blocks. Adds the CPU time of all threads to *cpu_us. The first failure, in the order of batches, ends it.
 */
FF_NODISCARD enum ff_status ff_pass_run(const struct ff_pass *pass, int64_t *cpu_us, struct ff_error *err);

#endif

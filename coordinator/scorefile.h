/* A table that `fitfleet score` wrote (or one with the columns time and score), as a series for each target:
 * of a row's metrics the largest score counts. */
#ifndef FF_COORDINATOR_SCOREFILE_H
#define FF_COORDINATOR_SCOREFILE_H

#include "common/arena.h"
#include "coordinator/evaluation.h"
#include "coordinator/labels.h"

struct ff_scorefile {
    struct ff_arena arena;
    struct ff_judged *series; /* in order of appearance; events by ff_scorefile_label */
    size_t count;
    void *storage; /* private */
};

/* metric: only this one; NULL: all. INVALID_ARGUMENT with file:line. */
FF_NODISCARD enum ff_status ff_scorefile_read(const char *path, const char *metric, struct ff_scorefile *out,
                                              struct ff_error *err);
void ff_scorefile_fini(struct ff_scorefile *file);
/* Gives each series its events; returns how many windows or points lie outside every row. */
size_t ff_scorefile_label(struct ff_scorefile *file, const struct ff_labels *labels);

#endif

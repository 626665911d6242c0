/* The columns of a frame made comparable: unusable ones dropped and named, holes filled, mean 0, deviation 1.
 */
#ifndef FF_WORKER_MODELS_STANDARDIZE_H
#define FF_WORKER_MODELS_STANDARDIZE_H

#include "worker/models/kind.h"

struct ff_columns {
    size_t rows;
    size_t count;       /* of columns kept */
    double *x;          /* rows * count, column by column */
    const char **names; /* of the columns kept, in the order of the frame */
    double *means;
    double *sds;
    const char **dropped; /* names */
    const char **reasons; /* "constant", "missing" (more than half of it) or "not finite" */
    size_t dropped_count;
};

/* Everything in columns is allocated from fit. */
void ff_standardize(struct ff_fit *fit, const struct ff_kind_frame *frame, struct ff_columns *columns);

#endif

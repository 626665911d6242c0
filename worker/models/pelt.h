/* Where the mean or the variance of a series changes: optimal partitioning with pruning. */
#ifndef FF_WORKER_MODELS_PELT_H
#define FF_WORKER_MODELS_PELT_H

#include "worker/models/kind.h"

enum ff_pelt_penalty { FF_PELT_MBIC, FF_PELT_BIC };

/* Above so many steps changes are looked for at as many places only, equally far apart. */
enum { FF_PELT_PLACES = 4096 };

struct ff_pelt_options {
    enum ff_pelt_penalty penalty;
    size_t shortest;       /* steps of a segment, at least 2 */
    double least_variance; /* above 0: what a segment that does not vary is taken to have */
};

/* starts: the first step of each segment, in order, 0 first; room for n. x[n]: none missing, n >= 1, and of a
 * size whose squares can be summed. Returns how many; the sum of their costs and penalties is the least that
 * there is. */
size_t ff_pelt_segments(struct ff_fit *fit, const double *x, size_t n, const struct ff_pelt_options *options,
                        size_t *starts);

#endif

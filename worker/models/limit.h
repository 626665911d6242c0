/* Where the scores of usual rows end, learned from those of the training rows, of which some may be
 * anomalies. */
#ifndef FF_WORKER_MODELS_LIMIT_H
#define FF_WORKER_MODELS_LIMIT_H

#include <stddef.h>

struct ff_limit {
    double low;   /* the least score seen */
    double limit; /* above low */
};

/* limit: the median and 4 robust deviations of the scores above it. n >= 1, finite; scratch has room for n.
 */
struct ff_limit ff_limit_learn(const double *scores, size_t n, double *scratch);

/* 0 at low and below, 1 at the limit. */
double ff_limit_score(const struct ff_limit *limit, double score);

#endif

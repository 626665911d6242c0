/* Locally weighted lines through equidistant values: Cleveland, JASA 74 (1979), as STL uses them. */
#ifndef FF_WORKER_MODELS_LOESS_H
#define FF_WORKER_MODELS_LOESS_H

#include "worker/models/kind.h"

struct ff_loess {
    size_t window; /* odd, >= 3: as many of the nearest values have a part */
    double *table; /* 3 × (window / 2 + 1): tricube weights w, w·d and w·d² by distance d */
    double sum;    /* of w over the whole window */
};

struct ff_loess ff_loess_create(struct ff_fit *fit, size_t window);

/* smooth[i] of y[0..n); weights NULL: all 1. scratch: room for n. Where every weight is 0: y[i]. */
void ff_loess_smooth(const struct ff_loess *loess, const double *y, const double *weights, size_t n,
                     double *scratch, double *smooth);

/* The line at place `at` (−1 and n too) from y[left..right]; otherwise if every weight is 0. */
double ff_loess_at(const struct ff_loess *loess, const double *y, const double *weights, size_t n, double at,
                   size_t left, size_t right, double otherwise);

#endif

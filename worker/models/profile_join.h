/* The left matrix profile of a series: how far each window is, z-normalized, from the nearest one before it.
 */
#ifndef FF_WORKER_MODELS_PROFILE_JOIN_H
#define FF_WORKER_MODELS_PROFILE_JOIN_H

#include "worker/models/kind.h"

/* What lies further back than so many steps is not compared: beyond it the cost grows with the steps alone.
 */
enum { FF_PROFILE_FURTHEST = 32768 };

struct ff_profile {
    size_t count;     /* of windows, named by their first step */
    double *distance; /* infinite: the window has a missing value, or none before it is without */
    size_t *nearest;  /* SIZE_MAX: no window of its own that could be named */
    double *means;
    double *norms; /* Σ(x − mean)², its root; 0: flat */
};

/* Steps that two windows of m must at least begin apart: what overlaps by more than three quarters is no
 * neighbour. */
size_t ff_profile_lag(size_t m);

/* Of the windows of m in values[n] from `first` on (before it everything is 0 but means and norms); NaN is
 * missing, and the others are of the order of 1. 2 <= m <= n. The distance of two flat windows is 0, of a
 * flat one and another √m. */
struct ff_profile ff_profile_join(struct ff_fit *fit, const double *values, size_t n, size_t m, size_t first);

#endif

/* Classical decomposition: the seasonal pattern of a series about its moving average. */
#ifndef FF_WORKER_MODELS_DECOMPOSE_H
#define FF_WORKER_MODELS_DECOMPOSE_H

#include "worker/models/kind.h"

/* pattern[m]: the mean of what each phase (index modulo m) has over the centred moving average of m values,
 * as a difference with mean 0 or, if relative, a factor with mean 1. NaN is missing and leaves out the
 * averages over it; a phase of which nothing is known gets the neutral value. False, and a neutral pattern,
 * if nothing is known of any. */
bool ff_decompose_pattern(struct ff_fit *fit, const double *values, size_t n, size_t m, bool relative,
                          double *pattern);

#endif

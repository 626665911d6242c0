/* Naive2, the benchmark of the M competitions: the last value, carried forward, of a series whose season has
 * been taken out if it has one, and put back. Source: Makridakis, Spiliotis and Assimakopoulos, "The M4
 * Competition", IJF 36 (2020), and the organisers' code. */
#ifndef FF_WORKER_MODELS_NAIVE2_H
#define FF_WORKER_MODELS_NAIVE2_H

#include "worker/models/kind.h"

/* values[0..n) without NaN, n >= 1; season >= 1. Writes horizon forecasts. */
void ff_naive2(struct ff_fit *fit, const double *values, size_t n, size_t season, size_t horizon,
               double *out);

/* Whether a season of m steps is significant (90 %) by the autocorrelation at lag m. */
bool ff_is_seasonal(const double *values, size_t n, size_t m);
/* Multiplicative seasonal indices of classical decomposition, mean 1; n >= 2·m, values positive enough for a
 * ratio: false if not. */
bool ff_seasonal_indices(struct ff_fit *fit, const double *values, size_t n, size_t m, double *indices);

#endif

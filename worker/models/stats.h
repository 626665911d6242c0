/* Medians and the robust scale of residuals, shared by the kinds. NaN is not allowed here: see
 * ff_finite_values. */
#ifndef FF_WORKER_MODELS_STATS_H
#define FF_WORKER_MODELS_STATS_H

#include <stdbool.h>
#include <stddef.h>

/* Copies the values that are not NaN, in order; returns how many. out has room for n. */
size_t ff_finite_values(const double *values, size_t n, double *out);

/* The mean of the middle two if n is even. n >= 1. Reorders values. */
double ff_median(double *values, size_t n);

/* What would be at k, below n, were they sorted. Reorders values. */
double ff_sorted_at(double *values, size_t n, size_t k);

/* Of a share 0 to 1, between the two nearest in proportion (type 7 of Hyndman & Fan 1996). n >= 1. Reorders
 * values. */
double ff_quantile(double *values, size_t n, double share);

/* n >= 1 and all values are equal. */
bool ff_all_equal(const double *values, size_t n);

/* 1.4826·median|r − median r|; if that is 0, 1.2533·mean|r − median r|; at least 1e-9·max(1, |typical|). n >=
 * 1; residuals are left in their order; scratch has room for n. */
double ff_robust_scale(const double *residuals, size_t n, double typical, double *scratch);

#endif

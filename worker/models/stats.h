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

/* Of errors of what was expected: the larger of 1.4826·median|e − median e| and mean|e|; if the first is 0,
 * 1.2533·mean|e|; at least as above.
 *
 * Where most errors are all but the same (a counter that is mostly 0, a level with steps, a latency with one
 * usual value) the median alone is near 0, and about a middle that need not be what was expected: a band of
 * its width leaves out nearly every value, and states that follow no further than to its edge never catch
 * up. By Markov's inequality at most a quarter of errors, whatever they are, lie beyond 4·mean|e|, the width
 * of the band. It changes nothing where errors are normal (mean|e| is 0.80 of the deviation) or Laplace's
 * (0.97 of the first term), and one error among n counts when it is n / 5 deviations off. Arguments as
 * above. */
double ff_error_scale(const double *errors, size_t n, double typical, double *scratch);

#endif

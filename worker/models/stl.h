/* Seasonal-trend decomposition by loess: y = trend + seasonal (of one or several seasons) + remainder.
 *
 * Cleveland, Cleveland, McRae & Terpenning, "STL", Journal of Official Statistics 6 (1990); with several
 * seasons: Bandara, Hyndman & Bergmeir, "MSTL" (2021). The same numbers as statsmodels' STL and MSTL. */
#ifndef FF_WORKER_MODELS_STL_H
#define FF_WORKER_MODELS_STL_H

#include "worker/models/kind.h"

struct ff_stl_options {
    size_t season;          /* >= 2 */
    size_t seasonal_window; /* odd, >= 3 */
    size_t trend_window;    /* odd, above season; 0: by the paper's rule */
    bool robust;
};

/* The trend window that 0 stands for. */
size_t ff_stl_trend_window(size_t season, size_t seasonal_window);

/* trend[n] and seasonal[n] of y[n] without missing values; seen NULL, or 0 where a value shall have no part.
 * n >= 2 seasons. */
void ff_stl_decompose(struct ff_fit *fit, const double *y, const double *seen, size_t n,
                      const struct ff_stl_options *options, double *trend, double *seasonal);

/* Several seasons, ascending: seasonal[k * n + i] of season k. */
void ff_mstl_decompose(struct ff_fit *fit, const double *y, const double *seen, size_t n,
                       const struct ff_stl_options *options, size_t count, double *trend, double *seasonal);

#endif

/* The length of a season, as the contract defines `season: auto`. */
#ifndef FF_WORKER_MODELS_SEASON_H
#define FF_WORKER_MODELS_SEASON_H

#include "worker/models/kind.h"

/* The number of steps after which values[0..n) repeat, 1 if they do not; NaN is missing, at least one value
 * is not. Detrends, correlates, and takes the highest peak of the autocorrelation up to a third of the
 * series. */
size_t ff_season_detect(struct ff_fit *fit, const double *values, size_t n);

/* The season among the autocorrelations acf[0..n/3 + 1] of n values; for tests and ff_season_detect. */
size_t ff_season_peak(const double *acf, size_t n);

#endif

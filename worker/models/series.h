/* What the kinds share that follow a series step by step: the length of the season, the place of a frame on
 * a model's axis, bands. */
#ifndef FF_WORKER_MODELS_SERIES_H
#define FF_WORKER_MODELS_SERIES_H

#include "worker/models/params.h"

/* A band of the scores reaches so many robust scales from what is expected. */
#define FF_SERIES_BAND 4.0

/* The season in steps, at least 1: given, or found in the values (of which one is not missing). */
size_t ff_series_season(struct ff_fit *fit, const struct ff_season *season,
                        const struct ff_kind_frame *frame);

/* A power of two near the largest |value|, 1 if that is 0: dividing by it is exact. NaN is missing. */
double ff_series_unit(const double *values, size_t n);

/* values / unit, a copy. */
double *ff_series_scaled(struct ff_fit *fit, const double *values, size_t n, double unit);

/* Fills holes by lines between their ends, at the ends by the nearest value; weights: 1 where a value was,
 * else 0. One value is not missing. */
void ff_series_fill(double *y, double *weights, size_t n);

/* The step of the model's axis at which frame begins; 0 is the first one that was fitted. */
int64_t ff_series_offset(const struct ff_kind_model *model, const struct ff_kind_frame *frame);

/* What is left of a division by count, 0 to count − 1 for negative steps too. */
size_t ff_series_phase(int64_t step, size_t count);

/* expected and the bounds at that distance of step i; NaN of all three if one of them is not finite. */
void ff_series_put(struct ff_kind_scores *scores, size_t i, double expected, double distance);

/* value, or the edge of the band that it is outside of. */
double ff_series_clamp(double value, double expected, double distance);

/* z with P(|Z| < z) = coverage of a standard normal Z; coverage in (0, 1). */
double ff_series_normal(double coverage);

/* FF_FIT_BAD_PARAMETER with "the model is damaged: what". */
int ff_series_damaged(struct ff_fit *fit, const char *what);

#endif

/* Sliding windows over a series: how long they are, which of them can be used, and the steps before a frame
 * that its first windows need. A window is named by its last step. */
#ifndef FF_WORKER_MODELS_WINDOWS_H
#define FF_WORKER_MODELS_WINDOWS_H

#include "worker/models/params.h"

/* Steps: as given (not checked against the frame), or for `auto` the season, 24 without one, and no more than
 * 256 or a quarter of the frame; at least 2. One value is not missing. */
size_t ff_window_length(struct ff_fit *fit, const struct ff_season *window,
                        const struct ff_kind_frame *frame);

/* held: each value, where it is missing the one before it (NaN before the first). ends: the last steps of the
 * windows of m that can be used: their last value is there, and so are half of all. Returns how many; both
 * have room for n. */
size_t ff_windows_find(const double *values, size_t n, size_t m, double *held, size_t *ends);

/* The values of frame behind those that known[count], the end of the training series, has of the m − 1 steps
 * before; NaN where it has none. m − 1 + frame->steps values. */
double *ff_windows_extend(struct ff_fit *fit, const struct ff_kind_model *model, const double *known,
                          size_t count, const struct ff_kind_frame *frame, size_t m);

/* For kinds whose score says it all: expected, and a band without end. */
void ff_windows_put(struct ff_kind_scores *scores, size_t i, double expected, double score);

/* For constant series: a band of no width at the last of known[count] that is not missing. */
void ff_windows_put_constant(struct ff_kind_scores *scores, size_t steps, const double *known, size_t count);

#endif

/* What is kept of a decomposition, and how it judges new values. Shared by the kinds stl and mstl. */
#ifndef FF_WORKER_MODELS_STL_MODEL_H
#define FF_WORKER_MODELS_STL_MODEL_H

#include "worker/models/kind.h"

/* Emits the model of values[steps] (NaN is missing) that were decomposed into trend and seasonal of `count`
 * seasons (seasonal[k * steps + i]); both in units of `unit`. */
void ff_stl_emit(struct ff_fit *fit, const struct ff_kind_frame *frame, const size_t *seasons, size_t count,
                 const double *trend, const double *seasonal, double unit);

/* The functions of struct ff_kind for models that ff_stl_emit wrote. */
int ff_stl_score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores);
int ff_stl_forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores);

#endif

/* From a frame to the scaled series that exponential smoothing is fitted on, and the model of nothing. */
#ifndef FF_WORKER_MODELS_ETS_PREPARE_H
#define FF_WORKER_MODELS_ETS_PREPARE_H

#include "worker/models/ets_fit.h"
#include "worker/models/series.h"

struct ff_ets_prepared {
    struct ff_ets_series series; /* of the values divided by unit */
    double unit;                 /* a power of two: the division is exact, and no scale overflows */
    bool constant;
};

/* NOT_ENOUGH_DATA below 7 values, BAD_PARAMETER for a season above 10,000 steps. */
int ff_ets_prepare(struct ff_fit *fit, const struct ff_kind_frame *frame, const struct ff_season *season,
                   struct ff_ets_prepared *prepared);

/* The level alone, for a series whose values are all equal. */
struct ff_ets_estimate ff_ets_constant(struct ff_fit *fit, struct ff_ets_series *series);

/* Emits n, missing and constant, the model of what was estimated, and runs the loops over it once more. */
void ff_ets_emit_estimate(struct ff_fit *fit, struct ff_ets_prepared *prepared,
                          const struct ff_ets_estimate *estimate);

#endif

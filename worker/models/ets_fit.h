/* Estimates the parameters and initial states of one form of exponential smoothing. */
#ifndef FF_WORKER_MODELS_ETS_FIT_H
#define FF_WORKER_MODELS_ETS_FIT_H

#include "worker/models/ets_loops.h"

struct ff_ets_estimate {
    struct ff_ets_form form;
    double *x;   /* FF_ETS_S + m: see ff_ets_at */
    double loss; /* of the scaled series; infinite: the form does not fit it */
};

/* Fits form from the heuristic start and, if it is not NULL, from what `warm` found for another form of the
 * same season; the better of both is kept. */
struct ff_ets_estimate ff_ets_estimate(struct ff_fit *fit, struct ff_ets_series *series,
                                       struct ff_ets_form form, const struct ff_ets_estimate *warm);

#endif

/* A fitted model of exponential smoothing: what is kept of it, one step ahead through new values, and
 * forecasts. Shared by the kinds ets and holt_winters. */
#ifndef FF_WORKER_MODELS_ETS_MODEL_H
#define FF_WORKER_MODELS_ETS_MODEL_H

#include "worker/models/ets_loops.h"

struct ff_ets_state {
    double level;
    double trend;
    double *season; /* m, by step of the model's axis modulo m; neutral without a season */
};

struct ff_ets_model {
    struct ff_ets_form form;
    double alpha, beta, gamma, phi;
    size_t m;
    size_t steps; /* of the series it was fitted on */
    double scale; /* robust, of one-step errors; of relative errors a share */
    double sigma; /* standard deviation of the same */
    struct ff_ets_state start, end;
};

/* The model of x (see ff_ets_at), whose loops just ran over series, which had been divided by unit. */
struct ff_ets_model ff_ets_model_of(struct ff_fit *fit, const struct ff_ets_series *series,
                                    struct ff_ets_form form, const double *x, double unit);

void ff_ets_emit(struct ff_fit *fit, const struct ff_ets_model *model);

/* The functions of struct ff_kind for models that ff_ets_emit wrote. */
int ff_ets_score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores);
int ff_ets_forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores);

#endif

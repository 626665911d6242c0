/* Chooses among the forms of exponential smoothing by Akaike's criterion. */
#ifndef FF_WORKER_MODELS_ETS_CHOOSE_H
#define FF_WORKER_MODELS_ETS_CHOOSE_H

#include "worker/models/ets_fit.h"

/* Which forms may be taken: bits of what each letter stands for. */
struct ff_ets_allowed {
    bool relative[2]; /* errors: additive, multiplicative */
    bool trend[2];    /* none, additive */
    bool damped[2];   /* no, yes */
    bool season[3];   /* by enum ff_ets_season */
};

struct ff_ets_choice {
    struct ff_ets_estimate best; /* loss infinite: no form can be fitted */
    double aicc;                 /* of the series as scaled */
    size_t tried;
};

/* What multiplicative errors and seasons need. */
bool ff_ets_all_positive(const struct ff_ets_series *series);

/* Additive errors with a multiplicative season are never taken (Hyndman et al. 2008, section 10: unstable);
 * multiplicative errors and seasons only if every value is above 0; a season only with two of them in the
 * series; and no form with so many parameters that the criterion has no meaning. */
struct ff_ets_choice ff_ets_choose(struct ff_fit *fit, struct ff_ets_series *series,
                                   const struct ff_ets_allowed *allowed);

/* Numbers estimated in a form, the variance included. */
size_t ff_ets_parameters(struct ff_ets_form form, size_t m);

#endif

/* The inner loops of exponential smoothing: the likelihood of a series under given parameters and initial
 * states, and its gradient. Knows no optimiser and no choice of forms.
 *
 * One recursion serves both kinds of errors. With q = level + phi·trend, the forecast f is q, q + s or q·s
 * and the raw error E = y − f; w1 = w2 = 1 unless the season multiplies, then w1 = s and w2 = q:
 *     level ← q + alpha·E/w1     trend ← phi·trend + beta·E/w1     s ← s + gamma·E/w2
 * which is Hyndman, Koehler, Ord & Snyder, "Forecasting with exponential smoothing" (2008), table 2.2/2.3.
 * A missing value has E = 0. */
#ifndef FF_WORKER_MODELS_ETS_LOOPS_H
#define FF_WORKER_MODELS_ETS_LOOPS_H

#include "worker/models/kind.h"

enum ff_ets_season { FF_ETS_NO_SEASON, FF_ETS_ADDITIVE, FF_ETS_MULTIPLICATIVE };

struct ff_ets_form {
    bool relative; /* errors: (y − f)/f instead of y − f */
    bool trend;
    bool damped;
    enum ff_ets_season season;
};

/* Places in a vector of everything that is estimated; season[m] follows. All are always there: a form does
 * not look at those that it lacks, and their gradient is 0. */
enum ff_ets_at { FF_ETS_ALPHA, FF_ETS_BETA, FF_ETS_GAMMA, FF_ETS_PHI, FF_ETS_LEVEL, FF_ETS_TREND, FF_ETS_S };

/* One series, and room for what the gradient needs of the pass before it. */
struct ff_ets_series {
    const double *y; /* NaN is missing */
    size_t n;
    size_t observed;
    size_t m;            /* season, 1 without */
    bool holes;          /* any value is missing */
    double beta_least;   /* of the trend's smoothing; 1e-4 from init */
    double phi_most;     /* a damped trend may keep so much of itself; 0.98 from init */
    double *e;           /* n: raw errors of the last pass */
    double *q;           /* n: level + phi·trend */
    double *b;           /* n: trend before the step */
    double *s;           /* n + m: season before the step; the last m are the states behind the series */
    double *is;          /* n: 1/s, or 1/f of relative errors without a multiplicative season */
    double *iq;          /* n: 1/q */
    double *adj;         /* n + m: of the backward pass */
    double level, trend; /* behind the series */
    double sum;          /* of squared errors, relative or not */
    double least_sum;    /* below it errors are rounding */
};

void ff_ets_series_init(struct ff_ets_series *series, struct ff_fit *fit, const double *y, size_t n,
                        size_t m);

/* −2·log-likelihood without its constants: n·log Σe², and + 2·Σlog f for relative errors. Infinite where the
 * form has no meaning (a season or forecast that is not positive where it divides). */
double ff_ets_loss(struct ff_ets_series *series, struct ff_ets_form form, const double *x);

/* Of the last ff_ets_loss, whose form and x are given again: grad[FF_ETS_S + m]. */
void ff_ets_gradient(struct ff_ets_series *series, struct ff_ets_form form, const double *x, double *grad);

#endif

/* The theta model as it is kept, and its recursion; estimated by theta_fit.c, applied by theta.c.
 *
 * With index i (0 for the first value), level l, line A + B·i and w = 1 − 1/theta, the forecast of value i is
 *     f = l + w·(A·(1 − alpha)^i + B·(1 − (1 − alpha)^(i + 1))/alpha)      l ← l + alpha·(y − l)
 * The line is that of all values, or (dynamic) of those so far: Fiorucci, Pellegrini, Louzada, Petropoulos &
 * Koehler, "Models for optimising the theta method", IJF 32 (2016). */
#ifndef FF_WORKER_MODELS_THETA_H
#define FF_WORKER_MODELS_THETA_H

#include "worker/models/kind.h"

struct ff_theta_state {
    double level;
    double mean;      /* of the values so far; dynamic only */
    double intercept; /* A */
    double slope;     /* B */
    double index;     /* of the value that comes next */
};

struct ff_theta {
    bool dynamic;
    double alpha;
    double weight; /* w */
    struct ff_theta_state start, end;
    double loss; /* Σe² from the fourth value on */
};

double ff_theta_expected(const struct ff_theta *theta, const struct ff_theta_state *state);

/* Moves the state by the value that came. */
void ff_theta_learn(const struct ff_theta *theta, struct ff_theta_state *state, double value);

/* The least Σe² over alpha in [0.1, 0.99], the start level and, if optimized, theta >= 1 (else theta is 2).
 * y has no missing values (filled ones count as seen where weights[i] is 0: their errors do not), n >= 4. */
struct ff_theta ff_theta_estimate(struct ff_fit *fit, const double *y, const double *weights, size_t n,
                                  bool dynamic, bool optimized);

#endif

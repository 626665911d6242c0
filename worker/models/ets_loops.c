/* Each loop is written once, over flags that are constants where it is called, so that the compiler makes one
 * tight loop per form: no branch on the form and no division within the chain from one level to the next.
 *
 * The likelihood's Σlog f costs one multiplication per step: factors are multiplied and the product's
 * exponent is taken off every eighth step; one logarithm remains.
 *
 * The gradient is the adjoint of the recursion (reverse differentiation, by hand): one pass backwards over
 * what the forward pass has kept, at about its cost, whatever the number of initial states. That is what
 * makes a quasi-Newton method over 30 parameters cheaper than a simplex. */
#include "worker/models/ets_loops.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

void ff_ets_series_init(struct ff_ets_series *series, struct ff_fit *fit, const double *y, size_t n, size_t m)
{
    *series = (struct ff_ets_series){.y = y, .n = n, .m = m, .beta_least = 1e-4, .phi_most = 0.98};
    double squares = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(y[i])) {
            series->observed++;
            squares += y[i] * y[i];
        }
    series->holes = series->observed < n;
    series->least_sum = 1e-24 * (squares > 0 ? squares : (double)series->observed); /* zeros: as if ones */
    double **room[] = {&series->e, &series->q, &series->b, &series->is, &series->iq};
    for (size_t i = 0; i < sizeof room / sizeof *room; i++)
        *room[i] = fit->alloc(fit, n, sizeof(double));
    series->s = fit->alloc(fit, n + m, sizeof(double));
    series->adj = fit->alloc(fit, n + m, sizeof(double));
}

/* A product of many factors that does not overflow. */
struct product {
    double mantissa;
    double exponent;
};

/* False if the factors since the last call have left the range. */
INLINE bool normalize(struct product *product)
{
    if (!(product->mantissa >= DBL_MIN && product->mantissa <= DBL_MAX))
        return false;
    int exponent;
    product->mantissa = frexp(product->mantissa, &exponent);
    product->exponent += exponent;
    return true;
}

INLINE double forward(struct ff_ets_series *series, const double *x, const bool relative, const bool trend,
                      const enum ff_ets_season season, const bool holes)
{
    const double alpha = x[FF_ETS_ALPHA], beta = x[FF_ETS_BETA], gamma = x[FF_ETS_GAMMA], phi = x[FF_ETS_PHI];
    const size_t n = series->n, m = series->m;
    double l = x[FF_ETS_LEVEL], b = x[FF_ETS_TREND], sum = 0;
    struct product product = {1, 0};
    double *restrict s = series->s;
    if (season)
        memcpy(s, x + FF_ETS_S, m * sizeof *s);
    for (size_t t = 0; t < n; t++) {
        double q = trend ? l + phi * b : l, f = q, is = 1, iq = 1;
        if (season == FF_ETS_ADDITIVE)
            f = q + s[t];
        if (season == FF_ETS_MULTIPLICATIVE) {
            is = 1 / s[t];
            iq = 1 / q;
            f = q * s[t];
            if (!(s[t] > 0))
                return INFINITY;
            series->is[t] = is;
            series->iq[t] = iq;
        }
        bool seen = !holes || !isnan(series->y[t]);
        double e = seen ? series->y[t] - f : 0;
        if (relative && !(f > 0))
            return INFINITY;
        if (relative && seen) {
            double inverse = season == FF_ETS_MULTIPLICATIVE ? is * iq : 1 / f;
            if (season != FF_ETS_MULTIPLICATIVE)
                series->is[t] = inverse;
            sum += e * inverse * (e * inverse);
            product.mantissa *= f;
        } else {
            sum += e * e;
        }
        if (relative && t % 8 == 7 && !normalize(&product))
            return INFINITY;
        series->e[t] = e;
        series->q[t] = q;
        series->b[t] = b;
        double r = season == FF_ETS_MULTIPLICATIVE ? e * is : e;
        l = q + alpha * r;
        if (trend)
            b = phi * b + beta * r;
        if (season)
            s[t + m] = s[t] + gamma * (season == FF_ETS_MULTIPLICATIVE ? e * iq : e);
    }
    if (!(sum <= DBL_MAX) || !normalize(&product))
        return INFINITY;
    series->level = l;
    series->trend = b;
    double least = relative ? 1e-24 * (double)series->observed : series->least_sum;
    series->sum = sum > least ? sum : least;
    return (double)series->observed * log(series->sum) +
           2 * (log(product.mantissa) + product.exponent * 0.6931471805599453);
}

/* lambda, mu and adj[t + m] are what the loss owes to level, trend and season behind step t. */
INLINE void backward(struct ff_ets_series *series, const double *x, double *grad, const bool relative,
                     const bool trend, const enum ff_ets_season season, const bool holes)
{
    const double alpha = x[FF_ETS_ALPHA], beta = x[FF_ETS_BETA], gamma = x[FF_ETS_GAMMA], phi = x[FF_ETS_PHI];
    const size_t n = series->n, m = series->m;
    const double weight = 2 * (double)series->observed / series->sum;
    double lambda = 0, mu = 0, g_alpha = 0, g_beta = 0, g_gamma = 0, g_phi = 0;
    double *restrict adj = series->adj;
    const double *restrict s = series->s;
    if (season)
        memset(adj + n, 0, m * sizeof *adj);
    for (size_t t = n; t-- > 0;) {
        bool seen = !holes || !isnan(series->y[t]);
        double e = series->e[t], q = series->q[t], is = 1, iq = 1, sigma = season ? adj[t + m] : 0;
        if (season == FF_ETS_MULTIPLICATIVE) {
            is = series->is[t];
            iq = series->iq[t];
        }
        double r = season == FF_ETS_MULTIPLICATIVE ? e * is : e;
        double u = season == FF_ETS_MULTIPLICATIVE ? e * iq : e;
        double by_e = weight * e, by_f = 0;
        if (relative) {
            double inverse = season == FF_ETS_MULTIPLICATIVE ? is * iq : series->is[t];
            double scaled = e * inverse;
            by_e = weight * scaled * inverse;
            by_f = (2 - weight * scaled * scaled) * inverse;
        }
        double by_r = alpha * lambda + (trend ? beta * mu : 0), by_u = gamma * sigma;
        double whole =
            by_e + (season == FF_ETS_MULTIPLICATIVE ? by_r * is + by_u * iq : by_r + (season ? by_u : 0));
        double f_adj = seen ? by_f - whole : 0;
        g_alpha += lambda * r;
        if (trend) {
            g_beta += mu * r;
            g_phi += mu * series->b[t];
        }
        if (season)
            g_gamma += sigma * u;
        if (season == FF_ETS_MULTIPLICATIVE) {
            adj[t] = sigma + f_adj * q - by_r * r * is;
            lambda += f_adj * s[t] - by_u * u * iq;
        } else {
            if (season)
                adj[t] = sigma + f_adj;
            lambda += f_adj;
        }
        if (trend) {
            g_phi += lambda * series->b[t];
            mu = phi * (mu + lambda);
        }
    }
    const double all[] = {g_alpha, g_beta, g_gamma, g_phi, lambda, trend ? mu : 0};
    memcpy(grad, all, sizeof all);
    for (size_t i = 0; i < m; i++)
        grad[FF_ETS_S + i] = season ? adj[i] : 0;
}

/* Calls what(…) with constants: one copy of the loop for each form. */
#define FOR_HOLES(what, relative, trend, season)                                                             \
    (series->holes ? what(relative, trend, season, true) : what(relative, trend, season, false))
#define FOR_TREND(what, relative, season)                                                                    \
    (form.trend ? FOR_HOLES(what, relative, true, season) : FOR_HOLES(what, relative, false, season))
#define FOR_ERROR(what, season)                                                                              \
    (form.relative ? FOR_TREND(what, true, season) : FOR_TREND(what, false, season))
#define FOR_FORM(what)                                                                                       \
    (form.season == FF_ETS_NO_SEASON  ? FOR_ERROR(what, FF_ETS_NO_SEASON)                                    \
     : form.season == FF_ETS_ADDITIVE ? FOR_ERROR(what, FF_ETS_ADDITIVE)                                     \
                                      : FOR_ERROR(what, FF_ETS_MULTIPLICATIVE))

#define FORWARD(relative, trend, season, holes) forward(series, x, relative, trend, season, holes)
#define BACKWARD(relative, trend, season, holes) backward(series, x, grad, relative, trend, season, holes)

double ff_ets_loss(struct ff_ets_series *series, struct ff_ets_form form, const double *x)
{
    return FOR_FORM(FORWARD);
}

void ff_ets_gradient(struct ff_ets_series *series, struct ff_ets_form form, const double *x, double *grad)
{
    FOR_FORM(BACKWARD);
}

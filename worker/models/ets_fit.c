/* Quasi-Newton over parameters and initial states together.
 *
 *   start: pattern of the classical decomposition, line or mean through the first values without it (as R's
 *          and statsforecast's) ─► the best points of a small grid of smoothing parameters ─► a few steps of
 *          L-BFGS from each, and from another form's result ─► L-BFGS from the best
 *
 * With a season all but the last is done from two patterns: of the whole series, right where the season
 * hardly changes, and of the first seasons, right where it does.
 *
 * The smoothing parameters lie in the usual region: they are logistic functions of free variables, beta as a
 * share of alpha, gamma as a share of 1 − alpha, so no step leaves it. Without a season beta may be any
 * number below 1, as in statsforecast: such forms are stable there (beta < (1 + phi)(2 − alpha)), and series
 * that follow their slope more than their level need it. Variables are scaled by the root of the curvature
 * that they have in theory: that of a level start is 2/(alpha·(2 − alpha)) over the error variance, that of a
 * seasonal start likewise in gamma. The season is not normalised while optimising: adding a constant to it
 * and taking it from the level changes nothing (a factor, if it multiplies), and a gradient has no part in
 * such a direction. */
#include "worker/models/ets_fit.h"

#include "worker/models/decompose.h"
#include "worker/models/lbfgs.h"

#include <math.h>
#include <string.h>

static const double least = 1e-4, most = 0.9999, phi_least = 0.8;
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { SHORT_RUN = 12, LONGEST_RUN = 300, STARTS = 3, SEASONAL_STARTS = 2, FIRST_SEASONS = 4 };

struct problem {
    struct ff_ets_series *series;
    struct ff_ets_form form;
    size_t count;         /* FF_ETS_S + m */
    double *x, *x_grad;   /* what the loops see */
    const double *origin; /* of z, in free variables */
    const double *scale;
    double share[4]; /* logistic of the free smoothing variables */
};

static double logistic(double a)
{
    return 1 / (1 + exp(-fmin(fmax(a, -40), 40)));
}

static double logit(double share)
{
    double p = fmin(fmax(share, 1e-6), 1 - 1e-6);
    return log(p / (1 - p));
}

static double gamma_room(double alpha)
{
    return fmax(fmin(1 - alpha, most) - least, 0);
}

/* Without a season every beta below 1 is admissible; with one, what is below alpha. */
static double beta_room(const struct ff_ets_series *series, struct ff_ets_form form, double alpha)
{
    return (form.season ? alpha : most) - series->beta_least;
}

static double share_of(double value, double low, double room)
{
    return room > 0 ? (value - low) / room : 0.5;
}

/* Free variables of x. */
static void release(const struct ff_ets_series *series, struct ff_ets_form form, const double *x,
                    size_t count, double *free)
{
    memcpy(free, x, count * sizeof *free);
    double alpha = x[FF_ETS_ALPHA];
    free[FF_ETS_ALPHA] = logit(share_of(alpha, least, most - least));
    free[FF_ETS_BETA] = logit(share_of(x[FF_ETS_BETA], series->beta_least, beta_room(series, form, alpha)));
    free[FF_ETS_GAMMA] = logit(share_of(x[FF_ETS_GAMMA], least, gamma_room(alpha)));
    free[FF_ETS_PHI] = logit(share_of(x[FF_ETS_PHI], phi_least, series->phi_most - phi_least));
}

static void bind(struct problem *problem, const double *z)
{
    double *x = problem->x, *share = problem->share;
    for (size_t i = 0; i < problem->count; i++)
        x[i] = problem->origin[i] + problem->scale[i] * z[i];
    for (size_t i = 0; i < 4; i++)
        share[i] = logistic(x[i]);
    x[FF_ETS_ALPHA] = least + (most - least) * share[0];
    double beta_least = problem->series->beta_least;
    x[FF_ETS_BETA] = problem->form.trend
                         ? beta_least + beta_room(problem->series, problem->form, x[FF_ETS_ALPHA]) * share[1]
                         : 0;
    x[FF_ETS_GAMMA] = problem->form.season ? least + gamma_room(x[FF_ETS_ALPHA]) * share[2] : 0;
    x[FF_ETS_PHI] = problem->form.damped ? phi_least + (problem->series->phi_most - phi_least) * share[3] : 1;
}

static double value(void *arg, const double *z)
{
    struct problem *problem = arg;
    bind(problem, z);
    return ff_ets_loss(problem->series, problem->form, problem->x);
}

static void gradient(void *arg, const double *z, double *grad)
{
    struct problem *problem = arg;
    (void)z;
    const double *share = problem->share;
    double alpha = problem->x[FF_ETS_ALPHA], *by = problem->x_grad;
    ff_ets_gradient(problem->series, problem->form, problem->x, by);
    double alpha_by = (most - least) * share[0] * (1 - share[0]);
    bool has_room = 1 - alpha < most && 1 - alpha > least;
    if (problem->form.trend && problem->form.season)
        by[FF_ETS_ALPHA] += share[1] * by[FF_ETS_BETA];
    if (problem->form.season && has_room)
        by[FF_ETS_ALPHA] -= share[2] * by[FF_ETS_GAMMA];
    by[FF_ETS_ALPHA] *= alpha_by;
    by[FF_ETS_BETA] *= problem->form.trend
                           ? beta_room(problem->series, problem->form, alpha) * share[1] * (1 - share[1])
                           : 0;
    by[FF_ETS_GAMMA] *= problem->form.season ? gamma_room(alpha) * share[2] * (1 - share[2]) : 0;
    by[FF_ETS_PHI] *=
        problem->form.damped ? (problem->series->phi_most - phi_least) * share[3] * (1 - share[3]) : 0;
    for (size_t i = 0; i < problem->count; i++)
        grad[i] = by[i] * problem->scale[i];
}

/* Least-squares line over the first values without their season: its value before the first step, and its
 * slope (0 without a trend). */
static void start_line(const struct ff_ets_series *series, struct ff_ets_form form, double *x)
{
    size_t first = series->m > 5 ? 2 * series->m : 10, count = 0;
    double sum_t = 0, sum_y = 0, sum_tt = 0, sum_ty = 0;
    for (size_t t = 0; t < series->n && count < first; t++) {
        double y = series->y[t], at = (double)t + 1;
        if (isnan(y))
            continue;
        if (form.season)
            y = form.season == FF_ETS_ADDITIVE ? y - x[FF_ETS_S + t % series->m]
                                               : y / x[FF_ETS_S + t % series->m];
        sum_t += at;
        sum_y += y;
        sum_tt += at * at;
        sum_ty += at * y;
        count++;
    }
    double k = (double)count, spread = sum_tt - sum_t * sum_t / k;
    double slope = form.trend && spread > 0 ? (sum_ty - sum_t * sum_y / k) / spread : 0;
    x[FF_ETS_TREND] = slope;
    x[FF_ETS_LEVEL] = (sum_y - slope * sum_t) / k;
}

static void start_states(struct ff_fit *fit, const struct ff_ets_series *series, struct ff_ets_form form,
                         size_t first, double *x)
{
    size_t m = series->m;
    bool relative = form.season == FF_ETS_MULTIPLICATIVE;
    for (size_t k = 0; k < m; k++)
        x[FF_ETS_S + k] = relative;
    if (form.season)
        ff_decompose_pattern(fit, series->y, first, m, relative, x + FF_ETS_S);
    for (size_t k = 0; relative && k < m; k++)
        x[FF_ETS_S + k] = fmax(x[FF_ETS_S + k], 0.01);
    start_line(series, form, x);
}

struct smoothing {
    double beta, gamma, phi;
};

/* One point of the grid, 18 of them; those that only differ in what the form lacks are the same. */
static struct smoothing grid_point(struct ff_ets_form form, double alpha, size_t point)
{
    static const double betas[] = {0.0003, 0.03, 0.3}, gammas[] = {0.01, 0.3, 0.9}, phis[] = {0.97, 0.81};
    double beta = betas[point % 3] * (form.season ? alpha : 0.7), gamma = gammas[point / 3 % 3] * (1 - alpha);
    return (struct smoothing){.beta = form.trend ? fmax(beta, 2 * least) : 0,
                              .gamma = form.season ? fmax(gamma, 2 * least) : 0,
                              .phi = form.damped ? phis[point / 9] : 1};
}

/* Sets the smoothing parameters to the best of a grid with this alpha, given states; returns its loss. */
static double scan(struct ff_ets_series *series, struct ff_ets_form form, double alpha, double *x)
{
    double best = INFINITY, kept[] = {alpha, 0, 0, 1};
    for (size_t point = 0; point < 18; point++) {
        bool repeats = (point % 3 && !form.trend) || (point / 3 % 3 && !form.season) ||
                       (point / 9 && (!form.damped || form.season));
        if (repeats)
            continue;
        struct smoothing at = grid_point(form, alpha, point);
        memcpy(x, (double[]){alpha, at.beta, at.gamma, at.phi}, sizeof kept);
        double loss = ff_ets_loss(series, form, x);
        if (loss < best) {
            best = loss;
            memcpy(kept, x, sizeof kept);
        }
    }
    memcpy(x, kept, sizeof kept);
    return best;
}

/* 1/√curvature of each free variable, by theory; see above. */
static void find_scale(const struct ff_ets_series *series, struct ff_ets_form form, const double *x,
                       size_t count, double *scale)
{
    double n = (double)series->observed, alpha = x[FF_ETS_ALPHA], gamma = x[FF_ETS_GAMMA];
    double error = sqrt(series->sum / n) * (form.relative ? fabs(x[FF_ETS_LEVEL]) : 1);
    double left = pow(1 - gamma, 2 * fmax(n / (double)series->m, 1)); /* of a seasonal start at the end */
    scale[FF_ETS_ALPHA] = 1 / sqrt(n * fmax(alpha, 0.01) * (1 - alpha) * (1 - alpha) + 1);
    scale[FF_ETS_BETA] = scale[FF_ETS_GAMMA] = scale[FF_ETS_PHI] = 2 / sqrt(n) + 0.05;
    scale[FF_ETS_LEVEL] = error * sqrt(fmax(alpha * (2 - alpha), 1 / n));
    scale[FF_ETS_TREND] = 0.1 * scale[FF_ETS_LEVEL];
    double unit = form.season == FF_ETS_MULTIPLICATIVE ? error / fabs(x[FF_ETS_LEVEL]) : error;
    for (size_t i = FF_ETS_S; i < count; i++)
        scale[i] = unit * sqrt(gamma * (2 - gamma) / fmax(1 - left, 1e-12));
    for (size_t i = FF_ETS_LEVEL; i < count; i++)
        scale[i] = isfinite(scale[i]) && scale[i] > 1e-12 ? scale[i] : 1e-12;
}

/* Improves x; returns its loss. */
static double optimize(struct ff_fit *fit, struct ff_ets_series *series, struct ff_ets_form form,
                       size_t iterations, double *x)
{
    size_t count = FF_ETS_S + (form.season ? series->m : 0);
    double *origin = fit->alloc(fit, count, sizeof *origin), *scale = fit->alloc(fit, count, sizeof *scale);
    double *z = fit->alloc(fit, count, sizeof *z), *by = fit->alloc(fit, FF_ETS_S + series->m, sizeof *by);
    double loss = ff_ets_loss(series, form, x);
    if (!isfinite(loss))
        return loss;
    release(series, form, x, count, origin);
    find_scale(series, form, x, count, scale);
    memset(z, 0, count * sizeof *z);
    struct problem problem = {series, form, count, x, by, origin, scale, {0}};
    struct ff_lbfgs search = {.count = count,
                              .iterations = iterations,
                              .tolerance = 0.01,
                              .longest = 1e6,
                              .arg = &problem,
                              .value = value,
                              .gradient = gradient};
    ff_lbfgs_minimize(fit, &search, z);
    return value(&problem, z);
}

/* Optimises from x, and keeps the result if it is better. */
static void attempt(struct ff_fit *fit, struct ff_ets_series *series, double *x, struct ff_ets_estimate *best)
{
    double loss = optimize(fit, series, best->form, SHORT_RUN, x);
    if (!(loss < best->loss))
        return;
    best->loss = loss;
    memcpy(best->x, x, (FF_ETS_S + series->m) * sizeof *x);
}

static size_t least_of(const double *losses, size_t count)
{
    size_t chosen = 0;
    for (size_t i = 1; i < count; i++)
        if (losses[i] < losses[chosen])
            chosen = i;
    return chosen;
}

/* From the best alphas of the grid, the season at first that of the first values. */
static void attempt_grid(struct ff_fit *fit, struct ff_ets_series *series, size_t first, double *x,
                         struct ff_ets_estimate *best)
{
    static const double alphas[] = {0.002, 0.05, 0.3, 0.7, 0.95};
    double losses[COUNT(alphas)], smoothing[COUNT(alphas)][4];
    size_t size = (FF_ETS_S + series->m) * sizeof *x;
    double *states = fit->alloc(fit, 1, size);
    start_states(fit, series, best->form, first, states);
    for (size_t a = 0; a < COUNT(alphas); a++) {
        losses[a] = scan(series, best->form, alphas[a], states);
        memcpy(smoothing[a], states, sizeof smoothing[a]);
    }
    for (int run = 0; run < (best->form.season ? SEASONAL_STARTS : STARTS); run++) {
        size_t chosen = least_of(losses, COUNT(alphas));
        if (!isfinite(losses[chosen]))
            return;
        losses[chosen] = INFINITY;
        memcpy(x, states, size);
        memcpy(x, smoothing[chosen], sizeof smoothing[chosen]);
        attempt(fit, series, x, best);
    }
}

/* What another form found, where this one has nothing else. */
static void attempt_warm(struct ff_fit *fit, struct ff_ets_series *series, double *x,
                         const struct ff_ets_estimate *warm, struct ff_ets_estimate *best)
{
    struct ff_ets_form form = best->form;
    memcpy(x, warm->x, (FF_ETS_S + series->m) * sizeof *x);
    if (form.trend && !warm->form.trend) {
        x[FF_ETS_BETA] = 0.01 * x[FF_ETS_ALPHA];
        x[FF_ETS_TREND] = 0;
    }
    if (form.damped && !warm->form.damped)
        x[FF_ETS_PHI] = 0.975;
    if (!form.damped)
        x[FF_ETS_PHI] = 1;
    attempt(fit, series, x, best);
}

struct ff_ets_estimate ff_ets_estimate(struct ff_fit *fit, struct ff_ets_series *series,
                                       struct ff_ets_form form, const struct ff_ets_estimate *warm)
{
    size_t count = FF_ETS_S + series->m;
    struct ff_ets_estimate best = {form, fit->alloc(fit, count, sizeof(double)), INFINITY};
    double *x = fit->alloc(fit, count, sizeof *x);
    attempt_grid(fit, series, series->n, x, &best);
    if (form.season && series->n > FIRST_SEASONS * series->m)
        attempt_grid(fit, series, FIRST_SEASONS * series->m, x, &best);
    if (warm && isfinite(warm->loss) && warm->form.season == form.season)
        attempt_warm(fit, series, x, warm, &best);
    if (isfinite(best.loss))
        best.loss = optimize(fit, series, form, LONGEST_RUN, best.x);
    return best;
}

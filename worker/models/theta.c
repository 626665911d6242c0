/* theta: half a line, half an exponentially smoothed level.
 *
 *   season found by a test ─► divided out (or subtracted, where values or factors are not above 0) ─► theta
 *   model of the rest (theta_fit.c) ─► season put back
 *
 * The test is that of the M3 competition: |r_m| beyond 1.645 standard errors by Bartlett, for seasons of 4
 * steps and more. Variants: standard is Assimakopoulos & Nikolopoulos, "The theta model", IJF 16 (2000), as
 * theta = 2 with the line of the whole series; optimized estimates theta; dynamic takes the line of the
 * values so far. Missing values are filled by straight lines and their errors do not count.
 *
 * score starts at the first training step from the initial state, behind the training data from the final one
 * carried through the gap by forecasts, within from a state between both in proportion, before from the
 * initial one. A value outside the band moves the state as if it were at the edge; a missing one as its
 * forecast. The first three expected values say nothing (the start level is chosen for what follows) and are
 * left out. A forecast's variance is that of a smoothed level, sigma²·(1 + (h − 1)·alpha²). */
#include "worker/models/theta.h"

#include "worker/models/decompose.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { LEAST_VALUES = 5, LEAST_SEASON = 4, SKIPPED = 3, LONGEST_GAP = 100000, LONGEST_SEASON = 100000 };

struct config {
    struct ff_season season;
    bool dynamic, optimized;
};

struct model {
    struct ff_theta theta;
    size_t m; /* 1: no season */
    bool relative;
    double scale, sigma;
    const double *pattern; /* m, by step modulo m */
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    *given = config;
    const char *variant = ff_params_text(params, count, "variant");
    config->dynamic = variant && strncmp(variant, "dynamic", 7) == 0;
    config->optimized = variant && strstr(variant, "optimized");
    return ff_params_season(fit, params, count, "season", &config->season);
}

static double correlation(const double *y, size_t n, double mean, size_t lag)
{
    double sum = 0;
    for (size_t i = 0; i + lag < n; i++)
        sum += (y[i] - mean) * (y[i + lag] - mean);
    return sum;
}

static bool is_seasonal(const double *y, size_t n, size_t m)
{
    if (m < LEAST_SEASON || n < 2 * m)
        return false;
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += y[i] / (double)n;
    double whole = correlation(y, n, mean, 0);
    for (size_t lag = 1; lag < m; lag++) {
        double r = correlation(y, n, mean, lag) / whole;
        squares += r * r;
    }
    double limit = 1.6448536269514722 * sqrt((1 + 2 * squares) / (double)n);
    return fabs(correlation(y, n, mean, m) / whole) > limit;
}

static bool all_above(const double *values, size_t n, double limit)
{
    for (size_t i = 0; i < n; i++)
        if (!(values[i] > limit))
            return false;
    return true;
}

/* Takes the season out of y, if there is one. */
static void remove_season(struct ff_fit *fit, double *y, size_t n, size_t m, struct model *model)
{
    double *pattern = fit->alloc(fit, m, sizeof *pattern);
    model->pattern = pattern;
    pattern[0] = 0;
    model->m = is_seasonal(y, n, m) ? m : 1;
    if (model->m == 1)
        return;
    model->relative = all_above(y, n, 0);
    if (model->relative) {
        ff_decompose_pattern(fit, y, n, m, true, pattern);
        model->relative = all_above(pattern, m, 0.01);
    }
    if (!model->relative)
        ff_decompose_pattern(fit, y, n, m, false, pattern);
    for (size_t i = 0; i < n; i++)
        y[i] = model->relative ? y[i] / pattern[i % m] : y[i] - pattern[i % m];
}

/* Robust scale and standard deviation of the errors behind the first three, in units of the values. */
static void measure_errors(struct ff_fit *fit, const double *y, const double *weights, size_t n, double unit,
                           struct model *model)
{
    double *errors = fit->alloc(fit, n, sizeof *errors), *scratch = fit->alloc(fit, n, sizeof *scratch),
           sum = 0;
    size_t count = 0;
    struct ff_theta_state state = model->theta.start;
    for (size_t i = 0; i < n; i++) {
        if (i >= SKIPPED && weights[i] > 0)
            errors[count++] = y[i] - ff_theta_expected(&model->theta, &state);
        ff_theta_learn(&model->theta, &state, y[i]);
    }
    for (size_t i = 0; i < count; i++) {
        sum += errors[i] * errors[i];
        errors[i] *= unit;
    }
    model->sigma = sqrt(sum / fmax((double)count - 1, 1)) * unit;
    memcpy(scratch, y, n * sizeof *y);
    double typical = ff_median(scratch, n) * unit;
    model->scale = count ? ff_error_scale(errors, count, typical, scratch) : 1e-9 * fmax(1, fabs(typical));
}

static void emit_state(struct ff_fit *fit, const char *name, const struct ff_theta_state *state, double unit)
{
    double *all = fit->alloc(fit, 5, sizeof *all);
    memcpy(all,
           (double[]){state->level * unit, state->mean * unit, state->intercept * unit, state->slope * unit,
                      state->index},
           5 * sizeof *all);
    fit->numbers(fit, name, all, 5, FF_EXPORT);
}

static void emit(struct ff_fit *fit, const struct model *model, double unit)
{
    double *pattern = fit->alloc(fit, model->m, sizeof *pattern);
    for (size_t k = 0; k < model->m; k++)
        pattern[k] = model->pattern[k] * (model->relative ? 1 : unit);
    fit->integer(fit, "season", (int64_t)model->m, FF_SUMMARY);
    fit->number(fit, "level", model->theta.end.level * unit, FF_SUMMARY);
    fit->number(fit, "drift", model->theta.weight * model->theta.end.slope * unit, FF_SUMMARY);
    fit->number(fit, "scale", model->scale, FF_SUMMARY);
    fit->number(fit, "sigma", model->sigma, FF_EXPORT);
    fit->number(fit, "alpha", model->theta.alpha, FF_EXPORT);
    fit->number(fit, "weight", model->theta.weight, FF_EXPORT);
    fit->integer(fit, "dynamic", model->theta.dynamic, FF_EXPORT);
    fit->integer(fit, "relative", model->relative, FF_EXPORT);
    fit->number(fit, "sse", fmin(model->theta.loss * unit * unit, DBL_MAX), FF_EXPORT);
    fit->numbers(fit, "seasonal", pattern, model->m, FF_EXPORT);
    emit_state(fit, "start", &model->theta.start, unit);
    emit_state(fit, "end", &model->theta.end, unit);
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    size_t n = frame->steps;
    double *y = fit->alloc(fit, n, sizeof *y), *weights = fit->alloc(fit, n, sizeof *weights);
    size_t count = ff_finite_values(frame->values, n, y);
    if (count < LEAST_VALUES)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least %d are needed",
                         count, n, LEAST_VALUES);
    bool constant = ff_all_equal(y, count);
    size_t m = constant ? 1 : ff_series_season(fit, &config->season, frame);
    if (m > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %zu steps, at most %d are possible", m,
                         LONGEST_SEASON);
    double unit = ff_series_unit(frame->values, n);
    for (size_t i = 0; i < n; i++)
        y[i] = frame->values[i] / unit;
    ff_series_fill(y, weights, n);
    struct model model = {0};
    remove_season(fit, y, n, m, &model);
    model.theta = ff_theta_estimate(fit, y, weights, n, config->dynamic, config->optimized);
    measure_errors(fit, y, weights, n, unit, &model);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    emit(fit, &model, unit);
    return FF_FIT_OK;
}

static bool read_state(const struct ff_kind_model *from, const char *name, struct ff_theta_state *state)
{
    size_t count = 0;
    const double *all = from->numbers(from, name, &count);
    if (!all || count != 5)
        return false;
    for (size_t i = 0; i < 5; i++)
        if (!isfinite(all[i]))
            return false;
    *state = (struct ff_theta_state){all[0], all[1], all[2], all[3], all[4]};
    return all[4] >= 0;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *model)
{
    size_t count = 0;
    int64_t m = from->integer(from, "season", 0);
    *model = (struct model){.theta = {.dynamic = from->integer(from, "dynamic", 0) != 0,
                                      .alpha = from->number(from, "alpha"),
                                      .weight = from->number(from, "weight")},
                            .relative = from->integer(from, "relative", 0) != 0,
                            .scale = from->number(from, "scale"),
                            .sigma = from->number(from, "sigma"),
                            .pattern = from->numbers(from, "seasonal", &count)};
    if (m < 1 || !model->pattern || count != (size_t)m)
        return ff_series_damaged(fit, "seasonal");
    if (!(model->theta.alpha > 0 && model->theta.alpha < 1) || !isfinite(model->theta.weight) ||
        !(model->scale >= 0) || !(model->sigma >= 0))
        return ff_series_damaged(fit, "a parameter");
    if (!read_state(from, "start", &model->theta.start) || !read_state(from, "end", &model->theta.end))
        return ff_series_damaged(fit, "a state");
    model->m = (size_t)m;
    return FF_FIT_OK;
}

/* The state before a step of the model's axis; see above. */
static struct ff_theta_state state_at(const struct model *model, int64_t step, size_t steps)
{
    const struct ff_theta_state *a = &model->theta.start, *b = &model->theta.end;
    if (step <= 0)
        return *a;
    struct ff_theta_state state = *b;
    if (step >= (int64_t)steps) {
        int64_t gap = step - (int64_t)steps, walked = gap < LONGEST_GAP ? gap : LONGEST_GAP;
        for (int64_t i = 0; i < walked; i++)
            ff_theta_learn(&model->theta, &state, ff_theta_expected(&model->theta, &state));
        state.level += model->theta.weight * state.slope * (double)(gap - walked);
        return state;
    }
    double part = (double)step / (double)steps;
    return (struct ff_theta_state){(1 - part) * a->level + part * b->level,
                                   (1 - part) * a->mean + part * b->mean,
                                   (1 - part) * a->intercept + part * b->intercept,
                                   (1 - part) * a->slope + part * b->slope, (double)step};
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    int64_t offset = ff_series_offset(from, frame);
    struct ff_theta_state state = state_at(&model, offset, from->steps);
    size_t phase = ff_series_phase(offset, model.m);
    double distance = FF_SERIES_BAND * model.scale;
    for (size_t t = 0; t < frame->steps; t++, phase = phase + 1 == model.m ? 0 : phase + 1) {
        double s = model.pattern[phase], f = ff_theta_expected(&model.theta, &state);
        double y = model.relative ? frame->values[t] / s : frame->values[t] - s;
        if (state.index >= SKIPPED)
            ff_series_put(scores, t, model.relative ? f * s : f + s,
                          model.relative ? distance * s : distance);
        bool start = state.index < SKIPPED;
        ff_theta_learn(&model.theta, &state, isnan(y) ? f : start ? y : ff_series_clamp(y, f, distance));
    }
    return FF_FIT_OK;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    struct ff_theta_state state = model.theta.end;
    double z = ff_series_normal(coverage), alpha = model.theta.alpha;
    for (size_t h = 0; h < horizon; h++) {
        double s = model.pattern[(from->steps + h) % model.m], f = ff_theta_expected(&model.theta, &state);
        double distance = z * model.sigma * sqrt(1 + (double)h * alpha * alpha);
        ff_series_put(scores, h, model.relative ? f * s : f + s, model.relative ? distance * s : distance);
        ff_theta_learn(&model.theta, &state, f);
    }
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_theta = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "theta",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

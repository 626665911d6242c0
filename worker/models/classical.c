/* classical: a moving average, the pattern about it, and a level that follows what is left.
 *
 *   y ─► divided by (or minus) its centred moving average of one season ─► mean of each phase, older seasons
 *   weighing less ─► y without the pattern ─► exponentially smoothed level
 *
 * The pattern's weights fall by `memory` with each season back, so that a pattern that changes is followed;
 * 1 is the plain mean of classical decomposition (Makridakis, Wheelwright & Hyndman, "Forecasting", 1998,
 * ch. 3). A multiplicative pattern needs values above 0; where they are not, it is additive. Missing values
 * are filled by straight lines.
 *
 * score follows one step ahead; a value outside the band moves the level as if it were at the edge. The band
 * is that of the one-step errors, relative to the pattern where that is a factor. The variance of a forecast
 * is that of a smoothed level, scale²·(1 + (h − 1)·alpha²). */
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { LONGEST_SEASON = 1000000 };

struct config {
    struct ff_season season;
    bool multiplicative;
    double memory, alpha;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    const char *seasonal = ff_params_text(params, count, "seasonal");
    *given = config;
    config->multiplicative = seasonal && strcmp(seasonal, "multiplicative") == 0;
    int code = ff_params_season(fit, params, count, "season", &config->season);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "memory", 0.9, &config->memory);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "alpha", 0.5, &config->alpha);
    return code;
}

/* The centred moving average of m values where it has all of them; the nearest such at the ends. n > m. */
static void moving_average(const double *y, size_t n, size_t m, double *out)
{
    size_t half = m / 2, last = n - 1 - half;
    for (size_t i = half; i <= last; i++) {
        double sum = 0;
        for (size_t k = i - half; k <= i + half; k++)
            sum += y[k];
        if (m % 2 == 0)
            sum -= 0.5 * (y[i - half] + y[i + half]);
        out[i] = sum / (double)m;
    }
    for (size_t i = 0; i < half; i++)
        out[i] = out[half];
    for (size_t i = last + 1; i < n; i++)
        out[i] = out[last];
}

/* Sums of ratios (or differences) by phase, weights falling by memory with each season back. */
static void find_pattern(const double *y, const double *average, size_t n, size_t m, bool relative,
                         double memory, double *pattern)
{
    double total = 0;
    for (size_t k = 0; k < m; k++) {
        double sum = 0, weights = 0;
        for (size_t i = k; i < n; i += m) {
            sum = sum * memory + (relative ? y[i] / average[i] : y[i] - average[i]);
            weights = weights * memory + 1;
        }
        pattern[k] = sum / weights;
        total += pattern[k];
    }
    for (size_t k = 0; k < m; k++)
        pattern[k] = relative ? pattern[k] * (double)m / total : pattern[k] - total / (double)m;
}

static double without(double value, double pattern, bool relative)
{
    return relative ? value / pattern : value - pattern;
}

static double with(double level, double pattern, bool relative)
{
    return relative ? level * pattern : level + pattern;
}

static bool all_positive(const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(values[i] > 0))
            return false;
    return true;
}

/* A pattern that takes values apart and puts them together; false: it cannot be multiplicative. */
static bool make_pattern(struct ff_fit *fit, const struct config *config, const double *y, size_t n, size_t m,
                         bool relative, double *pattern)
{
    for (size_t k = 0; k < m; k++)
        pattern[k] = relative ? 1 : 0;
    if (m == 1 || n < 2 * m)
        return true;
    double *average = fit->alloc(fit, n, sizeof *average);
    moving_average(y, n, m, average);
    find_pattern(y, average, n, m, relative, config->memory, pattern);
    return !relative || all_positive(pattern, m);
}

/* Errors of one step into errors (of values that were there); returns the last level. */
static double follow(const double *y, const double *weights, size_t n, const double *pattern, size_t m,
                     bool relative, double alpha, double *errors, size_t *count)
{
    double level = without(y[0], pattern[0], relative);
    *count = 0;
    for (size_t i = 1; i < n; i++) {
        double error = without(y[i], pattern[i % m], relative) - level;
        if (weights[i] > 0)
            errors[(*count)++] = error;
        level += alpha * error;
    }
    return level;
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    size_t n = frame->steps, errors_count, count;
    double *known = fit->alloc(fit, n, sizeof *known), *weights = fit->alloc(fit, n, sizeof *weights);
    double *y = fit->alloc(fit, n, sizeof *y);
    count = ff_finite_values(frame->values, n, known);
    if (count < 3)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least 3 are needed",
                         count, n);
    double typical = ff_median(known, count);
    size_t m = ff_series_season(fit, &config->season, frame);
    if (m > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %zu steps, at most %d are possible", m,
                         LONGEST_SEASON);
    memcpy(y, frame->values, n * sizeof *y);
    ff_series_fill(y, weights, n);
    double *pattern = fit->alloc(fit, m, sizeof *pattern);
    bool relative = config->multiplicative && all_positive(y, n);
    if (!make_pattern(fit, config, y, n, m, relative, pattern))
        make_pattern(fit, config, y, n, m, relative = false, pattern);
    double level = follow(y, weights, n, pattern, m, relative, config->alpha, known, &errors_count);
    double scale = ff_error_scale(known, errors_count, typical, weights);
    if (!isfinite(level) || !isfinite(scale))
        return fit->fail(fit, FF_FIT_NOT_CONVERGED, "the values are too large to be added up");
    fit->integer(fit, "season", (int64_t)m, FF_SUMMARY);
    fit->text(fit, "seasonal", relative ? "multiplicative" : "additive", FF_SUMMARY);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->number(fit, "level", level, FF_SUMMARY);
    fit->number(fit, "scale", scale, FF_SUMMARY);
    fit->number(fit, "memory", config->memory, FF_EXPORT);
    fit->number(fit, "alpha", config->alpha, FF_EXPORT);
    fit->number(fit, "first_level", without(y[0], pattern[0], relative), FF_EXPORT);
    fit->numbers(fit, "pattern", pattern, m, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    const double *pattern;
    size_t m;
    double level, first_level, scale, alpha;
    bool relative;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    const char *seasonal = from->text(from, "seasonal");
    *out = (struct model){.level = from->number(from, "level"),
                          .first_level = from->number(from, "first_level"),
                          .scale = from->number(from, "scale"),
                          .alpha = from->number(from, "alpha"),
                          .relative = seasonal && strcmp(seasonal, "multiplicative") == 0};
    out->pattern = from->numbers(from, "pattern", &out->m);
    if (!out->pattern || out->m == 0 || isnan(out->level) || isnan(out->first_level) || !(out->scale > 0) ||
        !(out->alpha >= 0 && out->alpha <= 1))
        return ff_series_damaged(fit, "level, scale or pattern");
    return FF_FIT_OK;
}

static double distance_at(const struct model *model, size_t phase, double distance)
{
    return model->relative ? distance * fabs(model->pattern[phase]) : distance;
}

/* Behind the training data the last level, before them the first, within in proportion. */
static double level_at(const struct model *model, int64_t offset, size_t steps)
{
    if (offset >= (int64_t)steps)
        return model->level;
    if (offset <= 0)
        return model->first_level;
    double share = (double)offset / (double)steps;
    return model->first_level + share * (model->level - model->first_level);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    int64_t offset = ff_series_offset(from, frame);
    double level = level_at(&model, offset, from->steps);
    for (size_t i = 0; i < frame->steps; i++) {
        size_t phase = ff_series_phase(offset + (int64_t)i, model.m);
        double expected = with(level, model.pattern[phase], model.relative);
        double distance = distance_at(&model, phase, FF_SERIES_BAND * model.scale);
        ff_series_put(scores, i, expected, distance);
        if (isnan(frame->values[i]))
            continue;
        double value = ff_series_clamp(frame->values[i], expected, distance);
        level += model.alpha * (without(value, model.pattern[phase], model.relative) - level);
    }
    return FF_FIT_OK;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    double width = ff_series_normal(coverage);
    for (size_t h = 0; code == FF_FIT_OK && h < horizon; h++) {
        size_t phase = (from->steps + h) % model.m;
        double spread = model.scale * sqrt(1 + (double)h * model.alpha * model.alpha);
        ff_series_put(scores, h, with(model.level, model.pattern[phase], model.relative),
                      distance_at(&model, phase, width * spread));
    }
    return code;
}

const struct ff_kind ff_kind_classical = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "classical",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

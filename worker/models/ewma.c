/* ewma: an exponentially weighted level and a robust scale of the one-step errors.
 *
 * For series too short or too irregular for a season, and as a fallback: it needs two values. The level
 * starts at the median of the first ten values, so that one odd first value does not stay in the errors, and
 * follows l ← l + alpha·(y − l). A missing value leaves it alone. The scale is that of the errors y − l
 * before each update.
 *
 * score goes on one step ahead, as the scale is measured: from the start level at the training start and
 * before, from the last one behind the end, between both in proportion within. A value outside the band moves
 * the level as if it lay at the edge. Models of format 1 have no start level and were judged by their last
 * one alone; so they still are, as the thresholds of their alerts are made for that. Source: Roberts,
 * "Control chart tests based on geometric moving averages", Technometrics 1 (1959). */
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { START_VALUES = 10 };

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    double *alpha = fit->alloc(fit, 1, sizeof *alpha);
    *config = alpha;
    return ff_params_number(fit, params, count, "alpha", 0.1, alpha);
}

static double start_level(const double *values, size_t count, double *scratch)
{
    size_t first = count < START_VALUES ? count : START_VALUES;
    memcpy(scratch, values, first * sizeof *values);
    return ff_median(scratch, first);
}

/* Turns values into their errors; returns the level after the last. */
static double follow(double *values, size_t count, double alpha, double level)
{
    for (size_t i = 0; i < count; i++) {
        values[i] -= level;
        level += alpha * values[i];
    }
    return level;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const double *alpha = config;
    size_t n = frame->steps;
    double *values = fit->alloc(fit, n, sizeof *values), *scratch = fit->alloc(fit, n, sizeof *scratch);
    size_t count = ff_finite_values(frame->values, n, values);
    if (count < 2)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least 2 are needed",
                         count, n);
    bool constant = ff_all_equal(values, count);
    memcpy(scratch, values, count * sizeof *values);
    double typical = ff_median(scratch, count);
    double start = start_level(values, count, scratch), level = follow(values, count, *alpha, start);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->number(fit, "level", level, FF_SUMMARY);
    fit->number(fit, "scale", ff_error_scale(values, count, typical, scratch), FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    fit->number(fit, "alpha", *alpha, FF_EXPORT);
    fit->number(fit, "start_level", start, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    double level, start_level, scale, alpha;
    size_t steps;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *model)
{
    bool is_still = from->format_version < 2;
    *model = (struct model){.level = from->number(from, "level"),
                            .scale = from->number(from, "scale"),
                            .alpha = from->number(from, "alpha"),
                            .steps = from->steps};
    model->start_level = is_still ? model->level : from->number(from, "start_level");
    if (isnan(model->level) || isnan(model->start_level) || !(model->scale > 0) ||
        !(model->alpha >= 0 && model->alpha <= 1) || from->steps < 1)
        return ff_series_damaged(fit, "level, scale or alpha");
    return FF_FIT_OK;
}

/* The level before a step of the model's axis; see above. */
static double level_at(const struct model *model, int64_t step)
{
    if (step <= 0)
        return model->start_level;
    if (step >= (int64_t)model->steps)
        return model->level;
    return model->start_level + (double)step / (double)model->steps * (model->level - model->start_level);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    double alpha = from->format_version < 2 ? 0 : model.alpha, distance = FF_SERIES_BAND * model.scale;
    double level = level_at(&model, ff_series_offset(from, frame));
    for (size_t i = 0; i < frame->steps; i++) {
        ff_series_put(scores, i, level, distance);
        if (!isnan(frame->values[i]))
            level += alpha * (ff_series_clamp(frame->values[i], level, distance) - level);
    }
    return FF_FIT_OK;
}

/* After h steps the level's own error has variance scale²·(1 + (h − 1)·alpha²) (simple exponential smoothing,
 * Hyndman et al. 2008, class 1). */
static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    double width = ff_series_normal(coverage);
    for (size_t i = 0; code == FF_FIT_OK && i < horizon; i++)
        ff_series_put(scores, i, model.level,
                      width * model.scale * sqrt(1 + (double)i * model.alpha * model.alpha));
    return code;
}

const struct ff_kind ff_kind_ewma = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "ewma",
    .format_version = 2,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

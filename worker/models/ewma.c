/* ewma: an exponentially weighted level and a robust scale of the one-step errors.
 *
 * For series too short or too irregular for a season, and as a fallback: it needs two values. The level
 * starts at the median of the first ten values, so that one odd first value does not stay in the errors, and
 * follows l ← l + alpha·(y − l). A missing value leaves it alone. The scale is that of seasonal, of the
 * errors y − l before each update. Source: Roberts, "Control chart tests based on geometric moving averages",
 * Technometrics 1 (1959). */
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
    double level = follow(values, count, *alpha, start_level(values, count, scratch));
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->number(fit, "level", level, FF_SUMMARY);
    fit->number(fit, "scale", ff_error_scale(values, count, typical, scratch), FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    fit->number(fit, "alpha", *alpha, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model, double *level, double *scale)
{
    *level = model->number(model, "level");
    *scale = model->number(model, "scale");
    if (isnan(*level) || !(*scale > 0))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind ewma");
    return FF_FIT_OK;
}

static void fill_band(double level, double width, size_t i, struct ff_kind_scores *out)
{
    out->expected[i] = level;
    out->lower[i] = level - width;
    out->upper[i] = level + width;
}

/* Every step by the level at the end of training: the same band whatever is judged first. */
static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    double level, scale;
    int code = read_model(fit, model, &level, &scale);
    for (size_t i = 0; code == FF_FIT_OK && i < frame->steps; i++)
        fill_band(level, FF_SERIES_BAND * scale, i, scores);
    return code;
}

/* After h steps the level's own error has variance scale²·(1 + (h − 1)·alpha²) (simple exponential smoothing,
 * Hyndman et al. 2008, class 1). */
static int forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    double level, scale, alpha = model->number(model, "alpha"), width = ff_series_normal(coverage);
    int code = read_model(fit, model, &level, &scale);
    for (size_t i = 0; code == FF_FIT_OK && i < horizon; i++)
        fill_band(level, width * scale * sqrt(1 + (double)i * alpha * alpha), i, scores);
    return code;
}

const struct ff_kind ff_kind_ewma = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "ewma",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

/* expected = level + the pattern of each season. The patterns are those of the first and of the last season
 * of the training data: at a step within they are mixed in proportion to the place, before and behind they
 * are held. The level starts at the trend's first value at the training start, at its last behind the end, in
 * between at a mix, and follows what the patterns leave: level ← level + gain·(y − expected). A value outside
 * the band moves it as if it were at the edge; a missing one does not.
 *
 * The gain is the one of a few with the least sum of |y − expected| one step ahead through the training data,
 * and scale and sigma are of those errors: what a model can know of the next step, not the remainder of a
 * decomposition that has seen both sides. That one is kept as `remainder`. A forecast holds the level; its
 * variance is that of a smoothed level, sigma²·(1 + (h − 1)·gain²). */
#include "worker/models/stl_model.h"

#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { MOST_SEASONS = 3 };

struct model {
    size_t count;
    size_t seasons[MOST_SEASONS];
    const double *start[MOST_SEASONS], *end[MOST_SEASONS]; /* by step of the axis modulo the season */
    double start_level, end_level, gain, scale, sigma;
    size_t steps;
};

/* The place of a step within the training data: 0 at the start and before, 1 behind. */
static double part_at(const struct model *model, int64_t step)
{
    return fmin(fmax((double)step / (double)model->steps, 0), 1);
}

static double pattern_at(const struct model *model, int64_t step)
{
    double part = part_at(model, step), sum = 0;
    for (size_t k = 0; k < model->count; k++) {
        size_t phase = ff_series_phase(step, model->seasons[k]);
        sum += (1 - part) * model->start[k][phase] + part * model->end[k][phase];
    }
    return sum;
}

static double level_at(const struct model *model, int64_t step)
{
    double part = part_at(model, step);
    return (1 - part) * model->start_level + part * model->end_level;
}

/* errors[i] of each value that is not missing, one step ahead; returns Σ|error|, and their count. */
static double follow(const struct model *model, const double *values, size_t n, double gain, double *errors,
                     size_t *count)
{
    double level = model->start_level, sum = 0;
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        double error = values[i] - level - pattern_at(model, (int64_t)i);
        if (isnan(error))
            continue;
        level += gain * error;
        sum += fabs(error);
        errors[(*count)++] = error;
    }
    return sum;
}

static void choose_gain(struct ff_fit *fit, const double *values, size_t n, double *errors, size_t *count,
                        struct model *model)
{
    static const double gains[] = {0.01, 0.03, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95};
    double least = INFINITY;
    (void)fit;
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++) {
        double sum = follow(model, values, n, gains[i], errors, count);
        if (sum < least) {
            least = sum;
            model->gain = gains[i];
        }
    }
    follow(model, values, n, model->gain, errors, count);
}

/* The first or last season of values[n], by step modulo m. */
static double *pattern_of(struct ff_fit *fit, const double *values, size_t n, size_t m, bool last)
{
    double *pattern = fit->alloc(fit, m, sizeof *pattern);
    for (size_t i = 0; i < m; i++) {
        size_t step = last ? n - m + i : i;
        pattern[step % m] = values[step];
    }
    return pattern;
}

static double remainder_scale(const double *values, const double *trend, const double *seasonal, size_t n,
                              size_t count, double typical, double *rest, double *scratch)
{
    size_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        double left = values[i] - trend[i];
        for (size_t k = 0; k < count; k++)
            left -= seasonal[k * n + i];
        if (!isnan(left))
            rest[seen++] = left;
    }
    return ff_robust_scale(rest, seen, typical, scratch);
}

static void emit_patterns(struct ff_fit *fit, const struct model *model, double unit)
{
    size_t total = 0, at = 0;
    double *lengths = fit->alloc(fit, MOST_SEASONS, sizeof *lengths);
    for (size_t k = 0; k < model->count; k++) {
        lengths[k] = (double)model->seasons[k];
        total += model->seasons[k];
    }
    double *start = fit->alloc(fit, total + 1, sizeof *start), *end = fit->alloc(fit, total + 1, sizeof *end);
    for (size_t k = 0; k < model->count; k++)
        for (size_t i = 0; i < model->seasons[k]; i++, at++) {
            start[at] = model->start[k][i] * unit;
            end[at] = model->end[k][i] * unit;
        }
    fit->numbers(fit, "seasons", lengths, model->count, FF_SUMMARY);
    fit->numbers(fit, "seasonal", end, total, FF_EXPORT);
    fit->numbers(fit, "start_seasonal", start, total, FF_EXPORT);
}

void ff_stl_emit(struct ff_fit *fit, const struct ff_kind_frame *frame, const size_t *seasons, size_t count,
                 const double *trend, const double *seasonal, double unit)
{
    size_t n = frame->steps, seen;
    struct model model = {.count = count, .start_level = trend[0], .end_level = trend[n - 1], .steps = n};
    double *values = fit->alloc(fit, n, sizeof *values), *errors = fit->alloc(fit, n, sizeof *errors);
    double *scratch = fit->alloc(fit, n, sizeof *scratch), squares = 0;
    for (size_t i = 0; i < n; i++)
        values[i] = frame->values[i] / unit;
    for (size_t k = 0; k < count; k++) {
        model.seasons[k] = seasons[k];
        model.start[k] = pattern_of(fit, seasonal + k * n, n, seasons[k], false);
        model.end[k] = pattern_of(fit, seasonal + k * n, n, seasons[k], true);
    }
    choose_gain(fit, values, n, errors, &seen, &model);
    for (size_t i = 0; i < seen; i++)
        squares += errors[i] * errors[i];
    memcpy(scratch, trend, n * sizeof *trend);
    double typical = ff_median(scratch, n) * unit;
    for (size_t i = 0; i < seen; i++)
        errors[i] *= unit;
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - seen), FF_SUMMARY);
    fit->number(fit, "level", model.end_level * unit, FF_SUMMARY);
    fit->number(fit, "scale", ff_error_scale(errors, seen, typical, scratch), FF_SUMMARY);
    double rest = remainder_scale(values, trend, seasonal, n, count, typical / unit, errors, scratch);
    fit->number(fit, "remainder", rest * unit, FF_EXPORT);
    fit->number(fit, "sigma", sqrt(squares / fmax((double)seen - 1, 1)) * unit, FF_EXPORT);
    fit->number(fit, "gain", model.gain, FF_EXPORT);
    fit->number(fit, "start_level", model.start_level * unit, FF_EXPORT);
    emit_patterns(fit, &model, unit);
}

static bool all_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static int read_patterns(struct ff_fit *fit, const struct ff_kind_model *from, struct model *model)
{
    size_t start_count = 0, end_count = 0, total = 0;
    const double *lengths = from->numbers(from, "seasons", &model->count);
    const double *start = from->numbers(from, "start_seasonal", &start_count);
    const double *end = from->numbers(from, "seasonal", &end_count);
    if (!lengths || !start || !end || model->count > MOST_SEASONS || start_count != end_count ||
        !all_finite(start, start_count) || !all_finite(end, end_count))
        return ff_series_damaged(fit, "seasons");
    for (size_t k = 0; k < model->count; k++) {
        if (!(lengths[k] >= 1 && lengths[k] <= (double)(end_count - total)))
            return ff_series_damaged(fit, "length of a season");
        model->seasons[k] = (size_t)lengths[k];
        model->start[k] = start + total;
        model->end[k] = end + total;
        total += model->seasons[k];
    }
    return FF_FIT_OK;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *model)
{
    *model = (struct model){.start_level = from->number(from, "start_level"),
                            .end_level = from->number(from, "level"),
                            .gain = from->number(from, "gain"),
                            .scale = from->number(from, "scale"),
                            .sigma = from->number(from, "sigma"),
                            .steps = from->steps};
    if (!isfinite(model->start_level) || !isfinite(model->end_level) ||
        !(model->gain >= 0 && model->gain <= 1) || !(model->scale >= 0) || !(model->sigma >= 0) ||
        from->steps < 1)
        return ff_series_damaged(fit, "a parameter");
    return read_patterns(fit, from, model);
}

int ff_stl_score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    int64_t offset = ff_series_offset(from, frame);
    double level = level_at(&model, offset), distance = FF_SERIES_BAND * model.scale;
    for (size_t t = 0; t < frame->steps; t++) {
        double y = frame->values[t], expected = level + pattern_at(&model, offset + (int64_t)t);
        ff_series_put(scores, t, expected, distance);
        if (!isnan(y))
            level += model.gain * (ff_series_clamp(y, expected, distance) - expected);
    }
    return FF_FIT_OK;
}

int ff_stl_forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    double z = ff_series_normal(coverage);
    for (size_t h = 0; h < horizon; h++)
        ff_series_put(scores, h, model.end_level + pattern_at(&model, (int64_t)(model.steps + h)),
                      z * model.sigma * sqrt(1 + (double)h * model.gain * model.gain));
    return FF_FIT_OK;
}

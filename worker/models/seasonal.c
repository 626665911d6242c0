/* seasonal: one level per phase of the season, and one scale for what is left.
 *
 * The level of a phase is the median of its values, the scale a robust deviation of the residuals, so neither
 * minds the anomalies that the training data hold. Phases count from the epoch in UTC, not from the first
 * row: a season of one day begins at midnight whatever the data. Source: classical decomposition by seasonal
 * medians; for the choice of the season see season.c.
 *
 * Values are sorted by phase once (a counting sort), then each phase is one selection: linear in the steps.
 */
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/season.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { LONGEST_SEASON = 10000000 };

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct ff_season *season = fit->alloc(fit, 1, sizeof *season);
    *config = season;
    return ff_params_season(fit, params, count, "season", season);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

/* floor(duration / step + 0.5), at least 1. */
static int64_t rounded_steps(int64_t duration_ms, int64_t step_ms)
{
    int64_t steps = duration_ms / step_ms + (duration_ms % step_ms >= step_ms - duration_ms % step_ms);
    return steps > 0 ? steps : 1;
}

static int64_t season_steps(struct ff_fit *fit, const struct ff_season *season,
                            const struct ff_kind_frame *frame)
{
    switch (season->type) {
    case FF_SEASON_STEPS:
        return season->value;
    case FF_SEASON_DURATION:
        return rounded_steps(season->value, frame->step_ms);
    case FF_SEASON_AUTO:
        break;
    }
    return (int64_t)ff_season_detect(fit, frame->values, frame->steps);
}

/* Of the step that begins at time_ms; season_ms 0: the season was not given as a duration. */
static size_t phase_of(int64_t time_ms, int64_t step_ms, int64_t season_ms, int64_t s)
{
    int64_t steps = season_ms ? floor_mod(time_ms, season_ms) / step_ms : floor_div(time_ms, step_ms);
    return (size_t)floor_mod(steps, s);
}

static int64_t duration_of(const struct ff_season *season)
{
    return season->type == FF_SEASON_DURATION ? season->value : 0;
}

static void count_phases(const struct ff_season *season, int64_t s, const struct ff_kind_frame *frame,
                         size_t *phase)
{
    for (size_t i = 0; i < frame->steps; i++)
        phase[i] =
            phase_of(frame->t0_ms + (int64_t)i * frame->step_ms, frame->step_ms, duration_of(season), s);
}

/* starts[k] … starts[k + 1] become the places of phase k among the values that are not missing. */
static void group_by_phase(const struct ff_kind_frame *frame, const size_t *phase, size_t s, size_t *starts,
                           double *grouped)
{
    memset(starts, 0, (s + 2) * sizeof *starts);
    for (size_t i = 0; i < frame->steps; i++)
        if (!isnan(frame->values[i]))
            starts[phase[i] + 2]++;
    for (size_t k = 2; k < s + 2; k++)
        starts[k] += starts[k - 1];
    for (size_t i = 0; i < frame->steps; i++)
        if (!isnan(frame->values[i]))
            grouped[starts[phase[i] + 1]++] = frame->values[i];
}

static double *fit_level(struct ff_fit *fit, const struct ff_kind_frame *frame, const size_t *phase, size_t s,
                         double typical)
{
    double *level = fit->alloc(fit, s, sizeof *level);
    double *grouped = fit->alloc(fit, frame->steps, sizeof *grouped);
    size_t *starts = fit->alloc(fit, s + 2, sizeof *starts);
    group_by_phase(frame, phase, s, starts, grouped);
    for (size_t k = 0; k < s; k++) {
        size_t count = starts[k + 1] - starts[k];
        level[k] = count ? ff_median(grouped + starts[k], count) : typical;
    }
    return level;
}

/* values without the missing ones, minus the level of their phase. */
static void subtract_level(const struct ff_kind_frame *frame, const size_t *phase, const double *level,
                           double *rest)
{
    for (size_t i = 0; i < frame->steps; i++)
        if (!isnan(frame->values[i]))
            *rest++ = frame->values[i] - level[phase[i]];
}

static int fit_season(struct ff_fit *fit, const struct ff_season *season, int64_t s,
                      const struct ff_kind_frame *frame)
{
    size_t n = frame->steps;
    double *values = fit->alloc(fit, n, sizeof *values), *scratch = fit->alloc(fit, n, sizeof *scratch);
    size_t *phase = fit->alloc(fit, n, sizeof *phase);
    size_t count = ff_finite_values(frame->values, n, values);
    bool constant = ff_all_equal(values, count);
    double typical = ff_median(values, count);
    count_phases(season, s, frame, phase);
    double *level = fit_level(fit, frame, phase, (size_t)s, typical);
    subtract_level(frame, phase, level, values);
    fit->integer(fit, "season", s, FF_SUMMARY);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->number(fit, "scale", ff_robust_scale(values, count, typical, scratch), FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    fit->integer(fit, "step_ms", frame->step_ms, FF_EXPORT);
    fit->integer(fit, "season_ms", duration_of(season), FF_EXPORT);
    fit->numbers(fit, "level", level, (size_t)s, FF_EXPORT);
    return FF_FIT_OK;
}

static bool any_value(const struct ff_kind_frame *frame)
{
    for (size_t i = 0; i < frame->steps; i++)
        if (!isnan(frame->values[i]))
            return true;
    return false;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct ff_season *season = config;
    if (!any_value(frame))
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", frame->steps);
    int64_t s = season_steps(fit, season, frame);
    if (s > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %lld steps, at most %d are possible",
                         (long long)s, LONGEST_SEASON);
    return fit_season(fit, season, s, frame);
}

/* ---- using it ---- */

struct fitted {
    const double *level;
    int64_t season, season_ms, step_ms;
    double scale;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model, struct fitted *out)
{
    size_t levels;
    *out = (struct fitted){.level = model->numbers(model, "level", &levels),
                           .season = model->integer(model, "season", 0),
                           .season_ms = model->integer(model, "season_ms", 0),
                           .step_ms = model->step_ms,
                           .scale = model->number(model, "scale")};
    if (!out->level || out->season < 1 || (uint64_t)out->season != levels || out->season_ms < 0 ||
        !(out->scale > 0))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind seasonal");
    return FF_FIT_OK;
}

static void fill_band(const struct fitted *fitted, int64_t t0_ms, size_t steps, double width,
                      struct ff_kind_scores *out)
{
    for (size_t i = 0; i < steps; i++) {
        int64_t time_ms = t0_ms + (int64_t)i * fitted->step_ms;
        out->expected[i] =
            fitted->level[phase_of(time_ms, fitted->step_ms, fitted->season_ms, fitted->season)];
        out->lower[i] = out->expected[i] - width;
        out->upper[i] = out->expected[i] + width;
    }
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, &fitted);
    if (code == FF_FIT_OK)
        fill_band(&fitted, frame->t0_ms, frame->steps, FF_SERIES_BAND * fitted.scale, scores);
    return code;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, &fitted);
    int64_t end_ms = model->t0_ms + (int64_t)model->steps * model->step_ms;
    if (code == FF_FIT_OK)
        fill_band(&fitted, end_ms, horizon, ff_series_normal(coverage) * fitted.scale, scores);
    return code;
}

const struct ff_kind ff_kind_seasonal = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "seasonal",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

/* changepoint: the level and scale of a metric since they last changed.
 *
 * The seasonal pattern (by phase, the median of what is left of a moving mean over a season) is taken off,
 * the rest is cut into segments of a mean and a variance of their own (pelt.h), and each gets its median as
 * level and a robust scale. The last one is what new rows are judged by; a training row by its own. A scale
 * of few values is drawn to that of all segments, as if POOLED values more had it.
 *
 * For the search values are divided by the typical step to step difference, and what is further than FURTHEST
 * of them from the median counts as if it was there: an outlier of any size leaves the sums of squares their
 * precision. A segment is never taken to vary less than a tenth of that difference. Holes are bridged. */
#include "worker/models/pelt.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { LEAST_VALUES = 10, POOLED = 10, LONGEST_SEASON = 1000000 };

static const double furthest = 1e4, least_variance = 0.01;

struct config {
    struct ff_season season;
    struct ff_pelt_options pelt;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct config *out = fit->alloc(fit, 1, sizeof *out);
    double shortest;
    const char *penalty = ff_params_text(params, count, "penalty");
    *config = out;
    int code = ff_params_season(fit, params, count, "season", &out->season);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "shortest", 12, &shortest);
    if (code != FF_FIT_OK)
        return code;
    bool bic = penalty && strcmp(penalty, "bic") == 0;
    out->pelt = (struct ff_pelt_options){bic ? FF_PELT_BIC : FF_PELT_MBIC, (size_t)shortest, least_variance};
    return FF_FIT_OK;
}

/* The robust scale of a step: of first differences, over √2. */
static double step_scale(const double *x, size_t n, double typical, double *differences, double *scratch)
{
    for (size_t i = 1; i < n; i++)
        differences[i - 1] = x[i] - x[i - 1];
    return ff_robust_scale(differences, n - 1, typical, scratch) / sqrt(2);
}

/* x = (x − median) / its scale, cut at `furthest`; returns the scale. */
static double standardize(struct ff_fit *fit, double *x, size_t n, double typical)
{
    double *scratch = fit->alloc(fit, 2 * n, sizeof *scratch);
    double scale = step_scale(x, n, typical, scratch + n, scratch);
    memcpy(scratch, x, n * sizeof *x);
    double centre = ff_median(scratch, n);
    for (size_t i = 0; i < n; i++)
        x[i] = fmax(fmin((x[i] - centre) / scale, furthest), -furthest);
    return scale;
}

/* By phase, mean 0: the median of what is left of a moving mean over a season, which a change of level
 * disturbs for a season only. 2m <= n. */
static double *find_pattern(struct ff_fit *fit, const double *x, size_t n, size_t m)
{
    double *pattern = fit->alloc(fit, m, sizeof *pattern), *phase = fit->alloc(fit, n / m + 1, sizeof *phase);
    double *sums = fit->alloc(fit, n + 1, sizeof *sums), mean = 0;
    size_t before = m / 2, after = m - before; /* of a step: itself is the first behind */
    sums[0] = 0;
    for (size_t i = 0; i < n; i++)
        sums[i + 1] = sums[i] + x[i];
    for (size_t k = 0; k < m; k++) {
        size_t count = 0;
        for (size_t i = k; i + after <= n; i += m)
            if (i >= before)
                phase[count++] = x[i] - (sums[i + after] - sums[i - before]) / (double)m;
        pattern[k] = ff_median(phase, count);
        mean += pattern[k] / (double)m;
    }
    for (size_t k = 0; k < m; k++)
        pattern[k] -= mean;
    return pattern;
}

/* Takes the pattern, which it returns, off y, and gives what the search needs of the rest. */
static double *prepare(struct ff_fit *fit, double *y, size_t n, size_t m, double typical, double **x_out)
{
    double *x = fit->alloc(fit, n, sizeof *x), *weights = fit->alloc(fit, n, sizeof *weights);
    double *pattern = fit->alloc(fit, m, sizeof *pattern);
    memcpy(x, y, n * sizeof *x);
    ff_series_fill(x, weights, n);
    double scale = standardize(fit, x, n, typical);
    pattern[0] = 0;
    if (m > 1) {
        pattern = find_pattern(fit, x, n, m);
        for (size_t i = 0; i < n; i++)
            x[i] -= pattern[i % m];
        for (size_t k = 0; k < m; k++)
            pattern[k] *= scale;
        for (size_t i = 0; i < n; i++)
            y[i] -= pattern[i % m];
        standardize(fit, x, n, 0);
    }
    *x_out = x;
    return pattern;
}

struct segments {
    size_t count;
    size_t *starts;
    double *levels, *scales;
};

/* Levels and scales from the values that are there; rest becomes what is left of the levels. */
static void describe(struct ff_fit *fit, double *rest, size_t n, double typical, struct segments *segments)
{
    double *known = fit->alloc(fit, 2 * n, sizeof *known), *scratch = known + n;
    size_t *counts = fit->alloc(fit, segments->count, sizeof *counts);
    double level = 0;
    for (size_t s = 0; s < segments->count; s++) {
        size_t start = segments->starts[s], end = s + 1 < segments->count ? segments->starts[s + 1] : n;
        counts[s] = ff_finite_values(rest + start, end - start, known);
        if (counts[s])
            level = ff_median(known, counts[s]);
        segments->levels[s] = level;
        for (size_t i = start; i < end; i++)
            rest[i] -= level;
        size_t count = ff_finite_values(rest + start, end - start, known);
        segments->scales[s] = count ? ff_robust_scale(known, count, typical, scratch) : 0;
    }
    double all = ff_robust_scale(known, ff_finite_values(rest, n, known), typical, scratch);
    for (size_t s = 0; s < segments->count; s++) {
        double squares = (double)counts[s] * segments->scales[s] * segments->scales[s];
        segments->scales[s] = sqrt((squares + POOLED * all * all) / ((double)counts[s] + POOLED));
    }
}

static void emit(struct ff_fit *fit, const struct ff_kind_frame *frame, const struct segments *segments,
                 const double *pattern, size_t m)
{
    size_t last = segments->count - 1;
    double *starts = fit->alloc(fit, segments->count, sizeof *starts);
    for (size_t s = 0; s <= last; s++)
        starts[s] = (double)segments->starts[s];
    fit->integer(fit, "season", (int64_t)m, FF_SUMMARY);
    fit->integer(fit, "segments", (int64_t)segments->count, FF_SUMMARY);
    fit->integer(fit, "changed_ms", frame->t0_ms + (int64_t)segments->starts[last] * frame->step_ms,
                 FF_SUMMARY);
    fit->number(fit, "level", segments->levels[last], FF_SUMMARY);
    fit->number(fit, "scale", segments->scales[last], FF_SUMMARY);
    fit->numbers(fit, "starts", starts, segments->count, FF_EXPORT);
    fit->numbers(fit, "levels", segments->levels, segments->count, FF_EXPORT);
    fit->numbers(fit, "scales", segments->scales, segments->count, FF_EXPORT);
    fit->numbers(fit, "pattern", pattern, m, FF_EXPORT);
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct config *given = config;
    size_t n = frame->steps;
    double *rest = fit->alloc(fit, n, sizeof *rest);
    size_t count = ff_finite_values(frame->values, n, rest);
    if (count < LEAST_VALUES)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least %d are needed",
                         count, n, LEAST_VALUES);
    double typical = ff_median(rest, count);
    size_t m = ff_series_season(fit, &given->season, frame);
    if (m > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %zu steps, at most %d are possible", m,
                         LONGEST_SEASON);
    if (2 * m > n)
        m = 1;
    memcpy(rest, frame->values, n * sizeof *rest);
    double *x, *pattern = prepare(fit, rest, n, m, typical, &x);
    struct segments segments = {.starts = fit->alloc(fit, n, sizeof(size_t)),
                                .levels = fit->alloc(fit, n, sizeof(double)),
                                .scales = fit->alloc(fit, n, sizeof(double))};
    segments.count = ff_pelt_segments(fit, x, n, &given->pelt, segments.starts);
    describe(fit, rest, n, typical, &segments);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    emit(fit, frame, &segments, pattern, m);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    const double *starts, *levels, *scales, *pattern;
    size_t count, m;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t starts, levels, scales, phases;
    *out = (struct model){.starts = from->numbers(from, "starts", &starts),
                          .levels = from->numbers(from, "levels", &levels),
                          .scales = from->numbers(from, "scales", &scales),
                          .pattern = from->numbers(from, "pattern", &phases)};
    out->count = starts;
    out->m = phases;
    if (starts == 0 || phases == 0 || levels != starts || scales != starts)
        return ff_series_damaged(fit, "segments");
    for (size_t s = 0; s < starts; s++)
        if (!(out->scales[s] > 0) || (s && !(out->starts[s] > out->starts[s - 1])))
            return ff_series_damaged(fit, "a segment");
    return FF_FIT_OK;
}

/* By the segment of each step: the first one before all, the last one behind. */
static void put_bands(const struct model *model, int64_t offset, size_t steps, double width,
                      struct ff_kind_scores *scores)
{
    size_t s = 0;
    for (size_t i = 0; i < steps; i++) {
        int64_t step = offset + (int64_t)i;
        while (s + 1 < model->count && model->starts[s + 1] <= (double)step)
            s++;
        ff_series_put(scores, i, model->levels[s] + model->pattern[ff_series_phase(step, model->m)],
                      width * model->scales[s]);
    }
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code == FF_FIT_OK)
        put_bands(&model, ff_series_offset(from, frame), frame->steps, FF_SERIES_BAND, scores);
    return code;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code == FF_FIT_OK)
        put_bands(&model, (int64_t)from->steps, horizon, ff_series_normal(coverage), scores);
    return code;
}

const struct ff_kind ff_kind_changepoint = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "changepoint",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

/* quantile: a median for each phase of the season, and a band by the quantiles of what is left around it.
 *
 * The band reaches `reach` times as far from the median as the quantiles `lower` and `upper` do, each on its
 * side and at each phase: it follows a lopsided distribution and a spread that goes with the time of day.
 * With inner quantiles (the defaults; 3 times 0.1 and 0.9 are about 4 deviations of a normal distribution) as
 * much as a tenth of anomalies leaves it alone; with a reach of 1 it is the quantiles themselves. A phase
 * alone has too few values for the quantiles of a tail. So residuals are pooled with those of the
 * neighbouring phases, as many to either side as it takes for TAIL values beyond a quantile; the medians
 * likewise from LEVEL values on.
 *
 * Source: bands of empirical quantiles as in Hyndman & Fan, "Sample quantiles in statistical packages", The
 * American Statistician 50 (1996), type 7; pooling neighbours: a running quantile with a uniform kernel
 * (Bhattacharya & Gangopadhyay 1990). */
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { LEVEL = 5, TAIL = 2, LEAST_VALUES = 10, LONGEST_SEASON = 10000000 };

struct config {
    struct ff_season season;
    double lower, upper, reach;
};

/* Values by phase, twice over: the neighbours of a phase lie in one piece. */
struct phases {
    size_t m, count;
    size_t *starts; /* of each of 2m phases, and the end */
    double *values;
    double *pool; /* room for count */
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct config *out = fit->alloc(fit, 1, sizeof *out);
    *config = out;
    int code = ff_params_season(fit, params, count, "season", &out->season);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "lower", 0.1, &out->lower);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "upper", 0.9, &out->upper);
    return code == FF_FIT_OK ? ff_params_number(fit, params, count, "reach", 3, &out->reach) : code;
}

/* Room for the values of y that are not missing. */
static struct phases make_phases(struct ff_fit *fit, size_t n, size_t m)
{
    return (struct phases){.m = m,
                           .starts = fit->alloc(fit, 2 * m + 2, sizeof(size_t)),
                           .values = fit->alloc(fit, 2 * n, sizeof(double)),
                           .pool = fit->alloc(fit, n, sizeof(double))};
}

static void group(struct phases *phases, const double *y, size_t n)
{
    size_t m = phases->m, *starts = phases->starts;
    memset(starts, 0, (2 * m + 2) * sizeof *starts);
    for (size_t i = 0; i < 2 * n; i++)
        starts[i / n * m + i % n % m + 2] += isnan(y[i % n]) ? 0 : 1;
    for (size_t k = 2; k < 2 * m + 2; k++)
        starts[k] += starts[k - 1];
    for (size_t i = 0; i < 2 * n; i++)
        if (!isnan(y[i % n]))
            phases->values[starts[i / n * m + i % n % m + 1]++] = y[i % n];
    phases->count = starts[m];
}

/* Copies the values of a phase and of its neighbours to the pool: `least` at least, if there are as many. */
static size_t take_pool(const struct phases *phases, size_t phase, size_t least)
{
    size_t m = phases->m, reach = 0;
    const size_t *starts = phases->starts;
    for (; 2 * reach + 1 < m; reach++) {
        size_t first = (phase + m - reach) % m, end = first + 2 * reach + 1;
        size_t count = starts[end] - starts[first];
        if (count >= least) {
            memcpy(phases->pool, phases->values + starts[first], count * sizeof *phases->pool);
            return count;
        }
    }
    memcpy(phases->pool, phases->values, phases->count * sizeof *phases->pool);
    return phases->count;
}

static double *find_levels(struct ff_fit *fit, const struct phases *phases)
{
    double *level = fit->alloc(fit, phases->m, sizeof *level);
    for (size_t k = 0; k < phases->m; k++)
        level[k] = ff_median(phases->pool, take_pool(phases, k, LEVEL));
    return level;
}

/* By how much values are below and above their level at a phase. */
struct reach {
    double below, above;
};

static struct reach find_reach(const struct phases *residuals, const struct config *config, size_t count)
{
    return (struct reach){-config->reach * ff_quantile(residuals->pool, count, config->lower),
                          config->reach * ff_quantile(residuals->pool, count, config->upper)};
}

/* Bounds of each phase from the quantiles of the residuals, at least `least` from the level. */
static void find_bounds(const struct phases *residuals, const double *level, const struct config *config,
                        double least, double *low, double *high)
{
    double share = fmin(config->lower, 1 - config->upper);
    size_t wanted = (size_t)fmin(TAIL / fmax(share, 1e-9), (double)residuals->count);
    struct reach reach = {0, 0};
    size_t count = 0;
    for (size_t k = 0; k < residuals->m; k++) {
        if (count < residuals->count) { /* once all are pooled, they are for every phase */
            count = take_pool(residuals, k, wanted);
            reach = find_reach(residuals, config, count);
        }
        low[k] = level[k] - fmax(reach.below, least);
        high[k] = level[k] + fmax(reach.above, least);
    }
}

static void emit(struct ff_fit *fit, const struct config *config, const double *level, const double *low,
                 const double *high, size_t m)
{
    fit->number(fit, "lower", config->lower, FF_EXPORT);
    fit->number(fit, "upper", config->upper, FF_EXPORT);
    fit->number(fit, "reach", config->reach, FF_EXPORT);
    fit->numbers(fit, "level", level, m, FF_EXPORT);
    fit->numbers(fit, "low", low, m, FF_EXPORT);
    fit->numbers(fit, "high", high, m, FF_EXPORT);
}

static double mean_width(const double *low, const double *high, size_t m)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++)
        sum += (high[k] - low[k]) / (double)m;
    return sum;
}

static int fit_season(struct ff_fit *fit, const struct config *config, const struct ff_kind_frame *frame,
                      size_t m, double typical)
{
    size_t n = frame->steps;
    struct phases phases = make_phases(fit, n, m);
    double *rest = fit->alloc(fit, n, sizeof *rest), *low = fit->alloc(fit, m, sizeof *low),
           *high = fit->alloc(fit, m, sizeof *high);
    group(&phases, frame->values, n);
    const double *level = find_levels(fit, &phases);
    for (size_t i = 0; i < n; i++)
        rest[i] = frame->values[i] - level[i % m];
    group(&phases, rest, n);
    find_bounds(&phases, level, config, 1e-9 * fmax(1, fabs(typical)), low, high);
    fit->integer(fit, "season", (int64_t)m, FF_SUMMARY);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - phases.count), FF_SUMMARY);
    fit->number(fit, "width", mean_width(low, high, m), FF_SUMMARY);
    emit(fit, config, level, low, high, m);
    return FF_FIT_OK;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct config *given = config;
    double *known = fit->alloc(fit, frame->steps, sizeof *known);
    size_t count = ff_finite_values(frame->values, frame->steps, known);
    if (!(given->lower < given->upper))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "lower is %g, which is not below upper, %g", given->lower,
                         given->upper);
    if (count < LEAST_VALUES)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least %d are needed",
                         count, frame->steps, LEAST_VALUES);
    size_t m = ff_series_season(fit, &given->season, frame);
    if (m > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %zu steps, at most %d are possible", m,
                         LONGEST_SEASON);
    return fit_season(fit, given, frame, m, ff_median(known, count));
}

/* ---- using it ---- */

struct model {
    const double *level, *low, *high;
    size_t m;
    double lower, upper, reach;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t levels, lows, highs;
    *out = (struct model){.level = from->numbers(from, "level", &levels),
                          .low = from->numbers(from, "low", &lows),
                          .high = from->numbers(from, "high", &highs),
                          .lower = from->number(from, "lower"),
                          .upper = from->number(from, "upper"),
                          .reach = from->number(from, "reach")};
    out->m = levels;
    if (levels == 0 || lows != levels || highs != levels)
        return ff_series_damaged(fit, "level");
    if (!(out->lower >= 0 && out->upper <= 1 && out->lower < out->upper && out->reach > 0))
        return ff_series_damaged(fit, "upper");
    for (size_t k = 0; k < levels; k++)
        if (!(out->low[k] <= out->level[k] && out->level[k] <= out->high[k]))
            return ff_series_damaged(fit, "a bound");
    return FF_FIT_OK;
}

static void put(const struct model *model, int64_t step, double stretch, struct ff_kind_scores *scores,
                size_t i)
{
    size_t phase = ff_series_phase(step, model->m);
    double level = model->level[phase];
    scores->expected[i] = level;
    scores->lower[i] = level + stretch * (model->low[phase] - level);
    scores->upper[i] = level + stretch * (model->high[phase] - level);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    int64_t offset = ff_series_offset(from, frame);
    for (size_t i = 0; code == FF_FIT_OK && i < frame->steps; i++)
        put(&model, offset + (int64_t)i, 1, scores, i);
    return code;
}

/* The quantiles kept are stretched as those of a normal distribution would be. */
static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    double kept = fmin(model.upper - model.lower, 0.999999);
    double stretch = ff_series_normal(coverage) / ff_series_normal(kept) / model.reach;
    for (size_t h = 0; h < horizon; h++)
        put(&model, (int64_t)(from->steps + h), stretch, scores, h);
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_quantile = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "quantile",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

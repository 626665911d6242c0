/* naive: what it was a season ago (or, without a season, just now).
 *
 * The yardstick that every other kind must beat, and where load repeats week by week a hard one. The model
 * keeps the last season; the scale is the robust one of the differences over a season (stats.h). score
 * compares with the value a season before, from the model behind the training data and from the frame itself
 * further on: a value outside its band counts there as the edge, a missing one as what was expected. Of the
 * first season that the model was fitted on nothing is expected: there was none before it. A forecast's
 * variance is scale² for each season that it lies ahead (Hyndman & Athanasopoulos, "Forecasting: principles
 * and practice", 5.5). */
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>

enum { LEAST_DIFFERENCES = 2 };

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct ff_season *season = fit->alloc(fit, 1, sizeof *season);
    *config = season;
    return ff_params_season(fit, params, count, "season", season);
}

static size_t differences(const double *y, size_t n, size_t m, double *out)
{
    size_t count = 0;
    for (size_t i = m; i < n; i++)
        if (!isnan(y[i]) && !isnan(y[i - m]))
            out[count++] = y[i] - y[i - m];
    return count;
}

/* The last value of each phase, by step modulo m; the last of all where a phase has none. */
static void last_season(const double *y, size_t n, size_t m, double *cycle)
{
    double last = NAN;
    for (size_t k = 0; k < m; k++)
        cycle[k] = NAN;
    for (size_t i = 0; i < n; i++)
        if (!isnan(y[i]))
            last = cycle[i % m] = y[i];
    for (size_t k = 0; k < m; k++)
        if (isnan(cycle[k]))
            cycle[k] = last;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    size_t n = frame->steps;
    double *known = fit->alloc(fit, n, sizeof *known), *scratch = fit->alloc(fit, n, sizeof *scratch);
    size_t count = ff_finite_values(frame->values, n, known);
    if (count == 0)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", n);
    double typical = ff_median(known, count);
    size_t m = ff_series_season(fit, config, frame);
    size_t pairs = m < n ? differences(frame->values, n, m, known) : 0;
    if (pairs < LEAST_DIFFERENCES)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                         "%zu pairs of values a season of %zu apart, at least %d are needed", pairs, m,
                         LEAST_DIFFERENCES);
    double *cycle = fit->alloc(fit, m, sizeof *cycle);
    last_season(frame->values, n, m, cycle);
    fit->integer(fit, "season", (int64_t)m, FF_SUMMARY);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->number(fit, "scale", ff_error_scale(known, pairs, typical, scratch), FF_SUMMARY);
    fit->numbers(fit, "cycle", cycle, m, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    const double *cycle;
    size_t m;
    double scale;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    out->cycle = from->numbers(from, "cycle", &out->m);
    out->scale = from->number(from, "scale");
    if (!out->cycle || out->m == 0 || from->integer(from, "season", 0) != (int64_t)out->m ||
        !(out->scale > 0))
        return ff_series_damaged(fit, "cycle");
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    double band = FF_SERIES_BAND * model.scale, *cycle = fit->alloc(fit, model.m, sizeof *cycle);
    int64_t offset = ff_series_offset(from, frame);
    bool begins = offset < (int64_t)model.m;
    for (size_t k = 0; k < model.m; k++)
        cycle[k] = begins ? NAN : model.cycle[k];
    for (size_t i = 0; i < frame->steps; i++) {
        double *expected = &cycle[ff_series_phase(offset + (int64_t)i, model.m)], value = frame->values[i];
        ff_series_put(scores, i, *expected, band);
        if (!isnan(value))
            *expected = isnan(*expected) ? value : ff_series_clamp(value, *expected, band);
    }
    return FF_FIT_OK;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct model model;
    double width = ff_series_normal(coverage);
    int code = read_model(fit, from, &model);
    for (size_t h = 0; code == FF_FIT_OK && h < horizon; h++)
        ff_series_put(scores, h, model.cycle[(from->steps + h) % model.m],
                      width * model.scale * sqrt((double)(h / model.m + 1)));
    return code;
}

const struct ff_kind ff_kind_naive = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "naive",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

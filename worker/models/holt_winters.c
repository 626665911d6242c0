/* holt_winters: level, trend and season smoothed exponentially, by least squares.
 *
 * The recursion, its states and what score and forecast do are those of ets with additive errors; what is
 * minimised is the sum of squared one-step errors over smoothing parameters and initial states, which makes
 * the season multiplicative for values above 0 too. Without a season in the series it is Holt's linear trend.
 * The forms below the one that is asked for are fitted first, as a start: without the trend, and with it the
 * other way damped. Sources: Holt, ONR memorandum 52 (1957); Winters, "Forecasting sales by exponentially
 * weighted moving averages", Management Science 6 (1960); Gardner & McKenzie (1985) for the damping. */
#include "worker/models/ets_model.h"
#include "worker/models/ets_prepare.h"
#include "worker/models/registry.h"

#include <float.h>
#include <math.h>
#include <string.h>

struct config {
    struct ff_season season;
    bool multiplicative;
    bool damped;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    *given = config;
    const char *seasonal = ff_params_text(params, count, "seasonal"),
               *damped = ff_params_text(params, count, "damped");
    config->multiplicative = seasonal && strcmp(seasonal, "multiplicative") == 0;
    config->damped = damped && strcmp(damped, "true") == 0;
    return ff_params_season(fit, params, count, "season", &config->season);
}

static int check(struct ff_fit *fit, const struct ff_ets_series *series, enum ff_ets_season season)
{
    size_t needed = season ? 2 * series->m + 5 : 7;
    if (series->observed < needed)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                         "%zu of %zu values are there, at least %zu are needed for a season of %zu steps",
                         series->observed, series->n, needed, series->m);
    for (size_t i = 0; season == FF_ETS_MULTIPLICATIVE && i < series->n; i++)
        if (series->y[i] <= 0)
            return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                             "a multiplicative season needs values above 0, step %zu has none", i);
    return FF_FIT_OK;
}

static struct ff_ets_estimate estimate(struct ff_fit *fit, struct ff_ets_series *series,
                                       enum ff_ets_season season, bool damped)
{
    struct ff_ets_estimate level =
        ff_ets_estimate(fit, series, (struct ff_ets_form){false, false, false, season}, NULL);
    struct ff_ets_estimate other =
        ff_ets_estimate(fit, series, (struct ff_ets_form){false, true, !damped, season}, &level);
    return ff_ets_estimate(fit, series, (struct ff_ets_form){false, true, damped, season}, &other);
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    struct ff_ets_prepared prepared;
    int code = ff_ets_prepare(fit, frame, &config->season, &prepared);
    if (code != FF_FIT_OK)
        return code;
    struct ff_ets_series *series = &prepared.series;
    series->phi_most = 0.995; /* as statsmodels has it: */
    series->beta_least = 0;
    enum ff_ets_season season = series->m < 2            ? FF_ETS_NO_SEASON
                                : config->multiplicative ? FF_ETS_MULTIPLICATIVE
                                                         : FF_ETS_ADDITIVE;
    code = prepared.constant ? FF_FIT_OK : check(fit, series, season);
    if (code != FF_FIT_OK)
        return code;
    struct ff_ets_estimate found =
        prepared.constant ? ff_ets_constant(fit, series) : estimate(fit, series, season, config->damped);
    if (!isfinite(found.loss))
        return fit->fail(fit, FF_FIT_NOT_CONVERGED, "no parameters give a multiplicative season above 0");
    ff_ets_emit_estimate(fit, &prepared, &found);
    fit->number(fit, "sse", fmin(series->sum * prepared.unit * prepared.unit, DBL_MAX), FF_EXPORT);
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_holt_winters = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "holt_winters",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = ff_ets_score,
    .forecast = ff_ets_forecast,
};

/* ets: exponential smoothing in state space form, the form chosen by the series.
 *
 * Errors are additive or multiplicative, the trend none, additive or damped, the season none, additive or
 * multiplicative: 15 forms, those with multiplicative parts only for values above 0. Each is fitted by
 * maximum likelihood over its smoothing parameters and initial states (ets_fit.c, ets_loops.c) and the one
 * with the least AICc is taken (ets_choose.c), as in R's forecast and in statsforecast's AutoETS. Log-
 * likelihoods leave out the same constants as theirs. Missing values are steps that are forecast and not
 * learned. Sources: Hyndman, Koehler, Snyder & Grose, "A state space framework for automatic forecasting
 * using exponential smoothing methods", IJF 18 (2002); Hyndman & Khandakar, "Automatic time series
 * forecasting", JSS 27 (2008).
 */
#include "worker/models/ets_choose.h"
#include "worker/models/ets_model.h"
#include "worker/models/ets_prepare.h"
#include "worker/models/registry.h"

#include <math.h>
#include <string.h>

struct config {
    struct ff_season season;
    struct ff_ets_allowed allowed;
    const char *model;
};

/* Letter z allows all; else the one that it is. */
static void allow(bool *allowed, const char *letters, char letter)
{
    for (size_t i = 0; letters[i]; i++)
        allowed[i] = letter == 'Z' || letter == letters[i];
}

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    *given = config;
    const char *model = ff_params_text(params, count, "model"),
               *damped = ff_params_text(params, count, "damped");
    if (!model || strlen(model) != 3)
        model = "ZZZ";
    allow(config->allowed.relative, "AM", model[0]);
    allow(config->allowed.trend, "NA", model[1]);
    allow(config->allowed.season, "NAM", model[2]);
    config->allowed.damped[0] = !damped || strcmp(damped, "true") != 0;
    config->allowed.damped[1] = !damped || strcmp(damped, "false") != 0;
    config->model = model;
    return ff_params_season(fit, params, count, "season", &config->season);
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    struct ff_ets_prepared prepared;
    struct ff_ets_series *series = &prepared.series;
    int code = ff_ets_prepare(fit, frame, &config->season, &prepared);
    if (code != FF_FIT_OK)
        return code;
    struct ff_ets_choice choice = {{.loss = INFINITY}, 0, 0};
    if (prepared.constant)
        choice.best = ff_ets_constant(fit, series);
    else
        choice = ff_ets_choose(fit, series, &config->allowed);
    if (!isfinite(choice.best.loss))
        return fit->fail(
            fit, FF_FIT_NOT_ENOUGH_DATA,
            "no form of %s can be fitted to %zu values with a season of %zu steps%s", config->model,
            series->observed, series->m,
            strchr(config->model, 'M') && !ff_ets_all_positive(series) ? ": M needs values above 0" : "");
    double shift = 2 * (double)series->observed * log(prepared.unit); /* of the values as they came */
    ff_ets_emit_estimate(fit, &prepared, &choice.best);
    fit->number(fit, "loglik", -0.5 * (choice.best.loss + shift), FF_EXPORT);
    fit->number(fit, "aicc", choice.aicc + shift, FF_EXPORT);
    fit->integer(fit, "parameters", (int64_t)ff_ets_parameters(choice.best.form, series->m), FF_EXPORT);
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_ets = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "ets",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = ff_ets_score,
    .forecast = ff_ets_forecast,
};

/* score goes through a frame one step ahead. It starts
 *   - at the first training step: from the initial states, so that what it says is what the fit saw;
 *   - behind the last: from the final states, carried through the gap as a forecast would;
 *   - within: from states between both, in proportion to the place (the model keeps no others);
 *   - before: from the initial states with the season turned back, the trend not followed.
 * A value outside the band moves the states as if it lay at the band's edge, so that one incident is not
 * learned, while a lasting change is, within several steps. A missing value moves them as a forecast does.
 *
 * The variance of forecasts is Hyndman et al. 2008, section 6: exact for plain errors (class 1) and for
 * relative errors without or with an additive season (class 2), the book's approximation for a
 * multiplicative season (class 3). Its double sum is cut at LONGEST_SUM steps, behind which the variance
 * grows in proportion to the horizon. */
#include "worker/models/ets_model.h"

#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_SUM = 1024 };

static struct ff_ets_state state_of(struct ff_fit *fit, const struct ff_ets_series *series,
                                    struct ff_ets_form form, const double *season, size_t first_step)
{
    struct ff_ets_state state = {0, 0, fit->alloc(fit, series->m, sizeof(double))};
    bool factor = form.season == FF_ETS_MULTIPLICATIVE;
    for (size_t k = 0; k < series->m; k++)
        state.season[(first_step + k) % series->m] = form.season ? season[k] : factor;
    return state;
}

/* Moves what the season has in common into level and trend: its mean becomes 0, or 1 if it multiplies. */
static void normalize(struct ff_ets_form form, size_t m, struct ff_ets_state *state)
{
    double sum = 0;
    for (size_t k = 0; k < m; k++)
        sum += state->season[k];
    double mean = sum / (double)m;
    if (form.season == FF_ETS_ADDITIVE)
        state->level += mean;
    if (form.season == FF_ETS_MULTIPLICATIVE) {
        state->level *= mean;
        state->trend *= mean;
    }
    for (size_t k = 0; form.season && k < m; k++)
        state->season[k] = form.season == FF_ETS_ADDITIVE ? state->season[k] - mean : state->season[k] / mean;
}

static void multiply(const struct ff_ets_model *model, struct ff_ets_state *state, double unit)
{
    state->level *= unit;
    state->trend *= unit;
    for (size_t k = 0; model->form.season == FF_ETS_ADDITIVE && k < model->m; k++)
        state->season[k] *= unit;
}

/* Of errors that were seen, relative where the form's are, in units of the values. */
static void measure_errors(struct ff_fit *fit, const struct ff_ets_series *series, double unit,
                           struct ff_ets_model *model)
{
    size_t count = 0;
    double *errors = fit->alloc(fit, series->n, sizeof *errors), sum = 0, typical = 0;
    double *scratch = fit->alloc(fit, series->n, sizeof *scratch);
    for (size_t t = 0; t < series->n; t++)
        if (!isnan(series->y[t])) {
            scratch[count] = series->y[t] * unit;
            errors[count++] =
                model->form.relative ? series->e[t] / (series->y[t] - series->e[t]) : series->e[t] * unit;
        }
    typical = model->form.relative ? 1 : ff_median(scratch, count);
    model->scale = ff_error_scale(errors, count, typical, scratch);
    double free = (double)count - 4 - (double)(model->form.season ? model->m : 0);
    double factor = model->form.relative ? 1 : 1 / unit;
    for (size_t i = 0; i < count; i++)
        sum += errors[i] * factor * (errors[i] * factor);
    model->sigma = sqrt(sum / fmax(free, 1)) / factor;
}

struct ff_ets_model ff_ets_model_of(struct ff_fit *fit, const struct ff_ets_series *series,
                                    struct ff_ets_form form, const double *x, double unit)
{
    struct ff_ets_model model = {.form = form,
                                 .alpha = x[FF_ETS_ALPHA],
                                 .beta = form.trend ? x[FF_ETS_BETA] : 0,
                                 .gamma = form.season ? x[FF_ETS_GAMMA] : 0,
                                 .phi = form.damped ? x[FF_ETS_PHI] : 1,
                                 .m = form.season ? series->m : 1,
                                 .steps = series->n};
    model.start = state_of(fit, series, form, x + FF_ETS_S, 0);
    model.end = state_of(fit, series, form, series->s + series->n, series->n);
    model.start.level = x[FF_ETS_LEVEL];
    model.start.trend = form.trend ? x[FF_ETS_TREND] : 0;
    model.end.level = series->level;
    model.end.trend = form.trend ? series->trend : 0;
    struct ff_ets_state *states[] = {&model.start, &model.end};
    for (size_t i = 0; i < 2; i++) {
        normalize(form, model.m, states[i]);
        multiply(&model, states[i], unit);
    }
    measure_errors(fit, series, unit, &model);
    return model;
}

void ff_ets_emit(struct ff_fit *fit, const struct ff_ets_model *model)
{
    static const char seasons[] = "NAM";
    char form[16];
    snprintf(form, sizeof form, "%c,%s,%c", "AM"[model->form.relative],
             !model->form.trend   ? "N"
             : model->form.damped ? "Ad"
                                  : "A",
             seasons[model->form.season]);
    fit->text(fit, "form", form, FF_SUMMARY);
    fit->integer(fit, "season", (int64_t)model->m, FF_SUMMARY);
    fit->number(fit, "level", model->end.level, FF_SUMMARY);
    fit->number(fit, "trend", model->end.trend, FF_SUMMARY);
    fit->number(fit, "scale", model->scale, FF_SUMMARY);
    fit->number(fit, "sigma", model->sigma, FF_EXPORT);
    fit->number(fit, "alpha", model->alpha, FF_EXPORT);
    fit->number(fit, "beta", model->beta, FF_EXPORT);
    fit->number(fit, "gamma", model->gamma, FF_EXPORT);
    fit->number(fit, "phi", model->phi, FF_EXPORT);
    fit->numbers(fit, "seasonal", model->end.season, model->m, FF_EXPORT);
    fit->number(fit, "start_level", model->start.level, FF_EXPORT);
    fit->number(fit, "start_trend", model->start.trend, FF_EXPORT);
    fit->numbers(fit, "start_seasonal", model->start.season, model->m, FF_EXPORT);
}

static bool read_form(const char *text, struct ff_ets_form *form)
{
    char error, season, trend[3];
    if (!text || sscanf(text, "%c,%2[NAd],%c", &error, trend, &season) != 3)
        return false;
    const char *place = strchr("NAM", season);
    if (!place || (error != 'A' && error != 'M'))
        return false;
    *form = (struct ff_ets_form){.relative = error == 'M',
                                 .trend = trend[0] == 'A',
                                 .damped = strcmp(trend, "Ad") == 0,
                                 .season = (enum ff_ets_season)(place - "NAM")};
    form->season = season == 'N' ? FF_ETS_NO_SEASON : season == 'A' ? FF_ETS_ADDITIVE : FF_ETS_MULTIPLICATIVE;
    return true;
}

static bool read_state(struct ff_fit *fit, const struct ff_kind_model *from, const char *season_name,
                       const char *level_name, const char *trend_name, size_t m, struct ff_ets_state *state)
{
    size_t count = 0;
    const double *season = from->numbers(from, season_name, &count);
    state->level = from->number(from, level_name);
    state->trend = from->number(from, trend_name);
    if (!season || count != m || !isfinite(state->level) || !isfinite(state->trend))
        return false;
    for (size_t k = 0; k < m; k++)
        if (!isfinite(season[k]))
            return false;
    state->season = fit->alloc(fit, m, sizeof *state->season);
    memcpy(state->season, season, m * sizeof *season);
    return true;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct ff_ets_model *model)
{
    int64_t m = from->integer(from, "season", 0);
    *model = (struct ff_ets_model){.alpha = from->number(from, "alpha"),
                                   .beta = from->number(from, "beta"),
                                   .gamma = from->number(from, "gamma"),
                                   .phi = from->number(from, "phi"),
                                   .scale = from->number(from, "scale"),
                                   .sigma = from->number(from, "sigma"),
                                   .steps = from->steps};
    if (!read_form(from->text(from, "form"), &model->form))
        return ff_series_damaged(fit, "form");
    const double all[] = {model->alpha, model->beta, model->gamma, model->phi};
    for (size_t i = 0; i < 4; i++)
        if (!(all[i] >= 0 && all[i] <= 1))
            return ff_series_damaged(fit, "a smoothing parameter is not within 0 to 1");
    if (!(model->scale >= 0) || !(model->sigma >= 0) || from->steps < 1)
        return ff_series_damaged(fit, "scale");
    model->m = m >= 1 ? (size_t)m : 1;
    if (m < 1 ||
        !read_state(fit, from, "start_seasonal", "start_level", "start_trend", model->m, &model->start) ||
        !read_state(fit, from, "seasonal", "level", "trend", model->m, &model->end))
        return ff_series_damaged(fit, "states");
    return FF_FIT_OK;
}

/* Σ phi^i of i = 1 to steps. */
static double damping(double phi, double steps)
{
    return phi < 1 ? phi * (1 - pow(phi, steps)) / (1 - phi) : steps;
}

/* The states before a step of the model's axis; see above. */
static struct ff_ets_state state_at(const struct ff_ets_model *model, int64_t step)
{
    double n = (double)model->steps;
    if (step <= 0)
        return model->start;
    struct ff_ets_state state = model->end;
    if ((double)step >= n) {
        double gap = (double)step - n;
        state.level += state.trend * damping(model->phi, gap);
        state.trend *= pow(model->phi, gap);
        return state;
    }
    double part = (double)step / n;
    state.level = (1 - part) * model->start.level + part * model->end.level;
    state.trend = (1 - part) * model->start.trend + part * model->end.trend;
    for (size_t k = 0; k < model->m; k++)
        state.season[k] = (1 - part) * model->start.season[k] + part * model->end.season[k];
    return state;
}

static double forecast_at(const struct ff_ets_model *model, double q, double s)
{
    return model->form.season == FF_ETS_ADDITIVE         ? q + s
           : model->form.season == FF_ETS_MULTIPLICATIVE ? q * s
                                                         : q;
}

/* Moves the state by one raw error, from what the level is forecast to be. */
static void learn(const struct ff_ets_model *model, struct ff_ets_state *state, double q, double *s, double e)
{
    bool divides = model->form.season == FF_ETS_MULTIPLICATIVE;
    double by_level = divides && *s != 0 ? e / *s : e, by_season = divides && q != 0 ? e / q : e;
    double season = model->form.season ? *s + model->gamma * by_season : *s;
    state->level = q + model->alpha * by_level;
    state->trend = model->form.trend ? model->phi * state->trend + model->beta * by_level : 0;
    if (!divides || (season > 0 && q != 0))
        *s = season;
}

/* Relative errors have no meaning about a forecast that is not above 0, and a band in proportion to it would
 * not let the states come back: they begin again at the value. */
static void begin_again(const struct ff_ets_model *model, struct ff_ets_state *state, double s, double value)
{
    bool divides = model->form.season == FF_ETS_MULTIPLICATIVE && s != 0;
    state->level = divides ? value / s : model->form.season == FF_ETS_ADDITIVE ? value - s : value;
    state->trend = 0;
}

int ff_ets_score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct ff_ets_model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    int64_t offset = ff_series_offset(from, frame);
    struct ff_ets_state state = state_at(&model, offset);
    size_t phase = ff_series_phase(offset, model.m);
    for (size_t t = 0; t < frame->steps; t++, phase = phase + 1 == model.m ? 0 : phase + 1) {
        double q = state.level + model.phi * state.trend, y = frame->values[t];
        double f = forecast_at(&model, q, state.season[phase]);
        double distance = FF_SERIES_BAND * model.scale * (model.form.relative ? fabs(f) : 1);
        ff_series_put(scores, t, f, distance);
        if (model.form.relative && f <= 0 && !isnan(y))
            begin_again(&model, &state, state.season[phase], y);
        else
            learn(&model, &state, q, &state.season[phase],
                  isnan(y) ? 0 : ff_series_clamp(y, f, distance) - f);
    }
    return FF_FIT_OK;
}

/* What one error does to the forecast j steps later, over the error. */
static double impulse(const struct ff_ets_model *model, size_t j)
{
    double trend = model->form.trend ? model->beta * damping(model->phi, (double)j) : 0;
    bool season = model->form.season == FF_ETS_ADDITIVE && j % model->m == 0;
    return model->alpha + trend + (season ? model->gamma : 0);
}

/* variances[h − 1] over sigma², of plain errors. */
static void find_plain_variances(const struct ff_ets_model *model, size_t horizon, double *variances)
{
    double sum = 1;
    for (size_t h = 1; h <= horizon; h++) {
        variances[h - 1] = sum;
        double c = impulse(model, h);
        sum += c * c;
    }
}

/* variances[h − 1] of relative errors; expected without the season if it multiplies. */
static void find_relative_variances(struct ff_fit *fit, const struct ff_ets_model *model,
                                    const double *expected, size_t horizon, double *variances)
{
    size_t most = horizon < LONGEST_SUM ? horizon : LONGEST_SUM;
    double *theta = fit->alloc(fit, most, sizeof *theta), square = model->sigma * model->sigma;
    for (size_t h = 0; h < horizon; h++) {
        size_t at = h < most ? h : most - 1;
        double sum = 0, seasons = (double)(model->form.season == FF_ETS_MULTIPLICATIVE ? h / model->m : 0);
        for (size_t j = 1; h < most && j <= h; j++)
            sum += impulse(model, j) * impulse(model, j) * theta[h - j];
        if (h < most)
            theta[h] = expected[h] * expected[h] + square * sum;
        double spread = theta[at] / (expected[at] * expected[at]);
        double grown =
            1 + (spread * (1 + square) * pow(1 + model->gamma * model->gamma * square, seasons) - 1) *
                    (double)(h + 1) / (double)(at + 1);
        variances[h] = expected[h] * expected[h] * (grown - 1);
    }
}

int ff_ets_forecast(struct ff_fit *fit, const struct ff_kind_model *from, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct ff_ets_model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    double *level = fit->alloc(fit, horizon, sizeof *level),
           *variance = fit->alloc(fit, horizon, sizeof *level);
    bool factor = model.form.season == FF_ETS_MULTIPLICATIVE;
    double z = ff_series_normal(coverage);
    for (size_t h = 0; h < horizon; h++) {
        double q = model.end.level + model.end.trend * damping(model.phi, (double)(h + 1));
        level[h] = factor ? q : forecast_at(&model, q, model.end.season[(model.steps + h) % model.m]);
    }
    if (model.form.relative)
        find_relative_variances(fit, &model, level, horizon, variance);
    else
        find_plain_variances(&model, horizon, variance);
    for (size_t h = 0; h < horizon; h++) {
        double season = factor ? model.end.season[(model.steps + h) % model.m] : 1;
        double deviation = sqrt(fmax(variance[h], 0)) * (model.form.relative ? season : model.sigma);
        ff_series_put(scores, h, level[h] * season, z * deviation);
    }
    return FF_FIT_OK;
}

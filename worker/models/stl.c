/* stl, mstl: seasonal-trend decomposition by loess, of one season or up to three.
 *
 * The decomposition itself is stl_loops.c, what is kept of it stl_model.c. Missing values are filled by lines
 * and have no weight. A season of which the series does not hold two is left out by mstl (as statsmodels
 * does) and refused by stl. Where mstl's second or third season is auto, it is looked for in what the
 * decomposition by those before it leaves. Windows of several seasons are 7 + 4·k for the k-th (Bandara
 * 2021), of a single one 7, unless given. */
#include "worker/models/stl.h"

#include "worker/models/registry.h"
#include "worker/models/season.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"
#include "worker/models/stl_model.h"

#include <math.h>
#include <string.h>

enum { MOST_SEASONS = 3, LONGEST_SEASON = 1000000 };

struct config {
    struct ff_season seasons[MOST_SEASONS];
    size_t count;
    double seasonal_window, trend_window;
    bool robust;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    static const char *const names[MOST_SEASONS] = {"season", "season2", "season3"};
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    const char *robust = ff_params_text(params, count, "robust");
    *given = config;
    *config = (struct config){.robust = robust && strcmp(robust, "true") == 0};
    while (config->count < MOST_SEASONS && ff_params_text(params, count, names[config->count])) {
        int code =
            ff_params_season(fit, params, count, names[config->count], &config->seasons[config->count]);
        if (code != FF_FIT_OK)
            return code;
        config->count++;
    }
    ff_params_number(fit, params, count, "seasonal_window", 7, &config->seasonal_window);
    ff_params_number(fit, params, count, "trend_window", 0, &config->trend_window);
    if (fmod(config->seasonal_window, 2) != 1 || config->seasonal_window < 3)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER,
                         "seasonal_window: expected an odd number from 3, found %g", config->seasonal_window);
    if (config->trend_window != 0 && fmod(config->trend_window, 2) != 1)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "trend_window: expected an odd number or 0, found %g",
                         config->trend_window);
    return FF_FIT_OK;
}

struct decomposition {
    size_t n, count;
    size_t seasons[MOST_SEASONS];
    double *y, *seen; /* seen NULL: no value is missing */
    double *trend, *seasonal;
};

static void decompose(struct ff_fit *fit, const struct config *config, struct decomposition *parts)
{
    struct ff_stl_options options[MOST_SEASONS];
    size_t first = config->count > 1 && parts->count > 1 ? 4 : 0;
    for (size_t k = 0; k < parts->count; k++) {
        size_t own = (size_t)config->seasonal_window + first * (k + 1);
        options[k] = (struct ff_stl_options){parts->seasons[k], own, 0, config->robust};
        if (config->trend_window > (double)parts->seasons[k])
            options[k].trend_window = (size_t)config->trend_window;
    }
    ff_mstl_decompose(fit, parts->y, parts->seen, parts->n, options, parts->count, parts->trend,
                      parts->seasonal);
}

/* The season of what trend and seasons so far leave. */
static size_t next_season(struct ff_fit *fit, const struct config *config, const struct decomposition *parts)
{
    struct decomposition so_far = *parts;
    double *rest = fit->alloc(fit, parts->n, sizeof *rest);
    memcpy(rest, parts->y, parts->n * sizeof *rest);
    if (parts->count > 0)
        decompose(fit, config, &so_far);
    for (size_t k = 0; k < parts->count; k++)
        for (size_t i = 0; i < parts->n; i++)
            rest[i] -= parts->seasonal[k * parts->n + i];
    return ff_season_detect(fit, rest, parts->n);
}

/* Keeps seasons ascending and different; one that the series does not hold twice is left out. */
static void add_season(struct decomposition *parts, size_t season)
{
    size_t at = parts->count;
    if (season < 2 || parts->n < 2 * season + (parts->count > 0))
        return;
    for (size_t k = 0; k < parts->count; k++)
        if (parts->seasons[k] == season)
            return;
    for (; at > 0 && parts->seasons[at - 1] > season; at--)
        parts->seasons[at] = parts->seasons[at - 1];
    parts->seasons[at] = season;
    parts->count++;
}

static void find_seasons(struct ff_fit *fit, const struct config *config, const struct ff_kind_frame *frame,
                         struct decomposition *parts)
{
    for (size_t k = 0; k < config->count; k++) {
        bool is_auto = config->seasons[k].type == FF_SEASON_AUTO;
        if (!is_auto)
            add_season(parts, ff_series_season(fit, &config->seasons[k], frame));
    }
    for (size_t k = 0; k < config->count && parts->count < MOST_SEASONS; k++)
        if (config->seasons[k].type == FF_SEASON_AUTO)
            add_season(parts, next_season(fit, config, parts));
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    size_t n = frame->steps;
    struct decomposition parts = {.n = n, .y = fit->alloc(fit, n, sizeof(double))};
    size_t count = ff_finite_values(frame->values, n, parts.y);
    if (count < 4)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least 4 are needed",
                         count, n);
    double unit = ff_series_unit(frame->values, n), *seen = fit->alloc(fit, n, sizeof *seen);
    for (size_t i = 0; i < n; i++)
        parts.y[i] = frame->values[i] / unit;
    ff_series_fill(parts.y, seen, n);
    parts.seen = count < n ? seen : NULL;
    parts.trend = fit->alloc(fit, n, sizeof(double));
    parts.seasonal = fit->alloc(fit, MOST_SEASONS * n, sizeof(double));
    find_seasons(fit, config, frame, &parts);
    if (parts.count == 0)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                         "no season: none was found, or the %zu steps do not hold two of it", n);
    decompose(fit, config, &parts);
    ff_stl_emit(fit, frame, parts.seasons, parts.count, parts.trend, parts.seasonal, unit);
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_stl = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "stl",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = ff_stl_score,
    .forecast = ff_stl_forecast,
};

const struct ff_kind ff_kind_mstl = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "mstl",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = ff_stl_score,
    .forecast = ff_stl_forecast,
};

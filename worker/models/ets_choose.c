/* Forms are fitted from simple to rich, each also from the result of the one before it with the same season:
 * none, damped, then undamped trend; relative errors start from what plain ones found, since both share the
 * recursion. So a richer form is no worse than the one that it contains.
 *
 * No form is left out to save time: with a gradient one costs less than a doubt would.
 *
 * Under relative errors the likelihood can be raised by a drift that the level takes back with each step:
 * errors get smaller against a larger forecast. Such a drift is no trend, and forecasts that follow it run
 * away. It shows in the level's innovations: their mean is not 0. So an undamped trend beside a season is not
 * chosen where that mean is more than two of its standard errors from 0; a form that is given stays. */
#include "worker/models/ets_choose.h"

#include <math.h>

size_t ff_ets_parameters(struct ff_ets_form form, size_t m)
{
    return 3 + (form.trend ? 2u : 0u) + (form.damped ? 1u : 0u) + (form.season ? m : 0u);
}

static double criterion(const struct ff_ets_series *series, const struct ff_ets_estimate *found)
{
    double k = (double)ff_ets_parameters(found->form, series->m), n = (double)series->observed;
    return found->loss + 2 * k + 2 * k * (k + 1) / (n - k - 1);
}

bool ff_ets_all_positive(const struct ff_ets_series *series)
{
    for (size_t i = 0; i < series->n; i++)
        if (series->y[i] <= 0)
            return false;
    return true;
}

static bool possible(const struct ff_ets_series *series, struct ff_ets_form form, bool positive)
{
    bool divides = form.relative || form.season == FF_ETS_MULTIPLICATIVE;
    if (divides && !positive)
        return false;
    if (form.season && (series->m < 2 || series->observed < 2 * series->m || series->n < 2 * series->m))
        return false;
    return ff_ets_parameters(form, series->m) + 1 < series->observed;
}

struct search {
    struct ff_fit *fit;
    struct ff_ets_series *series;
    const struct ff_ets_allowed *allowed;
    bool positive;
    struct ff_ets_choice choice;
};

static bool is_allowed(const struct search *search, struct ff_ets_form form)
{
    const struct ff_ets_allowed *allowed = search->allowed;
    if (!form.relative && form.season == FF_ETS_MULTIPLICATIVE)
        return false;
    return allowed->relative[form.relative] && allowed->trend[form.trend] && allowed->season[form.season] &&
           (!form.trend || allowed->damped[form.damped]) && possible(search->series, form, search->positive);
}

/* Whether the level takes back what the trend adds; see above. */
static bool drifts(const struct search *search, const struct ff_ets_estimate *found)
{
    struct ff_ets_form form = found->form;
    if (!form.relative || !form.trend || form.damped || !form.season || !search->allowed->trend[0])
        return false;
    struct ff_ets_series *series = search->series;
    ff_ets_loss(series, form, found->x);
    double sum = 0, squares = 0;
    for (size_t t = 0; t < series->n; t++) {
        double r = form.season == FF_ETS_MULTIPLICATIVE ? series->e[t] * series->is[t] : series->e[t];
        sum += r;
        squares += r * r;
    }
    return sum * sum > 4 * squares;
}

static void try_form(struct search *search, struct ff_ets_form form, struct ff_ets_estimate *warm)
{
    if (!is_allowed(search, form))
        return;
    struct ff_ets_estimate found =
        ff_ets_estimate(search->fit, search->series, form, isfinite(warm->loss) ? warm : NULL);
    search->choice.tried++;
    if (!isfinite(found.loss))
        return;
    *warm = found;
    double aicc = criterion(search->series, &found);
    if (aicc < search->choice.aicc && !drifts(search, &found)) {
        search->choice.aicc = aicc;
        search->choice.best = found;
    }
}

static void try_trends(struct search *search, bool relative, enum ff_ets_season season,
                       struct ff_ets_estimate *warm)
{
    try_form(search, (struct ff_ets_form){relative, false, false, season}, warm);
    struct ff_ets_estimate level = *warm;
    try_form(search, (struct ff_ets_form){relative, true, true, season}, warm);
    try_form(search, (struct ff_ets_form){relative, true, false, season}, warm);
    if (isfinite(level.loss))
        *warm = level; /* for the other kind of errors */
}

struct ff_ets_choice ff_ets_choose(struct ff_fit *fit, struct ff_ets_series *series,
                                   const struct ff_ets_allowed *allowed)
{
    struct search search = {
        fit, series, allowed, ff_ets_all_positive(series), {{.loss = INFINITY}, INFINITY, 0}};
    for (int season = FF_ETS_NO_SEASON; season <= FF_ETS_MULTIPLICATIVE; season++) {
        struct ff_ets_estimate warm = {.loss = INFINITY};
        try_trends(&search, false, (enum ff_ets_season)season, &warm);
        try_trends(&search, true, (enum ff_ets_season)season, &warm);
    }
    return search.choice;
}

/* What ets and holt_winters do alike before and behind the estimation. */
#include "worker/models/ets_prepare.h"

#include "worker/models/ets_model.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

enum { LEAST_VALUES = 7, LONGEST_SEASON = 10000 };

int ff_ets_prepare(struct ff_fit *fit, const struct ff_kind_frame *frame, const struct ff_season *season,
                   struct ff_ets_prepared *prepared)
{
    size_t n = frame->steps;
    double *scaled = fit->alloc(fit, n, sizeof *scaled);
    size_t count = ff_finite_values(frame->values, n, scaled);
    if (count < LEAST_VALUES)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least %d are needed",
                         count, n, LEAST_VALUES);
    size_t m = ff_series_season(fit, season, frame);
    if (m > LONGEST_SEASON)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "season: %zu steps, at most %d are possible", m,
                         LONGEST_SEASON);
    prepared->constant = ff_all_equal(scaled, count);
    prepared->unit = ff_series_unit(frame->values, n);
    for (size_t i = 0; i < n; i++)
        scaled[i] = frame->values[i] / prepared->unit;
    ff_ets_series_init(&prepared->series, fit, scaled, n, m);
    return FF_FIT_OK;
}

struct ff_ets_estimate ff_ets_constant(struct ff_fit *fit, struct ff_ets_series *series)
{
    size_t count = FF_ETS_S + series->m, first = 0;
    struct ff_ets_estimate found = {.x = fit->alloc(fit, count, sizeof(double))};
    memset(found.x, 0, count * sizeof(double));
    while (isnan(series->y[first]))
        first++;
    found.x[FF_ETS_ALPHA] = 0.1;
    found.x[FF_ETS_PHI] = 1;
    found.x[FF_ETS_LEVEL] = series->y[first];
    found.loss = ff_ets_loss(series, found.form, found.x);
    return found;
}

void ff_ets_emit_estimate(struct ff_fit *fit, struct ff_ets_prepared *prepared,
                          const struct ff_ets_estimate *estimate)
{
    struct ff_ets_series *series = &prepared->series;
    ff_ets_loss(series, estimate->form, estimate->x);
    struct ff_ets_model model = ff_ets_model_of(fit, series, estimate->form, estimate->x, prepared->unit);
    fit->integer(fit, "n", (int64_t)series->n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(series->n - series->observed), FF_SUMMARY);
    fit->boolean(fit, "constant", prepared->constant, FF_SUMMARY);
    ff_ets_emit(fit, &model);
}

/* online: a detector that learns row by row (common/online.h), for streams and for metrics that no season
 * explains.
 *
 * fit warms it up on the training rows and keeps its state. score goes on from there, learning as it goes;
 * a frame that does not begin behind the training begins from nothing, so that no row is judged by a detector
 * that has seen it. Missing steps are left out. */
#include "common/online.h"

#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    double *warmup = fit->alloc(fit, 1, sizeof *warmup);
    *config = warmup;
    return ff_params_number(fit, params, count, "warmup", 750, warmup);
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    size_t n = frame->steps, warmup = (size_t) * (const double *)config;
    double *values = fit->alloc(fit, n, sizeof *values),
           *state = fit->alloc(fit, FF_ONLINE_PACKED, sizeof *state);
    struct ff_online *online = fit->alloc(fit, 1, ff_online_size());
    size_t count = ff_finite_values(frame->values, n, values);
    if (count < FF_ONLINE_LEAST_WARMUP)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu of %zu values are there, at least %d are needed",
                         count, n, FF_ONLINE_LEAST_WARMUP);
    ff_online_start(online, warmup < count ? warmup : count);
    for (size_t i = 0; i < count; i++)
        ff_online_take(online, values[i]);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - count), FF_SUMMARY);
    fit->integer(fit, "warmup", (int64_t)ff_online_warmup(online), FF_SUMMARY);
    fit->boolean(fit, "constant", ff_all_equal(values, count), FF_SUMMARY);
    fit->numbers(fit, "state", state, ff_online_pack(online, state), FF_EXPORT);
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct ff_online *online = fit->alloc(fit, 1, ff_online_size());
    size_t count = 0;
    const double *state = model->numbers(model, "state", &count);
    int64_t warmup = model->integer(model, "warmup", 0);
    if (!state || warmup < 1 || !ff_online_unpack(online, state, count))
        return ff_series_damaged(fit, "state");
    if (ff_series_offset(model, frame) < (int64_t)model->steps)
        ff_online_start(online, (size_t)warmup);
    for (size_t i = 0; i < frame->steps; i++) {
        struct ff_online_verdict verdict = ff_online_take(online, frame->values[i]);
        scores->expected[i] = verdict.expected;
        scores->lower[i] = verdict.lower;
        scores->upper[i] = verdict.upper;
        scores->score[i] = verdict.score;
    }
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_online = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "online",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
};

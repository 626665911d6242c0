/* matrix_profile: how far the newest steps are from anything of their shape before them.
 *
 * The score of a step is the left matrix profile (profile_join.h) at the window that it ends: the
 * z-normalized distance to the nearest window that begins at least a quarter of a window earlier, in the
 * training series or in the rows judged. A shape that comes again is no longer odd, and a change of level or
 * amplitude alone never is. The limit is learned from the second half of the training windows (limit.h): the
 * first have little before them to be near to.
 *
 * The model is the series; of a longer one than KEPT the newest steps are taken, for the fit as well. A
 * window with a missing value is not judged and nobody's neighbour.
 *
 * Source: Yeh et al., "Matrix profile I: all pairs similarity joins for time series", ICDM 2016; the left
 * profile: Zhu et al., "Matrix profile VII: time series chains", ICDM 2017. */
#include "common/text.h"
#include "worker/models/limit.h"
#include "worker/models/profile_join.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"
#include "worker/models/windows.h"

#include <math.h>
#include <string.h>

enum { LEAST_WINDOW = 3, LEAST_JUDGED = 8, KEPT = FF_PROFILE_FURTHEST };

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct ff_season *window = fit->alloc(fit, 1, sizeof *window);
    *config = window;
    return ff_params_season(fit, params, count, "window", window);
}

/* The distances of the second half that are finite; returns how many. */
static size_t judged_distances(const struct ff_profile *profile, double *out)
{
    size_t count = 0;
    for (size_t i = profile->count / 2; i < profile->count; i++)
        if (isfinite(profile->distance[i]))
            out[count++] = profile->distance[i];
    return count;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    size_t n = frame->steps < KEPT ? frame->steps : KEPT, count = 0, known;
    double *series = fit->alloc(fit, n, sizeof *series), *known_values = fit->alloc(fit, n, sizeof *series);
    memcpy(series, frame->values + (frame->steps - n), n * sizeof *series);
    known = ff_finite_values(series, n, known_values);
    if (known == 0)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", n);
    size_t m = ff_window_length(fit, config, frame);
    m = m > LEAST_WINDOW ? m : LEAST_WINDOW;
    double *distances = fit->alloc(fit, n, sizeof *distances), *scratch = fit->alloc(fit, n, sizeof *scratch);
    if (m <= n) {
        const double *values = ff_series_scaled(fit, series, n, ff_series_unit(series, n));
        struct ff_profile profile = ff_profile_join(fit, values, n, m, 0);
        count = judged_distances(&profile, distances);
    }
    if (count < LEAST_JUDGED)
        return fit->fail(
            fit, FF_FIT_NOT_ENOUGH_DATA,
            "%zu window%s of %zu steps can be compared in the second half of %zu steps, at least "
            "%d are needed",
            count, ff_plural(count), m, n, LEAST_JUDGED);
    struct ff_limit limit = ff_limit_learn(distances, count, scratch);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - known), FF_SUMMARY);
    fit->integer(fit, "window", (int64_t)m, FF_SUMMARY);
    fit->number(fit, "limit", limit.limit, FF_SUMMARY);
    fit->number(fit, "low", limit.low, FF_EXPORT);
    fit->numbers(fit, "values", series, n, FF_EXPORT);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct model {
    const double *values;
    size_t n, m;
    struct ff_limit limit;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t n;
    const double *values = from->numbers(from, "values", &n);
    int64_t window = from->integer(from, "window", 0);
    *out =
        (struct model){values, n, (size_t)window, {from->number(from, "low"), from->number(from, "limit")}};
    if (!values || n > KEPT || n > from->steps || !(out->limit.limit > out->limit.low))
        return ff_series_damaged(fit, "a parameter");
    if (window < LEAST_WINDOW || (size_t)window > n)
        return ff_series_damaged(fit, "window");
    for (size_t i = 0; i < n; i++)
        if (isinf(values[i]))
            return ff_series_damaged(fit, "a value");
    return FF_FIT_OK;
}

/* The training steps before the frame, a window of nothing where steps lie between them, and the frame. */
static double *join_series(struct ff_fit *fit, const struct model *model, const struct ff_kind_model *from,
                           const struct ff_kind_frame *frame, size_t *before)
{
    int64_t place = ff_series_offset(from, frame) - (int64_t)(from->steps - model->n);
    size_t kept = place <= 0 ? 0 : place < (int64_t)model->n ? (size_t)place : model->n;
    size_t gap = place <= (int64_t)model->n                      ? 0
                 : place - (int64_t)model->n < (int64_t)model->m ? (size_t)place - model->n
                                                                 : model->m;
    double *out = fit->alloc(fit, kept + gap + frame->steps, sizeof *out);
    memcpy(out, model->values, kept * sizeof *out);
    for (size_t i = 0; i < gap; i++)
        out[kept + i] = NAN;
    memcpy(out + kept + gap, frame->values, frame->steps * sizeof *out);
    *before = kept + gap;
    return out;
}

/* What the last value of window j would be, had it the shape of the nearest. */
static double expected_of(const struct ff_profile *profile, const double *values, size_t m, size_t j)
{
    size_t i = profile->nearest[j];
    if (i == SIZE_MAX)
        return profile->means[j];
    return profile->means[j] +
           (values[i + m - 1] - profile->means[i]) * (profile->norms[j] / profile->norms[i]);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    size_t before, m = model.m;
    double *series = join_series(fit, &model, from, frame, &before),
           unit = ff_series_unit(model.values, model.n);
    size_t total = before + frame->steps, first = before < m - 1 ? 0 : before - (m - 1);
    if (total < m)
        return FF_FIT_OK;
    const double *values = ff_series_scaled(fit, series, total, unit);
    struct ff_profile profile = ff_profile_join(fit, values, total, m, first);
    for (size_t j = first; j < profile.count; j++)
        if (j + m > before && isfinite(profile.distance[j]))
            ff_windows_put(scores, j + m - 1 - before, expected_of(&profile, values, m, j) * unit,
                           ff_limit_score(&model.limit, profile.distance[j]));
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_matrix_profile = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "matrix_profile",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
};

/* iforest: how easily the newest steps are isolated from all windows of the training series.
 *
 * An isolation forest (forest.h) over the windows of `window` values, each a row with a feature for each
 * place. The score is the standard one, 2^(−E(h)/c), and its limit is learned from the training windows
 * (limit.h). Splits are drawn from numbers seeded by the values.
 *
 * The model is the series, and the forest is grown again where it judges: that takes a millisecond or two,
 * while the trees are some thirty times as large as a month of hours. Of a longer series than KEPT steps the
 * newest are taken, for the fit as well. A constant series has a band of no width instead.
 *
 * Source: Liu, Ting & Zhou, "Isolation-based anomaly detection", ACM TKDD 6 (2012); over windows: Sub-IForest
 * in Liu & Paparrizos, "The elephant in the room: towards a reliable time-series anomaly detection
 * benchmark", NeurIPS 2024. */
#include "common/text.h"
#include "worker/models/forest.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"
#include "worker/models/windows.h"

#include <math.h>
#include <string.h>

enum { LEAST_WINDOWS = 16, KEPT = 32768, MOST_TREES = 10000, LARGEST_SAMPLE = 65536 };

struct config {
    struct ff_season window;
    size_t trees, sample;
};

/* A series and the forest of its windows. */
struct grown {
    struct ff_forest forest;
    struct ff_forest_data windows;
    const size_t *ends; /* of the windows */
    const double *held;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct config *out = fit->alloc(fit, 1, sizeof *out);
    double trees, sample;
    *config = out;
    int code = ff_params_season(fit, params, count, "window", &out->window);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "trees", 100, &trees);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "sample", 256, &sample);
    if (code != FF_FIT_OK)
        return code;
    out->trees = (size_t)trees;
    out->sample = (size_t)sample;
    return FF_FIT_OK;
}

/* The windows of m in values[n] that can be used. */
static struct grown find_windows(struct ff_fit *fit, const double *values, size_t n, size_t m)
{
    double *held = fit->alloc(fit, n, sizeof *held);
    size_t *ends = fit->alloc(fit, n, sizeof *ends), *rows = fit->alloc(fit, n, sizeof *rows);
    size_t count = ff_windows_find(values, n, m, held, ends);
    for (size_t i = 0; i < count; i++)
        rows[i] = ends[i] + 1 - m;
    return (struct grown){
        .windows = {held, 1, m, rows, count},
        .ends = ends,
        .held = held,
    };
}

static void grow(struct ff_fit *fit, const double *values, size_t n, size_t trees, size_t sample,
                 struct grown *grown)
{
    grown->forest = ff_forest_grow(fit, &grown->windows, trees, sample, ff_random_of(values, n));
}

static int refuse(struct ff_fit *fit, size_t n, size_t m, size_t windows)
{
    return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                     "%zu window%s of %zu steps with enough values in %zu steps, at least %d are needed",
                     windows, ff_plural(windows), m, n, LEAST_WINDOWS);
}

static int fit_windows(struct ff_fit *fit, const struct config *config, const double *series, size_t n,
                       size_t m)
{
    struct ff_limit limit = {0, 1};
    const double *values = ff_series_scaled(fit, series, n, ff_series_unit(series, n));
    struct grown grown = find_windows(fit, values, n, m);
    size_t count = grown.windows.count;
    if (count < LEAST_WINDOWS)
        return refuse(fit, n, m, count);
    double *scores = fit->alloc(fit, count, sizeof *scores), *scratch = fit->alloc(fit, n, sizeof *scratch);
    size_t known = ff_finite_values(values, n, scratch);
    bool constant = ff_all_equal(scratch, known);
    if (!constant) {
        grow(fit, values, n, config->trees, config->sample, &grown);
        ff_forest_scores(&grown.forest, &grown.windows, scores);
        limit = ff_forest_limit(scores, count, scratch);
    }
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - known), FF_SUMMARY);
    fit->integer(fit, "window", (int64_t)m, FF_SUMMARY);
    fit->number(fit, "limit", limit.limit, FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    fit->number(fit, "low", limit.low, FF_EXPORT);
    fit->integer(fit, "trees", (int64_t)config->trees, FF_EXPORT);
    fit->integer(fit, "sample", (int64_t)config->sample, FF_EXPORT);
    fit->numbers(fit, "values", series, n, FF_EXPORT);
    return FF_FIT_OK;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct config *given = config;
    size_t n = frame->steps < KEPT ? frame->steps : KEPT;
    double *newest = fit->alloc(fit, n, sizeof *newest);
    if (ff_finite_values(frame->values + (frame->steps - n), n, newest) == 0)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", n);
    size_t m = ff_window_length(fit, &given->window, frame);
    if (m > n)
        return refuse(fit, n, m, 0);
    memcpy(newest, frame->values + (frame->steps - n), n * sizeof *newest);
    return fit_windows(fit, given, newest, n, m);
}

/* ---- using it ---- */

struct model {
    const double *values;
    size_t n, m, trees, sample;
    struct ff_limit limit;
    double unit;
    bool constant;
};

static size_t count_at(const struct ff_kind_model *from, const char *name, int64_t most)
{
    int64_t value = from->integer(from, name, 0);
    return value >= 1 && value <= most ? (size_t)value : 0;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t n;
    const double *values = from->numbers(from, "values", &n);
    *out = (struct model){.values = values,
                          .n = n,
                          .trees = count_at(from, "trees", MOST_TREES),
                          .sample = count_at(from, "sample", LARGEST_SAMPLE),
                          .limit = {from->number(from, "low"), from->number(from, "limit")},
                          .constant = from->integer(from, "constant", 0)};
    if (!values || n > KEPT || n > from->steps || !out->trees || out->sample < 2 ||
        !(out->limit.limit > out->limit.low))
        return ff_series_damaged(fit, "a parameter");
    out->m = count_at(from, "window", (int64_t)n);
    for (size_t i = 0; i < n; i++)
        if (isinf(values[i]))
            return ff_series_damaged(fit, "a value");
    out->unit = ff_series_unit(values, n);
    return out->m >= 2 ? FF_FIT_OK : ff_series_damaged(fit, "window");
}

static int score_windows(struct ff_fit *fit, const struct model *model, const double *series, size_t n,
                         struct ff_kind_scores *scores)
{
    size_t m = model->m;
    const double *values = ff_series_scaled(fit, model->values, model->n, model->unit);
    struct grown grown = find_windows(fit, values, model->n, m);
    struct grown judged = find_windows(fit, ff_series_scaled(fit, series, n, model->unit), n, m);
    if (grown.windows.count == 0)
        return ff_series_damaged(fit, "values");
    double *found = fit->alloc(fit, n, sizeof *found), *window = fit->alloc(fit, m, sizeof *window);
    grow(fit, values, model->n, model->trees, model->sample, &grown);
    ff_forest_scores(&grown.forest, &judged.windows, found);
    for (size_t i = 0; i < judged.windows.count; i++) {
        memcpy(window, judged.held + judged.windows.rows[i], m * sizeof *window);
        ff_windows_put(scores, judged.ends[i] + 1 - m, ff_median(window, m) * model->unit,
                       ff_limit_score(&model->limit, found[i]));
    }
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    if (model.constant) {
        ff_windows_put_constant(scores, frame->steps, model.values, model.n);
        return FF_FIT_OK;
    }
    const double *series = ff_windows_extend(fit, from, model.values, model.n, frame, model.m);
    return score_windows(fit, &model, series, model.m - 1 + frame->steps, scores);
}

const struct ff_kind ff_kind_iforest = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "iforest",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
};

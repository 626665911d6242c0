/* Each fold fits a view of the frame's beginning, and its model is taken as the emitter has it, without
 * bytes in between. What folds allocate is gone with the target: the last fold's rows are nearly all rows, so
 * a backtest takes about `folds` times the memory of a fit. */
#include "worker/backtest.h"

#include "common/text.h"
#include "worker/apply.h"
#include "worker/models/naive2.h"
#include "worker/models/season.h"
#include "worker/models/stats.h"

#include <math.h>

struct fold {
    double smape, mase, naive_smape, naive_mase, coverage, width;
    int code;
};

struct series {
    struct ff_emitter *emitter;
    const struct ff_kind *kind;
    const void *config;
    const struct ff_work *work;
    struct ff_kind_frame frame; /* one column */
    size_t season;
};

/* Sums over values that are there. */
struct error {
    double smape, absolute;
    size_t count;
};

static struct error compare(const double *values, const double *forecast, size_t count)
{
    struct error error = {0};
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]) || isnan(forecast[i]))
            continue;
        double size = fabs(values[i]) + fabs(forecast[i]);
        error.smape += size > 0 ? 200 * fabs(values[i] - forecast[i]) / size : 0;
        error.absolute += fabs(values[i] - forecast[i]);
        error.count++;
    }
    return error;
}

/* Mean |y[t] − y[t − m]| of the steps before the fold. */
static double naive_scale(const double *values, size_t n, size_t m)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = m; i < n; i++) {
        if (isnan(values[i]) || isnan(values[i - m]))
            continue;
        sum += fabs(values[i] - values[i - m]);
        count++;
    }
    return count ? sum / (double)count : NAN;
}

static void measure(struct fold *fold, const double *values, const struct ff_kind_scores *forecast,
                    size_t horizon, double scale)
{
    struct error error = compare(values, forecast->expected, horizon);
    size_t within = 0, banded = 0;
    double width = 0, size = 0;
    for (size_t i = 0; i < horizon; i++) {
        if (isnan(values[i]) || isnan(forecast->lower[i]) || isnan(forecast->upper[i]))
            continue;
        within += values[i] >= forecast->lower[i] && values[i] <= forecast->upper[i];
        width += forecast->upper[i] - forecast->lower[i];
        size += fabs(values[i]);
        banded++;
    }
    fold->smape = error.count ? error.smape / (double)error.count : NAN;
    fold->mase = error.count ? error.absolute / (double)error.count / scale : NAN;
    fold->coverage = banded ? (double)within / (double)banded : NAN;
    fold->width = size > 0 ? width / size : NAN;
}

static void measure_naive(struct series *series, struct fold *fold, size_t origin, double scale)
{
    struct ff_fit *fit = &series->emitter->fit;
    size_t horizon = series->work->horizon;
    double *known = fit->alloc(fit, origin, sizeof *known), *naive = fit->alloc(fit, horizon, sizeof *naive);
    size_t count = ff_finite_values(series->frame.values, origin, known);
    fold->naive_smape = fold->naive_mase = NAN;
    if (!count)
        return;
    ff_naive2(fit, known, count, series->season, horizon, naive);
    struct error error = compare(series->frame.values + origin, naive, horizon);
    if (!error.count)
        return;
    fold->naive_smape = error.smape / (double)error.count;
    fold->naive_mase = error.absolute / (double)error.count / scale;
}

/* Fits the steps before origin; FF_FIT_OK and the forecast of those behind it. */
static int forecast(struct series *series, size_t origin, struct ff_kind_scores *out)
{
    struct ff_emitter *emitter = series->emitter;
    struct ff_kind_frame before = series->frame;
    before.steps = origin;
    ff_emitter_begin(emitter);
    int code = series->kind->fit(&emitter->fit, series->config, &before);
    if (code != FF_FIT_OK)
        return code;
    struct ff_model_part part = ff_emitter_end(emitter, "", FF_CODE_OK);
    struct ff_model model = {.kind = "",
                             .format_version = series->kind->format_version,
                             .parts = &part,
                             .part_count = 1,
                             .t0_ms = before.t0_ms,
                             .step_ms = before.step_ms,
                             .steps = origin};
    *out = ff_apply_arrays(&emitter->fit, series->work->horizon);
    return ff_apply_forecast(&emitter->fit, series->kind, &model, 0, series->work->horizon,
                             series->work->coverage, out);
}

static struct fold run_fold(struct series *series, size_t origin)
{
    struct fold fold = {NAN, NAN, NAN, NAN, NAN, NAN, 0};
    struct ff_kind_scores ahead;
    double scale = naive_scale(series->frame.values, origin, series->season);
    fold.code = forecast(series, origin, &ahead);
    if (fold.code != FF_FIT_OK)
        return fold;
    measure(&fold, series->frame.values + origin, &ahead, series->work->horizon, scale);
    measure_naive(series, &fold, origin, scale);
    return fold;
}

static void emit_array(struct ff_fit *fit, const char *name, const struct fold *folds, size_t count,
                       size_t offset)
{
    double *values = fit->alloc(fit, count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = *(const double *)(const void *)((const char *)&folds[i] + offset);
    fit->numbers(fit, name, values, count, FF_EXPORT);
}

static void emit(struct series *series, const struct fold *folds, size_t count)
{
    struct ff_fit *fit = &series->emitter->fit;
    double *codes = fit->alloc(fit, count, sizeof *codes);
    for (size_t i = 0; i < count; i++)
        codes[i] = folds[i].code;
    fit->integer(fit, "season", (int64_t)series->season, FF_SUMMARY);
    fit->integer(fit, "horizon", series->work->horizon, FF_SUMMARY);
    fit->integer(fit, "folds", (int64_t)count, FF_SUMMARY);
    emit_array(fit, "smape", folds, count, offsetof(struct fold, smape));
    emit_array(fit, "mase", folds, count, offsetof(struct fold, mase));
    emit_array(fit, "naive_smape", folds, count, offsetof(struct fold, naive_smape));
    emit_array(fit, "naive_mase", folds, count, offsetof(struct fold, naive_mase));
    emit_array(fit, "coverage", folds, count, offsetof(struct fold, coverage));
    emit_array(fit, "width", folds, count, offsetof(struct fold, width));
    fit->numbers(fit, "error", codes, count, FF_EXPORT);
}

static int test_series(struct series *series)
{
    struct ff_fit *fit = &series->emitter->fit;
    size_t folds = series->work->folds, horizon = series->work->horizon, n = series->frame.steps;
    if (n / horizon <= folds)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "%zu step%s, %zu fold%s of %zu need%s more", n,
                         ff_plural(n), folds, ff_plural(folds), horizon, folds == 1 ? "s" : "");
    struct fold *results = fit->alloc(fit, folds, sizeof *results);
    double *known = fit->alloc(fit, n, sizeof *known);
    if (!ff_finite_values(series->frame.values, n - folds * horizon, known))
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "no value before the first fold");
    series->season = series->work->season;
    if (!series->season)
        series->season = ff_season_detect(fit, series->frame.values, n - folds * horizon);
    bool any = false;
    for (size_t i = 0; i < folds; i++) {
        results[i] = run_fold(series, n - (folds - i) * horizon);
        any |= results[i].code == FF_FIT_OK;
    }
    if (!any)
        return results[folds - 1].code; /* its message is the last one kept */
    ff_emitter_begin(series->emitter);  /* what the folds emitted is theirs */
    emit(series, results, folds);
    return FF_FIT_OK;
}

void ff_backtest(struct ff_emitter *emitter, const struct ff_task *task, const struct ff_kind *kind,
                 const void *config, struct ff_model *out)
{
    const struct ff_frame *frame = &task->frame;
    struct ff_model_part *parts = ff_workspace_alloc(emitter->workspace, frame->columns, sizeof *parts);
    struct series series = {.emitter = emitter, .kind = kind, .config = config, .work = &task->model->work};
    for (size_t i = 0; i < frame->columns; i++) {
        series.frame = (struct ff_kind_frame){
            frame->t0_ms, frame->step_ms, frame->steps, 1, ff_frame_column(frame, i), task->metrics + i};
        ff_emitter_begin(emitter);
        enum ff_code code = (enum ff_code)test_series(&series);
        parts[i] = ff_emitter_end(emitter, task->metrics[i], code);
    }
    *out = (struct ff_model){.kind = FF_BACKTEST,
                             .format_version = 1,
                             .parts = parts,
                             .part_count = frame->columns,
                             .t0_ms = frame->t0_ms,
                             .step_ms = frame->step_ms,
                             .steps = frame->steps};
}

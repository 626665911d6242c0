/* A kind reads its model through a table of lookups by name (struct view).
 *
 * A metric of the frame for which the model has no part gets a part with the error NO_MODEL; one that was not
 * fitted keeps its error. */
#include "worker/apply.h"

#include "worker/alerts.h"
#include "worker/command.h"
#include "worker/models/band.h"
#include "worker/models/registry.h"
#include "worker/plugin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct view {
    struct ff_kind_model model; /* first */
    const struct ff_model_part *part;
};

/* ---- a model as its kind sees it ---- */

static const struct ff_model_param *find(const struct ff_kind_model *model, const char *name,
                                         enum ff_value_type type)
{
    return ff_model_param(((const struct view *)model)->part, name, type);
}

static double number(const struct ff_kind_model *model, const char *name)
{
    const struct ff_model_param *param = find(model, name, FF_VALUE_NUMBER);
    return param ? param->number : NAN;
}

static int64_t integer(const struct ff_kind_model *model, const char *name, int64_t otherwise)
{
    const struct ff_model_param *param = find(model, name, FF_VALUE_INTEGER);
    if (!param)
        param = find(model, name, FF_VALUE_BOOLEAN);
    return param ? param->integer : otherwise;
}

static const char *text(const struct ff_kind_model *model, const char *name)
{
    const struct ff_model_param *param = find(model, name, FF_VALUE_TEXT);
    return param ? param->text : NULL;
}

static const double *numbers(const struct ff_kind_model *model, const char *name, size_t *count)
{
    const struct ff_model_param *param = find(model, name, FF_VALUE_NUMBERS);
    *count = param ? param->count : 0;
    return param ? param->numbers : NULL;
}

static const char *const *texts(const struct ff_kind_model *model, const char *name, size_t *count)
{
    const struct ff_model_param *param = find(model, name, FF_VALUE_TEXTS);
    *count = param ? param->count : 0;
    return param ? param->texts : NULL;
}

_Static_assert((int)FF_KIND_NUMBER == (int)FF_VALUE_NUMBER && (int)FF_KIND_TEXTS == (int)FF_VALUE_TEXTS,
               "one list of types");

static const char *name_at(const struct ff_kind_model *model, size_t i, enum ff_kind_type *type)
{
    const struct ff_model_part *part = ((const struct view *)model)->part;
    if (i >= part->param_count)
        return NULL;
    *type = (enum ff_kind_type)part->params[i].type;
    return part->params[i].name;
}

static struct view view_of(const struct ff_model *model, size_t part)
{
    return (struct view){.model = {.abi_version = FF_KIND_ABI_VERSION,
                                   .struct_size = sizeof(struct ff_kind_model),
                                   .format_version = model->format_version,
                                   .t0_ms = model->t0_ms,
                                   .step_ms = model->step_ms,
                                   .steps = model->steps,
                                   .number = number,
                                   .integer = integer,
                                   .text = text,
                                   .numbers = numbers,
                                   .texts = texts,
                                   .name = name_at},
                         .part = &model->parts[part]};
}

/* ---- one part ---- */

const struct ff_kind *ff_apply_kind(struct ff_fit *fit, const char *name, const struct ff_fit_spec *spec)
{
    const char *path = ff_fit_spec_given(spec, "path");
    if (strcmp(name, FF_PLUGIN_KIND) == 0 && path)
        return ff_plugin_open(fit, path);
    if (strcmp(name, FF_COMMAND_KIND) == 0 && ff_fit_spec_given(spec, "argv"))
        return ff_command_open(fit, spec);
    const struct ff_kind *kind = ff_registry_find(name);
    if (!kind)
        fit->fail(fit, FF_FIT_BAD_PARAMETER, "a model of the kind '%.64s', which this worker does not know",
                  name);
    return kind;
}

/* NULL with a message if the model is not one that it can read. */
static const struct ff_kind *kind_of(struct ff_fit *fit, const struct ff_model *model,
                                     const struct ff_fit_spec *spec)
{
    const struct ff_kind *kind = ff_apply_kind(fit, model->kind, spec);
    if (!kind)
        return NULL;
    if (model->format_version > kind->format_version)
        fit->fail(fit, FF_FIT_BAD_PARAMETER,
                  "a model of %s in format %u, this worker reads up to %u: it was fitted by a later version",
                  kind->name, model->format_version, kind->format_version);
    else if (model->step_ms <= 0)
        fit->fail(
            fit, FF_FIT_BAD_PARAMETER,
            "the model does not say which steps it has: it was fitted by an earlier version, train again");
    else
        return kind;
    return NULL;
}

struct ff_kind_scores ff_apply_arrays(struct ff_fit *fit, size_t steps)
{
    double *all = fit->alloc(fit, 5 * steps, sizeof *all);
    for (size_t i = 0; i < 5 * steps; i++)
        all[i] = NAN;
    return (struct ff_kind_scores){all, all + steps, all + 2 * steps, all + 3 * steps, all + 4 * steps};
}

int ff_apply_score(struct ff_fit *fit, const struct ff_kind *kind, const struct ff_model *model, size_t part,
                   const struct ff_kind_frame *frame, struct ff_kind_scores *scores)
{
    struct view view = view_of(model, part);
    if (!kind->score)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s cannot score", kind->name);
    if (frame->step_ms != model->step_ms)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "rows every %lld ms for a model of every %lld ms",
                         (long long)frame->step_ms, (long long)model->step_ms);
    return kind->score(fit, &view.model, frame, scores);
}

/* What a plug-in says need not be a band. */
static int check_band(struct ff_fit *fit, const struct ff_kind *kind, const struct ff_kind_scores *scores,
                      size_t steps)
{
    size_t at = ff_band_crossed(scores, steps);
    if (at == steps)
        return FF_FIT_OK;
    return fit->fail(fit, FF_CODE_BAD_OUTPUT, "%s: lower %g is above upper %g at step %zu", kind->name,
                     scores->lower[at], scores->upper[at], at);
}

int ff_apply_forecast(struct ff_fit *fit, const struct ff_kind *kind, const struct ff_model *model,
                      size_t part, size_t horizon, double coverage, struct ff_kind_scores *scores)
{
    struct view view = view_of(model, part);
    if (!kind->forecast)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s cannot forecast", kind->name);
    int code = kind->forecast(fit, &view.model, horizon, coverage, scores);
    return code == FF_FIT_OK ? check_band(fit, kind, scores, horizon) : code;
}

/* ---- all of them ---- */

static bool any_number(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(values[i]))
            return true;
    return false;
}

static void emit(struct ff_fit *fit, const struct ff_kind_scores *scores, size_t steps)
{
    fit->numbers(fit, "expected", scores->expected, steps, FF_EXPORT);
    fit->numbers(fit, "lower", scores->lower, steps, FF_EXPORT);
    fit->numbers(fit, "upper", scores->upper, steps, FF_EXPORT);
    if (any_number(scores->score, steps))
        fit->numbers(fit, "score", scores->score, steps, FF_EXPORT);
    if (any_number(scores->value, steps))
        fit->numbers(fit, "value", scores->value, steps, FF_EXPORT);
}

static struct ff_kind_frame columns_of(const struct ff_task *task, size_t first, size_t count)
{
    const struct ff_frame *frame = &task->frame;
    return (struct ff_kind_frame){.t0_ms = frame->t0_ms,
                                  .step_ms = frame->step_ms,
                                  .steps = frame->steps,
                                  .columns = count,
                                  .values = ff_frame_column(frame, first),
                                  .names = task->metrics + first};
}

/* The model's part of a metric; part_count: it has none. */
static size_t part_of(const struct ff_model *model, const char *metric)
{
    for (size_t i = 0; i < model->part_count; i++)
        if (strcmp(model->parts[i].metric, metric) == 0)
            return i;
    return model->part_count;
}

/* The part of a column's metric; NULL with a code and a message. */
static const struct ff_model_part *fitted_part(struct ff_fit *fit, const struct ff_task *task,
                                               const struct ff_model *model, size_t column, int *code)
{
    size_t part = part_of(model, task->metrics[column]);
    if (part == model->part_count)
        *code = fit->fail(fit, FF_CODE_NO_MODEL, "the model does not have this metric");
    else if (model->parts[part].code != FF_CODE_OK)
        *code = fit->fail(fit, (int)model->parts[part].code, "%s", model->parts[part].errmsg);
    else
        return &model->parts[part];
    return NULL;
}

static int score_column(struct ff_fit *fit, const struct ff_task *task, const struct ff_kind *kind,
                        const struct ff_model *model, size_t column, struct ff_kind_scores *scores)
{
    int code = FF_FIT_OK;
    const struct ff_model_part *part = fitted_part(fit, task, model, column, &code);
    if (!part)
        return code;
    struct ff_kind_frame view = columns_of(task, column, 1);
    struct ff_alert_rule rule = ff_alert_rule_of(part);
    code = ff_apply_score(fit, kind, model, (size_t)(part - model->parts), &view, scores);
    if (code == FF_FIT_OK)
        code = check_band(fit, kind, scores, view.steps);
    if (code != FF_FIT_OK)
        return code;
    ff_band_open(scores, view.steps);
    ff_alerts_apply(&rule, &view, scores);
    return FF_FIT_OK;
}

int ff_apply_column(struct ff_fit *fit, const struct ff_task *task, const struct ff_model *model,
                    size_t column, struct ff_kind_scores *scores)
{
    const struct ff_kind *kind = kind_of(fit, model, task->model);
    return kind ? score_column(fit, task, kind, model, column, scores) : FF_FIT_BAD_PARAMETER;
}

static int apply_to_metric(struct ff_fit *fit, const struct ff_task *task, const struct ff_kind *kind,
                           const struct ff_model *model, size_t column)
{
    const struct ff_work *work = &task->model->work;
    bool forecasts = work->type == FF_WORK_FORECAST;
    size_t steps = forecasts ? work->horizon : task->frame.steps;
    struct ff_kind_scores scores = ff_apply_arrays(fit, steps);
    int code = FF_FIT_OK;
    if (forecasts) {
        const struct ff_model_part *part = fitted_part(fit, task, model, column, &code);
        if (part)
            code = ff_apply_forecast(fit, kind, model, (size_t)(part - model->parts), steps, work->coverage,
                                     &scores);
    } else {
        code = score_column(fit, task, kind, model, column, &scores);
    }
    if (code == FF_FIT_OK)
        emit(fit, &scores, steps);
    return code;
}

static void apply_to_metrics(struct ff_emitter *emitter, const struct ff_task *task,
                             const struct ff_kind *kind, const struct ff_model *model, struct ff_model *out)
{
    size_t columns = task->frame.columns;
    struct ff_model_part *parts = ff_workspace_alloc(emitter->workspace, columns, sizeof *parts);
    for (size_t i = 0; i < columns; i++) {
        ff_emitter_begin(emitter);
        int code = apply_to_metric(&emitter->fit, task, kind, model, i);
        parts[i] = ff_emitter_end(emitter, task->metrics[i], (enum ff_code)code);
    }
    out->parts = parts;
    out->part_count = columns;
}

/* ---- multivariate ---- */

/* Of a column, or of a step. */
struct share {
    size_t column;
    double size;
};

static int by_size(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return a->column < b->column ? -1 : 1;
}

/* Those above the limit, the largest scores first. */
static size_t worst_steps(struct ff_fit *fit, const double *score, size_t steps, struct share **out)
{
    struct share *list = *out = fit->alloc(fit, steps, sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < steps; i++)
        if (score[i] > 1)
            list[count++] = (struct share){i, score[i]};
    qsort(list, count, sizeof *list, by_size);
    return count < FF_APPLY_EXPLAINED_STEPS ? count : FF_APPLY_EXPLAINED_STEPS;
}

/* The steps of which something is to be said, in order of score; returns how many. */
static size_t chosen_steps(struct ff_fit *fit, const struct ff_work *work, const struct ff_kind_frame *frame,
                           const double *score, struct share **out)
{
    if (!work->explains)
        return worst_steps(fit, score, frame->steps, out);
    int64_t offset = work->explained_ms - frame->t0_ms;
    *out = fit->alloc(fit, 1, sizeof **out);
    if (offset < 0 || (uint64_t)(offset / frame->step_ms) >= frame->steps)
        return 0;
    **out = (struct share){.column = (size_t)(offset / frame->step_ms)};
    return 1;
}

/* Which columns have the largest share in a statistic at the steps that are chosen: arrays "at" (steps),
 * "columns" (names) and "shares", as many columns for each step. */
static int explain(struct ff_fit *fit, const struct ff_work *work, const struct ff_kind *kind,
                   const struct view *view, const struct ff_kind_frame *frame, const double *score,
                   size_t statistic, size_t statistics)
{
    struct share *steps, *shares = fit->alloc(fit, frame->columns, sizeof *shares);
    double *all = fit->alloc(fit, statistics * frame->columns, sizeof *all);
    size_t count = chosen_steps(fit, work, frame, score, &steps), named = frame->columns;
    if (!work->explains && named > FF_APPLY_EXPLAINED_COLUMNS)
        named = FF_APPLY_EXPLAINED_COLUMNS;
    double *at = fit->alloc(fit, count, sizeof *at), *sizes = fit->alloc(fit, count * named, sizeof *sizes);
    const char **names = fit->alloc(fit, count * named, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        int code = kind->contribute(fit, &view->model, frame, steps[i].column, all);
        if (code != FF_FIT_OK)
            return code;
        for (size_t c = 0; c < frame->columns; c++)
            shares[c] = (struct share){c, all[statistic * frame->columns + c]};
        qsort(shares, frame->columns, sizeof *shares, by_size);
        at[i] = (double)steps[i].column;
        for (size_t c = 0; c < named; c++) {
            names[i * named + c] = frame->names[shares[c].column];
            sizes[i * named + c] = shares[c].size;
        }
    }
    fit->numbers(fit, "at", at, count, FF_EXPORT);
    fit->texts(fit, "columns", names, count * named, FF_EXPORT);
    fit->numbers(fit, "shares", sizes, count * named, FF_EXPORT);
    return FF_FIT_OK;
}

static double *fill_by_band(const struct ff_kind_scores *scores, size_t steps)
{
    for (size_t i = 0; i < steps; i++)
        if (isnan(scores->score[i]))
            scores->score[i] =
                (scores->value[i] - scores->expected[i]) / (scores->upper[i] - scores->expected[i]);
    return scores->score;
}

static enum ff_code apply_to_frame(struct ff_emitter *emitter, const struct ff_task *task,
                                   const struct ff_kind *kind, const struct ff_model *model,
                                   struct ff_model *out)
{
    struct ff_fit *fit = &emitter->fit;
    size_t count = 0;
    struct view view = view_of(model, 0);
    struct ff_kind_frame frame = columns_of(task, 0, task->frame.columns);
    while (kind->statistics && kind->statistics[count])
        count++;
    struct ff_kind_scores *scores = fit->alloc(fit, count, sizeof *scores);
    for (size_t i = 0; i < count; i++)
        scores[i] = ff_apply_arrays(fit, frame.steps);
    int code = ff_apply_score(fit, kind, model, 0, &frame, scores);
    if (code != FF_FIT_OK)
        return (enum ff_code)code;
    struct ff_model_part *parts = fit->alloc(fit, count, sizeof *parts);
    for (size_t i = 0; i < count; i++) {
        ff_emitter_begin(emitter);
        fill_by_band(&scores[i], frame.steps);
        emit(fit, &scores[i], frame.steps);
        code = kind->contribute
                   ? explain(fit, &task->model->work, kind, &view, &frame, scores[i].score, i, count)
                   : FF_FIT_OK;
        parts[i] = ff_emitter_end(emitter, kind->statistics[i], (enum ff_code)code);
    }
    out->parts = parts;
    out->part_count = count;
    return FF_CODE_OK;
}

enum ff_code ff_apply(struct ff_emitter *emitter, const struct ff_task *task, const struct ff_model *model,
                      struct ff_model *out)
{
    struct ff_fit *fit = &emitter->fit;
    bool forecasts = task->model->work.type == FF_WORK_FORECAST;
    const struct ff_kind *kind =
        kind_of(fit, model, model->by_fallback && task->fallback ? task->fallback : task->model);
    if (!kind)
        return FF_CODE_BAD_PARAMETER;
    *out = (struct ff_model){.kind = forecasts ? FF_APPLY_FORECAST : FF_APPLY_SCORE,
                             .format_version = 1,
                             .t0_ms = task->frame.t0_ms,
                             .step_ms = task->frame.step_ms,
                             .steps = task->frame.steps};
    if (forecasts) {
        out->t0_ms = model->t0_ms + (int64_t)model->steps * model->step_ms;
        out->step_ms = model->step_ms;
        out->steps = task->model->work.horizon;
    }
    if (!(kind->flags & FF_KIND_MULTIVARIATE)) {
        apply_to_metrics(emitter, task, kind, model, out);
        return FF_CODE_OK;
    }
    if (forecasts)
        return (enum ff_code)fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s cannot forecast", kind->name);
    if (model->part_count != 1 || model->parts[0].code != FF_CODE_OK)
        return (enum ff_code)fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind %s", kind->name);
    return apply_to_frame(emitter, task, kind, model, out);
}

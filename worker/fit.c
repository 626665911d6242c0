/* What a task asks for besides a fit is in apply.c and backtest.c. A fit is one or two attempts: the kind
 * that the job names and, if it fails for a reason that lies in the data, the fallback. An attempt runs
 * inside ff_workspace_run, so an allocation that fails anywhere in it, the encoding included, ends it as
 * OUT_OF_MEMORY; only the messages and the summary, which are small, live outside.
 *
 *   attempt: find the kind ─► fill in defaults, check ─► configure ─► fit each metric (or the frame) ─►
 * encode
 *
 * Parameters are checked here again although the coordinator did: a worker believes no peer. */
#include "worker/fit.h"

#include "common/clock.h"
#include "worker/alerts.h"
#include "worker/apply.h"
#include "worker/backtest.h"
#include "worker/command.h"
#include "worker/models/registry.h"
#include "worker/promotion.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

_Static_assert((int)FF_FIT_NOT_ENOUGH_DATA == (int)FF_CODE_NOT_ENOUGH_DATA, "one code");
_Static_assert((int)FF_FIT_CONSTANT == (int)FF_CODE_CONSTANT, "one code");
_Static_assert((int)FF_FIT_NOT_CONVERGED == (int)FF_CODE_NOT_CONVERGED, "one code");
_Static_assert((int)FF_FIT_BAD_PARAMETER == (int)FF_CODE_BAD_PARAMETER, "one code");

_Static_assert((int)FF_FIT_OK == (int)FF_CODE_OK, "one code");

enum { SAME_MOMENT_US = 20 }; /* what the caller does between two fits is counted with the second */

/* Of this thread, and of the process. */
struct usage {
    int64_t cpu_us;
    uint64_t peak_rss_bytes;
};

struct ff_fitter {
    struct ff_workspace *workspace;
    struct ff_emitter emitter;
    struct ff_arena input; /* the model that a task brings along */
    struct ff_buf summary;
    char first_message[FF_EMITTER_MESSAGE]; /* of the kind before the fallback */
    char message[FF_EMITTER_MESSAGE];
    struct usage usage; /* as last read */
    int64_t usage_us;   /* when */
};

/* One kind tried on one task. */
struct attempt {
    struct ff_fitter *fitter;
    const struct ff_task *task;
    const struct ff_fit_spec *spec;
    const struct ff_kind *kind;
    const struct ff_kind_param *params; /* as the kind gets them */
    size_t param_count;
    const void *config;
    const char *made; /* what kind of model came out */
    enum ff_code code;
    struct ff_bytes bytes; /* in the workspace */
};

struct ff_fitter *ff_fitter_create(void)
{
    struct ff_fitter *fitter = ff_xcalloc(1, sizeof *fitter);
    fitter->workspace = ff_workspace_create(0);
    ff_emitter_init(&fitter->emitter, fitter->workspace);
    return fitter;
}

void ff_fitter_destroy(struct ff_fitter *fitter)
{
    if (!fitter)
        return;
    ff_command_end_all();
    ff_workspace_destroy(fitter->workspace);
    ff_arena_fini(&fitter->input);
    ff_buf_fini(&fitter->summary);
    free(fitter);
}

static int refuse(struct attempt *attempt, const char *what, const char *name)
{
    struct ff_fit *fit = &attempt->fitter->emitter.fit;
    return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s: %s", name, what);
}

static int check_given(struct attempt *attempt, const struct ff_kind_schema *schema)
{
    for (size_t i = 0; i < attempt->spec->param_count; i++) {
        const struct ff_param *param = &attempt->spec->params[i];
        const struct ff_param_schema *known = ff_kind_param(schema, param->name);
        struct ff_error err = {0};
        if (!known)
            return refuse(attempt, "no such parameter", param->name);
        if (ff_param_check(known, param->text, &err) != FF_OK)
            return refuse(attempt, err.text, param->name);
    }
    return FF_FIT_OK;
}

/* It gets what the job gives, without what is ours. */
static int configure_plugin(struct attempt *attempt)
{
    struct ff_fit *fit = &attempt->fitter->emitter.fit;
    const struct ff_fit_spec *spec = attempt->spec;
    attempt->kind = ff_apply_kind(fit, spec->kind, spec);
    if (!attempt->kind)
        return FF_FIT_BAD_PARAMETER;
    struct ff_kind_param *params = fit->alloc(fit, spec->param_count, sizeof *params);
    size_t count = 0;
    for (size_t i = 0; i < spec->param_count; i++)
        if (strcmp(spec->params[i].name, "path") != 0)
            params[count++] = (struct ff_kind_param){spec->params[i].name, spec->params[i].text};
    attempt->params = params;
    attempt->param_count = count;
    return attempt->kind->configure(fit, params, count, &attempt->config);
}

static int configure(struct attempt *attempt)
{
    struct ff_fit *fit = &attempt->fitter->emitter.fit;
    const char *name = attempt->spec->kind ? attempt->spec->kind : "";
    const struct ff_kind_schema *schema = ff_kind_schema(name);
    attempt->kind = ff_registry_find(name);
    if (!schema || (!attempt->kind && !ff_kind_is_open(schema)))
        return refuse(attempt, "no such kind", name);
    int code = check_given(attempt, schema);
    if (code != FF_FIT_OK)
        return code;
    if (ff_kind_is_open(schema))
        return configure_plugin(attempt);
    struct ff_kind_param *params = fit->alloc(fit, schema->param_count, sizeof *params);
    for (size_t i = 0; i < schema->param_count; i++) {
        const char *text = ff_fit_spec_given(attempt->spec, schema->params[i].name);
        params[i] =
            (struct ff_kind_param){schema->params[i].name, text ? text : schema->params[i].default_text};
    }
    attempt->params = params;
    attempt->param_count = schema->param_count;
    return attempt->kind->configure(fit, params, schema->param_count, &attempt->config);
}

/* A plug-in may return anything. */
static enum ff_code known_code(struct attempt *attempt, int code)
{
    struct ff_fit *fit = &attempt->fitter->emitter.fit;
    if (code == FF_FIT_OK || code == FF_FIT_NOT_ENOUGH_DATA || code == FF_FIT_CONSTANT ||
        code == FF_FIT_NOT_CONVERGED || code == FF_FIT_BAD_PARAMETER)
        return (enum ff_code)code;
    return (enum ff_code)fit->fail(fit, FF_FIT_BAD_PARAMETER,
                                   "%s: fit returned %d, which is no code of fitfleet/kind.h",
                                   attempt->kind->name, code);
}

/* The model, and what the job says of alerts. */
static int fit_with_alerts(struct attempt *attempt, const struct ff_kind_frame *view)
{
    struct ff_fit *fit = &attempt->fitter->emitter.fit;
    struct ff_nested model;
    const struct ff_alert_case of = {attempt->kind,
                                     attempt->params,
                                     attempt->param_count,
                                     &attempt->spec->alerts,
                                     attempt->task->frame.columns,
                                     &model};
    int code = ff_nested_fit(&model, fit, of.kind, of.params, of.param_count, view);
    if (code != FF_FIT_OK)
        return code;
    ff_nested_emit(&model, "");
    ff_alerts_emit(fit, &of, view);
    return code;
}

static bool has_alerts(const struct attempt *attempt)
{
    const struct ff_alerts *alerts = &attempt->spec->alerts;
    return alerts->per_week > 0 || alerts->direction || alerts->least_duration_ms ||
           alerts->least_deviation > 0;
}

static struct ff_model_part fit_columns(struct attempt *attempt, size_t first, size_t count,
                                        const char *metric)
{
    const struct ff_frame *frame = &attempt->task->frame;
    struct ff_emitter *emitter = &attempt->fitter->emitter;
    struct ff_kind_frame view = {
        .t0_ms = frame->t0_ms,
        .step_ms = frame->step_ms,
        .steps = frame->steps,
        .columns = count,
        .values = ff_frame_column(frame, first),
        .names = attempt->task->metrics + first,
    };
    ff_emitter_begin(emitter);
    bool with_alerts = has_alerts(attempt) && count == 1 && !(attempt->kind->flags & FF_KIND_MULTIVARIATE);
    int code = with_alerts ? fit_with_alerts(attempt, &view)
                           : attempt->kind->fit(&emitter->fit, attempt->config, &view);
    return ff_emitter_end(emitter, metric, known_code(attempt, code));
}

/* The parts of the model, one for each metric or one for all. */
static struct ff_model_part *fit_parts(struct attempt *attempt, size_t *count)
{
    bool multivariate = attempt->kind->flags & FF_KIND_MULTIVARIATE;
    size_t columns = attempt->task->frame.columns;
    *count = multivariate ? 1 : columns;
    struct ff_model_part *parts = ff_workspace_alloc(attempt->fitter->workspace, *count, sizeof *parts);
    for (size_t i = 0; i < *count; i++)
        parts[i] = multivariate ? fit_columns(attempt, 0, columns, "")
                                : fit_columns(attempt, i, 1, attempt->task->metrics[i]);
    return parts;
}

/* More than the encoded model can need: names, values, and a few bytes of tags and lengths for each. */
static size_t size_bound(const struct ff_model *model)
{
    size_t size = 64 + strlen(model->kind);
    for (size_t i = 0; i < model->part_count; i++) {
        const struct ff_model_part *part = &model->parts[i];
        size += 64 + strlen(part->metric) + strlen(part->errmsg);
        for (size_t j = 0; j < part->param_count; j++) {
            const struct ff_model_param *param = &part->params[j];
            size += 96 + strlen(param->name) + (param->text ? strlen(param->text) : 0) + param->count * 16;
            for (size_t k = 0; param->type == FF_VALUE_TEXTS && k < param->count; k++)
                size += strlen(param->texts[k]);
        }
    }
    return size;
}

static void encode(struct attempt *attempt, const struct ff_model *model)
{
    size_t capacity = size_bound(model);
    uint8_t *place = ff_workspace_alloc(attempt->fitter->workspace, capacity, 1);
    struct ff_buf out = {place, 0, capacity}; /* large enough, so never reallocated */
    ff_model_encode(model, &out);
    attempt->bytes = ff_buf_bytes(&out);
    attempt->fitter->summary.size = 0;
    ff_model_json(model, false, &attempt->fitter->summary);
}

/* OK if one part is fitted, else the first one's error, whose message becomes the attempt's. */
static enum ff_code judge(struct attempt *attempt, const struct ff_model_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].code == FF_CODE_OK)
            return FF_CODE_OK;
    if (count == 0)
        return (enum ff_code)refuse(attempt, "no metrics", attempt->task->name);
    memcpy(attempt->fitter->emitter.message, parts[0].errmsg, strlen(parts[0].errmsg) + 1);
    return parts[0].code;
}

/* Whether the model may take the place of the one in use, which comes with the task. One that this worker
 * cannot read is no rival. */
static enum ff_code check_promotion(struct attempt *attempt, const struct ff_model *model)
{
    struct ff_fitter *fitter = attempt->fitter;
    struct ff_model old;
    if (!attempt->spec->promotion.last_ms || !attempt->task->input.size)
        return FF_CODE_OK;
    ff_arena_reset(&fitter->input);
    if (ff_model_decode(attempt->task->input, &fitter->input, &old, NULL))
        return FF_CODE_OK;
    return ff_promotion_check(&fitter->emitter, attempt->task, &old, model);
}

static enum ff_code fit_model(struct attempt *attempt, struct ff_model *model)
{
    const struct ff_frame *frame = &attempt->task->frame;
    int code = configure(attempt);
    if (code != FF_FIT_OK)
        return (enum ff_code)code;
    bool is_own = ff_kind_is_open(ff_kind_schema(attempt->spec->kind));
    *model = (struct ff_model){.kind = attempt->spec->kind,
                               .format_version = attempt->kind->format_version,
                               .by_fallback = is_own && attempt->spec == attempt->task->fallback,
                               .t0_ms = frame->t0_ms,
                               .step_ms = frame->step_ms,
                               .steps = frame->steps};
    model->parts = fit_parts(attempt, &model->part_count);
    enum ff_code judged = judge(attempt, model->parts, model->part_count);
    return judged == FF_CODE_OK && !(attempt->kind->flags & FF_KIND_MULTIVARIATE)
               ? check_promotion(attempt, model)
               : judged;
}

static enum ff_code backtest(struct attempt *attempt, struct ff_model *model)
{
    int code = configure(attempt);
    if (code != FF_FIT_OK)
        return (enum ff_code)code;
    ff_backtest(&attempt->fitter->emitter, attempt->task, attempt->kind, attempt->config, model);
    return judge(attempt, model->parts, model->part_count);
}

static enum ff_code apply(struct attempt *attempt, struct ff_model *model)
{
    struct ff_fitter *fitter = attempt->fitter;
    struct ff_model input;
    struct ff_error err = {0};
    ff_arena_reset(&fitter->input);
    if (ff_model_decode(attempt->task->input, &fitter->input, &input, &err))
        return (enum ff_code)refuse(attempt, err.text, "model");
    enum ff_code code = ff_apply(&fitter->emitter, attempt->task, &input, model);
    return code == FF_CODE_OK ? judge(attempt, model->parts, model->part_count) : code;
}

static void work(void *arg)
{
    struct attempt *attempt = arg;
    struct ff_model model = {0};
    ff_emitter_begin(&attempt->fitter->emitter);
    ff_command_begin(attempt->task->name);
    switch (attempt->spec->work.type) {
    case FF_WORK_SCORE:
    case FF_WORK_FORECAST:
        attempt->code = apply(attempt, &model);
        break;
    case FF_WORK_BACKTEST:
        attempt->code = backtest(attempt, &model);
        break;
    default:
        attempt->code = fit_model(attempt, &model);
        break;
    }
    attempt->code = ff_command_verdict(&attempt->fitter->emitter.fit, attempt->code);
    attempt->made = model.kind;
    if (attempt->code == FF_CODE_OK)
        encode(attempt, &model);
}

static struct attempt try_kind(struct ff_fitter *fitter, const struct ff_task *task,
                               const struct ff_fit_spec *spec)
{
    struct attempt attempt = {.fitter = fitter, .task = task, .spec = spec};
    ff_workspace_reset(fitter->workspace);
    if (!ff_workspace_run(fitter->workspace, work, &attempt)) {
        ff_workspace_reset(fitter->workspace);
        attempt.code = FF_CODE_OUT_OF_MEMORY;
        struct ff_fit *fit = &fitter->emitter.fit;
        fit->fail(fit, 0, "no memory left to fit %zu columns x %zu steps", task->frame.columns,
                  task->frame.steps);
    }
    return attempt;
}

static void fill_model(struct ff_outcome *out, const struct attempt *attempt, enum ff_class class)
{
    out->class = class;
    out->kind = attempt->made;
    out->summary = ff_buf_text(&attempt->fitter->summary);
    out->model = attempt->bytes;
}

static void fill_error(struct ff_outcome *out, enum ff_code code, char *kept, const char *message)
{
    out->class = ff_code_is_fault(code) ? FF_OPEN : FF_FAILED;
    out->code = code;
    out->errmsg = memcpy(kept, message, FF_EMITTER_MESSAGE);
}

static void fit_with_fallback(struct ff_fitter *fitter, const struct ff_task *task, struct ff_outcome *out)
{
    struct attempt first = try_kind(fitter, task, task->model);
    if (first.code == FF_CODE_OK) {
        fill_model(out, &first, FF_FITTED);
        return;
    }
    fill_error(out, first.code, fitter->first_message, fitter->emitter.message);
    if (task->model->work.type != FF_WORK_FIT || !ff_code_allows_fallback(first.code) || !task->fallback ||
        !task->fallback->kind || !*task->fallback->kind)
        return;
    struct attempt second = try_kind(fitter, task, task->fallback);
    if (second.code == FF_CODE_OK)
        fill_model(out, &second, FF_FALLBACK);
    else if (ff_code_is_fault(second.code))
        fill_error(out, second.code, fitter->message, fitter->emitter.message);
}

/* One system call, and half as long a one as a clock of CPU time. Programs that fit for us are part of us. */
static struct usage measure(void)
{
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    uint64_t peak = (uint64_t)usage.ru_maxrss * 1024, theirs = ff_command_peak_rss_bytes();
    return (struct usage){(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
                              usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + ff_command_cpu_us(),
                          peak > theirs ? peak : theirs};
}

void ff_fit_task(struct ff_fitter *fitter, const struct ff_task *task, struct ff_outcome *out)
{
    int64_t start_us = ff_clock_us();
    struct usage before = start_us - fitter->usage_us < SAME_MOMENT_US ? fitter->usage : measure();
    out->target = task->target;
    out->code = FF_CODE_OK;
    out->errmsg = out->kind = out->summary = "";
    out->model = (struct ff_bytes){0};
    fit_with_fallback(fitter, task, out);
    fitter->usage_us = ff_clock_us();
    fitter->usage = measure();
    out->fit_ms = (double)(fitter->usage_us - start_us) / 1000;
    out->cpu_ms = (double)(fitter->usage.cpu_us - before.cpu_us) / 1000;
    out->peak_rss_bytes = fitter->usage.peak_rss_bytes;
}

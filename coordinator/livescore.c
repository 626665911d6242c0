#include "coordinator/livescore.h"

#include "common/alert_rule.h"
#include "common/kinds.h"
#include "common/model.h"
#include "common/online.h"
#include "common/text.h"
#include "coordinator/names.h"
#include "coordinator/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 20 };

/* A metric of a target. */
struct series {
    struct ff_online *detector; /* NULL: there is no model */
    struct ff_alert_rule rule;  /* its least length is in ms */
    struct ff_alert_stretch stretch;
    int64_t step_ms; /* 0: not known */
    int64_t time_ms; /* of its newest row */
    bool has_row;
    bool is_wanted;
};

struct run {
    const struct ff_livescore *what;
    struct ff_arena arena;
    struct ff_names names; /* of series: target NUL metric */
    struct series *series; /* by number */
    size_t capacity;
    struct ff_names unknown; /* targets */
    struct ff_buf key, out;
    int64_t time_ms;
    struct ff_shown time;
    struct ff_score_counts *counts;
    struct ff_error *err;
};

/* ---- where a series begins ---- */

static enum ff_status not_online(struct run *run, const char *target, const char *kind)
{
    return ff_error_set(run->err, FF_INVALID_ARGUMENT,
                        "--online: expected the kind online, found %s for target '%s'", kind, target);
}

static enum ff_status begin_from_part(struct run *run, const struct ff_model *model,
                                      const struct ff_model_part *part, const char *target,
                                      struct series *series)
{
    const struct ff_model_param *state = ff_model_param(part, "state", FF_VALUE_NUMBERS),
                                *warmup = ff_model_param(part, "warmup", FF_VALUE_INTEGER);
    int64_t length, end;
    series->rule = ff_alert_rule_of(part);
    series->step_ms = model->step_ms;
    if (!state || !warmup || model->step_ms <= 0 ||
        __builtin_mul_overflow(series->rule.least_length, model->step_ms, &series->rule.least_length) ||
        __builtin_mul_overflow(model->steps, model->step_ms, &length) ||
        __builtin_add_overflow(model->t0_ms, length, &end))
        return ff_error_set(run->err, FF_DATA_LOSS, "the model of %s cannot be read", target);
    bool goes_on = run->time_ms >= end;
    series->detector = ff_arena_alloc(&run->arena, ff_online_size());
    if (goes_on && !ff_online_unpack(series->detector, state->numbers, state->count))
        return ff_error_set(run->err, FF_DATA_LOSS, "the model of %s cannot be read", target);
    if (!goes_on)
        ff_online_start(series->detector, (size_t)warmup->integer);
    return FF_OK;
}

static enum ff_status begin_from_model(struct run *run, const char *target, const char *metric,
                                       struct series *series)
{
    const struct ff_kit_model *of = ff_kit_find(run->what->kit, target);
    struct ff_arena arena = {0};
    struct ff_model model;
    enum ff_status status = FF_OK;
    if (of && ff_model_decode(of->model, &arena, &model, NULL))
        status = ff_error_set(run->err, FF_DATA_LOSS, "the model of %s cannot be read", target);
    else if (of && strcmp(model.kind, "online") != 0)
        status = not_online(run, target, model.kind);
    for (size_t i = 0; of && !status && i < model.part_count; i++)
        if (strcmp(model.parts[i].metric, metric) == 0 && model.parts[i].code == FF_CODE_OK)
            status = begin_from_part(run, &model, &model.parts[i], target, series);
    ff_arena_fini(&arena);
    return status;
}

/* What the job says; its threshold is not known before something was fitted. */
static void begin_alerts(const struct ff_jobspec *spec, struct series *series)
{
    int64_t step_ms = spec->prepare.step_ms, least_ms = spec->alerts.least_duration_ms;
    if (step_ms && __builtin_mul_overflow(ff_alert_least_steps(least_ms, step_ms), step_ms, &least_ms))
        least_ms = INT64_MAX;
    series->rule = (struct ff_alert_rule){1, spec->alerts.direction, spec->alerts.least_deviation, least_ms};
    series->step_ms = step_ms;
}

static enum ff_status begin_from_rule(struct run *run, const char *target, const char *metric,
                                      struct series *series)
{
    const struct ff_jobspec *spec = run->what->spec;
    int rule = ff_jobspec_rule(spec, target);
    const struct ff_model_spec *model = rule < 0 ? NULL : &spec->top[rule].model;
    int64_t warmup = 0;
    if (!model || !ff_jobspec_wants(&spec->top[rule], metric))
        return FF_OK;
    if (strcmp(model->kind, "online") != 0)
        return not_online(run, target, model->kind);
    const char *text = ff_kind_param(ff_kind_schema("online"), "warmup")->default_text;
    for (size_t i = 0; i < model->param_count; i++)
        if (strcmp(model->params[i].name, "warmup") == 0)
            text = model->params[i].text;
    if (!ff_parse_integer(text, &warmup))
        return not_online(run, target, model->kind);
    begin_alerts(spec, series);
    series->detector = ff_arena_alloc(&run->arena, ff_online_size());
    ff_online_start(series->detector, (size_t)warmup);
    return FF_OK;
}

static enum ff_status begin(struct run *run, const char *target, const char *metric, struct series *series)
{
    const char *only = run->what->only;
    *series = (struct series){.is_wanted = !*only || ff_glob_match(only, target)};
    if (!series->is_wanted)
        return FF_OK;
    return run->what->kit ? begin_from_model(run, target, metric, series)
                          : begin_from_rule(run, target, metric, series);
}

/* The series of a target's metric; NULL: the scan ends. */
static struct series *find(struct run *run, const char *target, const char *metric)
{
    run->key.size = 0;
    ff_buf_append(&run->key, target, strlen(target) + 1);
    ff_buf_append(&run->key, metric, strlen(metric));
    size_t known = run->names.count;
    size_t index = ff_names_add(&run->names, (const char *)run->key.data, run->key.size);
    if (index == run->capacity) {
        run->capacity = run->capacity ? 2 * run->capacity : 64;
        run->series = ff_xrealloc(run->series, run->capacity * sizeof *run->series);
    }
    if (index == known && begin(run, target, metric, &run->series[index]))
        return NULL;
    return &run->series[index];
}

/* ---- rows ---- */

/* How long what a row says has lasted: since the row before; where that is missing, for a step. If no step is
 * known a stretch begins with its first row. */
static int64_t length_of(const struct series *series, int64_t time_ms)
{
    int64_t step_ms = series->step_ms, since;
    if (!step_ms && series->stretch.score == 0)
        return 0;
    if (!series->has_row)
        return step_ms;
    if (time_ms <= series->time_ms)
        return 0;
    if (__builtin_sub_overflow(time_ms, series->time_ms, &since))
        since = INT64_MAX;
    return step_ms && since - step_ms > step_ms / 2 ? step_ms : since;
}

static void judge(struct series *series, int64_t time_ms, double value, struct ff_score *score)
{
    struct ff_online_verdict verdict = ff_online_take(series->detector, value);
    *score = (struct ff_score){verdict.expected, verdict.lower, verdict.upper, verdict.score};
    ff_alert_rule_bend(&series->rule, value, score);
    ff_alert_rule_wait(&series->rule, value, length_of(series, time_ms), &series->stretch, score);
}

static void put(struct run *run, struct series *series, const char *target, const char *metric, double value)
{
    struct ff_score score = {NAN, NAN, NAN, NAN};
    if (series->detector && !isnan(value))
        judge(series, run->time_ms, value, &score);
    series->time_ms = run->time_ms;
    series->has_row = true;
    ff_scoreline_put(&run->out, run->time.text, target, metric, value, &score, run->counts);
}

static void note_unknown(struct run *run, const char *target)
{
    ff_names_add(&run->unknown, target, strlen(target));
    run->counts->unknown_rows++;
}

static enum ff_status take_row(void *context, const struct ff_scanned_row *row, struct ff_error *err)
{
    struct run *run = context;
    if (!row) {
        enum ff_status status = ff_scoreline_flush(&run->out, run->what->out, 0, err);
        if (!status && fflush(run->what->out) != 0)
            status = ff_error_set(err, FF_INTERNAL, "cannot write scores: %m");
        return status;
    }
    if (!run->time.text[0] || row->time_ms != run->time_ms) {
        run->time_ms = row->time_ms;
        run->time = ff_show_time(row->time_ms);
    }
    bool is_known = false, is_wanted = false;
    for (size_t i = 0; i < row->columns->count; i++) {
        const char *column = row->columns->values[i].name;
        const char *target = row->target ? row->target : column;
        const char *metric = row->target ? column : "value";
        struct series *series = find(run, target, metric);
        if (!series)
            return err->status;
        is_known |= series->detector != NULL;
        is_wanted |= series->is_wanted;
        if (series->is_wanted)
            put(run, series, target, metric, row->values[i].value);
        if (!row->target && series->is_wanted && !series->detector)
            note_unknown(run, target);
    }
    if (row->target && is_wanted && !is_known)
        note_unknown(run, row->target);
    return ff_scoreline_flush(&run->out, run->what->out, FLUSH_BYTES, err);
}

enum ff_status ff_livescore_run(const struct ff_livescore *what, struct ff_score_counts *counts,
                                struct ff_error *err)
{
    struct run run = {.what = what, .counts = counts, .err = err};
    ff_names_init(&run.names, &run.arena);
    ff_names_init(&run.unknown, &run.arena);
    ff_scoreline_header(&run.out);
    enum ff_status status = ff_rowscan(what->spec, what->files, what->file_count, take_row, &run, err);
    if (!status)
        status = ff_scoreline_flush(&run.out, what->out, 0, err);
    counts->unknown_targets = run.unknown.count;
    ff_names_fini(&run.names);
    ff_names_fini(&run.unknown);
    ff_arena_fini(&run.arena);
    ff_buf_fini(&run.key);
    ff_buf_fini(&run.out);
    free(run.series);
    return status;
}

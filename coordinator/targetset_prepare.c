/* Two passes over the loaded rows. The first finds every axis, which costs no memory, and what the frames
 * will need is held against what there is: a row of 1970 among rows of today, or a step that is far too
 * short, must not take the coordinator down. In the second each target gets its frame and fills its columns
 * of the frame of all, and its rows are let go.
 *
 * Frames that do not fit beside the rows into data.memory are written to the set's file, column by column, so
 * that no frame need ever be in memory as a whole. */
#include "coordinator/targetset_prepare.h"

#include "common/buf.h"
#include "common/host.h"
#include "common/text.h"
#include "coordinator/allframe.h"
#include "coordinator/mask.h"
#include "coordinator/memory.h"
#include "coordinator/pass.h"
#include "coordinator/select.h"
#include "coordinator/show.h"
#include "coordinator/survey.h"

#include <stdlib.h>
#include <string.h>

enum { NO_TARGET = UINT32_MAX, FILE_START = 4096 }; /* place 0 is none */

/* One column at a time, of one thread. */
struct scratch {
    double *values;
    uint64_t steps;
};

struct builder {
    const struct ff_jobspec *spec;
    struct ff_load_progress *progress;
    struct ff_targetset *set;
    struct ff_targetset_storage *storage;
    struct ff_arena *arena;
    struct ff_dataset *dataset;
    const char *folder;
    const struct ff_target_guide *guide; /* may be NULL */
    struct ff_labels mask;               /* rows that are not learned */
    uint64_t memory_bytes;               /* for rows and frames */
    int64_t *cpu_us;
    struct ff_survey *surveys; /* per series */
    uint32_t *targets;         /* per series: its target, NO_TARGET */
    uint32_t *series;          /* per target */
    struct ff_axis *axes;      /* per target; steps 0: it has none */
    struct ff_axis all;
    size_t members;          /* of the frame of all; 0: it is not built */
    double *all_values;      /* NULL: not in memory */
    size_t *all_places;      /* per target: its place among the members; only for those that have an axis */
    struct scratch *scratch; /* per worker */
    struct ff_error *err;
};

static void refuse(struct ff_target *target, enum ff_code code, const char *errmsg)
{
    target->code = code;
    target->errmsg = errmsg;
}

static const char *describe_axis(struct builder *b, const char *what, const struct ff_axis *axis)
{
    int64_t last_ms = axis->t0_ms + (int64_t)(axis->steps - 1) * axis->step_ms;
    return ff_arena_printf(
        b->arena,
        "%s from %s to %s take %s steps of %s, at most %s: is a time wrong? prepare.window "
        "leaves old rows out",
        what, ff_show_time(axis->t0_ms).text, ff_show_time(last_ms).text, ff_show_count(axis->steps).text,
        ff_show_duration((double)axis->step_ms).text, ff_show_count(FF_MAX_STEPS).text);
}

static void judge_steps(struct builder *b, struct ff_target *target, const struct ff_axis *axis)
{
    refuse(target, FF_CODE_TOO_MANY_STEPS, describe_axis(b, "its rows", axis));
}

/* Decides whether a target is skipped, and finds the axis of one that is not. */
static void judge(struct builder *b, struct ff_target *target, const struct ff_series *series,
                  const struct ff_survey *survey, struct ff_axis *axis)
{
    const struct ff_jobspec *spec = b->spec;
    if (series->count == 0)
        return refuse(target, FF_CODE_ALL_MISSING, "none of its rows has a value");
    if (target->rows < spec->targets.min_rows)
        return refuse(target, FF_CODE_TOO_FEW_ROWS,
                      ff_arena_printf(b->arena, "%llu row%s, targets.min_rows is %llu",
                                      (unsigned long long)target->rows, ff_plural(target->rows),
                                      (unsigned long long)spec->targets.min_rows));
    if (target->rows == 0)
        return refuse(target, FF_CODE_ALL_MISSING, "no row inside the window has a value");
    if (survey->code == FF_CODE_TOO_FEW_ROWS)
        return refuse(target, survey->code, "all rows have the same time");
    if (target->rule < 0)
        return refuse(target, FF_CODE_NO_MODEL, "models.top has no model for it");
    *axis = survey->axis;
    if (survey->code == FF_CODE_TOO_MANY_STEPS)
        judge_steps(b, target, axis);
}

static void add_target(struct builder *b, size_t index, const struct ff_candidate *candidate)
{
    struct ff_target *target = &b->set->targets[index];
    const struct ff_survey *survey = &b->surveys[candidate->series];
    target->name = candidate->name;
    target->rows = survey->rows;
    target->errmsg = "";
    target->rule = ff_jobspec_rule(b->spec, target->name);
    b->series[index] = (uint32_t)candidate->series;
    b->targets[candidate->series] = (uint32_t)index;
    judge(b, target, &b->dataset->series[candidate->series], survey, &b->axes[index]);
}

static void add_targets(struct builder *b)
{
    const struct ff_dataset *dataset = b->dataset;
    struct ff_targetset *set = b->set;
    struct ff_candidate *candidates = ff_xcalloc(dataset->count + 1, sizeof *candidates);
    size_t found = 0;
    for (size_t i = 0; i < dataset->count; i++)
        if (b->surveys[i].is_included)
            candidates[found++] = (struct ff_candidate){dataset->series[i].name, b->surveys[i].rank, i};
    set->target_count = ff_select_best(b->spec, candidates, found);
    set->not_selected = dataset->count - set->target_count;
    set->targets = ff_xcalloc(set->target_count + 1, sizeof *set->targets);
    b->axes = ff_xcalloc(set->target_count + 1, sizeof *b->axes);
    b->series = ff_xcalloc(set->target_count + 1, sizeof *b->series);
    b->targets = ff_xalloc((dataset->count + 1) * sizeof *b->targets);
    memset(b->targets, 0xff, (dataset->count + 1) * sizeof *b->targets);
    for (size_t i = 0; i < set->target_count; i++)
        add_target(b, i, &candidates[i]);
    free(candidates);
}

static bool has_metric(const struct ff_strings *metrics, const char *name)
{
    for (size_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->items[i], name) == 0)
            return true;
    return false;
}

static enum ff_status check_rules(const struct builder *b)
{
    const struct ff_strings *metrics = &b->dataset->metrics;
    for (size_t i = 0; i < b->spec->top_count; i++) {
        const struct ff_strings *wanted = &b->spec->top[i].metrics;
        for (size_t m = 0; m < wanted->count; m++) {
            if (has_metric(metrics, wanted->items[m]))
                continue;
            const char *nearest = ff_suggest(wanted->items[m], metrics->items, metrics->count);
            return ff_error_set(b->err, FF_INVALID_ARGUMENT,
                                "models.top[%zu].metrics: the data have no metric '%s'%s%s%s", i,
                                wanted->items[m], nearest ? ", did you mean '" : "", nearest ? nearest : "",
                                nearest ? "'?" : "");
        }
    }
    return FF_OK;
}

/* ---- sizes ---- */

static size_t column_count(const struct builder *b, const struct ff_target *target)
{
    const struct ff_strings *metrics = &b->dataset->metrics;
    size_t count = 0;
    for (size_t m = 0; m < metrics->count; m++)
        count += ff_jobspec_wants(&b->spec->top[target->rule], metrics->items[m]);
    return count;
}

/* The frames without values; returns the bytes that all of them take. */
static uint64_t size_frames(struct builder *b)
{
    uint64_t total = 0;
    for (size_t i = 0; i < b->set->target_count; i++) {
        struct ff_target *target = &b->set->targets[i];
        const struct ff_axis *axis = &b->axes[i];
        if (target->code != FF_CODE_OK)
            continue;
        target->frame =
            (struct ff_frame){axis->t0_ms, axis->step_ms, axis->steps, column_count(b, target), NULL};
        total += ff_framestore_bytes(ff_frame_bytes(&target->frame));
    }
    return total;
}

static const struct ff_target *find_largest(const struct ff_targetset *set)
{
    const struct ff_target *largest = set->targets;
    for (size_t i = 1; i < set->target_count; i++)
        if (ff_frame_bytes(&set->targets[i].frame) > ff_frame_bytes(&largest->frame))
            largest = &set->targets[i];
    return largest;
}

/* The frames together must fit the host. */
static enum ff_status check_room(const struct builder *b, uint64_t total)
{
    uint64_t room = b->storage->spill ? ff_spill_room(b->folder) : ff_host_memory();
    if (total <= room / 10 * 8)
        return FF_OK;
    const struct ff_target *largest = find_largest(b->set);
    return ff_error_set(
        b->err, FF_RESOURCE_EXHAUSTED,
        "the prepared rows need %llu MiB, more than this host has%s; target '%s' has %llu steps of %lld "
        "ms: check its times, prepare.step and prepare.window",
        (unsigned long long)(total >> 20), b->storage->spill ? " room for on disk" : "", largest->name,
        (unsigned long long)largest->frame.steps, (long long)largest->frame.step_ms);
}

static void refuse_all(struct builder *b, enum ff_code code, const char *errmsg)
{
    b->set->all_code = code;
    b->set->all_errmsg = errmsg;
}

static size_t find_members(struct builder *b, struct ff_allframe_member *members)
{
    size_t count = 0;
    for (size_t i = 0; i < b->set->target_count; i++) {
        if (b->axes[i].steps == 0)
            continue;
        const struct ff_survey *survey = &b->surveys[b->series[i]];
        b->all_places[i] = count;
        members[count++] = (struct ff_allframe_member){survey->first_ms, survey->last_ms, b->axes[i].step_ms};
    }
    return count;
}

static void name_columns(struct builder *b, size_t members)
{
    struct ff_targetset *set = b->set;
    set->all_columns = ff_arena_alloc(b->arena, members * set->metric_count * sizeof(char *));
    for (size_t i = 0; i < set->target_count; i++)
        for (size_t m = 0; m < set->metric_count && b->axes[i].steps; m++)
            set->all_columns[b->all_places[i] * set->metric_count + m] =
                ff_arena_printf(b->arena, "%s/%s", set->targets[i].name, set->metrics[m]);
}

static void size_all(struct builder *b, size_t members)
{
    struct ff_targetset *set = b->set;
    uint64_t columns = members * set->metric_count;
    uint64_t limit = b->spec->limits.all_memory ? b->spec->limits.all_memory : ff_host_memory() / 2;
    if (b->all.steps > limit / sizeof(double) / columns)
        return refuse_all(b, FF_CODE_OUT_OF_MEMORY,
                          ff_arena_printf(b->arena, "%llu steps of %llu column%s take %llu MiB",
                                          (unsigned long long)b->all.steps, (unsigned long long)columns,
                                          ff_plural(columns),
                                          (unsigned long long)(b->all.steps * columns >> 17)));
    set->all = (struct ff_frame){b->all.t0_ms, b->all.step_ms, b->all.steps, columns, NULL};
    b->members = members;
    name_columns(b, members);
}

static void begin_all(struct builder *b)
{
    struct ff_targetset *set = b->set;
    set->all_errmsg = "";
    if (!b->spec->all.kind)
        return;
    struct ff_allframe_member *members = ff_xcalloc(set->target_count + 1, sizeof *members);
    b->all_places = ff_xcalloc(set->target_count + 1, sizeof *b->all_places);
    size_t count = find_members(b, members);
    enum ff_code code = ff_allframe_axis(members, count, b->guide ? b->guide->all_step_ms : 0, &b->all);
    free(members);
    if (code == FF_CODE_ALL_MISSING)
        refuse_all(b, code, "every target is skipped");
    else if (code)
        refuse_all(b, code, describe_axis(b, "the rows of all targets", &b->all));
    else
        size_all(b, count);
}

/* A place in memory for each frame. */
static enum ff_status make_frames_in_memory(struct builder *b, uint64_t total)
{
    struct ff_targetset *set = b->set;
    struct ff_targetset_storage *storage = b->storage;
    uint64_t all = ff_frame_bytes(&set->all);
    enum ff_status status = ff_framestore_create(total, &storage->frames, b->err);
    if (status == FF_OK && b->members)
        status = ff_framestore_create(ff_framestore_bytes(all), &storage->all, b->err);
    if (status)
        return status;
    for (size_t i = 0; i < set->target_count; i++)
        if (set->targets[i].code == FF_CODE_OK)
            set->targets[i].frame.values =
                ff_framestore_add(storage->frames, ff_frame_bytes(&set->targets[i].frame));
    if (b->members)
        set->all.values = b->all_values = ff_framestore_add(storage->all, all);
    return FF_OK;
}

/* Where frames go: to memory if there is enough for them beside the rows, else to a file. */
static enum ff_status make_room(struct builder *b)
{
    uint64_t total = size_frames(b), all = ff_frame_bytes(&b->set->all);
    bool fits = !b->dataset->is_spilled && total + all <= b->memory_bytes &&
                b->dataset->memory_bytes + b->dataset->open_bytes <= b->memory_bytes - total - all;
    enum ff_status status = fits ? FF_OK : ff_spill_create(b->folder, &b->storage->spill, b->err);
    if (status == FF_OK)
        status = check_room(b, fits ? total : total + all);
    if (status)
        return status;
    if (fits)
        return make_frames_in_memory(b, total);
    ff_spill_reserve(b->storage->spill, FILE_START);
    if (b->members)
        b->set->all_place = ff_spill_reserve(b->storage->spill, all);
    return FF_OK;
}

/* ---- frames ---- */

/* A column of a frame: at values, or in the file. */
struct column {
    const char *target;
    const struct ff_rows *rows;
    size_t metric;
    const struct ff_axis *axis;
    uint64_t max_gap;
    double *values;
    uint64_t place; /* values NULL */
};

static double *scratch_of(struct scratch *scratch, uint64_t steps)
{
    if (steps > scratch->steps) {
        free(scratch->values);
        scratch->values = malloc(steps * sizeof(double));
        scratch->steps = scratch->values ? steps : 0;
    }
    return scratch->values;
}

static enum ff_status fill(const struct builder *b, size_t worker, const struct column *column,
                           struct ff_error *err)
{
    uint64_t steps = column->axis->steps;
    double *y = column->values ? column->values : scratch_of(&b->scratch[worker], steps);
    if (!y)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory for a column of %llu steps",
                            (unsigned long long)steps);
    ff_prepare_aggregate(column->rows, column->metric, column->axis, b->spec->prepare.aggregate, y);
    ff_prepare_interpolate(y, steps, b->spec->prepare.interpolate, column->max_gap);
    if (b->mask.count)
        ff_mask_apply(&b->mask, column->target, column->axis, y);
    if (column->values)
        return FF_OK;
    return ff_spill_write(b->storage->spill, column->place, y, steps * sizeof *y, b->progress, err);
}

static enum ff_status prepare_target(struct builder *b, size_t worker, size_t index,
                                     const struct ff_rows *rows, struct ff_error *err)
{
    struct ff_target *target = &b->set->targets[index];
    const struct ff_frame *frame = &target->frame;
    const struct ff_model_rule *rule = &b->spec->top[target->rule];
    struct column column = {
        .target = target->name, .rows = rows, .axis = &b->axes[index], .max_gap = b->spec->prepare.max_gap};
    column.values = (double *)(uintptr_t)frame->values;
    if (b->storage->spill)
        target->place = column.place = ff_spill_reserve(b->storage->spill, ff_frame_bytes(frame));
    for (; column.metric < rows->metrics; column.metric++) {
        if (!ff_jobspec_wants(rule, b->set->metrics[column.metric]))
            continue;
        enum ff_status status = fill(b, worker, &column, err);
        if (status)
            return status;
        column.values += column.values ? frame->steps : 0;
        column.place += frame->steps * sizeof(double);
    }
    return FF_OK;
}

/* The target's columns of the frame of all, in which gaps of any length are interpolated. */
static enum ff_status prepare_in_all(struct builder *b, size_t worker, size_t index,
                                     const struct ff_rows *rows, struct ff_error *err)
{
    struct column column = {
        .target = b->set->targets[index].name, .rows = rows, .axis = &b->all, .max_gap = UINT64_MAX};
    enum ff_status status = FF_OK;
    for (; column.metric < rows->metrics && status == FF_OK; column.metric++) {
        uint64_t before = (b->all_places[index] * rows->metrics + column.metric) * b->all.steps;
        column.values = b->all_values ? b->all_values + before : NULL;
        column.place = b->set->all_place + before * sizeof(double);
        status = fill(b, worker, &column, err);
    }
    return status;
}

static enum ff_status visit(void *context, size_t worker, const struct ff_batch *batch,
                            const struct ff_opened *opened, struct ff_error *err)
{
    struct builder *b = context;
    enum ff_status status = FF_OK;
    for (size_t i = 0; i < batch->count && status == FF_OK; i++) {
        size_t index = b->targets[batch->series[i]];
        if (index == NO_TARGET)
            continue;
        struct ff_rows rows = ff_select_window(b->spec, &opened->rows[i], b->dataset->newest_ms);
        if (b->set->targets[index].code == FF_CODE_OK)
            status = prepare_target(b, worker, index, &rows, err);
        if (status == FF_OK && b->members && b->axes[index].steps)
            status = prepare_in_all(b, worker, index, &rows, err);
    }
    ff_dataset_release(b->dataset, batch);
    return status;
}

static enum ff_status make_frames(struct builder *b)
{
    const struct ff_pass pass = {b->dataset, b->progress, visit, b};
    b->scratch = ff_xcalloc(b->dataset->threads, sizeof *b->scratch);
    enum ff_status status = ff_pass_run(&pass, b->cpu_us, b->err);
    for (size_t i = 0; i < b->dataset->threads; i++)
        free(b->scratch[i].values);
    free(b->scratch);
    return status;
}

static enum ff_status build(struct builder *b)
{
    enum ff_status status = check_rules(b);
    if (status == FF_OK)
        status = ff_survey_make(b->dataset, b->spec, b->guide, b->progress, &b->surveys, b->cpu_us, b->err);
    if (status)
        return status;
    add_targets(b);
    begin_all(b);
    status = make_room(b);
    return status ? status : make_frames(b);
}

enum ff_status ff_targetset_prepare(struct ff_targetset *set, const struct ff_jobspec *spec,
                                    const char *folder, const struct ff_target_guide *guide,
                                    uint64_t limit_bytes, struct ff_load_progress *progress, int64_t *cpu_us,
                                    struct ff_error *err)
{
    struct ff_targetset_storage *storage = set->storage;
    struct ff_dataset *dataset = storage->dataset;
    struct builder b = {.spec = spec,
                        .progress = progress,
                        .set = set,
                        .storage = storage,
                        .arena = &storage->arena,
                        .dataset = dataset,
                        .folder = folder,
                        .guide = guide,
                        .memory_bytes = ff_memory_for_rows(limit_bytes, dataset->threads),
                        .cpu_us = cpu_us,
                        .err = err};
    set->metrics = dataset->metrics.items;
    set->metric_count = dataset->metrics.count;
    set->rows_skipped = dataset->rows_skipped;
    enum ff_status status =
        spec->prepare.mask ? ff_mask_read(spec->prepare.mask, dataset, &b.mask, err) : FF_OK;
    if (status == FF_OK)
        status = build(&b);
    ff_labels_fini(&b.mask);
    ff_dataset_forget_rows(dataset);
    free(b.surveys);
    free(b.targets);
    free(b.series);
    free(b.axes);
    free(b.all_places);
    return status;
}

/* Ties loading together: files → dataset → selection → one axis per target → frames, and the frame of all.
 *
 * First every axis is found, which costs no memory, and what the frames will need is held against what the
 * host has: a row of 1970 among rows of today, or a step that is far too short, must not take the coordinator
 * down. Then the targets are prepared one by one, each fills its columns of the frame of all, and its rows
 * are freed. */
#include "coordinator/targetset.h"

#include "coordinator/show.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/text.h"
#include "coordinator/allframe.h"
#include "coordinator/dataset.h"
#include "coordinator/select.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 64 };

struct storage {
    struct ff_arena arena;
    struct ff_dataset *dataset; /* its names are the targets' names */
};

struct builder {
    const struct ff_jobspec *spec;
    struct ff_load_progress *progress;
    struct ff_targetset *set;
    struct ff_arena *arena;
    struct ff_dataset *dataset;
    struct ff_selection selection;
    struct ff_axis *axes; /* per target; steps 0: it has none */
    struct ff_axis all;
    double *all_values; /* NULL: not built */
    size_t *all_places; /* per target: its place among the members; only for those that have an axis */
    struct ff_error *err;
};

static uint64_t physical_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_MAX;
}

static double *new_values(uint64_t steps, uint64_t columns)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(steps * sizeof(double), columns, &bytes) || bytes > SIZE_MAX / 2)
        return NULL;
    return aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

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
static void judge(struct builder *b, struct ff_target *target, const struct ff_selected *selected,
                  struct ff_axis *axis)
{
    const struct ff_jobspec *spec = b->spec;
    struct ff_axis found = {0};
    if (b->dataset->series[selected->series].count == 0)
        return refuse(target, FF_CODE_ALL_MISSING, "none of its rows has a value");
    if (target->rows < spec->targets.min_rows)
        return refuse(target, FF_CODE_TOO_FEW_ROWS,
                      ff_arena_printf(b->arena, "%llu rows, targets.min_rows is %llu",
                                      (unsigned long long)target->rows,
                                      (unsigned long long)spec->targets.min_rows));
    if (target->rows == 0)
        return refuse(target, FF_CODE_ALL_MISSING, "no row inside the window has a value");
    enum ff_code code = ff_axis_find(&selected->rows, spec->prepare.step_ms, &found);
    if (code == FF_CODE_TOO_FEW_ROWS)
        return refuse(target, code, "all rows have the same time");
    if (target->rule < 0)
        return refuse(target, FF_CODE_NO_MODEL, "models.top has no model for it");
    *axis = found;
    if (code == FF_CODE_TOO_MANY_STEPS)
        judge_steps(b, target, axis);
}

static void add_targets(struct builder *b)
{
    struct ff_targetset *set = b->set;
    set->targets = ff_xcalloc(b->selection.count + 1, sizeof *set->targets);
    set->target_count = b->selection.count;
    set->not_selected = b->selection.not_selected;
    b->axes = ff_xcalloc(b->selection.count + 1, sizeof *b->axes);
    for (size_t i = 0; i < set->target_count; i++) {
        const struct ff_selected *selected = &b->selection.items[i];
        struct ff_target *target = &set->targets[i];
        target->name = b->dataset->series[selected->series].name;
        target->rows = selected->rows.count;
        target->errmsg = "";
        target->rule = ff_jobspec_rule(b->spec, target->name);
        judge(b, target, selected, &b->axes[i]);
    }
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

/* The frames together must fit the host. */
static enum ff_status check_memory(const struct builder *b)
{
    uint64_t total = 0, largest = 0;
    size_t culprit = 0;
    for (size_t i = 0; i < b->set->target_count; i++) {
        uint64_t bytes = b->set->targets[i].code == FF_CODE_OK
                             ? b->axes[i].steps * b->set->metric_count * sizeof(double)
                             : 0;
        total += bytes;
        culprit = bytes > largest ? i : culprit;
        largest = bytes > largest ? bytes : largest;
    }
    if (total <= physical_bytes() / 10 * 8)
        return FF_OK;
    return ff_error_set(
        b->err, FF_RESOURCE_EXHAUSTED,
        "the prepared rows need %llu MiB, more than this host has; target '%s' has %llu steps of %lld "
        "ms: check its times, prepare.step and prepare.window",
        (unsigned long long)(total >> 20), b->set->targets[culprit].name,
        (unsigned long long)b->axes[culprit].steps, (long long)b->axes[culprit].step_ms);
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
        const struct ff_rows *rows = &b->selection.items[i].rows;
        b->all_places[i] = count;
        members[count++] = (struct ff_allframe_member){
            ff_rows_time(rows, 0), ff_rows_time(rows, rows->count - 1), b->axes[i].step_ms};
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

static void allocate_all(struct builder *b, size_t members)
{
    struct ff_targetset *set = b->set;
    uint64_t columns = members * set->metric_count;
    uint64_t limit = b->spec->limits.all_memory ? b->spec->limits.all_memory : physical_bytes() / 2;
    bool fits = b->all.steps <= limit / sizeof(double) / columns;
    b->all_values = fits ? new_values(b->all.steps, columns) : NULL;
    if (!b->all_values)
        return refuse_all(b, FF_CODE_OUT_OF_MEMORY,
                          ff_arena_printf(b->arena, "%llu steps of %llu columns take %llu MiB",
                                          (unsigned long long)b->all.steps, (unsigned long long)columns,
                                          (unsigned long long)(b->all.steps * columns >> 17)));
    set->all = (struct ff_frame){b->all.t0_ms, b->all.step_ms, b->all.steps, columns, b->all_values};
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
    enum ff_code code = ff_allframe_axis(members, count, &b->all);
    free(members);
    if (code == FF_CODE_ALL_MISSING)
        refuse_all(b, code, "every target is skipped");
    else if (code)
        refuse_all(b, code, describe_axis(b, "the rows of all targets", &b->all));
    else
        allocate_all(b, count);
}

static enum ff_status prepare_target(struct builder *b, size_t index)
{
    struct ff_targetset *set = b->set;
    struct ff_target *target = &set->targets[index];
    const struct ff_rows *rows = &b->selection.items[index].rows;
    const struct ff_axis *axis = &b->axes[index];
    double *values = new_values(axis->steps, rows->metrics);
    if (!values)
        return ff_error_set(b->err, FF_RESOURCE_EXHAUSTED, "no memory for the prepared rows of target '%s'",
                            target->name);
    for (size_t m = 0; m < rows->metrics; m++) {
        double *y = values + m * axis->steps;
        ff_prepare_aggregate(rows, m, axis, b->spec->prepare.aggregate, y);
        ff_prepare_interpolate(y, axis->steps, b->spec->prepare.interpolate, b->spec->prepare.max_gap);
    }
    target->frame = (struct ff_frame){axis->t0_ms, axis->step_ms, axis->steps, rows->metrics, values};
    return FF_OK;
}

static enum ff_status prepare_all_targets(struct builder *b)
{
    const struct ff_jobspec *spec = b->spec;
    for (size_t i = 0; i < b->set->target_count; i++) {
        const struct ff_selected *selected = &b->selection.items[i];
        if (b->progress && atomic_load(&b->progress->cancel))
            return ff_error_set(b->err, FF_CANCELLED, "cancelled while preparing");
        enum ff_status status = b->set->targets[i].code == FF_CODE_OK ? prepare_target(b, i) : FF_OK;
        if (status)
            return status;
        if (b->all_values && b->axes[i].steps)
            ff_allframe_fill(&selected->rows, &b->all, spec->prepare.aggregate, spec->prepare.interpolate,
                             b->all_values + b->all_places[i] * b->set->metric_count * b->all.steps);
        ff_dataset_release(b->dataset, selected->series);
    }
    return FF_OK;
}

static void release_unselected(struct builder *b)
{
    bool *kept = ff_xcalloc(b->dataset->count + 1, sizeof *kept);
    for (size_t i = 0; i < b->selection.count; i++)
        kept[b->selection.items[i].series] = true;
    for (size_t i = 0; i < b->dataset->count; i++)
        if (!kept[i])
            ff_dataset_release(b->dataset, i);
    free(kept);
}

static enum ff_status build(struct builder *b)
{
    struct ff_dataset *dataset = b->dataset;
    enum ff_status status = check_rules(b);
    if (status == FF_OK)
        status = ff_select(b->spec, dataset->series, dataset->count, &dataset->metrics, dataset->newest_ms,
                           &b->selection, b->err);
    if (status)
        return status;
    release_unselected(b);
    add_targets(b);
    status = check_memory(b);
    if (status)
        return status;
    begin_all(b);
    return prepare_all_targets(b);
}

static enum ff_status prepare(const struct ff_jobspec *spec, struct ff_load_progress *progress,
                              struct ff_targetset *set, struct ff_error *err)
{
    struct storage *storage = set->storage;
    struct builder b = {.spec = spec, .progress = progress, .set = set, .arena = &storage->arena, .err = err};
    b.dataset = storage->dataset;
    int64_t wall_us = ff_clock_us(), cpu_us = ff_thread_cpu_us();
    set->metrics = b.dataset->metrics.items;
    set->metric_count = b.dataset->metrics.count;
    set->rows_skipped = b.dataset->rows_skipped;
    enum ff_status status = build(&b);
    set->prepare_ms = (double)(ff_clock_us() - wall_us) / 1000;
    set->prepare_cpu_ms = (double)(ff_thread_cpu_us() - cpu_us) / 1000;
    free(b.selection.items);
    free(b.axes);
    free(b.all_places);
    return status;
}

static enum ff_status load(const struct ff_jobspec *spec, struct ff_load_progress *progress,
                           struct ff_targetset *set, struct ff_error *err)
{
    struct storage *storage = set->storage;
    struct ff_data_file *files;
    int64_t start_us = ff_clock_us();
    enum ff_status status = ff_files_find(spec, &files, &set->file_count, err);
    if (status)
        return status;
    for (size_t i = 0; i < set->file_count; i++)
        set->data_bytes += files[i].size;
    status = ff_dataset_load(spec, files, set->file_count, progress, &storage->dataset, err);
    ff_files_free(files, set->file_count);
    set->load_ms = (double)(ff_clock_us() - start_us) / 1000;
    return status;
}

enum ff_status ff_targetset_load(const struct ff_jobspec *spec, struct ff_load_progress *progress,
                                 struct ff_targetset **out, struct ff_error *err)
{
    struct ff_targetset *set = ff_xcalloc(1, sizeof *set);
    set->storage = ff_xcalloc(1, sizeof(struct storage));
    set->all_errmsg = "";
    enum ff_status status = load(spec, progress, set, err);
    if (status == FF_OK)
        status = prepare(spec, progress, set, err);
    if (status)
        ff_targetset_destroy(set);
    else
        *out = set;
    return status;
}

struct ff_targetset *ff_targetset_create(const char *const *metrics, size_t metric_count, size_t room)
{
    struct ff_targetset *set = ff_xcalloc(1, sizeof *set);
    struct storage *storage = ff_xcalloc(1, sizeof *storage);
    set->storage = storage;
    set->metrics = (const char **)(uintptr_t)metrics;
    set->metric_count = metric_count;
    set->targets = ff_xalloc(room * sizeof *set->targets);
    set->all_errmsg = "";
    return set;
}

void ff_targetset_add(struct ff_targetset *set, const char *name, uint64_t rows, const struct ff_frame *frame)
{
    struct storage *storage = set->storage;
    struct ff_target *target = &set->targets[set->target_count++];
    double *values = new_values(frame->steps, frame->columns);
    if (values)
        memcpy(values, frame->values, ff_frame_bytes(frame));
    *target = (struct ff_target){.name = ff_arena_strdup(&storage->arena, name),
                                 .rows = rows,
                                 .frame = *frame,
                                 .code = values ? FF_CODE_OK : FF_CODE_OUT_OF_MEMORY,
                                 .errmsg = ""};
    target->frame.values = values;
}

void ff_targetset_release_rows(struct ff_targetset *set, size_t target)
{
    free((void *)set->targets[target].frame.values);
    set->targets[target].frame.values = NULL;
}

void ff_targetset_destroy(struct ff_targetset *set)
{
    if (!set)
        return;
    struct storage *storage = set->storage;
    for (size_t i = 0; i < set->target_count; i++)
        ff_targetset_release_rows(set, i);
    free((void *)set->all.values);
    free(set->targets);
    ff_dataset_destroy(storage->dataset);
    ff_arena_fini(&storage->arena);
    free(storage);
    free(set);
}

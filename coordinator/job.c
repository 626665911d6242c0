#include "coordinator/job.h"

#include "common/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- the record ---- */

static size_t split_lines(struct ff_arena *arena, const char *text, const char ***lines)
{
    size_t count = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        count++;
    *lines = ff_arena_alloc(arena, (count + 1) * sizeof **lines);
    for (size_t i = 0; i < count; i++) {
        size_t length = strcspn(text, "\n");
        (*lines)[i] = ff_arena_strndup(arena, text, length);
        text += length + 1;
    }
    return count;
}

struct ff_jobspec_source ff_job_source(const struct ff_job_record *record, const char *data_root,
                                       struct ff_arena *arena)
{
    const char **overrides;
    size_t count = split_lines(arena, record->overrides, &overrides);
    return (struct ff_jobspec_source){.text = record->yaml,
                                      .size = strlen(record->yaml),
                                      .file = record->file,
                                      .base_dir = record->base_dir,
                                      .overrides = overrides,
                                      .override_count = count,
                                      .override_dir = record->override_dir,
                                      .data_root = data_root};
}

struct ff_job *ff_job_create(const struct ff_job_record *record)
{
    struct ff_job *job = ff_xcalloc(1, sizeof *job);
    job->record = *record;
    const char **strings[] = {&job->record.name,      &job->record.set,           &job->record.request_id,
                              &job->record.yaml,      &job->record.file,          &job->record.base_dir,
                              &job->record.overrides, &job->record.override_dir,  &job->record.data_files,
                              &job->record.errmsg,    &job->record.retry_classes, &job->record.times};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = ff_arena_strdup(&job->arena, *strings[i] ? *strings[i] : "");
    job->version = 1;
    if (record->id)
        ff_job_name(job);
    return job;
}

void ff_job_name(struct ff_job *job)
{
    free(job->id);
    job->id = ff_xasprintf("%s-%llu", job->record.name, (unsigned long long)job->record.number);
}

void ff_job_destroy(struct ff_job *job)
{
    if (!job)
        return;
    ff_loaded_destroy(job->loaded);
    ff_arena_fini(&job->arena);
    free(job->id);
    free(job);
}

/* ---- tasks ---- */

bool ff_job_is_errand(const struct ff_job *job)
{
    return !*job->record.set;
}

bool ff_job_is_all(const struct ff_job *job, uint32_t target)
{
    return target == job->loaded->set->target_count;
}

static void all_task(const struct ff_job *job, struct ff_wire_task *task)
{
    const struct ff_loaded *loaded = job->loaded;
    static const struct ff_fit_spec none = {0};
    task->task.name = "all";
    task->task.model = &loaded->all;
    task->task.fallback = &none;
    task->task.metrics = loaded->set->all_columns;
    task->task.frame = loaded->set->all;
    task->task.input = loaded->set->all_input;
}

void ff_job_task(const struct ff_job *job, uint32_t target, struct ff_wire_task *task)
{
    const struct ff_loaded *loaded = job->loaded;
    *task = (struct ff_wire_task){.task = {.target = target}};
    if (ff_job_is_all(job, target)) {
        all_task(job, task);
    } else {
        const struct ff_target *from = &loaded->set->targets[target];
        task->task.name = from->name;
        task->task.model = &loaded->rules[from->rule];
        task->task.fallback = &loaded->fallback;
        task->task.metrics = loaded->metrics[from->rule];
        task->task.frame = from->frame;
        task->task.input = from->input;
    }
    const struct ff_big_frame *big = ff_loaded_big(loaded, target);
    if (big) {
        task->in_object = true;
        task->object = big->id;
        task->object_size = ff_frame_bytes(&task->task.frame) + big->input_size;
        task->input_size = big->input_size;
    }
    if (task->input_size)
        task->task.input = (struct ff_bytes){0};
}

static const struct ff_frame *frame_of(const struct ff_job *job, uint32_t target)
{
    const struct ff_targetset *set = job->loaded->set;
    return ff_job_is_all(job, target) ? &set->all : &set->targets[target].frame;
}

enum ff_status ff_job_rows(const struct ff_job *job, uint32_t target, uint64_t offset, size_t size,
                           struct ff_arena *arena, struct ff_bytes *out, struct ff_error *err)
{
    const struct ff_frame *frame = frame_of(job, target);
    uint64_t frame_size = ff_frame_bytes(frame);
    if (frame->values && offset + size <= frame_size) {
        *out = (struct ff_bytes){(const uint8_t *)frame->values + offset, size};
        return FF_OK;
    }
    size_t rows = offset >= frame_size         ? 0
                  : offset + size > frame_size ? (size_t)(frame_size - offset)
                                               : size;
    uint8_t *bytes = ff_arena_alloc(arena, size);
    *out = (struct ff_bytes){bytes, size};
    if (size > rows)
        memcpy(bytes + rows, ff_loaded_input(job->loaded, target).data + (offset + rows - frame_size),
               size - rows);
    return rows ? ff_targetset_read(job->loaded->set, target, offset, bytes, rows, err) : FF_OK;
}

enum ff_status ff_job_fill_task(const struct ff_job *job, uint32_t target, struct ff_arena *arena,
                                struct ff_wire_task *task, struct ff_error *err)
{
    struct ff_frame *frame = &task->task.frame;
    struct ff_bytes rows;
    enum ff_status status = ff_job_rows(job, target, 0, ff_frame_bytes(frame), arena, &rows, err);
    if (status == FF_OK)
        frame->values = (const double *)(const void *)rows.data;
    return status;
}

bool ff_job_object(const struct ff_job *job, const struct ff_object_id *id, uint32_t *target, uint64_t *size)
{
    const struct ff_loaded *loaded = job->loaded;
    for (size_t i = 0; loaded && i < loaded->big_count; i++) {
        const struct ff_big_frame *big = &loaded->big[i];
        if (memcmp(&big->id, id, sizeof *id) != 0 || !ff_targetset_has_rows(loaded->set, big->target))
            continue;
        *target = big->target;
        *size = ff_frame_bytes(frame_of(job, big->target)) + big->input_size;
        return true;
    }
    return false;
}

uint32_t ff_job_timeout_ms(const struct ff_job *job, uint32_t target)
{
    const struct ff_jobspec *spec = job->loaded->spec;
    int64_t ms = ff_job_is_all(job, target) ? spec->limits.all_timeout_ms : spec->limits.target_timeout_ms;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

uint64_t ff_job_memory_bytes(const struct ff_job *job, uint32_t target)
{
    const struct ff_jobspec *spec = job->loaded->spec;
    return ff_job_is_all(job, target) ? spec->limits.all_memory : spec->limits.target_memory;
}

struct ff_dispatch_item *ff_job_items(const struct ff_job *job)
{
    const struct ff_targetset *set = job->loaded->set;
    struct ff_dispatch_item *items = ff_xcalloc(job->total + 1, sizeof *items);
    for (size_t i = 0; i < set->target_count; i++) {
        const struct ff_target *target = &set->targets[i];
        items[i] = (struct ff_dispatch_item){.cells = target->frame.steps * target->frame.columns +
                                                      target->input.size / sizeof(double),
                                             .group = target->rule < 0 ? 0 : (uint32_t)target->rule,
                                             .closed = target->code != FF_CODE_OK,
                                             .alone = ff_loaded_big(job->loaded, (uint32_t)i) != NULL};
    }
    if (job->total > set->target_count)
        items[set->target_count] = (struct ff_dispatch_item){.cells = set->all.steps * set->all.columns,
                                                             .group = (uint32_t)job->loaded->spec->top_count,
                                                             .closed = set->all_code != FF_CODE_OK,
                                                             .alone = true};
    return items;
}

struct ff_stored_targets ff_job_stored_targets(const struct ff_job *job, struct ff_arena *arena)
{
    const struct ff_targetset *set = job->loaded->set;
    struct ff_stored_target *targets = ff_arena_alloc(arena, set->target_count * sizeof *targets);
    for (size_t i = 0; i < set->target_count; i++)
        targets[i] = (struct ff_stored_target){set->targets[i].name, set->targets[i].rows,
                                               set->targets[i].frame.steps, set->targets[i].fingerprint};
    return (struct ff_stored_targets){.targets = targets,
                                      .target_count = set->target_count,
                                      .rows_skipped = set->rows_skipped,
                                      .metrics = set->metrics,
                                      .metric_count = set->metric_count,
                                      .has_all = job->total > set->target_count,
                                      .all_rows = set->all.steps,
                                      .all_steps = set->all.steps,
                                      .all_fingerprint = set->all_fingerprint};
}

/* ---- counting ---- */

void ff_job_count_under_way(struct ff_job *job, const struct ff_outcome *outcome, bool committed)
{
    if (!ff_job_is_all(job, outcome->target))
        job->under_way.of_class[outcome->class] += committed ? (uint64_t)-1 : 1;
}

void ff_job_close_counts(struct ff_job *job)
{
    struct ff_counts *counts = &job->record.counts;
    uint64_t decided = 0;
    for (int class = FF_OPEN + 1; class < FF_CLASS_COUNT; class ++) {
        counts->of_class[class] += job->under_way.of_class[class];
        decided += counts->of_class[class];
    }
    counts->of_class[FF_CANCELLED_CLASS] = counts->requested - decided;
}

void ff_job_count(struct ff_job *job, const struct ff_outcome *outcome)
{
    job->committed++;
    job->version++;
    job->fit_sum_ms += outcome->fit_ms;
    if (ff_job_is_all(job, outcome->target)) {
        job->all_class = outcome->class;
        job->record.all_failed = outcome->class == FF_FAILED || outcome->class == FF_QUARANTINED;
        return;
    }
    job->record.counts.of_class[outcome->class]++;
}

bool ff_job_failed_too_many(const struct ff_job *job)
{
    const struct ff_counts *counts = &job->record.counts;
    uint64_t failed = counts->of_class[FF_FAILED] + counts->of_class[FF_QUARANTINED];
    return (double)failed > job->loaded->spec->limits.max_failed * (double)counts->requested;
}

void ff_job_set_times(struct ff_job *job, int64_t now_us)
{
    struct ff_buf text = {0};
    struct ff_json json = ff_json_start(&text);
    const struct ff_targetset *set = job->loaded ? job->loaded->set : NULL;
    int64_t results_us = job->last_result_us ? job->last_result_us : now_us;
    ff_json_object_begin(&json);
    ff_json_put_double(&json, "load", set ? set->load_ms : 0);
    ff_json_put_double(&json, "prepare", set ? set->prepare_ms : 0);
    ff_json_put_double(&json, "plan", job->plan_ms);
    ff_json_put_double(&json, "wire", job->running_us ? (double)(results_us - job->running_us) / 1000 : 0);
    ff_json_put_double(&json, "commit", (double)(now_us - results_us) / 1000);
    ff_json_put_double(&json, "total", (double)(now_us - job->accepted_us) / 1000);
    ff_json_put_double(&json, "prepare_sum", set ? set->prepare_cpu_ms : 0);
    ff_json_put_double(&json, "fit_sum", job->fit_sum_ms);
    ff_json_object_end(&json);
    job->record.times = ff_arena_strdup(&job->arena, ff_buf_text(&text));
    ff_buf_fini(&text);
}

/* ---- showing ---- */

static void show_load(struct ff_load_progress *progress, struct ff_job_status *out)
{
    out->loaded_bytes = atomic_load(&progress->bytes_done);
    out->data_bytes = atomic_load(&progress->bytes_total);
    if (out->data_bytes)
        out->percent = 100.0 * (double)out->loaded_bytes / (double)out->data_bytes;
}

void ff_job_status(const struct ff_job *job, double eta_ms, struct ff_job_status *out)
{
    const struct ff_job_record *record = &job->record;
    bool final = ff_job_state_is_final(record->state);
    bool running = record->state == FF_JOB_RUNNING;
    *out = (struct ff_job_status){.id = job->id,
                                  .name = record->name,
                                  .state = ff_job_state_name(record->state),
                                  .stage = running && job->finishing ? "publishing"
                                                                     : ff_job_state_name(record->state),
                                  .percent = final ? 100 : 0,
                                  .eta_ms = -1,
                                  .counts = record->counts,
                                  .code = record->code,
                                  .errmsg = record->errmsg,
                                  .version = job->version,
                                  .set = record->set,
                                  .generation = record->generation,
                                  .started_ms = record->started_ms,
                                  .finished_ms = record->finished_ms,
                                  .all_failed = record->all_failed};
    if (!final && job->progress)
        show_load(job->progress, out);
    if (!running)
        return;
    out->percent = job->total ? 100.0 * (double)job->committed / (double)job->total : 0;
    out->eta_ms = eta_ms;
}

/* Chunks: the tasks of a lease. Models and metric names that tasks share are written once and referred to by
 * index; on the way in every index and every place of a frame is checked. */
#include "common/codec/messages.h"

#include <math.h>

enum { MAX_STEPS = 1 << 30, MAX_COLUMNS = 1 << 24, MAX_FOLDS = 10000 };

/* The distinct pointers of one field over the tasks, in order of first use. Neighbours mostly share them. */
struct distinct {
    const void **items;
    size_t count;
    size_t last;
};

static uint32_t index_of(struct distinct *set, const void *item)
{
    if (set->count && set->items[set->last] == item)
        return (uint32_t)set->last;
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i] == item)
            return (uint32_t)(set->last = i);
    set->items[set->count] = item;
    return (uint32_t)(set->last = set->count++);
}

static Fitfleet__Alerts *encode_alerts(const struct ff_alerts *in, struct ff_arena *arena)
{
    if (in->per_week <= 0 && in->direction == FF_ALERT_BOTH && in->least_duration_ms == 0 &&
        in->least_deviation <= 0)
        return NULL;
    Fitfleet__Alerts *out = ff_arena_alloc(arena, sizeof *out);
    fitfleet__alerts__init(out);
    out->per_week = in->per_week;
    out->direction = in->direction;
    out->least_duration_ms = (uint64_t)in->least_duration_ms;
    out->least_deviation = in->least_deviation;
    return out;
}

static Fitfleet__Moment *encode_moment(const struct ff_work *work, struct ff_arena *arena)
{
    if (!work->explains)
        return NULL;
    Fitfleet__Moment *out = ff_arena_alloc(arena, sizeof *out);
    fitfleet__moment__init(out);
    out->ms = work->explained_ms;
    return out;
}

static Fitfleet__Promotion *encode_promotion(const struct ff_promotion *in, struct ff_arena *arena)
{
    if (!in->last_ms)
        return NULL;
    Fitfleet__Promotion *out = ff_arena_alloc(arena, sizeof *out);
    fitfleet__promotion__init(out);
    out->last_ms = (uint64_t)in->last_ms;
    out->max_alerts = in->max_alerts;
    out->max_worse = in->max_worse;
    return out;
}

static Fitfleet__Shared **encode_shared(const struct ff_fit_spec *in, struct ff_arena *arena)
{
    Fitfleet__Shared *files = ff_arena_alloc(arena, in->shared_count * sizeof *files);
    Fitfleet__Shared **out = ff_arena_alloc(arena, in->shared_count * sizeof *out);
    for (size_t i = 0; i < in->shared_count; i++) {
        fitfleet__shared__init(&files[i]);
        files[i].object = ff_pb_bytes(in->shared[i].id.bytes, FF_OBJECT_ID_SIZE);
        files[i].size = in->shared[i].size;
        out[i] = &files[i];
    }
    return out;
}

static Fitfleet__FitSpec *encode_spec(const struct ff_fit_spec *in, struct ff_arena *arena)
{
    Fitfleet__FitSpec *out = ff_arena_alloc(arena, sizeof *out);
    Fitfleet__Param *params = ff_arena_alloc(arena, in->param_count * sizeof *params);
    fitfleet__fit_spec__init(out);
    out->kind = ff_pb_text(in->kind);
    out->n_params = in->param_count;
    out->params = ff_arena_alloc(arena, in->param_count * sizeof *out->params);
    for (size_t i = 0; i < in->param_count; i++) {
        fitfleet__param__init(&params[i]);
        params[i].name = ff_pb_text(in->params[i].name);
        params[i].text = ff_pb_text(in->params[i].text);
        out->params[i] = &params[i];
    }
    out->alerts = encode_alerts(&in->alerts, arena);
    out->promotion = encode_promotion(&in->promotion, arena);
    out->work = in->work.type;
    out->horizon = in->work.horizon;
    out->folds = in->work.folds;
    out->season = in->work.season;
    out->coverage = in->work.coverage;
    out->explained = encode_moment(&in->work, arena);
    out->n_shared = in->shared_count;
    out->shared = encode_shared(in, arena);
    return out;
}

Fitfleet__Memory *ff_pb_from_memory(const struct ff_memory_place *in, struct ff_arena *arena)
{
    if (!in->size)
        return NULL;
    Fitfleet__Memory *out = ff_arena_alloc(arena, sizeof *out);
    fitfleet__memory__init(out);
    out->pid = in->pid;
    out->fd = in->fd;
    out->inode = in->inode;
    out->size = in->size;
    return out;
}

struct ff_memory_place ff_pb_to_memory(const Fitfleet__Memory *in)
{
    return in ? (struct ff_memory_place){in->pid, in->fd, in->inode, in->size} : (struct ff_memory_place){0};
}

/* blocks: NULL if the frames are in the chunk's memory. */
static Fitfleet__Task *encode_task(const struct ff_wire_task *in, struct distinct *specs,
                                   struct distinct *metrics, struct ff_blocks *blocks, struct ff_arena *arena)
{
    Fitfleet__Task *out = ff_arena_alloc(arena, sizeof *out);
    const struct ff_task *task = &in->task;
    fitfleet__task__init(out);
    out->target = task->target;
    out->name = ff_pb_text(task->name);
    out->spec = index_of(specs, task->model);
    out->fallback = task->fallback && task->fallback->kind ? index_of(specs, task->fallback) + 1 : 0;
    out->metrics = index_of(metrics, task->metrics);
    out->t0_ms = task->frame.t0_ms;
    out->step_ms = (uint64_t)task->frame.step_ms;
    out->steps = task->frame.steps;
    out->offset = in->offset;
    out->input = ff_pb_bytes(task->input.data, task->input.size);
    out->input_size = in->input_size;
    if (in->in_object) {
        out->object = ff_pb_bytes(in->object.bytes, FF_OBJECT_ID_SIZE);
        out->object_size = in->object_size;
    } else if (blocks) {
        struct ff_bytes rows = {(const uint8_t *)task->frame.values, ff_frame_bytes(&task->frame)};
        out->offset = ff_blocks_add(blocks, rows);
    }
    return out;
}

static Fitfleet__MetricNames *encode_metrics(const struct ff_task *task, struct ff_arena *arena)
{
    Fitfleet__MetricNames *out = ff_arena_alloc(arena, sizeof *out);
    fitfleet__metric_names__init(out);
    out->n_names = task->frame.columns;
    out->names = (char **)(uintptr_t)task->metrics;
    return out;
}

Fitfleet__Chunk *ff_pb_from_chunk(const struct ff_chunk *chunk, struct ff_blocks *blocks,
                                  struct ff_arena *arena)
{
    size_t count = chunk->task_count;
    Fitfleet__Chunk *message = ff_arena_alloc(arena, sizeof *message);
    Fitfleet__LeaseId *lease = ff_arena_alloc(arena, sizeof *lease);
    struct distinct specs = {ff_arena_alloc(arena, 2 * count * sizeof(void *)), 0, 0};
    struct distinct metrics = {ff_arena_alloc(arena, count * sizeof(void *)), 0, 0};
    fitfleet__chunk__init(message);
    fitfleet__lease_id__init(lease);
    lease->epoch = chunk->lease.epoch;
    lease->counter = chunk->lease.counter;
    message->lease = lease;
    message->job = chunk->job;
    message->covers = chunk->covers;
    message->of = chunk->of;
    message->timeout_ms = chunk->timeout_ms;
    message->memory_bytes = chunk->memory_bytes;
    message->memory = ff_pb_from_memory(&chunk->memory, arena);
    message->n_tasks = count;
    message->tasks = ff_arena_alloc(arena, count * sizeof *message->tasks);
    message->metrics = ff_arena_alloc(arena, count * sizeof *message->metrics);
    for (size_t i = 0; i < count; i++) {
        size_t known = metrics.count;
        message->tasks[i] =
            encode_task(&chunk->tasks[i], &specs, &metrics, message->memory ? NULL : blocks, arena);
        if (metrics.count > known)
            message->metrics[known] = encode_metrics(&chunk->tasks[i].task, arena);
    }
    message->n_metrics = metrics.count;
    message->n_specs = specs.count;
    message->specs = ff_arena_alloc(arena, specs.count * sizeof *message->specs);
    for (size_t i = 0; i < specs.count; i++)
        message->specs[i] = encode_spec(specs.items[i], arena);
    return message;
}

void ff_encode_lease_reply(const struct ff_chunk *chunk, struct ff_buf *out, struct ff_blocks *blocks)
{
    struct ff_arena arena = {0};
    Fitfleet__LeaseReply reply = FITFLEET__LEASE_REPLY__INIT;
    if (chunk)
        reply.chunk = ff_pb_from_chunk(chunk, blocks, &arena);
    ff_pb_pack(&reply.base, out);
    ff_arena_fini(&arena);
}

/* ---- decoding ---- */

static bool decode_alerts(const Fitfleet__Alerts *in, struct ff_alerts *out)
{
    *out = (struct ff_alerts){0};
    if (!in)
        return true;
    *out = (struct ff_alerts){in->per_week, (enum ff_alert_direction)in->direction,
                              (int64_t)in->least_duration_ms, in->least_deviation};
    return in->per_week >= 0 && in->direction < FF_ALERT_DIRECTIONS &&
           in->least_duration_ms <= INT64_MAX / 2 && in->least_deviation >= 0;
}

static bool decode_promotion(const Fitfleet__Promotion *in, struct ff_promotion *out)
{
    *out = (struct ff_promotion){0};
    if (!in)
        return true;
    *out = (struct ff_promotion){(int64_t)in->last_ms, in->max_alerts, in->max_worse};
    return in->last_ms > 0 && in->last_ms <= INT64_MAX / 2 && !isnan(in->max_worse);
}

/* What it says must be possible: a later one is refused here rather than mistaken for a fit. */
static bool decode_work(const Fitfleet__FitSpec *in, struct ff_work *out)
{
    *out = (struct ff_work){.type = (enum ff_work_type)in->work,
                            .horizon = in->horizon,
                            .folds = in->folds,
                            .season = in->season,
                            .coverage = in->coverage,
                            .explains = in->explained != NULL,
                            .explained_ms = in->explained ? in->explained->ms : 0};
    bool looks_ahead = in->work == FF_WORK_FORECAST || in->work == FF_WORK_BACKTEST;
    return in->work < FF_WORK_TYPES && out->explained_ms < FF_LATEST_MS &&
           out->explained_ms > -FF_LATEST_MS &&
           (!looks_ahead ||
            (in->horizon >= 1 && in->horizon <= MAX_STEPS && in->coverage > 0 && in->coverage < 1)) &&
           (in->work != FF_WORK_BACKTEST || (in->folds >= 1 && in->folds <= MAX_FOLDS));
}

static enum ff_status decode_shared(const Fitfleet__FitSpec *in, struct ff_arena *arena,
                                    struct ff_fit_spec *out, struct ff_error *err)
{
    struct ff_shared *files = ff_arena_alloc(arena, in->n_shared * sizeof *files);
    if (in->n_shared > FF_MOST_SHARED)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "chunk with %zu shared files", in->n_shared);
    for (size_t i = 0; i < in->n_shared; i++) {
        files[i].size = in->shared[i]->size;
        if (ff_pb_object(in->shared[i]->object, &files[i].id, err))
            return FF_INVALID_ARGUMENT;
    }
    out->shared = files;
    out->shared_count = in->n_shared;
    return FF_OK;
}

/* NULL with a message. */
static struct ff_fit_spec *decode_specs(const Fitfleet__Chunk *in, struct ff_arena *arena,
                                        struct ff_error *err)
{
    struct ff_fit_spec *specs = ff_arena_alloc(arena, (in->n_specs + 1) * sizeof *specs);
    for (size_t i = 0; i < in->n_specs; i++) {
        struct ff_param *params = ff_arena_alloc(arena, in->specs[i]->n_params * sizeof *params);
        for (size_t p = 0; p < in->specs[i]->n_params; p++)
            params[p] = (struct ff_param){in->specs[i]->params[p]->name, in->specs[i]->params[p]->text};
        specs[i] = (struct ff_fit_spec){
            .kind = in->specs[i]->kind, .params = params, .param_count = in->specs[i]->n_params};
        if (!decode_work(in->specs[i], &specs[i].work) ||
            !decode_alerts(in->specs[i]->alerts, &specs[i].alerts) ||
            !decode_promotion(in->specs[i]->promotion, &specs[i].promotion)) {
            ff_error_set(err, FF_INVALID_ARGUMENT,
                         "chunk with work of type %u that is not known or not possible", in->specs[i]->work);
            return NULL;
        }
        if (decode_shared(in->specs[i], arena, &specs[i], err))
            return NULL;
    }
    return specs;
}

static enum ff_status check_place(const Fitfleet__Task *in, size_t columns, uint64_t blocks_size,
                                  struct ff_error *err)
{
    if (in->steps == 0 || in->steps > MAX_STEPS || columns == 0 || columns > MAX_COLUMNS ||
        in->step_ms == 0 || in->step_ms > INT64_MAX / 2 || in->steps > SIZE_MAX / sizeof(double) / columns)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "task of target %u: impossible frame", in->target);
    uint64_t size = in->steps * columns * sizeof(double);
    uint64_t whole = in->object.len ? in->object_size : blocks_size;
    if (in->offset % sizeof(double) || in->offset > whole || size > whole - in->offset ||
        (in->input_size && (!in->object.len || in->input_size > whole - in->offset - size)))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "task of target %u: frame outside its bytes",
                            in->target);
    return FF_OK;
}

static enum ff_status decode_task(const Fitfleet__Chunk *chunk, const Fitfleet__Task *in,
                                  uint64_t blocks_size, const struct ff_fit_spec *specs,
                                  struct ff_wire_task *out, struct ff_error *err)
{
    if (in->spec >= chunk->n_specs || in->fallback > chunk->n_specs || in->metrics >= chunk->n_metrics)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "task of target %u: index out of range", in->target);
    static const struct ff_fit_spec none = {0};
    const Fitfleet__MetricNames *metrics = chunk->metrics[in->metrics];
    if (check_place(in, metrics->n_names, blocks_size, err))
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_wire_task){.task = {.target = in->target,
                                          .name = in->name,
                                          .model = &specs[in->spec],
                                          .fallback = in->fallback ? &specs[in->fallback - 1] : &none,
                                          .metrics = (const char *const *)metrics->names,
                                          .frame = {.t0_ms = in->t0_ms,
                                                    .step_ms = (int64_t)in->step_ms,
                                                    .steps = in->steps,
                                                    .columns = metrics->n_names},
                                          .input = {in->input.data, in->input.len}},
                                 .offset = in->offset,
                                 .in_object = in->object.len != 0,
                                 .object_size = in->object_size,
                                 .input_size = in->input_size};
    return out->in_object ? ff_pb_object(in->object, &out->object, err) : FF_OK;
}

struct ff_chunk *ff_pb_to_chunk(const Fitfleet__Chunk *in, size_t blocks_size, struct ff_arena *arena,
                                struct ff_error *err)
{
    if (!in->lease) {
        ff_error_set(err, FF_INVALID_ARGUMENT, "chunk without a lease");
        return NULL;
    }
    struct ff_chunk *chunk = ff_arena_zalloc(arena, sizeof *chunk);
    struct ff_fit_spec *specs = decode_specs(in, arena, err);
    if (!specs)
        return NULL;
    chunk->lease = (struct ff_lease_id){in->lease->epoch, in->lease->counter};
    chunk->job = in->job;
    chunk->covers = in->covers;
    chunk->of = in->of;
    chunk->timeout_ms = in->timeout_ms;
    chunk->memory_bytes = in->memory_bytes;
    chunk->memory = ff_pb_to_memory(in->memory);
    uint64_t whole = chunk->memory.size ? chunk->memory.size : blocks_size;
    chunk->task_count = in->n_tasks;
    chunk->tasks = ff_arena_alloc(arena, in->n_tasks * sizeof *chunk->tasks);
    for (size_t i = 0; i < in->n_tasks; i++)
        if (decode_task(in, in->tasks[i], whole, specs, &chunk->tasks[i], err))
            return NULL;
    return chunk;
}

enum ff_status ff_decode_lease_reply(struct ff_bytes bytes, size_t blocks_size, struct ff_arena *arena,
                                     struct ff_chunk **out, struct ff_error *err)
{
    Fitfleet__LeaseReply *reply = ff_pb_unpack(&fitfleet__lease_reply__descriptor, bytes, arena, err);
    if (!reply)
        return FF_INVALID_ARGUMENT;
    struct ff_chunk *chunk = NULL;
    if (reply->chunk && !(chunk = ff_pb_to_chunk(reply->chunk, blocks_size, arena, err)))
        return FF_INVALID_ARGUMENT;
    *out = chunk;
    return FF_OK;
}

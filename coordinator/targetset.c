/* The rows of a set are in memory (frame.values), or in its file from place on, or gone. */
#include "coordinator/targetset.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/host.h"
#include "coordinator/blocks.h"
#include "coordinator/dataset.h"
#include "coordinator/targetset_prepare.h"

#include <stdlib.h>
#include <string.h>

static uint64_t memory_limit(const struct ff_jobspec *spec)
{
    return spec->data.memory ? spec->data.memory : ff_host_memory() / 2;
}

static enum ff_status load(const struct ff_jobspec *spec, const char *folder,
                           struct ff_load_progress *progress, struct ff_targetset *set, struct ff_error *err)
{
    struct ff_targetset_storage *storage = set->storage;
    const struct ff_load_options options = {
        .block_bytes = FF_BLOCK_BYTES, .memory_bytes = memory_limit(spec), .folder = folder};
    struct ff_data_file *files;
    int64_t start_us = ff_clock_us();
    enum ff_status status = ff_files_find(spec, &files, &set->file_count, err);
    if (status)
        return status;
    for (size_t i = 0; i < set->file_count; i++)
        set->data_bytes += files[i].size;
    status = ff_dataset_load(spec, files, set->file_count, &options, progress, &storage->dataset, err);
    ff_files_free(files, set->file_count);
    set->load_ms = (double)(ff_clock_us() - start_us) / 1000;
    return status;
}

static enum ff_status prepare(const struct ff_jobspec *spec, const char *folder,
                              const struct ff_target_guide *guide, struct ff_load_progress *progress,
                              struct ff_targetset *set, struct ff_error *err)
{
    int64_t start_us = ff_clock_us(), cpu_us = 0;
    enum ff_status status =
        ff_targetset_prepare(set, spec, folder, guide, memory_limit(spec), progress, &cpu_us, err);
    set->prepare_ms = (double)(ff_clock_us() - start_us) / 1000;
    set->prepare_cpu_ms = (double)cpu_us / 1000;
    return status;
}

enum ff_status ff_targetset_load(const struct ff_jobspec *spec, const char *folder,
                                 const struct ff_target_guide *guide, struct ff_load_progress *progress,
                                 struct ff_targetset **out, struct ff_error *err)
{
    struct ff_targetset *set = ff_xcalloc(1, sizeof *set);
    set->storage = ff_xcalloc(1, sizeof(struct ff_targetset_storage));
    set->all_errmsg = "";
    enum ff_status status = load(spec, folder, progress, set, err);
    if (status == FF_OK)
        status = prepare(spec, folder, guide, progress, set, err);
    if (status)
        ff_targetset_destroy(set);
    else
        *out = set;
    return status;
}

enum ff_status ff_targetset_create(const char *const *metrics, size_t metric_count, size_t room,
                                   uint64_t frame_bytes, struct ff_targetset **out, struct ff_error *err)
{
    struct ff_framestore *frames;
    uint64_t bytes = ff_framestore_bytes(frame_bytes);
    if (room && bytes > UINT64_MAX / room)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "too many rows");
    enum ff_status status = ff_framestore_create(room * bytes, &frames, err);
    if (status)
        return status;
    struct ff_targetset *set = *out = ff_xcalloc(1, sizeof *set);
    struct ff_targetset_storage *storage = ff_xcalloc(1, sizeof *storage);
    storage->frames = frames;
    set->storage = storage;
    set->metrics = (const char **)(uintptr_t)metrics;
    set->metric_count = metric_count;
    set->targets = ff_xalloc((room + 1) * sizeof *set->targets);
    set->all_errmsg = "";
    return FF_OK;
}

/* The new target's values, to be filled. */
static double *add(struct ff_targetset *set, const char *name, uint64_t rows, const struct ff_frame *frame)
{
    struct ff_targetset_storage *storage = set->storage;
    struct ff_target *target = &set->targets[set->target_count++];
    double *values = ff_framestore_add(storage->frames, ff_frame_bytes(frame));
    *target = (struct ff_target){.name = ff_arena_strdup(&storage->arena, name),
                                 .rows = rows,
                                 .frame = *frame,
                                 .code = values ? FF_CODE_OK : FF_CODE_OUT_OF_MEMORY,
                                 .errmsg = ""};
    target->frame.values = values;
    return values;
}

void ff_targetset_add(struct ff_targetset *set, const char *name, uint64_t rows, const struct ff_frame *frame)
{
    double *values = add(set, name, rows, frame);
    if (values)
        memcpy(values, frame->values, ff_frame_bytes(frame));
}

static struct ff_frame *frame_of(const struct ff_targetset *set, size_t target)
{
    struct ff_targetset *mutable = (struct ff_targetset *)(uintptr_t)set;
    return target == set->target_count ? &mutable->all : &mutable->targets[target].frame;
}

static uint64_t *place_of(const struct ff_targetset *set, size_t target)
{
    struct ff_targetset *mutable = (struct ff_targetset *)(uintptr_t)set;
    return target == set->target_count ? &mutable->all_place : &mutable->targets[target].place;
}

bool ff_targetset_has_rows(const struct ff_targetset *set, size_t target)
{
    return frame_of(set, target)->values || *place_of(set, target);
}

enum ff_status ff_targetset_read(const struct ff_targetset *set, size_t target, uint64_t offset, void *to,
                                 size_t size, struct ff_error *err)
{
    const struct ff_targetset_storage *storage = set->storage;
    const struct ff_frame *frame = frame_of(set, target);
    if (!frame->values)
        return ff_spill_read(storage->spill, *place_of(set, target) + offset, to, size, err);
    memcpy(to, (const char *)frame->values + offset, size);
    return FF_OK;
}

enum ff_status ff_targetset_copy(struct ff_targetset *set, const struct ff_targetset *from, size_t index,
                                 struct ff_error *err)
{
    const struct ff_target *target = &from->targets[index];
    double *values = add(set, target->name, target->rows, &target->frame);
    return values ? ff_targetset_read(from, index, 0, values, ff_frame_bytes(&target->frame), err) : FF_OK;
}

bool ff_targetset_is_shared(const struct ff_targetset *set)
{
    const struct ff_targetset_storage *storage = set->storage;
    return storage->frames && ff_framestore_place(storage->frames).size;
}

bool ff_targetset_place(const struct ff_targetset *set, size_t target, struct ff_memory_place *memory,
                        uint64_t *offset)
{
    const struct ff_targetset_storage *storage = set->storage;
    const struct ff_framestore *frames = target == set->target_count ? storage->all : storage->frames;
    const double *values = frame_of(set, target)->values;
    if (!values)
        return false;
    *memory = ff_framestore_place(frames);
    *offset = ff_framestore_offset(frames, values);
    return memory->size > 0;
}

void ff_targetset_move_all(struct ff_targetset *from, struct ff_targetset *to)
{
    struct ff_targetset_storage *old = from->storage, *new = to->storage;
    to->all = from->all;
    to->all_place = from->all_place;
    to->all_columns = from->all_columns;
    new->spill = old->spill;
    old->spill = NULL;
    new->all = old->all;
    old->all = NULL;
    for (size_t i = 0; i <= from->target_count; i++)
        *place_of(from, i) = 0;
    from->all.values = NULL;
}

void ff_targetset_release_rows(struct ff_targetset *set, size_t target)
{
    struct ff_targetset_storage *storage = set->storage;
    struct ff_frame *frame = frame_of(set, target);
    if (frame->values)
        ff_framestore_release(target == set->target_count ? storage->all : storage->frames, frame->values,
                              ff_frame_bytes(frame));
    frame->values = NULL;
    *place_of(set, target) = 0;
}

void ff_targetset_clear_rows(struct ff_targetset *set)
{
    struct ff_targetset_storage *storage = set->storage;
    ff_framestore_clear(storage->frames);
    ff_framestore_clear(storage->all);
}

void ff_targetset_destroy(struct ff_targetset *set)
{
    if (!set)
        return;
    struct ff_targetset_storage *storage = set->storage;
    ff_framestore_destroy(storage->frames);
    ff_framestore_destroy(storage->all);
    free(set->targets);
    ff_dataset_destroy(storage->dataset);
    ff_spill_destroy(storage->spill);
    ff_arena_fini(&storage->arena);
    free(storage);
    free(set);
}

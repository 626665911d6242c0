#include "common/kit.h"
#include "coordinator/documents_parts.h"
#include "coordinator/setmodels.h"

#include <string.h>

static enum ff_status find_active(struct ff_store *store, const char *set, struct ff_arena *arena,
                                  struct ff_generation_row *out, struct ff_error *err)
{
    struct ff_generation_row *rows;
    size_t count;
    enum ff_status status = ff_store_generations(store, set, arena, &rows, &count, err);
    for (size_t i = 0; !status && i < count; i++)
        if (rows[i].active)
            return *out = rows[i], FF_OK;
    return status ? status : ff_error_set(err, FF_NOT_FOUND, "no set '%s' (fitfleet models lists them)", set);
}

static void take_job(const struct ff_job_record *job, struct ff_arena *arena, struct ff_kit *kit)
{
    size_t lines = 0;
    kit->yaml = job->yaml;
    kit->file = job->file;
    kit->base_dir = job->base_dir;
    kit->override_dir = job->override_dir;
    for (const char *at = job->overrides; *at; at++)
        lines += *at == '\n';
    const char **overrides = ff_arena_alloc(arena, (lines + 1) * sizeof *overrides);
    const char *from = job->overrides;
    for (size_t i = 0; i < lines; i++) {
        size_t length = strcspn(from, "\n");
        overrides[i] = ff_arena_strndup(arena, from, length);
        from += length + 1;
    }
    kit->overrides = overrides;
    kit->override_count = lines;
}

enum ff_status ff_document_kit(struct ff_store *store, const char *set, const char *target,
                               struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_generation_row row = {0};
    struct ff_stored_generation generation;
    struct ff_stored_targets targets;
    struct ff_job_record job;
    struct ff_kit kit = {.set = set};
    enum ff_status status = find_active(store, set, &arena, &row, err);
    if (!status)
        status = ff_store_generation(store, set, row.number, &arena, &generation, err);
    if (!status)
        status = ff_store_job_by_id(store, row.job, &arena, &job, err);
    if (!status)
        status = ff_store_targets(store, row.job, &arena, &targets, err);
    if (!status)
        status = ff_setmodels_read(store, &generation, target, &arena, &kit.models, &kit.model_count, err);
    if (!status) {
        kit.generation = row.number;
        kit.job = row.job_name;
        kit.metrics = targets.metrics;
        kit.metric_count = targets.metric_count;
        take_job(&job, &arena, &kit);
        ff_kit_encode(&kit, out);
    }
    ff_arena_fini(&arena);
    return status;
}

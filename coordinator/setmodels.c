/* Models lie in reports, many in one: they are copied report by report, each decoded once, and then put in
 * order of names. */
#include "coordinator/setmodels.h"

#include "common/model.h"
#include "common/text.h"
#include "coordinator/job.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const struct ff_stored_model *stored;
    struct ff_bytes model; /* in the arena */
};

static int by_report(const void *left, const void *right)
{
    const struct ff_stored_model *a = ((const struct entry *)left)->stored,
                                 *b = ((const struct entry *)right)->stored;
    return a->report != b->report ? (a->report > b->report) - (a->report < b->report)
                                  : (a->index > b->index) - (a->index < b->index);
}

/* By name bytes, all (the empty name) last. */
static int by_name(const void *left, const void *right)
{
    const char *a = ((const struct ff_kit_model *)left)->target,
               *b = ((const struct ff_kit_model *)right)->target;
    return *a && *b ? strcmp(a, b) : !*a - !*b;
}

static enum ff_status copy_model(struct entry *entry, const struct ff_stored_report *report,
                                 struct ff_arena *arena, struct ff_error *err)
{
    uint32_t index = entry->stored->index;
    if (index >= report->outcome_count || report->outcomes[index].model.size == 0)
        return ff_error_set(err, FF_DATA_LOSS, "the model of '%s' is missing",
                            *entry->stored->target ? entry->stored->target : "all");
    struct ff_bytes model = report->outcomes[index].model;
    entry->model = (struct ff_bytes){ff_arena_copy(arena, model.data, model.size), model.size};
    return FF_OK;
}

/* The models of one report, from first on; returns how many in *taken. */
static enum ff_status copy_report(struct ff_store *store, struct entry *entries, size_t count,
                                  struct ff_arena *arena, size_t *taken, struct ff_error *err)
{
    struct ff_arena own = {0};
    struct ff_stored_report report;
    uint64_t row = entries->stored->report;
    enum ff_status status = ff_store_report(store, row, FF_REPORT_MODELS, &own, &report, err);
    size_t i = 0;
    for (; !status && i < count && entries[i].stored->report == row; i++)
        status = copy_model(&entries[i], &report, arena, err);
    ff_arena_fini(&own);
    *taken = i;
    return status;
}

enum ff_status ff_setmodels_read(struct ff_store *store, const struct ff_stored_generation *generation,
                                 const char *target, struct ff_arena *arena, const struct ff_kit_model **out,
                                 size_t *out_count, struct ff_error *err)
{
    struct entry *entries = ff_arena_alloc(arena, (generation->model_count + 1) * sizeof *entries);
    struct ff_kit_model *models = ff_arena_alloc(arena, (generation->model_count + 1) * sizeof *models);
    size_t count = 0;
    for (size_t i = 0; i < generation->model_count; i++) {
        const char *name = generation->models[i].target;
        if (!*target || ff_glob_match(target, *name ? name : "all"))
            entries[count++].stored = &generation->models[i];
    }
    qsort(entries, count, sizeof *entries, by_report);
    for (size_t i = 0, taken; i < count; i += taken) {
        enum ff_status status = copy_report(store, entries + i, count - i, arena, &taken, err);
        if (status)
            return status;
    }
    for (size_t i = 0; i < count; i++)
        models[i] = (struct ff_kit_model){entries[i].stored->target, entries[i].model,
                                          ff_model_step_ms(entries[i].model)};
    qsort(models, count, sizeof *models, by_name);
    *out = models;
    *out_count = count;
    return FF_OK;
}

/* ---- with their job ---- */

/* number 0: the active one. */
static enum ff_status find_generation(struct ff_store *store, const char *set, uint64_t number,
                                      struct ff_arena *arena, struct ff_generation_row *out,
                                      struct ff_error *err)
{
    struct ff_generation_row *rows;
    size_t count;
    enum ff_status status = ff_store_generations(store, set, arena, &rows, &count, err);
    for (size_t i = 0; !status && i < count; i++)
        if (number ? rows[i].number == number : rows[i].active)
            return *out = rows[i], FF_OK;
    if (status)
        return status;
    if (count && number)
        return ff_error_set(err, FF_NOT_FOUND, "set '%s' has no generation %llu any more", set,
                            (unsigned long long)number);
    return ff_error_set(err, FF_NOT_FOUND, "no set '%s' (fitfleet models lists them)", set);
}

static void take_job(const struct ff_job_record *job, struct ff_arena *arena, struct ff_kit *kit)
{
    const struct ff_jobspec_source source = ff_job_source(job, NULL, arena);
    kit->yaml = source.text;
    kit->file = source.file;
    kit->base_dir = source.base_dir;
    kit->override_dir = source.override_dir;
    kit->overrides = source.overrides;
    kit->override_count = source.override_count;
}

enum ff_status ff_setmodels_kit(struct ff_store *store, const char *set, uint64_t number, const char *target,
                                struct ff_arena *arena, struct ff_kit *out, struct ff_error *err)
{
    struct ff_generation_row row = {0};
    struct ff_stored_generation generation;
    struct ff_stored_targets targets;
    struct ff_job_record job;
    *out = (struct ff_kit){.set = set};
    enum ff_status status = find_generation(store, set, number, arena, &row, err);
    if (!status)
        status = ff_store_generation(store, set, row.number, arena, &generation, err);
    if (!status)
        status = ff_store_job_by_id(store, row.job, arena, &job, err);
    if (!status)
        status = ff_store_targets(store, row.job, arena, &targets, err);
    if (!status)
        status = ff_setmodels_read(store, &generation, target, arena, &out->models, &out->model_count, err);
    if (status)
        return status;
    out->generation = row.number;
    out->job = row.job_name;
    out->metrics = targets.metrics;
    out->metric_count = targets.metric_count;
    take_job(&job, arena, out);
    return FF_OK;
}

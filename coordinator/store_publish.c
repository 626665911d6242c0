/* Publishing: the models of a finished job become the next generation of its set within one transaction, so a
 * reader sees all of them or none. A target without a new model keeps the one that it has. */
#include "coordinator/store_sqlite.h"

#include <stdlib.h>
#include <string.h>

struct collection {
    struct ff_stored_model *models; /* by target index; report 0: none */
    size_t count;
};

static bool has_model(const struct ff_outcome *outcome)
{
    return (outcome->class == FF_FITTED || outcome->class == FF_REUSED || outcome->class == FF_FALLBACK) &&
           outcome->model_size > 0;
}

static enum ff_status collect(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct collection *collection = context;
    for (uint32_t i = 0; i < report->outcome_count; i++) {
        const struct ff_outcome *outcome = &report->outcomes[i];
        if (outcome->target < collection->count && has_model(outcome)) {
            bool taken = outcome->taken.report != 0;
            collection->models[outcome->target].report = taken ? outcome->taken.report : row;
            collection->models[outcome->target].index = taken ? outcome->taken.index : i;
        }
    }
    return FF_OK;
}

static int by_target(const void *left, const void *right)
{
    return strcmp(((const struct ff_stored_model *)left)->target,
                  ((const struct ff_stored_model *)right)->target);
}

/* What the active generation has for targets without a new model. Both lists are in order of target names. */
static void carry_over(struct collection *collection, struct ff_stored_generation *active,
                       uint64_t active_number)
{
    for (size_t i = 0; i < collection->count; i++) {
        struct ff_stored_model *model = &collection->models[i];
        if (model->report || active->model_count == 0)
            continue;
        const struct ff_stored_model *old =
            bsearch(model, active->models, active->model_count, sizeof *model, by_target);
        if (!old)
            continue;
        model->report = old->report;
        model->index = old->index;
        model->from = old->from ? old->from : active_number;
        model->fingerprint = old->fingerprint;
    }
}

static bool has_any(const struct collection *collection)
{
    size_t i = 0;
    while (i < collection->count && !collection->models[i].report)
        i++;
    return i < collection->count;
}

/* Room for every target and for all, with names but no models yet. */
static void begin_collection(const struct ff_stored_targets *targets, struct ff_arena *arena,
                             struct collection *out)
{
    out->count = targets->target_count + 1;
    out->models = ff_arena_zalloc(arena, out->count * sizeof *out->models);
    for (size_t i = 0; i < targets->target_count; i++) {
        out->models[i].target = targets->targets[i].name;
        out->models[i].fingerprint = targets->targets[i].fingerprint;
    }
    out->models[targets->target_count].target = "";
    out->models[targets->target_count].fingerprint = targets->all_fingerprint;
}

static void compact(struct collection *collection)
{
    size_t kept = 0;
    for (size_t i = 0; i < collection->count; i++)
        if (collection->models[i].report)
            collection->models[kept++] = collection->models[i];
    collection->count = kept;
}

/* What the job has, by target. */
static enum ff_status collect_all(struct ff_store *store, uint64_t job, struct ff_arena *arena,
                                  struct collection *out, struct ff_error *err)
{
    struct ff_stored_targets targets;
    enum ff_status status = ff_store_targets(store, job, arena, &targets, err);
    if (status)
        return status;
    begin_collection(&targets, arena, out);
    return ff_store_reports(store, job, FF_REPORT_OUTCOMES, collect, out, err);
}

/* The active generation of a set, and the number of the newest; 0 and an empty one where there is none. */
struct before {
    struct ff_stored_generation active;
    uint64_t active_number;
    uint64_t newest;
};

static enum ff_status look_before(struct ff_store *store, const char *set, struct ff_arena *arena,
                                  struct before *out, struct ff_error *err)
{
    struct ff_generation_row *rows = NULL;
    size_t count = 0;
    enum ff_status status = ff_store_generations(store, set, arena, &rows, &count, err);
    *out = (struct before){0};
    for (size_t i = 0; !status && i < count; i++) {
        out->active_number = rows[i].active ? rows[i].number : out->active_number;
        out->newest = rows[i].number;
    }
    if (!status && out->active_number)
        status = ff_store_generation(store, set, out->active_number, arena, &out->active, err);
    return status;
}

static enum ff_status write_generation(struct ff_store *store, const struct ff_job_record *job,
                                       struct collection *collection, struct before *before, int64_t now_ms,
                                       struct ff_error *err)
{
    carry_over(collection, &before->active, before->active_number);
    compact(collection);
    qsort(collection->models, collection->count, sizeof *collection->models, by_target);
    struct ff_stored_generation generation = {collection->models, collection->count};
    struct ff_generation_row row = {
        .set = job->set, .number = job->generation, .job = job->id, .created_ms = now_ms};
    return ff_store_add_generation(store, &row, &generation, err);
}

static enum ff_status publish(struct ff_store *store, struct ff_job_record *job, int64_t now_ms,
                              struct ff_arena *arena, struct ff_error *err)
{
    struct collection collection;
    struct before before;
    bool broken_off = job->state == FF_JOB_FAILED || job->state == FF_JOB_CANCELLED;
    enum ff_status status = collect_all(store, job->id, arena, &collection, err);
    if (!status)
        status = look_before(store, job->set, arena, &before, err);
    bool publishes = !status && (!broken_off || has_any(&collection));
    if (publishes) {
        job->generation = before.newest + 1;
        status = write_generation(store, job, &collection, &before, now_ms, err);
    }
    if (!status)
        status = ff_store_put_job(store, job, err);
    return publishes && !status ? ff_store_retain(store, job, err) : status;
}

enum ff_status ff_store_publish(struct ff_store *store, struct ff_job_record *job, int64_t now_ms,
                                struct ff_error *err)
{
    struct ff_arena arena = {0};
    enum ff_status status;
    if (*job->set) {
        status = publish(store, job, now_ms, &arena, err);
    } else {
        status = ff_store_put_job(store, job, err);
        if (!status)
            status = ff_store_release_old(store, now_ms, err);
    }
    ff_arena_fini(&arena);
    return status;
}

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
            collection->models[outcome->target].report = row;
            collection->models[outcome->target].index = i;
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
    }
}

static enum ff_status insert_generation(struct ff_store *store, const struct ff_job_record *job,
                                        const struct ff_stored_generation *generation, int64_t now_ms,
                                        struct ff_error *err)
{
    struct ff_buf blob = {0};
    ff_encode_stored_generation(generation, &blob);
    sqlite3_stmt *statement = ff_store_statement(store, FF_SQL_ADD_GENERATION,
                                                 "INSERT INTO generations(set_name, number, job, created_ms, "
                                                 "model_count, models) VALUES(?, ?, ?, ?, ?, ?)");
    if (statement) {
        ff_store_bind_text(statement, 1, job->set);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)job->generation);
        sqlite3_bind_int64(statement, 3, (sqlite3_int64)job->id);
        sqlite3_bind_int64(statement, 4, now_ms);
        sqlite3_bind_int64(statement, 5, (sqlite3_int64)generation->model_count);
        ff_store_bind_blob(statement, 6, &blob);
    }
    enum ff_status status = ff_store_run(store, statement, "write a generation", err);
    ff_buf_fini(&blob);
    if (status)
        return status;
    statement =
        ff_store_statement(store, FF_SQL_ACTIVATE, "INSERT OR REPLACE INTO sets(name, active) VALUES(?, ?)");
    if (statement) {
        ff_store_bind_text(statement, 1, job->set);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)job->generation);
    }
    return ff_store_run(store, statement, "activate a generation", err);
}

/* Room for every target and for all, with names but no models yet. */
static void begin_collection(const struct ff_stored_targets *targets, struct ff_arena *arena,
                             struct collection *out)
{
    out->count = targets->target_count + 1;
    out->models = ff_arena_zalloc(arena, out->count * sizeof *out->models);
    for (size_t i = 0; i < targets->target_count; i++)
        out->models[i].target = targets->targets[i].name;
    out->models[targets->target_count].target = "";
}

static void compact(struct collection *collection)
{
    size_t kept = 0;
    for (size_t i = 0; i < collection->count; i++)
        if (collection->models[i].report)
            collection->models[kept++] = collection->models[i];
    collection->count = kept;
}

enum ff_status ff_store_publish(struct ff_store *store, struct ff_job_record *job, int64_t now_ms,
                                struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_targets targets;
    struct ff_generation_row *rows = NULL;
    struct ff_stored_generation active = {0};
    size_t row_count = 0;
    struct collection collection;
    uint64_t active_number = 0, newest = 0;
    enum ff_status status = ff_store_targets(store, job->id, &arena, &targets, err);
    if (!status)
        status = ff_store_generations(store, job->set, &arena, &rows, &row_count, err);
    if (status)
        goto done;
    begin_collection(&targets, &arena, &collection);
    status = ff_store_reports(store, job->id, FF_REPORT_OUTCOMES, collect, &collection, err);
    for (size_t i = 0; i < row_count; i++) {
        active_number = rows[i].active ? rows[i].number : active_number;
        newest = rows[i].number;
    }
    if (!status && active_number)
        status = ff_store_generation(store, job->set, active_number, &arena, &active, err);
    if (status)
        goto done;
    carry_over(&collection, &active, active_number);
    compact(&collection);
    qsort(collection.models, collection.count, sizeof *collection.models, by_target);
    job->generation = newest + 1;
    struct ff_stored_generation generation = {collection.models, collection.count};
    status = insert_generation(store, job, &generation, now_ms, err);
    if (!status)
        status = ff_store_put_job(store, job, err);
done:
    ff_arena_fini(&arena);
    return status;
}

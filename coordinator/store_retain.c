/* Retention by count: when a job publishes, older generations of its set than the newest `keep` are dropped,
 * but never the active one; then the models that nobody can ask for any more are freed. Both belong to the
 * publishing transaction.
 *
 * A model is asked for through a generation, or by a retry of the job that fitted it. So a report's models
 * may go when no kept generation points into it and its job is older than all whose generations stay. What
 * became of its targets stays: results of that job show everything but the bytes, and a retry of it fits
 * again what it would have taken over. A `from` may name a generation that was dropped; the model itself is
 * kept by the generation that says so.
 *
 * While another job of the set is unfinished nothing is freed: it may be about to take over any of them. */
#include "coordinator/store_sqlite.h"

#include <stdlib.h>

/* Rows of reports. */
struct rows {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

static void add_row(struct rows *rows, uint64_t row)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 256;
        rows->items = ff_xrealloc(rows->items, rows->capacity * sizeof *rows->items);
    }
    rows->items[rows->count++] = row;
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static bool has_row(const struct rows *rows, uint64_t row)
{
    return rows->count && bsearch(&row, rows->items, rows->count, sizeof row, by_number);
}

static enum ff_status drop_generations(struct ff_store *store, const struct ff_job_record *job,
                                       struct ff_error *err)
{
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_DROP_GENERATIONS,
        "DELETE FROM generations WHERE set_name = ?1 AND number <> (SELECT active FROM sets WHERE name = ?1)"
        " AND number NOT IN (SELECT number FROM generations WHERE set_name = ?1 ORDER BY number DESC"
        " LIMIT ?2)");
    if (statement) {
        ff_store_bind_text(statement, 1, job->set);
        sqlite3_bind_int64(statement, 2, (sqlite3_int64)job->keep);
    }
    return ff_store_run(store, statement, "drop old generations", err);
}

/* Every report that a kept generation of the set points into. */
static enum ff_status find_used(struct ff_store *store, const char *set, struct rows *used,
                                struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_generation_row *rows = NULL;
    size_t count = 0;
    enum ff_status status = ff_store_generations(store, set, &arena, &rows, &count, err);
    for (size_t i = 0; !status && i < count; i++) {
        struct ff_arena scratch = {0};
        struct ff_stored_generation generation;
        status = ff_store_generation(store, set, rows[i].number, &scratch, &generation, err);
        for (size_t m = 0; !status && m < generation.model_count; m++)
            add_row(used, generation.models[m].report);
        ff_arena_fini(&scratch);
    }
    ff_arena_fini(&arena);
    if (used->count)
        qsort(used->items, used->count, sizeof *used->items, by_number);
    return status;
}

/* Reports with models of jobs older than all whose generations are among the newest; none while another job
 * of the set is unfinished. */
static enum ff_status find_old(struct ff_store *store, const struct ff_job_record *job, struct rows *old,
                               struct ff_error *err)
{
    sqlite3_stmt *query = ff_store_statement(
        store, FF_SQL_OLD_MODELS,
        "SELECT id FROM reports INDEXED BY reports_with_models WHERE length(models) > 0"
        " AND job IN (SELECT id FROM jobs WHERE set_name = ?1 AND id < (SELECT min(job) FROM"
        "  (SELECT job FROM generations WHERE set_name = ?1 AND job > 0 ORDER BY number DESC LIMIT ?2)))"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE set_name = ?1 AND id <> ?3 AND state < ?4)");
    int code = SQLITE_ERROR;
    if (query) {
        ff_store_bind_text(query, 1, job->set);
        sqlite3_bind_int64(query, 2, (sqlite3_int64)job->keep);
        sqlite3_bind_int64(query, 3, (sqlite3_int64)job->id);
        sqlite3_bind_int(query, 4, FF_JOB_DONE);
        while ((code = sqlite3_step(query)) == SQLITE_ROW)
            add_row(old, (uint64_t)sqlite3_column_int64(query, 0));
    }
    enum ff_status status = code == SQLITE_DONE ? FF_OK : ff_store_failed(store, err, "find old models");
    sqlite3_reset(query);
    return status;
}

static enum ff_status free_models(struct ff_store *store, uint64_t report, struct ff_error *err)
{
    sqlite3_stmt *statement =
        ff_store_statement(store, FF_SQL_FREE_MODELS, "UPDATE reports SET models = x'' WHERE id = ?");
    if (statement)
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)report);
    return ff_store_run(store, statement, "free old models", err);
}

enum ff_status ff_store_retain(struct ff_store *store, const struct ff_job_record *job, struct ff_error *err)
{
    struct rows used = {0}, old = {0};
    if (!job->keep)
        return FF_OK;
    enum ff_status status = drop_generations(store, job, err);
    if (!status)
        status = find_old(store, job, &old, err);
    if (!status && old.count)
        status = find_used(store, job->set, &used, err);
    for (size_t i = 0; !status && i < old.count; i++)
        if (!has_row(&used, old.items[i]))
            status = free_models(store, old.items[i], err);
    free(used.items);
    free(old.items);
    return status;
}

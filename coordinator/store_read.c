/* Reads of the store. Every query is prepared anew: they are rare, and a reader may be any thread's. */
#include "coordinator/store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOB_COLUMNS                                                                                          \
    "name, number, set_name, request_id, yaml, file, base_dir, overrides, override_dir, data_files, "        \
    "no_reuse,"                                                                                              \
    " retry_of, retry_classes, state, code, errmsg, submitted_ms, started_ms, finished_ms, generation, "     \
    "all_failed,"                                                                                            \
    " counts, times, keep, partial, id"

static sqlite3_stmt *prepare(struct ff_store *store, const char *sql)
{
    sqlite3_stmt *query = NULL;
    return sqlite3_prepare_v2(store->db, sql, -1, &query, NULL) == SQLITE_OK ? query : NULL;
}

static const char *text_at(sqlite3_stmt *query, int at, struct ff_arena *arena)
{
    const char *text = (const char *)sqlite3_column_text(query, at);
    return ff_arena_strdup(arena, text ? text : "");
}

static struct ff_bytes blob_at(sqlite3_stmt *query, int at)
{
    const void *data = sqlite3_column_blob(query, at);
    return (struct ff_bytes){data, (size_t)sqlite3_column_bytes(query, at)};
}

static struct ff_bytes blob_copy(sqlite3_stmt *query, int at, struct ff_arena *arena)
{
    struct ff_bytes blob = blob_at(query, at);
    if (blob.size == 0)
        return blob;
    return (struct ff_bytes){memcpy(ff_arena_alloc(arena, blob.size), blob.data, blob.size), blob.size};
}

static uint64_t count_at(sqlite3_stmt *query, int at)
{
    return (uint64_t)sqlite3_column_int64(query, at);
}

static void job_row(sqlite3_stmt *query, struct ff_arena *arena, struct ff_job_record *job)
{
    int at = 0;
    *job = (struct ff_job_record){0};
    job->name = text_at(query, at++, arena);
    job->number = count_at(query, at++);
    job->set = text_at(query, at++, arena);
    job->request_id = text_at(query, at++, arena);
    job->yaml = text_at(query, at++, arena);
    job->file = text_at(query, at++, arena);
    job->base_dir = text_at(query, at++, arena);
    job->overrides = text_at(query, at++, arena);
    job->override_dir = text_at(query, at++, arena);
    job->data_files = text_at(query, at++, arena);
    job->no_reuse = sqlite3_column_int(query, at++) != 0;
    job->retry_of = count_at(query, at++);
    job->retry_classes = text_at(query, at++, arena);
    int state = sqlite3_column_int(query, at++);
    job->state = state < FF_JOB_QUEUED || state > FF_JOB_CANCELLED ? FF_JOB_FAILED : (enum ff_job_state)state;
    job->code = (enum ff_code)sqlite3_column_int(query, at++);
    job->errmsg = text_at(query, at++, arena);
    job->submitted_ms = sqlite3_column_int64(query, at++);
    job->started_ms = sqlite3_column_int64(query, at++);
    job->finished_ms = sqlite3_column_int64(query, at++);
    job->generation = count_at(query, at++);
    job->all_failed = sqlite3_column_int(query, at++) != 0;
    struct ff_bytes counts = blob_at(query, at++);
    if (counts.size == sizeof job->counts)
        memcpy(&job->counts, counts.data, counts.size);
    job->times = text_at(query, at++, arena);
    job->keep = count_at(query, at++);
    job->partial = sqlite3_column_int(query, at++) != 0;
    job->id = count_at(query, at);
}

/* Steps once: FF_OK with a row, NOT_FOUND without (err untouched). */
static enum ff_status one_row(struct ff_store *store, sqlite3_stmt *query, const char *what,
                              struct ff_error *err)
{
    int code = query ? sqlite3_step(query) : SQLITE_ERROR;
    if (code == SQLITE_ROW)
        return FF_OK;
    return code == SQLITE_DONE ? FF_NOT_FOUND : ff_store_failed(store, err, what);
}

enum ff_status ff_store_find_job(struct ff_store *store, const char *reference, struct ff_arena *arena,
                                 struct ff_job_record *job, struct ff_error *err)
{
    sqlite3_stmt *query =
        prepare(store, "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 = '' AND set_name <> '') OR name = ?1"
                       " OR name || '-' || number = ?1"
                       " ORDER BY name || '-' || number = ?1 DESC, id DESC LIMIT 1");
    if (query)
        ff_store_bind_text(query, 1, reference);
    enum ff_status status = one_row(store, query, "read a job", err);
    if (!status)
        job_row(query, arena, job);
    else if (status == FF_NOT_FOUND && *reference)
        ff_error_set(err, FF_NOT_FOUND, "no job '%s' (fitfleet jobs lists them)", reference);
    else if (status == FF_NOT_FOUND)
        ff_error_set(err, FF_NOT_FOUND, "there is no job yet");
    sqlite3_finalize(query);
    return status;
}

enum ff_status ff_store_job_by_id(struct ff_store *store, uint64_t id, struct ff_arena *arena,
                                  struct ff_job_record *job, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?");
    if (query)
        sqlite3_bind_int64(query, 1, (sqlite3_int64)id);
    enum ff_status status = one_row(store, query, "read a job", err);
    if (!status)
        job_row(query, arena, job);
    else if (status == FF_NOT_FOUND)
        ff_error_set(err, FF_NOT_FOUND, "no job in row %llu", (unsigned long long)id);
    sqlite3_finalize(query);
    return status;
}

/* Room for one more element of a list in an arena that doubles; the old one is left to the arena. */
static void *grow(struct ff_arena *arena, void *list, size_t count, size_t size)
{
    if (count & (count - 1))
        return list;
    void *larger = ff_arena_alloc(arena, (count ? 2 * count : 1) * size);
    return count ? memcpy(larger, list, count * size) : larger;
}

enum ff_status ff_store_jobs(struct ff_store *store, struct ff_arena *arena, struct ff_job_record **jobs,
                             size_t *count, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, "SELECT " JOB_COLUMNS " FROM jobs ORDER BY id");
    struct ff_job_record *list = NULL;
    size_t found = 0;
    enum ff_status status;
    while (!(status = one_row(store, query, "read the jobs", err))) {
        list = grow(arena, list, found, sizeof *list);
        job_row(query, arena, &list[found++]);
    }
    sqlite3_finalize(query);
    if (status != FF_NOT_FOUND)
        return status;
    *jobs = list;
    *count = found;
    return FF_OK;
}

enum ff_status ff_store_targets(struct ff_store *store, uint64_t job, struct ff_arena *arena,
                                struct ff_stored_targets *targets, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, "SELECT list FROM targets WHERE job = ?");
    if (query)
        sqlite3_bind_int64(query, 1, (sqlite3_int64)job);
    enum ff_status status = one_row(store, query, "read a job's targets", err);
    if (status == FF_OK && ff_decode_stored_targets(blob_at(query, 0), arena, targets, err))
        status = ff_error_set(err, FF_DATA_LOSS, "%s: the targets of a job are damaged", store->path);
    sqlite3_finalize(query);
    if (status != FF_NOT_FOUND)
        return status;
    *targets = (struct ff_stored_targets){0};
    return FF_OK;
}

/* The columns that parts ask for, after the row's id. */
static const char *report_query(int parts, bool by_row)
{
    static const char *const queries[2][4] = {
        {"SELECT id, outcomes, NULL, NULL FROM reports WHERE job = ? AND id > ? ORDER BY id",
         "SELECT id, outcomes, models, NULL FROM reports WHERE job = ? AND id > ? ORDER BY id",
         "SELECT id, outcomes, NULL, logs FROM reports WHERE job = ? AND id > ? ORDER BY id",
         "SELECT id, outcomes, models, logs FROM reports WHERE job = ? AND id > ? ORDER BY id"},
        {"SELECT id, outcomes, NULL, NULL FROM reports WHERE id = ?",
         "SELECT id, outcomes, models, NULL FROM reports WHERE id = ?",
         "SELECT id, outcomes, NULL, logs FROM reports WHERE id = ?",
         "SELECT id, outcomes, models, logs FROM reports WHERE id = ?"}};
    return queries[by_row][parts & 3];
}

static enum ff_status damaged_report(struct ff_store *store, uint64_t row, struct ff_error *err)
{
    char why[sizeof err->text / 2];
    snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, err ? err->text : "");
    return ff_error_set(err, FF_DATA_LOSS, "%s: report %llu is damaged: %s", store->path,
                        (unsigned long long)row, why);
}

enum ff_status ff_store_reports(struct ff_store *store, uint64_t job, int parts, ff_report_visitor *visitor,
                                void *context, struct ff_error *err)
{
    return ff_store_reports_after(store, job, 0, parts, visitor, context, err);
}

enum ff_status ff_store_reports_after(struct ff_store *store, uint64_t job, uint64_t after, int parts,
                                      ff_report_visitor *visitor, void *context, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, report_query(parts, false));
    struct ff_arena arena = {0};
    enum ff_status status;
    if (query) {
        sqlite3_bind_int64(query, 1, (sqlite3_int64)job);
        sqlite3_bind_int64(query, 2, (sqlite3_int64)after);
    }
    while (!(status = one_row(store, query, "read outcomes", err))) {
        struct ff_stored_report report;
        uint64_t row = count_at(query, 0);
        if (ff_decode_stored_report(blob_at(query, 1), blob_at(query, 2), blob_at(query, 3), &arena, &report,
                                    err))
            status = damaged_report(store, row, err);
        else
            status = visitor(context, row, &report);
        ff_arena_reset(&arena);
        if (status)
            break;
    }
    ff_arena_fini(&arena);
    sqlite3_finalize(query);
    return status == FF_NOT_FOUND ? FF_OK : status;
}

enum ff_status ff_store_report(struct ff_store *store, uint64_t row, int parts, struct ff_arena *arena,
                               struct ff_stored_report *report, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, report_query(parts, true));
    if (query)
        sqlite3_bind_int64(query, 1, (sqlite3_int64)row);
    enum ff_status status = one_row(store, query, "read outcomes", err);
    if (status == FF_NOT_FOUND)
        ff_error_set(err, FF_DATA_LOSS, "%s: report %llu is missing", store->path, (unsigned long long)row);
    if (!status && ff_decode_stored_report(blob_copy(query, 1, arena), blob_copy(query, 2, arena),
                                           blob_copy(query, 3, arena), arena, report, err))
        status = damaged_report(store, row, err);
    sqlite3_finalize(query);
    return status == FF_NOT_FOUND ? FF_DATA_LOSS : status;
}

bool ff_store_has_models(struct ff_store *store, uint64_t row)
{
    sqlite3_stmt *query = prepare(store, "SELECT length(models) > 0 FROM reports WHERE id = ?");
    if (query)
        sqlite3_bind_int64(query, 1, (sqlite3_int64)row);
    bool has = query && sqlite3_step(query) == SQLITE_ROW && sqlite3_column_int(query, 0) != 0;
    sqlite3_finalize(query);
    return has;
}

enum ff_status ff_store_generations(struct ff_store *store, const char *set, struct ff_arena *arena,
                                    struct ff_generation_row **rows, size_t *count, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(
        store, "SELECT g.set_name, g.number, g.job, coalesce(j.name || '-' || j.number, ''), g.created_ms,"
               " g.model_count, s.active = g.number FROM generations g JOIN sets s ON s.name = g.set_name"
               " LEFT JOIN jobs j ON j.id = g.job WHERE ?1 = '' OR g.set_name = ?1 ORDER BY 1, 2");
    struct ff_generation_row *list = NULL;
    size_t found = 0;
    enum ff_status status;
    if (query)
        ff_store_bind_text(query, 1, set);
    while (!(status = one_row(store, query, "read the generations", err))) {
        list = grow(arena, list, found, sizeof *list);
        list[found++] = (struct ff_generation_row){.set = text_at(query, 0, arena),
                                                   .number = count_at(query, 1),
                                                   .job = count_at(query, 2),
                                                   .job_name = text_at(query, 3, arena),
                                                   .created_ms = sqlite3_column_int64(query, 4),
                                                   .models = count_at(query, 5),
                                                   .active = sqlite3_column_int(query, 6) != 0};
    }
    sqlite3_finalize(query);
    if (status != FF_NOT_FOUND)
        return status;
    *rows = list;
    *count = found;
    return FF_OK;
}

/* "1, 2 (active), 5", or "nightly, weekly" for rows of all sets. */
static const char *list_rows(const struct ff_generation_row *rows, size_t count, bool sets,
                             struct ff_arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < count; i++) {
        const char *comma = *text ? ", " : "";
        if (!sets)
            text = ff_arena_printf(arena, "%s%s%llu%s", text, comma, (unsigned long long)rows[i].number,
                                   rows[i].active ? " (active)" : "");
        else if (i == 0 || strcmp(rows[i].set, rows[i - 1].set) != 0)
            text = ff_arena_printf(arena, "%s%s%s", text, comma, rows[i].set);
    }
    return text;
}

enum ff_status ff_store_no_generation(struct ff_store *store, const char *set, uint64_t number,
                                      struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_generation_row *rows = NULL;
    size_t count = 0, all = 0;
    enum ff_status status = ff_store_generations(store, set, &arena, &rows, &count, err);
    if (!status && count == 0)
        status = ff_store_generations(store, "", &arena, &rows, &all, err);
    const char *list = status ? "" : list_rows(rows, count + all, count == 0, &arena);
    if (!status && count == 0)
        status = ff_error_set(err, FF_NOT_FOUND, "there is no set '%s'%s%.300s", set, *list ? "; sets: " : "",
                              list);
    else if (!status && number)
        status = ff_error_set(err, FF_NOT_FOUND, "set '%s' has no such generation as %llu: it has %.300s",
                              set, (unsigned long long)number, list);
    else if (!status)
        status = ff_error_set(err, FF_NOT_FOUND,
                              "set '%s' has no generation before the active one: it has %.300s", set, list);
    ff_arena_fini(&arena);
    return status;
}

enum ff_status ff_store_generation(struct ff_store *store, const char *set, uint64_t number,
                                   struct ff_arena *arena, struct ff_stored_generation *out,
                                   struct ff_error *err)
{
    sqlite3_stmt *query =
        prepare(store, "SELECT g.models FROM generations g JOIN sets s ON s.name = g.set_name"
                       " WHERE g.set_name = ?1 AND g.number = CASE ?2 WHEN 0 THEN s.active ELSE ?2 END");
    if (query) {
        ff_store_bind_text(query, 1, set);
        sqlite3_bind_int64(query, 2, (sqlite3_int64)number);
    }
    enum ff_status status = one_row(store, query, "read a generation", err);
    if (status == FF_NOT_FOUND)
        status = ff_store_no_generation(store, set, number, err);
    if (!status && ff_decode_stored_generation(blob_at(query, 0), arena, out, err))
        status = ff_error_set(err, FF_DATA_LOSS, "%s: a generation of '%s' is damaged", store->path, set);
    sqlite3_finalize(query);
    return status;
}

enum ff_status ff_store_costs(struct ff_store *store, struct ff_arena *arena, struct ff_cost **costs,
                              size_t *count, struct ff_error *err)
{
    sqlite3_stmt *query = prepare(store, "SELECT kind, cells, ms FROM costs ORDER BY kind");
    struct ff_cost *list = NULL;
    size_t found = 0;
    enum ff_status status;
    while (!(status = one_row(store, query, "read the cost book", err))) {
        list = grow(arena, list, found, sizeof *list);
        snprintf(list[found].name, sizeof list[found].name, "%s",
                 (const char *)sqlite3_column_text(query, 0));
        list[found].cells = sqlite3_column_double(query, 1);
        list[found++].ms = sqlite3_column_double(query, 2);
    }
    sqlite3_finalize(query);
    if (status != FF_NOT_FOUND)
        return status;
    *costs = list;
    *count = found;
    return FF_OK;
}

/* Retention of finished jobs: those beyond the newest `jobs`, or older than `age_ms`, are forgotten with
 * their targets, outcomes, logs and capsules; errands, which may be many, are not counted and stay for a day.
 *
 * A job stays while a generation is its own or it has models that were not freed: retention of generations
 * (store_retain.c) frees them when no generation needs them any more. So do the newest job of each name, or
 * its numbers would begin anew, and one that an unfinished retry repeats. */
#include "coordinator/store_sqlite.h"

static enum ff_status find(struct ff_store *store, const struct ff_retention *keep, int64_t now_ms,
                           struct ff_forgotten *out, struct ff_error *err)
{
    sqlite3_stmt *query = ff_store_statement(
        store, FF_SQL_OLD_JOBS,
        "SELECT id FROM jobs AS old WHERE state >= ?1 AND (finished_ms < CASE set_name WHEN '' THEN ?5 ELSE "
        "?2 END"
        "  OR (?3 > 0 AND set_name <> '' AND id <= (SELECT id FROM jobs WHERE state >= ?1 AND set_name <> ''"
        "   ORDER BY id DESC LIMIT 1 OFFSET ?3)))"
        " AND EXISTS (SELECT 1 FROM jobs WHERE name = old.name AND number > old.number)"
        " AND NOT EXISTS (SELECT 1 FROM generations WHERE job = old.id)"
        " AND NOT EXISTS (SELECT 1 FROM reports INDEXED BY reports_with_models WHERE length(models) > 0"
        "  AND job = old.id)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE retry_of = old.id AND state < ?1)"
        " ORDER BY id LIMIT ?4");
    int code = SQLITE_ERROR;
    out->count = 0;
    if (query) {
        sqlite3_bind_int(query, 1, FF_JOB_DONE);
        sqlite3_bind_int64(query, 2, keep->age_ms ? now_ms - keep->age_ms : 0);
        sqlite3_bind_int64(query, 3, (sqlite3_int64)keep->jobs);
        sqlite3_bind_int(query, 4, FF_FORGET_AT_ONCE);
        sqlite3_bind_int64(query, 5, now_ms - FF_ERRAND_KEEP_MS);
        while ((code = sqlite3_step(query)) == SQLITE_ROW)
            out->jobs[out->count++] = (uint64_t)sqlite3_column_int64(query, 0);
        sqlite3_reset(query);
    }
    return code == SQLITE_DONE ? FF_OK : ff_store_failed(store, err, "find old jobs");
}

static enum ff_status delete_from(struct ff_store *store, enum ff_store_statement which, const char *sql,
                                  uint64_t job, struct ff_error *err)
{
    sqlite3_stmt *statement = ff_store_statement(store, which, sql);
    if (statement)
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)job);
    return ff_store_run(store, statement, "forget an old job", err);
}

static enum ff_status forget(struct ff_store *store, uint64_t job, struct ff_error *err)
{
    static const char *const statements[] = {
        "DELETE FROM reports WHERE job = ?", "DELETE FROM capsules WHERE job = ?",
        "DELETE FROM targets WHERE job = ?", "DELETE FROM jobs WHERE id = ?"};
    enum ff_status status = FF_OK;
    for (int i = 0; i < 4 && !status; i++)
        status = delete_from(store, (enum ff_store_statement)(FF_SQL_FORGET + i), statements[i], job, err);
    return status;
}

enum ff_status ff_store_forget(struct ff_store *store, const struct ff_retention *keep, int64_t now_ms,
                               struct ff_forgotten *out, struct ff_error *err)
{
    enum ff_status status = find(store, keep, now_ms, out, err);
    for (size_t i = 0; i < out->count && !status; i++)
        status = forget(store, out->jobs[i], err);
    return status;
}

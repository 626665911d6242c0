/* What an errand came to is read once, by whoever submitted it, and then the bytes go; who was killed before
 * it could read has a day. The outcomes stay for as long as the job does. */
#include "coordinator/store_sqlite.h"

enum ff_status ff_store_release(struct ff_store *store, uint64_t job, struct ff_error *err)
{
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_RELEASE, "UPDATE reports SET models = x'' WHERE job = ? AND length(models) > 0");
    if (statement)
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)job);
    return ff_store_run(store, statement, "free what an errand came to", err);
}

enum ff_status ff_store_release_old(struct ff_store *store, int64_t now_ms, struct ff_error *err)
{
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_RELEASE_OLD,
        "UPDATE reports INDEXED BY reports_with_models SET models = x'' WHERE length(models) > 0"
        " AND job IN (SELECT id FROM jobs WHERE set_name = '' AND state >= ?1 AND finished_ms < ?2)");
    if (statement) {
        sqlite3_bind_int(statement, 1, FF_JOB_DONE);
        sqlite3_bind_int64(statement, 2, now_ms - FF_ERRAND_KEEP_MS);
    }
    return ff_store_run(store, statement, "free what old errands came to", err);
}

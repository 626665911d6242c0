/* Capsules in the state: a row per quarantined target, with its rows. Apart from the reports, which every
 * listing reads: these are large and asked for one at a time. */
#include "coordinator/store_sqlite.h"

enum ff_status ff_store_put_capsule(struct ff_store *store, uint64_t job, const struct ff_capsule *capsule,
                                    struct ff_error *err)
{
    struct ff_buf bytes = {0};
    ff_capsule_encode(capsule, &bytes);
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_PUT_CAPSULE, "INSERT OR REPLACE INTO capsules(job, target, capsule) VALUES(?, ?, ?)");
    if (statement) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)job);
        sqlite3_bind_int64(statement, 2, capsule->task.target);
        ff_store_bind_blob(statement, 3, &bytes);
    }
    enum ff_status status = ff_store_run(store, statement, "write a capsule", err);
    ff_buf_fini(&bytes);
    return status;
}

/* A reader may see a state that no writer of this version has opened yet. */
static bool has_capsules(struct ff_store *store)
{
    sqlite3_stmt *query = NULL;
    bool found = sqlite3_prepare_v2(store->db, "SELECT 1 FROM sqlite_master WHERE name = 'capsules'", -1,
                                    &query, NULL) == SQLITE_OK &&
                 sqlite3_step(query) == SQLITE_ROW;
    sqlite3_finalize(query);
    return found;
}

enum ff_status ff_store_capsule(struct ff_store *store, uint64_t job, uint32_t target, struct ff_buf *out,
                                struct ff_error *err)
{
    sqlite3_stmt *query = NULL;
    if (!has_capsules(store))
        return FF_NOT_FOUND;
    if (sqlite3_prepare_v2(store->db, "SELECT capsule FROM capsules WHERE job = ? AND target = ?", -1, &query,
                           NULL) != SQLITE_OK)
        return ff_store_failed(store, err, "read a capsule");
    sqlite3_bind_int64(query, 1, (sqlite3_int64)job);
    sqlite3_bind_int64(query, 2, target);
    int code = sqlite3_step(query);
    enum ff_status status = FF_NOT_FOUND;
    if (code == SQLITE_ROW) {
        ff_buf_append(out, sqlite3_column_blob(query, 0), (size_t)sqlite3_column_bytes(query, 0));
        status = FF_OK;
    } else if (code != SQLITE_DONE) {
        status = ff_store_failed(store, err, "read a capsule");
    }
    sqlite3_finalize(query);
    return status;
}

enum ff_status ff_store_capsules(struct ff_store *store, ff_capsule_visitor *visitor, void *context,
                                 struct ff_error *err)
{
    sqlite3_stmt *query = NULL;
    int code;
    if (!has_capsules(store))
        return FF_OK;
    if (sqlite3_prepare_v2(store->db, "SELECT job, target, capsule FROM capsules ORDER BY job, target", -1,
                           &query, NULL) != SQLITE_OK)
        return ff_store_failed(store, err, "read the capsules");
    while ((code = sqlite3_step(query)) == SQLITE_ROW) {
        struct ff_buf bytes = {0}; /* aligned */
        ff_buf_append(&bytes, sqlite3_column_blob(query, 2), (size_t)sqlite3_column_bytes(query, 2));
        visitor(context, (uint64_t)sqlite3_column_int64(query, 0), (uint32_t)sqlite3_column_int64(query, 1),
                ff_buf_bytes(&bytes));
        ff_buf_fini(&bytes);
    }
    enum ff_status status = code == SQLITE_DONE ? FF_OK : ff_store_failed(store, err, "read the capsules");
    sqlite3_finalize(query);
    return status;
}

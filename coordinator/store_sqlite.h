/* What the files of the store share. Private to store*.c, the only users of sqlite3.h. */
#ifndef FF_COORDINATOR_STORE_SQLITE_H
#define FF_COORDINATOR_STORE_SQLITE_H

#include "coordinator/store.h"

#include <sqlite3.h>

enum ff_store_statement {
    FF_SQL_NEXT_NUMBER,
    FF_SQL_INSERT_JOB,
    FF_SQL_UPDATE_JOB,
    FF_SQL_PUT_TARGETS,
    FF_SQL_ADD_REPORT,
    FF_SQL_ADD_COST,
    FF_SQL_ADD_GENERATION,
    FF_SQL_ACTIVATE,
    FF_STATEMENTS
};

struct ff_store {
    sqlite3 *db;
    char *path;
    int lock_fd;
    uint64_t epoch;
    sqlite3_stmt *statements[FF_STATEMENTS];
};

/* The status and text of SQLite's last error. */
enum ff_status ff_store_failed(struct ff_store *store, struct ff_error *err, const char *what);
enum ff_status ff_store_exec(struct ff_store *store, const char *sql, const char *what, struct ff_error *err);
/* The prepared statement, reset; NULL on failure. */
sqlite3_stmt *ff_store_statement(struct ff_store *store, enum ff_store_statement which, const char *sql);
void ff_store_bind_text(sqlite3_stmt *statement, int at, const char *text);
void ff_store_bind_blob(sqlite3_stmt *statement, int at, const struct ff_buf *blob);
enum ff_status ff_store_run(struct ff_store *store, sqlite3_stmt *statement, const char *what,
                            struct ff_error *err);

#endif

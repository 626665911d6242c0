/* What the files of the store share. Private to store*.c, the only users of sqlite3.h. */
#ifndef FF_COORDINATOR_STORE_SQLITE_H
#define FF_COORDINATOR_STORE_SQLITE_H

#include "coordinator/store.h"

#include <sqlite3.h>

#define FF_ERRAND_KEEP_MS INT64_C(86400000) /* of finished errands */

enum ff_store_statement {
    FF_SQL_NEXT_NUMBER,
    FF_SQL_INSERT_JOB,
    FF_SQL_UPDATE_JOB,
    FF_SQL_PUT_TARGETS,
    FF_SQL_ADD_REPORT,
    FF_SQL_ADD_COST,
    FF_SQL_PUT_CAPSULE,
    FF_SQL_ADD_GENERATION,
    FF_SQL_ACTIVATE,
    FF_SQL_DROP_GENERATIONS,
    FF_SQL_OLD_MODELS,
    FF_SQL_FREE_MODELS,
    FF_SQL_RELEASE,
    FF_SQL_RELEASE_OLD,
    FF_SQL_OLD_JOBS,
    FF_SQL_FORGET, /* from reports, capsules, targets, jobs */
    FF_SQL_FORGET_LAST = FF_SQL_FORGET + 3,
    FF_STATEMENTS
};

struct ff_store {
    sqlite3 *db;
    char *path;
    int lock_fd;
    uint64_t epoch;
    char why[64]; /* of the last failure */
    sqlite3_stmt *statements[FF_STATEMENTS];
};

/* With the folders above it, for their owner only; it may be there. */
enum ff_status ff_store_make_directory(const char *dir, struct ff_error *err);
/* A number of this state's own, that its backups share. */
int64_t ff_store_identity(struct ff_store *store);
/* The status and text of SQLite's last error. */
enum ff_status ff_store_failed(struct ff_store *store, struct ff_error *err, const char *what);
enum ff_status ff_store_exec(struct ff_store *store, const char *sql, const char *what, struct ff_error *err);
/* The prepared statement, reset; NULL on failure. */
sqlite3_stmt *ff_store_statement(struct ff_store *store, enum ff_store_statement which, const char *sql);
void ff_store_bind_text(sqlite3_stmt *statement, int at, const char *text);
void ff_store_bind_blob(sqlite3_stmt *statement, int at, const struct ff_buf *blob);
enum ff_status ff_store_run(struct ff_store *store, sqlite3_stmt *statement, const char *what,
                            struct ff_error *err);

/* store_wal.c: transactions (at least) that were committed to the WAL and that SQLite will not read, because
 * what is before them is damaged. */
uint64_t ff_store_lost_commits(const struct ff_store *store);
/* Whether the database is shorter than it says, which SQLite only notices where it misses a page. With a WAL
 * it may be: then false. */
bool ff_store_is_cut_off(const struct ff_store *store);
/* store_activate.c: writes a generation (set, number, job, created_ms) and makes it the active one. */
enum ff_status ff_store_add_generation(struct ff_store *store, const struct ff_generation_row *row,
                                       const struct ff_stored_generation *generation, struct ff_error *err);
/* store_read.c: NOT_FOUND, with what the set has, or which sets there are. number 0: one before the active.
 */
enum ff_status ff_store_no_generation(struct ff_store *store, const char *set, uint64_t number,
                                      struct ff_error *err);
/* store_retain.c: drops what is older than the job's `keep` newest generations of its set, and frees models.
 */
enum ff_status ff_store_retain(struct ff_store *store, const struct ff_job_record *job, struct ff_error *err);
/* store_release.c: frees what errands came to that nobody has read for a day. */
enum ff_status ff_store_release_old(struct ff_store *store, int64_t now_ms, struct ff_error *err);

/* Called with every capsule there is, whose bytes end with the call. */
typedef void ff_capsule_visitor(void *context, uint64_t job, uint32_t target, struct ff_bytes bytes);
enum ff_status ff_store_capsules(struct ff_store *store, ff_capsule_visitor *visitor, void *context,
                                 struct ff_error *err);

#endif

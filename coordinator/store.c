/* Opening, locking, migrating, and the writes. Reads are in store_read.c, SQLite itself is seen by store*.c
 * only.
 *
 * Outcomes are not rows: a report is one blob of outcomes, one of models and one of log lines, committed as
 * it came. Ten thousand rows with text keys cost ten times as much, and nobody asks the database about one
 * outcome. */
#include "coordinator/store_sqlite.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { NFS_MAGIC = 0x6969, SMB_MAGIC = 0x517b, CIFS_MAGIC = (int)0xff534d42, SMB2_MAGIC = (int)0xfe534d42 };

/* Schema n is made from n - 1 by migrations[n - 1]. Never edit one that was released: add another. */
static const char *const migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('epoch', 0);"
    "CREATE TABLE jobs(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, number INTEGER NOT NULL,"
    " set_name TEXT NOT NULL, request_id TEXT NOT NULL, yaml TEXT NOT NULL, file TEXT NOT NULL,"
    " base_dir TEXT NOT NULL, overrides TEXT NOT NULL, override_dir TEXT NOT NULL, data_files TEXT NOT NULL,"
    " no_reuse INTEGER NOT NULL, retry_of INTEGER NOT NULL, retry_classes TEXT NOT NULL, state INTEGER NOT "
    "NULL,"
    " code INTEGER NOT NULL, errmsg TEXT NOT NULL, submitted_ms INTEGER NOT NULL, started_ms INTEGER NOT "
    "NULL,"
    " finished_ms INTEGER NOT NULL, generation INTEGER NOT NULL, all_failed INTEGER NOT NULL, counts BLOB,"
    " times TEXT NOT NULL, UNIQUE(name, number));"
    /* Ids begin anywhere: a late report for a job of a state that was wiped must not fit a job of the next
       one. */
    "INSERT INTO sqlite_sequence(name, seq) VALUES('jobs', (random() & 0x3fffffff) << 20);"
    "CREATE TABLE targets(job INTEGER PRIMARY KEY, list BLOB NOT NULL);"
    "CREATE TABLE reports(id INTEGER PRIMARY KEY AUTOINCREMENT, job INTEGER NOT NULL, outcomes BLOB NOT NULL,"
    " logs BLOB, models BLOB);"
    "CREATE INDEX reports_of_job ON reports(job);"
    "CREATE TABLE generations(set_name TEXT, number INTEGER, job INTEGER NOT NULL, created_ms INTEGER NOT "
    "NULL,"
    " model_count INTEGER NOT NULL, models BLOB NOT NULL, PRIMARY KEY(set_name, number));"
    "CREATE TABLE sets(name TEXT PRIMARY KEY, active INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE costs(kind TEXT PRIMARY KEY, cells REAL NOT NULL, ms REAL NOT NULL) WITHOUT ROWID;",

    "ALTER TABLE jobs ADD COLUMN keep INTEGER NOT NULL DEFAULT 10;"
    "ALTER TABLE jobs ADD COLUMN partial INTEGER NOT NULL DEFAULT 0;"
    /* Which state a backup is of. */
    "INSERT INTO meta VALUES('identity', random());"
    /* Retention looks for models that may go without reading every report that ever was. */
    "CREATE INDEX reports_with_models ON reports(job) WHERE length(models) > 0;",

    "CREATE TABLE capsules(job INTEGER NOT NULL, target INTEGER NOT NULL, capsule BLOB NOT NULL,"
    " PRIMARY KEY(job, target));",
};
enum { SCHEMA = sizeof migrations / sizeof *migrations };

const char *ff_job_state_name(enum ff_job_state state)
{
    static const char *const names[] = {"queued", "loading", "running",  "paused",
                                        "done",   "failed",  "cancelled"};
    return names[state];
}

enum ff_status ff_store_failed(struct ff_store *store, struct ff_error *err, const char *what)
{
    int code = sqlite3_errcode(store->db);
    bool full = (code & 0xff) == SQLITE_FULL ||
                ((code & 0xff) == SQLITE_IOERR && sqlite3_system_errno(store->db) == ENOSPC);
    const char *why = full ? "disk full" : sqlite3_errmsg(store->db);
    snprintf(store->why, sizeof store->why, "%s", why);
    switch (code & 0xff) {
    case SQLITE_ERROR: /* a table or column is not there */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ff_error_set(err, FF_DATA_LOSS,
                            "%s: the state is damaged (%s: %s): fitfleet fsck says more; go on with a backup",
                            store->path, what, why);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return ff_error_set(err, FF_PERMISSION_DENIED, "%s: cannot %s: %s", store->path, what, why);
    default:
        return ff_error_set(err, FF_UNAVAILABLE, "%s: cannot %s: %s", store->path, what, why);
    }
}

enum ff_status ff_store_exec(struct ff_store *store, const char *sql, const char *what, struct ff_error *err)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? FF_OK
                                                                       : ff_store_failed(store, err, what);
}

/* ---- opening ---- */

enum ff_status ff_store_make_directory(const char *dir, struct ff_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", dir);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return FF_OK;
    return ff_error_set(err, FF_PERMISSION_DENIED, "state directory %s: cannot be made: %m", dir);
}

static enum ff_status check_file_system(const char *dir, struct ff_error *err)
{
    struct statfs info;
    if (statfs(dir, &info) != 0)
        return ff_error_set(err, FF_PERMISSION_DENIED, "state directory %s: %m", dir);
    int type = (int)info.f_type;
    if (type == NFS_MAGIC || type == SMB_MAGIC || type == CIFS_MAGIC || type == SMB2_MAGIC)
        return ff_error_set(err, FF_FAILED_PRECONDITION,
                            "state directory %s is on a network file system: use a local one", dir);
    return FF_OK;
}

static enum ff_status lock(struct ff_store *store, const char *dir, struct ff_error *err)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/lock", dir);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock_fd < 0)
        return ff_error_set(err, FF_PERMISSION_DENIED, "state directory %s: cannot be written: %m", dir);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return ff_error_set(err, FF_FAILED_PRECONDITION,
                            "state directory %s is in use by another coordinator or train", dir);
    return FF_OK;
}

static int64_t number_of(struct ff_store *store, const char *sql)
{
    sqlite3_stmt *query;
    int64_t value = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW)
        value = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return value;
}

int64_t ff_store_identity(struct ff_store *store)
{
    return number_of(store, "SELECT value FROM meta WHERE key = 'identity'");
}

static enum ff_status check_schema(struct ff_store *store, int64_t schema, struct ff_error *err)
{
    if (schema < 0)
        return ff_store_failed(store, err, "read the schema version");
    if (schema > SCHEMA)
        return ff_error_set(
            err, FF_FAILED_PRECONDITION,
            "%s: written by a newer fitfleet (schema %lld, this one knows %d): upgrade this program",
            store->path, (long long)schema, SCHEMA);
    return FF_OK;
}

static enum ff_status migrate(struct ff_store *store, struct ff_error *err)
{
    int64_t schema = number_of(store, "PRAGMA user_version");
    enum ff_status status = check_schema(store, schema, err);
    for (; !status && schema < SCHEMA; schema++) {
        char version[64];
        snprintf(version, sizeof version, "PRAGMA user_version = %lld", (long long)schema + 1);
        status = ff_store_begin(store, err);
        if (!status)
            status = ff_store_exec(store, migrations[schema], "migrate the schema", err);
        if (!status)
            status = ff_store_exec(store, version, "migrate the schema", err);
        if (!status)
            status = ff_store_commit(store, err);
    }
    return status;
}

static enum ff_status raise_epoch(struct ff_store *store, struct ff_error *err)
{
    enum ff_status status =
        ff_store_exec(store, "UPDATE meta SET value = value + 1 WHERE key = 'epoch'", "raise the epoch", err);
    store->epoch = (uint64_t)number_of(store, "SELECT value FROM meta WHERE key = 'epoch'");
    return status;
}

static struct ff_store *new_store(const char *dir)
{
    struct ff_store *store = ff_xcalloc(1, sizeof *store);
    store->path = ff_xasprintf("%s/fitfleet.db", dir);
    store->lock_fd = -1;
    return store;
}

static const char MARK[] = "fitfleet\n";

/* SQLite takes an empty file for a new database; where a state has been, its content is lost. */
static enum ff_status check_not_emptied(const struct ff_store *store, struct ff_error *err)
{
    struct stat info;
    char mark;
    if (stat(store->path, &info) != 0 || info.st_size > 0 || pread(store->lock_fd, &mark, 1, 0) != 1)
        return FF_OK;
    return ff_error_set(err, FF_DATA_LOSS,
                        "%s: the state is damaged (the file is empty): go on with a backup, or remove it to "
                        "begin anew",
                        store->path);
}

/* The lock file says from now on that there is a state. */
static void mark_as_state(const struct ff_store *store)
{
    (void)!pwrite(store->lock_fd, MARK, sizeof MARK - 1, 0);
}

static enum ff_status open_database(struct ff_store *store, int flags, struct ff_error *err)
{
    if (ff_store_is_cut_off(store))
        return ff_error_set(err, FF_DATA_LOSS,
                            "%s: the state is damaged (the end of the file is missing): go on with a backup",
                            store->path);
    if (sqlite3_open_v2(store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return ff_store_failed(store, err, "open");
    sqlite3_busy_timeout(store->db, 5000);
    return FF_OK;
}

enum ff_status ff_store_open(const char *dir, struct ff_store **out, struct ff_error *err)
{
    enum ff_status status = ff_store_make_directory(dir, err);
    if (!status)
        status = check_file_system(dir, err);
    if (status)
        return status;
    struct ff_store *store = new_store(dir);
    status = lock(store, dir, err);
    if (!status)
        status = check_not_emptied(store, err);
    uint64_t lost = status ? 0 : ff_store_lost_commits(store);
    if (lost)
        ff_log(FF_LOG_ERROR,
               "%s-wal: damaged: at least %llu transactions that were committed are lost; going on as before "
               "them",
               store->path, (unsigned long long)lost);
    if (!status)
        status = open_database(store, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (!status)
        status = ff_store_exec(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", "open", err);
    if (!status)
        status = migrate(store, err);
    if (!status)
        status = raise_epoch(store, err);
    if (status) {
        ff_store_close(store);
        return status;
    }
    mark_as_state(store);
    *out = store;
    return FF_OK;
}

/* An older program's state is migrated by whoever opens it first. */
static enum ff_status migrate_for_reader(const char *dir, struct ff_error *err)
{
    struct ff_store *writer = NULL;
    enum ff_status status = ff_store_open(dir, &writer, err);
    ff_store_close(writer);
    return status;
}

enum ff_status ff_store_open_reader(const char *dir, struct ff_store **out, struct ff_error *err)
{
    struct ff_store *store = new_store(dir);
    if (access(store->path, F_OK) != 0) {
        ff_store_close(store);
        return ff_error_set(err, FF_NOT_FOUND, "no state in %s (give --state DIR, or --coordinator URL)",
                            dir);
    }
    enum ff_status status = open_database(store, SQLITE_OPEN_READONLY, err);
    int64_t schema = status ? 0 : number_of(store, "PRAGMA user_version");
    if (!status)
        status = check_schema(store, schema, err);
    if (!status && schema < SCHEMA)
        status = migrate_for_reader(dir, err);
    if (status)
        ff_store_close(store);
    else
        *out = store;
    return status;
}

void ff_store_close(struct ff_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < FF_STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    free(store->path);
    free(store);
}

const char *ff_store_why(const struct ff_store *store)
{
    return store->why;
}

uint64_t ff_store_epoch(const struct ff_store *store)
{
    return store->epoch;
}

/* ---- writing ---- */

enum ff_status ff_store_begin(struct ff_store *store, struct ff_error *err)
{
    return ff_store_exec(store, "BEGIN IMMEDIATE", "begin a transaction", err);
}

enum ff_status ff_store_commit(struct ff_store *store, struct ff_error *err)
{
    return ff_store_exec(store, "COMMIT", "commit", err);
}

void ff_store_rollback(struct ff_store *store)
{
    sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

sqlite3_stmt *ff_store_statement(struct ff_store *store, enum ff_store_statement which, const char *sql)
{
    if (!store->statements[which] && sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                        &store->statements[which], NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(store->statements[which]);
    return store->statements[which];
}

void ff_store_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    sqlite3_bind_text(statement, at, text ? text : "", -1, SQLITE_STATIC);
}

void ff_store_bind_blob(sqlite3_stmt *statement, int at, const struct ff_buf *blob)
{
    sqlite3_bind_blob64(statement, at, blob->data ? (const void *)blob->data : "", blob->size, SQLITE_STATIC);
}

enum ff_status ff_store_run(struct ff_store *store, sqlite3_stmt *statement, const char *what,
                            struct ff_error *err)
{
    bool done = statement && sqlite3_step(statement) == SQLITE_DONE;
    enum ff_status status = done ? FF_OK : ff_store_failed(store, err, what);
    if (statement) {
        sqlite3_reset(statement);
        sqlite3_clear_bindings(statement);
    }
    return status;
}

static void bind_job(sqlite3_stmt *statement, const struct ff_job_record *job)
{
    int at = 1;
    ff_store_bind_text(statement, at++, job->name);
    sqlite3_bind_int64(statement, at++, (sqlite3_int64)job->number);
    ff_store_bind_text(statement, at++, job->set);
    ff_store_bind_text(statement, at++, job->request_id);
    ff_store_bind_text(statement, at++, job->yaml);
    ff_store_bind_text(statement, at++, job->file);
    ff_store_bind_text(statement, at++, job->base_dir);
    ff_store_bind_text(statement, at++, job->overrides);
    ff_store_bind_text(statement, at++, job->override_dir);
    ff_store_bind_text(statement, at++, job->data_files);
    sqlite3_bind_int(statement, at++, job->no_reuse);
    sqlite3_bind_int64(statement, at++, (sqlite3_int64)job->retry_of);
    ff_store_bind_text(statement, at++, job->retry_classes);
    sqlite3_bind_int(statement, at++, (int)job->state);
    sqlite3_bind_int(statement, at++, (int)job->code);
    ff_store_bind_text(statement, at++, job->errmsg);
    sqlite3_bind_int64(statement, at++, job->submitted_ms);
    sqlite3_bind_int64(statement, at++, job->started_ms);
    sqlite3_bind_int64(statement, at++, job->finished_ms);
    sqlite3_bind_int64(statement, at++, (sqlite3_int64)job->generation);
    sqlite3_bind_int(statement, at++, job->all_failed);
    sqlite3_bind_blob(statement, at++, &job->counts, sizeof job->counts, SQLITE_STATIC);
    ff_store_bind_text(statement, at++, job->times);
    sqlite3_bind_int64(statement, at++, (sqlite3_int64)job->keep);
    sqlite3_bind_int(statement, at++, job->partial);
    if (job->id)
        sqlite3_bind_int64(statement, at, (sqlite3_int64)job->id);
}

static uint64_t next_number(struct ff_store *store, const char *name)
{
    sqlite3_stmt *query = ff_store_statement(store, FF_SQL_NEXT_NUMBER,
                                             "SELECT coalesce(max(number), 0) + 1 FROM jobs WHERE name = ?");
    uint64_t number = 1;
    if (!query)
        return number;
    ff_store_bind_text(query, 1, name);
    if (sqlite3_step(query) == SQLITE_ROW)
        number = (uint64_t)sqlite3_column_int64(query, 0);
    sqlite3_reset(query);
    return number;
}

enum ff_status ff_store_put_job(struct ff_store *store, struct ff_job_record *job, struct ff_error *err)
{
    bool insert = job->id == 0;
    if (insert)
        job->number = next_number(store, job->name);
    sqlite3_stmt *statement = ff_store_statement(
        store, insert ? FF_SQL_INSERT_JOB : FF_SQL_UPDATE_JOB,
        insert
            ? "INSERT INTO jobs(name, number, set_name, request_id, yaml, file, base_dir, overrides, "
              "override_dir,"
              " data_files, no_reuse, retry_of, retry_classes, state, code, errmsg, submitted_ms, started_ms,"
              " finished_ms, generation, all_failed, counts, times, keep, partial)"
              " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
            : "UPDATE jobs SET name=?, number=?, set_name=?, request_id=?, yaml=?, file=?, base_dir=?, "
              "overrides=?,"
              " override_dir=?, data_files=?, no_reuse=?, retry_of=?, retry_classes=?, state=?, code=?, "
              "errmsg=?,"
              " submitted_ms=?, started_ms=?, finished_ms=?, generation=?, all_failed=?, counts=?, times=?,"
              " keep=?, partial=?"
              " WHERE id=?");
    if (statement)
        bind_job(statement, job);
    enum ff_status status = ff_store_run(store, statement, "write a job", err);
    if (!status && insert)
        job->id = (uint64_t)sqlite3_last_insert_rowid(store->db);
    return status;
}

enum ff_status ff_store_put_targets(struct ff_store *store, uint64_t job,
                                    const struct ff_stored_targets *targets, struct ff_error *err)
{
    struct ff_buf list = {0};
    ff_encode_stored_targets(targets, &list);
    sqlite3_stmt *statement = ff_store_statement(store, FF_SQL_PUT_TARGETS,
                                                 "INSERT OR REPLACE INTO targets(job, list) VALUES(?, ?)");
    if (statement) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)job);
        ff_store_bind_blob(statement, 2, &list);
    }
    enum ff_status status = ff_store_run(store, statement, "write a job's targets", err);
    ff_buf_fini(&list);
    return status;
}

enum ff_status ff_store_add_report(struct ff_store *store, uint64_t job,
                                   const struct ff_stored_report *report, struct ff_error *err)
{
    struct ff_buf outcomes = {0}, models = {0}, logs = {0};
    ff_encode_stored_report(report, &outcomes, &models, &logs);
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_ADD_REPORT, "INSERT INTO reports(job, outcomes, logs, models) VALUES(?, ?, ?, ?)");
    if (statement) {
        sqlite3_bind_int64(statement, 1, (sqlite3_int64)job);
        ff_store_bind_blob(statement, 2, &outcomes);
        ff_store_bind_blob(statement, 3, &logs);
        ff_store_bind_blob(statement, 4, &models);
    }
    enum ff_status status = ff_store_run(store, statement, "write outcomes", err);
    for (size_t i = 0; !status && i < report->capsule_count; i++)
        status = ff_store_put_capsule(store, job, &report->capsules[i], err);
    ff_buf_fini(&outcomes);
    ff_buf_fini(&models);
    ff_buf_fini(&logs);
    return status;
}

enum ff_status ff_store_add_cost(struct ff_store *store, const struct ff_cost *cost, struct ff_error *err)
{
    /* Old measurements fade: each job halves what was known before it. */
    sqlite3_stmt *statement = ff_store_statement(
        store, FF_SQL_ADD_COST,
        "INSERT INTO costs(kind, cells, ms) VALUES(?1, ?2, ?3) ON CONFLICT(kind) DO UPDATE SET"
        " cells = cells / 2 + ?2, ms = ms / 2 + ?3");
    if (statement) {
        ff_store_bind_text(statement, 1, cost->name);
        sqlite3_bind_double(statement, 2, cost->cells);
        sqlite3_bind_double(statement, 3, cost->ms);
    }
    return ff_store_run(store, statement, "write the cost book", err);
}

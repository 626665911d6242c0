/* A copy of the state while it is written to: SQLite's online backup, from one read transaction, to a file
 * beside its place, which takes it by rename once it is on disk. A directory in which a coordinator or train
 * ever ran (it has a lock file) is never overwritten, nor is the backup of another state. */
#include "coordinator/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum ff_status refuse(const char *dir, const char *why, struct ff_error *err)
{
    return ff_error_set(err, FF_FAILED_PRECONDITION, "%s: %s: give another place for the backup", dir, why);
}

static enum ff_status check_place(struct ff_store *store, const char *dir, const char *path,
                                  const char *lock_path, struct ff_error *err)
{
    struct ff_store *old = NULL;
    if (access(lock_path, F_OK) == 0)
        return refuse(dir, "a coordinator or train has worked there", err);
    if (access(path, F_OK) != 0)
        return FF_OK;
    if (ff_store_open_reader(dir, &old, err))
        return refuse(dir, "what is there is no backup of this state", err);
    bool same = ff_store_identity(old) == ff_store_identity(store);
    ff_store_close(old);
    return same ? FF_OK : refuse(dir, "it holds a backup of another state", err);
}

static enum ff_status copy(struct ff_store *store, const char *path, struct ff_error *err)
{
    struct ff_store to = {.path = (char *)(uintptr_t)path, .lock_fd = -1};
    sqlite3_backup *backup = NULL;
    enum ff_status status = FF_OK;
    if (sqlite3_open_v2(path, &to.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        status = ff_store_failed(&to, err, "make the backup");
    if (!status)
        status =
            ff_store_exec(&to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", "make the backup", err);
    if (!status && !(backup = sqlite3_backup_init(to.db, "main", store->db, "main")))
        status = ff_store_failed(&to, err, "make the backup");
    if (backup) {
        sqlite3_backup_step(backup, -1);
        if (sqlite3_backup_finish(backup) != SQLITE_OK)
            status = ff_store_failed(&to, err, "write the backup");
    }
    /* Not WAL: readers then need no files beside it, and a stale one can never be taken for its own. */
    if (!status)
        status = ff_store_exec(&to, "PRAGMA journal_mode = DELETE", "write the backup", err);
    sqlite3_close(to.db);
    return status;
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

enum ff_status ff_store_backup(struct ff_store *store, const char *dir, struct ff_error *err)
{
    char *path = ff_xasprintf("%s/fitfleet.db", dir), *part = ff_xasprintf("%s/fitfleet.db.part", dir);
    char *lock_path = ff_xasprintf("%s/lock", dir);
    enum ff_status status = ff_store_make_directory(dir, err);
    if (!status)
        status = check_place(store, dir, path, lock_path, err);
    if (status)
        goto done;
    unlink(part); /* of one that was interrupted */
    status = copy(store, part, err);
    if (!status && (!sync_path(part, 0) || rename(part, path) != 0 || !sync_path(dir, O_DIRECTORY)))
        status = ff_error_set(err, FF_UNAVAILABLE, "%s: cannot be written: %m", path);
    if (status)
        unlink(part);
done:
    free(lock_path);
    free(part);
    free(path);
    return status;
}

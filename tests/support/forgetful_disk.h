/* A disk in memory that forgets: SQLite's default VFS for a test that injects faults at any write, sync,
 * truncation, deletion or creation of a file.
 *
 * Every such operation has a number, from 1. At the one that is chosen it fails once, or the machine stops:
 * from then on everything fails until disk_restart(). A process that is killed leaves what it wrote. A power
 * cut leaves of each file what was synced and, of the writes since, nothing or whichever sectors of 512 bytes
 * chance chose. A file is there for good once it was synced, and gone for good with the next sync of any
 * file. Bytes beside a write are never harmed (SQLITE_IOCAP_POWERSAFE_OVERWRITE, as SQLite assumes on Linux).
 *
 * One thread, one process; locks always succeed. */
#ifndef FF_TESTS_SUPPORT_FORGETFUL_DISK_H
#define FF_TESTS_SUPPORT_FORGETFUL_DISK_H

#include "common/buf.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum disk_fault {
    DISK_IO_ERROR,  /* once */
    DISK_FULL,      /* once; half of a write is done */
    DISK_KILL,      /* the process ends */
    DISK_CUT_POWER, /* what was not synced is lost */
    DISK_TEAR,      /* of what was not synced some sectors are there */
    DISK_FAULTS
};

enum { DISK_FILES = 8, DISK_REGIONS = 16, DISK_SECTOR = 512 };

struct disk_write { /* data NULL: a truncation to offset */
    uint64_t offset;
    uint8_t *data;
    size_t size;
};

struct disk_file {
    char name[256];
    bool exists, exists_synced;
    struct ff_buf now, synced;
    struct disk_write *writes; /* since the last sync */
    size_t write_count;
    void *regions[DISK_REGIONS]; /* shared memory of the WAL's index */
    int mappings;
};

static struct {
    struct disk_file files[DISK_FILES];
    uint64_t operation;
    uint64_t fail_at; /* 0: never */
    enum disk_fault fault;
    bool stopped;
    uint64_t chance;
} disk;

struct disk_handle {
    sqlite3_file base;
    struct disk_file *file;
    bool temporary; /* deleted when it is closed */
};

static inline struct disk_file *disk_of(sqlite3_file *handle)
{
    return ((struct disk_handle *)handle)->file;
}

static inline struct disk_file *disk_find(const char *name)
{
    struct disk_file *free_one = NULL;
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *file = &disk.files[i];
        if (strcmp(file->name, name) == 0)
            return file;
        if (!*file->name && !free_one)
            free_one = file;
    }
    snprintf(free_one->name, sizeof free_one->name, "%s", name);
    return free_one;
}

/* ---- what a file holds ---- */

static inline void disk_resize(struct ff_buf *content, uint64_t size)
{
    static const uint8_t zeros[4096];
    while (content->size < size)
        ff_buf_append(content, zeros,
                      size - content->size < sizeof zeros ? size - content->size : sizeof zeros);
    content->size = size;
}

static inline void disk_put(struct ff_buf *content, uint64_t offset, const uint8_t *data, size_t size)
{
    if (content->size < offset + size)
        disk_resize(content, offset + size);
    memcpy(content->data + offset, data, size);
}

static inline void disk_note(struct disk_file *file, uint64_t offset, const uint8_t *data, size_t size)
{
    file->writes = ff_xrealloc(file->writes, (file->write_count + 1) * sizeof *file->writes);
    struct disk_write *write = &file->writes[file->write_count++];
    *write = (struct disk_write){.offset = offset, .size = size};
    if (data)
        write->data = memcpy(ff_xalloc(size), data, size);
}

static inline void disk_forget_writes(struct disk_file *file)
{
    for (size_t i = 0; i < file->write_count; i++)
        free(file->writes[i].data);
    free(file->writes);
    file->writes = NULL;
    file->write_count = 0;
}

static inline bool disk_coin(void)
{
    disk.chance = disk.chance * 6364136223846793005u + 1442695040888963407u;
    return disk.chance >> 63;
}

/* Of a write that was not synced: sectors, at random. */
static inline void disk_tear(struct ff_buf *content, const struct disk_write *write)
{
    if (!write->data && disk_coin())
        disk_resize(content, write->offset);
    for (size_t at = 0; write->data && at < write->size; at += DISK_SECTOR)
        if (disk_coin())
            disk_put(content, write->offset + at, write->data + at,
                     write->size - at < DISK_SECTOR ? write->size - at : DISK_SECTOR);
}

static inline void disk_lose(struct disk_file *file, bool tear)
{
    file->now.size = 0;
    ff_buf_append(&file->now, file->synced.data, file->synced.size);
    for (size_t i = 0; tear && i < file->write_count; i++)
        disk_tear(&file->now, &file->writes[i]);
    file->exists = file->exists_synced || (tear && file->exists && disk_coin());
}

static inline void disk_sync(struct disk_file *synced)
{
    for (size_t i = 0; i < synced->write_count; i++) {
        const struct disk_write *write = &synced->writes[i];
        if (write->data)
            disk_put(&synced->synced, write->offset, write->data, write->size);
        else
            disk_resize(&synced->synced, write->offset);
    }
    disk_forget_writes(synced);
    synced->exists_synced = true;
    for (size_t i = 0; i < DISK_FILES; i++) /* the directory's journal goes along */
        disk.files[i].exists_synced = disk.files[i].exists_synced && disk.files[i].exists;
}

/* ---- faults ---- */

/* Counts an operation; whether it fails. */
static inline bool disk_fails(void)
{
    if (disk.stopped)
        return true;
    if (++disk.operation != disk.fail_at)
        return false;
    disk.stopped = disk.fault >= DISK_KILL;
    return true;
}

/* After a stop, or to begin with an empty disk. All files must be closed. */
static inline void disk_restart(void)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        struct disk_file *file = &disk.files[i];
        if (disk.stopped && disk.fault >= DISK_CUT_POWER)
            disk_lose(file, disk.fault == DISK_TEAR);
        disk_forget_writes(file);
        file->synced.size = 0;
        ff_buf_append(&file->synced, file->now.data, file->now.size);
        file->exists_synced = file->exists;
    }
    disk.stopped = false;
    disk.fail_at = 0;
}

static inline void disk_wipe(void)
{
    for (size_t i = 0; i < DISK_FILES; i++) {
        disk_forget_writes(&disk.files[i]);
        ff_buf_fini(&disk.files[i].now);
        ff_buf_fini(&disk.files[i].synced);
    }
    memset(&disk, 0, sizeof disk);
}

/* The n-th operation from now on fails. */
static inline void disk_arm(enum disk_fault fault, uint64_t n)
{
    disk.fault = fault;
    disk.fail_at = disk.operation + n;
    disk.chance = n;
}

/* ---- a file ---- */

static inline int disk_close(sqlite3_file *handle)
{
    if (((struct disk_handle *)handle)->temporary)
        disk_of(handle)->exists = false;
    return SQLITE_OK;
}

static inline int disk_read(sqlite3_file *handle, void *data, int size, sqlite3_int64 offset)
{
    const struct ff_buf *content = &disk_of(handle)->now;
    size_t wanted = (size_t)size, from = (size_t)offset;
    size_t there = from >= content->size ? 0 : content->size - from;
    if (disk.stopped)
        return SQLITE_IOERR_READ;
    memset(data, 0, wanted);
    if (there)
        memcpy(data, content->data + from, there < wanted ? there : wanted);
    return there < wanted ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static inline int disk_write_bytes(sqlite3_file *handle, const void *data, int size, sqlite3_int64 offset)
{
    struct disk_file *file = disk_of(handle);
    bool fails = disk_fails();
    size_t count = (size_t)size;
    if (fails && (disk.stopped || disk.fault != DISK_FULL))
        return SQLITE_IOERR_WRITE;
    count = fails ? count / 2 : count;
    if (count) {
        disk_put(&file->now, (uint64_t)offset, data, count);
        disk_note(file, (uint64_t)offset, data, count);
    }
    return fails ? SQLITE_FULL : SQLITE_OK;
}

static inline int disk_truncate(sqlite3_file *handle, sqlite3_int64 size)
{
    if (disk_fails())
        return SQLITE_IOERR_TRUNCATE;
    disk_resize(&disk_of(handle)->now, (uint64_t)size);
    disk_note(disk_of(handle), (uint64_t)size, NULL, 0);
    return SQLITE_OK;
}

static inline int disk_sync_file(sqlite3_file *handle, int flags)
{
    (void)flags;
    if (disk_fails())
        return SQLITE_IOERR_FSYNC;
    disk_sync(disk_of(handle));
    return SQLITE_OK;
}

static inline int disk_size(sqlite3_file *handle, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)disk_of(handle)->now.size;
    return SQLITE_OK;
}

static inline int disk_lock(sqlite3_file *handle, int level)
{
    (void)handle, (void)level;
    return SQLITE_OK;
}

static inline int disk_is_reserved(sqlite3_file *handle, int *reserved)
{
    (void)handle;
    *reserved = 0;
    return SQLITE_OK;
}

static inline int disk_control(sqlite3_file *handle, int what, void *value)
{
    (void)handle, (void)what, (void)value;
    return SQLITE_NOTFOUND;
}

static inline int disk_sector_size(sqlite3_file *handle)
{
    (void)handle;
    return 4096;
}

static inline int disk_characteristics(sqlite3_file *handle)
{
    (void)handle;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static inline int disk_map(sqlite3_file *handle, int region, int size, int extend, void volatile **out)
{
    struct disk_file *file = disk_of(handle);
    *out = NULL;
    if (disk.stopped || region >= DISK_REGIONS)
        return SQLITE_IOERR_SHMMAP;
    if (!file->regions[region] && extend)
        file->regions[region] = ff_xcalloc(1, (size_t)size);
    file->mappings++;
    *out = file->regions[region];
    return SQLITE_OK;
}

static inline int disk_lock_map(sqlite3_file *handle, int offset, int count, int flags)
{
    (void)handle, (void)offset, (void)count, (void)flags;
    return disk.stopped ? SQLITE_IOERR_SHMLOCK : SQLITE_OK;
}

static inline void disk_barrier(sqlite3_file *handle)
{
    (void)handle;
}

/* Only one connection at a time has the file open: with it the index goes. */
static inline int disk_unmap(sqlite3_file *handle, int remove)
{
    struct disk_file *file = disk_of(handle);
    (void)remove;
    for (size_t i = 0; i < DISK_REGIONS; i++) {
        free(file->regions[i]);
        file->regions[i] = NULL;
    }
    file->mappings = 0;
    return SQLITE_OK;
}

/* ---- the disk ---- */

static inline int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *handle, int flags,
                            int *out_flags)
{
    static const sqlite3_io_methods methods = {2,
                                               disk_close,
                                               disk_read,
                                               disk_write_bytes,
                                               disk_truncate,
                                               disk_sync_file,
                                               disk_size,
                                               disk_lock,
                                               disk_lock,
                                               disk_is_reserved,
                                               disk_control,
                                               disk_sector_size,
                                               disk_characteristics,
                                               disk_map,
                                               disk_lock_map,
                                               disk_barrier,
                                               disk_unmap,
                                               NULL,
                                               NULL};
    struct disk_handle *opened = (struct disk_handle *)handle;
    struct disk_file *file = disk_find(name ? name : "temporary");
    (void)vfs;
    opened->base.pMethods = NULL;
    if (!file->exists && (!(flags & SQLITE_OPEN_CREATE) || disk_fails()))
        return SQLITE_CANTOPEN;
    if (disk.stopped)
        return SQLITE_CANTOPEN;
    if (!file->exists) {
        file->exists = true;
        file->now.size = 0;
        disk_note(file, 0, NULL, 0);
    }
    opened->base.pMethods = &methods;
    opened->file = file;
    opened->temporary = flags & SQLITE_OPEN_DELETEONCLOSE;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static inline int disk_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    struct disk_file *file = disk_find(name);
    (void)vfs;
    if (disk_fails())
        return SQLITE_IOERR_DELETE;
    if (!file->exists)
        return SQLITE_IOERR_DELETE_NOENT;
    file->exists = false;
    file->exists_synced = file->exists_synced && !sync_directory;
    return SQLITE_OK;
}

static inline int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs, (void)flags;
    *out = disk_find(name)->exists;
    return disk.stopped ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static inline int disk_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    (void)vfs;
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
}

/* Makes it the default VFS; time and chance are left to the one before. */
static inline void disk_install(void)
{
    static sqlite3_vfs vfs;
    disk_wipe();
    if (!vfs.zName) {
        vfs = *sqlite3_vfs_find(NULL);
        vfs.iVersion = 1;
        vfs.szOsFile = sizeof(struct disk_handle);
        vfs.zName = "forgetful-disk";
        vfs.xOpen = disk_open;
        vfs.xDelete = disk_delete;
        vfs.xAccess = disk_access;
        vfs.xFullPathname = disk_full_path;
    }
    sqlite3_vfs_register(&vfs, 1);
}

#endif

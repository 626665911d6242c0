/* O_TMPFILE gives a file without a name where the file system can; else it gets one that is removed at once.
 * Only a crash between those two leaves something: an empty file, which the next start removes. */
#include "coordinator/spill.h"

#include "common/buf.h"
#include "common/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "spill-"
enum { RETRY_MS = 200 };

struct ff_spill {
    int fd;
    char *folder; /* for messages */
    atomic_uint_fast64_t end;
};

static const char *folder_or_default(const char *folder)
{
    const char *temporary = getenv("TMPDIR");
    return folder ? folder : temporary && *temporary ? temporary : "/var/tmp";
}

static int open_nameless(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char *path = ff_xasprintf("%s/" PREFIX "XXXXXX", folder);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    free(path);
    return fd;
}

enum ff_status ff_spill_create(const char *folder, struct ff_spill **out, struct ff_error *err)
{
    folder = folder_or_default(folder);
    int fd = open_nameless(folder);
    if (fd < 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "%s: no file for rows beyond data.memory: %s", folder,
                            strerror(errno));
    struct ff_spill *spill = ff_xcalloc(1, sizeof *spill);
    spill->fd = fd;
    spill->folder = ff_xstrdup(folder);
    *out = spill;
    return FF_OK;
}

void ff_spill_destroy(struct ff_spill *spill)
{
    if (!spill)
        return;
    close(spill->fd);
    free(spill->folder);
    free(spill);
}

uint64_t ff_spill_reserve(struct ff_spill *spill, uint64_t size)
{
    return atomic_fetch_add(&spill->end, size);
}

/* After a write that found no room: true to try again. */
static bool wait_for_room(const struct ff_spill *spill, struct ff_load_progress *progress)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    if (!progress || atomic_load(&progress->cancel))
        return false;
    if (!atomic_exchange(&progress->disk_full, true))
        ff_log(FF_LOG_WARNING, "%s: no space left for rows beyond data.memory: loading waits", spill->folder);
    nanosleep(&pause, NULL);
    return true;
}

static enum ff_status fail_write(const struct ff_spill *spill, int error, struct ff_load_progress *progress,
                                 struct ff_error *err)
{
    if (progress && atomic_load(&progress->cancel))
        return ff_error_set(err, FF_CANCELLED, "cancelled while spilling rows");
    return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "%s: rows beyond data.memory cannot be written: %s",
                        spill->folder, strerror(error));
}

enum ff_status ff_spill_write(struct ff_spill *spill, uint64_t at, const void *data, size_t size,
                              struct ff_load_progress *progress, struct ff_error *err)
{
    for (const char *from = data; size > 0;) {
        ssize_t count = pwrite(spill->fd, from, size, (off_t)at);
        if (count >= 0) {
            from += count;
            at += (uint64_t)count;
            size -= (size_t)count;
        } else if (errno != EINTR) {
            int error = errno;
            bool is_full = error == ENOSPC || error == EDQUOT;
            if (!is_full || !wait_for_room(spill, progress))
                return fail_write(spill, error, progress, err);
        }
    }
    if (progress)
        atomic_store(&progress->disk_full, false);
    return FF_OK;
}

enum ff_status ff_spill_read(const struct ff_spill *spill, uint64_t at, void *data, size_t size,
                             struct ff_error *err)
{
    for (char *to = data; size > 0;) {
        ssize_t count = pread(spill->fd, to, size, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return ff_error_set(err, FF_DATA_LOSS, "%s: rows beyond data.memory cannot be read back: %s",
                                spill->folder, count ? strerror(errno) : "the file is shorter than it was");
        to += count;
        at += (uint64_t)count;
        size -= (size_t)count;
    }
    return FF_OK;
}

uint64_t ff_spill_room(const char *folder)
{
    struct statvfs info;
    if (statvfs(folder_or_default(folder), &info) != 0)
        return UINT64_MAX;
    return (uint64_t)info.f_bavail * info.f_frsize;
}

void ff_spill_clean(const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

#include "common/memfile.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum ff_status ff_memfile_create_private(size_t size, struct ff_memfile *out, struct ff_error *err)
{
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "cannot map %zu bytes: %m", size);
    *out = (struct ff_memfile){-1, data, size};
    return FF_OK;
}

enum ff_status ff_memfile_create(const char *name, size_t size, struct ff_memfile *out, struct ff_error *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "memfd_create: %m");
    void *data = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0)
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        ff_error_set(err, FF_RESOURCE_EXHAUSTED, "cannot map %zu bytes: %m", size);
        close(fd);
        return FF_RESOURCE_EXHAUSTED;
    }
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
    *out = (struct ff_memfile){fd, data, size};
    return FF_OK;
}

void ff_memfile_seal(struct ff_memfile *file)
{
    fcntl(file->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE); /* kernels before 5.1 lack it: readers are trusted */
}

void ff_memfile_fini(struct ff_memfile *file)
{
    if (file->data)
        munmap(file->data, file->size);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct ff_memfile)FF_MEMFILE_NONE;
}

void ff_memfile_punch(struct ff_memfile *file, size_t offset, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = (offset + page - 1) / page * page, end = (offset + size) / page * page;
    if (end > first)
        madvise(file->data + first, end - first, file->fd < 0 ? MADV_DONTNEED : MADV_REMOVE);
}

struct ff_memory_place ff_memfile_place(const struct ff_memfile *file)
{
    struct stat info;
    if (file->fd < 0 || fstat(file->fd, &info) != 0)
        return (struct ff_memory_place){0};
    return (struct ff_memory_place){(uint32_t)getpid(), (uint32_t)file->fd, info.st_ino, file->size};
}

static bool is_the_one(int fd, const struct ff_memory_place *place)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) && fstat(fd, &info) == 0 && info.st_ino == place->inode &&
           (uint64_t)info.st_size == place->size;
}

int ff_memory_open(const struct ff_memory_place *place)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%u/fd/%u", place->pid, place->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && !is_the_one(fd, place)) {
        close(fd);
        return -1;
    }
    return fd;
}

#include "worker/lane.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

enum { PROGRESS_BYTES = 4096, BUFFER_UNIT = 1 << 20 };

static enum ff_status new_memory(const char *name, size_t size, int *fd, void **data, struct ff_error *err)
{
    *fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "memfd_create: %m");
    *data = MAP_FAILED;
    if (ftruncate(*fd, (off_t)size) == 0)
        *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (*data != MAP_FAILED)
        return FF_OK;
    ff_error_set(err, FF_RESOURCE_EXHAUSTED, "cannot map %zu bytes: %m", size);
    close(*fd);
    return FF_RESOURCE_EXHAUSTED;
}

enum ff_status ff_progress_create(int *fd, struct ff_progress **page, struct ff_error *err)
{
    void *data;
    enum ff_status status = new_memory("fitfleet-progress", PROGRESS_BYTES, fd, &data, err);
    if (!status)
        *page = data;
    return status;
}

struct ff_progress *ff_progress_map(int fd)
{
    void *data = mmap(NULL, PROGRESS_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return data == MAP_FAILED ? NULL : data;
}

void ff_progress_unmap(struct ff_progress *page)
{
    if (page)
        munmap(page, PROGRESS_BYTES);
}

enum ff_status ff_buffer_reserve(struct ff_buffer *buffer, size_t size, struct ff_error *err)
{
    static uint32_t next_id;
    if (buffer->data && buffer->capacity >= size)
        return FF_OK;
    size_t capacity = (size + BUFFER_UNIT - 1) / BUFFER_UNIT * BUFFER_UNIT;
    int fd;
    void *data;
    enum ff_status status = new_memory("fitfleet-chunk", capacity, &fd, &data, err);
    if (status)
        return status;
    /* From here on only this mapping writes. Kernels before 5.1 lack the seal; the fit then is merely
     * trusted. */
    fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
    ff_buffer_fini(buffer);
    *buffer = (struct ff_buffer){fd, data, capacity, ++next_id};
    return FF_OK;
}

void ff_buffer_fini(struct ff_buffer *buffer)
{
    if (!buffer->data)
        return;
    munmap(buffer->data, buffer->capacity);
    close(buffer->fd);
    *buffer = (struct ff_buffer){.fd = -1};
}

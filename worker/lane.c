#include "worker/lane.h"

#include <sys/mman.h>

enum { PROGRESS_BYTES = 4096, BUFFER_UNIT = 1 << 20 };

enum ff_status ff_progress_create(int *fd, struct ff_progress **page, struct ff_error *err)
{
    struct ff_memfile file;
    enum ff_status status = ff_memfile_create("fitfleet-progress", PROGRESS_BYTES, &file, err);
    if (status)
        return status;
    *fd = file.fd;
    *page = (struct ff_progress *)(void *)file.data;
    return FF_OK;
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
    struct ff_memfile file;
    if (buffer->file.size >= size)
        return FF_OK;
    size_t capacity = (size + BUFFER_UNIT - 1) / BUFFER_UNIT * BUFFER_UNIT;
    enum ff_status status = ff_memfile_create("fitfleet-chunk", capacity, &file, err);
    if (status)
        return status;
    ff_memfile_seal(&file);
    ff_memfile_fini(&buffer->file);
    *buffer = (struct ff_buffer){file, ++next_id};
    return FF_OK;
}

#include "common/file.h"

#include <fcntl.h>
#include <unistd.h>

enum { PIECE = 4096 };

enum ff_status ff_file_read(const char *path, size_t limit, struct ff_buf *out, struct ff_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %m", path);
    ssize_t got;
    while ((got = read(fd, ff_buf_reserve(out, PIECE), PIECE)) > 0 && out->size <= limit)
        out->size += (size_t)got;
    enum ff_status status = got < 0 ? ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %m", path) : FF_OK;
    close(fd);
    return status;
}

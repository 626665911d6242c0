/* One file descriptor and one of three decoders behind the same two steps: fill the input block, decode from
 * it.
 *
 * gzip members and zstd frames may follow one another. Input that ends inside one of them is an error: half a
 * file that looks whole would train models on half the data. */
#include "coordinator/reader.h"

#include "common/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = 1 << 18 };

enum packing { PLAIN, GZIP, ZSTD };

struct ff_reader {
    char *path;
    int fd;
    enum packing packing;
    uint64_t position;
    bool input_ended;
    bool inside; /* of a gzip member or zstd frame */
    uint8_t *input;
    size_t input_size;
    size_t input_at;
    z_stream gzip;
    ZSTD_DStream *zstd;
};

static bool has_suffix(const char *path, const char *suffix)
{
    size_t size = strlen(path), suffix_size = strlen(suffix);
    return size > suffix_size && strcmp(path + size - suffix_size, suffix) == 0;
}

static bool start_decoder(struct ff_reader *reader)
{
    if (reader->packing == PLAIN)
        return true;
    reader->input = malloc(BLOCK);
    reader->inside = true; /* an empty file holds no member: truncated */
    if (reader->packing == GZIP)
        return reader->input && inflateInit2(&reader->gzip, 16 + MAX_WBITS) == Z_OK;
    reader->zstd = ZSTD_createDStream();
    return reader->input && reader->zstd && !ZSTD_isError(ZSTD_initDStream(reader->zstd));
}

enum ff_status ff_reader_open(const char *path, struct ff_reader **out, struct ff_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %s", path, strerror(errno));
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct ff_reader *reader = ff_xcalloc(1, sizeof *reader);
    reader->path = ff_xstrdup(path);
    reader->fd = fd;
    reader->packing = has_suffix(path, ".gz") ? GZIP : has_suffix(path, ".zst") ? ZSTD : PLAIN;
    if (!start_decoder(reader)) {
        ff_reader_close(reader);
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "%s: no memory to unpack it", path);
    }
    *out = reader;
    return FF_OK;
}

static enum ff_status read_raw(struct ff_reader *reader, void *data, size_t size, size_t *got,
                               struct ff_error *err)
{
    ssize_t count;
    do {
        count = read(reader->fd, data, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %s", reader->path, strerror(errno));
    reader->position += (uint64_t)count;
    *got = (size_t)count;
    return FF_OK;
}

/* The decoders take from input and write to data; *got may be 0 when they need more input. */
static enum ff_status inflate_some(struct ff_reader *reader, void *data, size_t size, size_t *got,
                                   struct ff_error *err)
{
    z_stream *z = &reader->gzip;
    if (!reader->inside) {
        inflateReset(z);
        reader->inside = true;
    }
    z->next_in = reader->input + reader->input_at;
    z->avail_in = (uInt)(reader->input_size - reader->input_at);
    z->next_out = data;
    z->avail_out = size > BLOCK ? BLOCK : (uInt)size;
    uInt room = z->avail_out;
    int result = inflate(z, Z_NO_FLUSH);
    reader->input_at = reader->input_size - z->avail_in;
    *got = room - z->avail_out;
    if (result == Z_STREAM_END)
        reader->inside = false;
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: damaged gzip data near byte %llu: %s",
                            reader->path, (unsigned long long)reader->position, z->msg ? z->msg : "not gzip");
    return FF_OK;
}

static enum ff_status unzstd_some(struct ff_reader *reader, void *data, size_t size, size_t *got,
                                  struct ff_error *err)
{
    ZSTD_inBuffer in = {reader->input, reader->input_size, reader->input_at};
    ZSTD_outBuffer out = {data, size, 0};
    size_t result = ZSTD_decompressStream(reader->zstd, &out, &in);
    if (ZSTD_isError(result))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: damaged zstd data near byte %llu: %s",
                            reader->path, (unsigned long long)reader->position, ZSTD_getErrorName(result));
    reader->input_at = in.pos;
    reader->inside = result != 0;
    *got = out.pos;
    return FF_OK;
}

static enum ff_status decode_some(struct ff_reader *reader, void *data, size_t size, size_t *got,
                                  struct ff_error *err)
{
    return reader->packing == GZIP ? inflate_some(reader, data, size, got, err)
                                   : unzstd_some(reader, data, size, got, err);
}

static enum ff_status fill_input(struct ff_reader *reader, struct ff_error *err)
{
    enum ff_status status = read_raw(reader, reader->input, BLOCK, &reader->input_size, err);
    reader->input_at = 0;
    reader->input_ended = status == FF_OK && reader->input_size == 0;
    return status;
}

static enum ff_status read_packed(struct ff_reader *reader, void *data, size_t size, size_t *got,
                                  struct ff_error *err)
{
    for (;;) {
        /* Also without input: a decoder may hold output that did not fit before. */
        bool decodes = reader->input_at < reader->input_size || reader->inside;
        enum ff_status status = decodes ? decode_some(reader, data, size, got, err) : FF_OK;
        if (status || (decodes && *got > 0))
            return status;
        if (reader->input_at < reader->input_size)
            continue;
        if (reader->input_ended)
            break;
        status = fill_input(reader, err);
        if (status)
            return status;
    }
    *got = 0;
    if (reader->inside)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: the compressed file is cut off", reader->path);
    return FF_OK;
}

enum ff_status ff_reader_read(struct ff_reader *reader, void *data, size_t size, size_t *got,
                              struct ff_error *err)
{
    if (reader->packing == PLAIN)
        return read_raw(reader, data, size, got, err);
    return read_packed(reader, data, size, got, err);
}

uint64_t ff_reader_position(const struct ff_reader *reader)
{
    return reader->position;
}

void ff_reader_close(struct ff_reader *reader)
{
    if (!reader)
        return;
    if (reader->packing == GZIP)
        inflateEnd(&reader->gzip);
    ZSTD_freeDStream(reader->zstd);
    close(reader->fd);
    free(reader->input);
    free(reader->path);
    free(reader);
}

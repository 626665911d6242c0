/* The bytes of a data file, unpacked: plain, .gz or .zst by its suffix. Knows nothing of lines. */
#ifndef FF_COORDINATOR_READER_H
#define FF_COORDINATOR_READER_H

#include "common/error.h"

#include <stdint.h>

struct ff_reader;

/* INVALID_ARGUMENT "PATH: why". */
FF_NODISCARD enum ff_status ff_reader_open(const char *path, struct ff_reader **out, struct ff_error *err);
/* Up to size bytes into data; *got is 0 at the end only. A damaged or truncated compressed file is
 * INVALID_ARGUMENT with its name. */
FF_NODISCARD enum ff_status ff_reader_read(struct ff_reader *reader, void *data, size_t size, size_t *got,
                                           struct ff_error *err);
/* Bytes of the file itself taken so far (packed bytes of a packed file). */
uint64_t ff_reader_position(const struct ff_reader *reader);
void ff_reader_close(struct ff_reader *reader);

#endif

/* Where output goes: standard output, or a file that appears when it is whole. */
#ifndef FF_COORDINATOR_CLI_SINK_H
#define FF_COORDINATOR_CLI_SINK_H

#include "common/error.h"

#include <stdio.h>

struct ff_sink {
    FILE *file;
    const char *path; /* NULL: standard output */
    char *part;       /* what is written until it is whole; NULL: path itself */
};

/* path NULL: standard output. What is there and no file (a device, a pipe) is written as it is.
 * INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_sink_open(const char *path, struct ff_sink *out, struct ff_error *err);
/* Keeps what was written only if status is FF_OK. Returns the status, or INTERNAL. */
FF_NODISCARD enum ff_status ff_sink_close(struct ff_sink *sink, enum ff_status status, struct ff_error *err);

#endif

/* What a program of somebody's own is asked: one JSON object on one line each (docs/models.md, command).
 * Pure. */
#ifndef FF_WORKER_COMMAND_REQUEST_H
#define FF_WORKER_COMMAND_REQUEST_H

#include "common/buf.h"
#include "common/kinds.h"
#include "worker/models/kind.h"

enum { FF_COMMAND_PROTOCOL = 1 };

/* A file and what the program opens to read it. */
struct ff_request_file {
    const char *name;
    int fd;
};

/* All of them append to out. A model is written as the members of an object, as they came from the program.
 */
void ff_request_init(struct ff_buf *out, const struct ff_param *params, size_t param_count,
                     const struct ff_request_file *files, size_t file_count);
void ff_request_fit(struct ff_buf *out, uint64_t id, const char *target, const struct ff_kind_frame *frame);
void ff_request_score(struct ff_buf *out, uint64_t id, const char *target, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame);
void ff_request_forecast(struct ff_buf *out, uint64_t id, const char *target,
                         const struct ff_kind_model *model, size_t horizon, double coverage);
void ff_request_end(struct ff_buf *out);

#endif

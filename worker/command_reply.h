/* What a program of somebody's own answers: one JSON object on one line, believed in nothing that is not
 * checked here. Pure; one thread.
 *
 * Every function that fails says in err what was expected and what was found; RESOURCE_EXHAUSTED: there was
 * no memory. */
#ifndef FF_WORKER_COMMAND_REPLY_H
#define FF_WORKER_COMMAND_REPLY_H

#include "common/outcome.h"
#include "worker/models/kind.h"

struct ff_reply;

/* What a program says that it can do; one that says nothing can do everything. */
enum { FF_COMMAND_FIT = 1, FF_COMMAND_SCORE = 2, FF_COMMAND_FORECAST = 4, FF_COMMAND_ALL = 7 };

/* The answer to init: what the program can do. */
FF_NODISCARD enum ff_status ff_reply_ready(struct ff_bytes line, unsigned *can, struct ff_error *err);

/* The answer to request id. */
FF_NODISCARD enum ff_status ff_reply_parse(struct ff_bytes line, uint64_t id, struct ff_reply **out,
                                           struct ff_error *err);
/* Whether a line that is no answer to request id is one to an earlier request, from first on. */
bool ff_reply_is_late(struct ff_bytes line, uint64_t first, uint64_t id);
void ff_reply_free(struct ff_reply *reply);

/* FF_CODE_OK, or the code of its "error" with its message (borrowed). INVALID_ARGUMENT: no code that a
 * program may give. */
FF_NODISCARD enum ff_status ff_reply_error(const struct ff_reply *reply, enum ff_code *code,
                                           const char **message, struct ff_error *err);
/* Emits the parameters of its "model". */
FF_NODISCARD enum ff_status ff_reply_emit(const struct ff_reply *reply, struct ff_fit *fit,
                                          struct ff_error *err);
/* An array of exactly count numbers, null for NaN. Without one: values stay as they are, or if it must be
 * there, INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_reply_numbers(const struct ff_reply *reply, const char *name, bool must,
                                             double *values, size_t count, struct ff_error *err);

#endif

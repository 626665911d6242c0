/* The host's side of a fit (struct ff_fit): memory from a workspace, parameters collected into a model's
 * part. */
#ifndef FF_WORKER_EMITTER_H
#define FF_WORKER_EMITTER_H

#include "common/model.h"
#include "worker/models/kind.h"
#include "worker/models/workspace.h"

enum { FF_EMITTER_MESSAGE = 512 };

/* fit is first: what a kind is given is the address of the whole. */
struct ff_emitter {
    struct ff_fit fit;
    struct ff_workspace *workspace;
    struct ff_model_param *params; /* in the workspace */
    size_t param_count;
    size_t capacity;
    char message[FF_EMITTER_MESSAGE]; /* of the last fail */
};

void ff_emitter_init(struct ff_emitter *emitter, struct ff_workspace *workspace);

/* Begins a new part: no parameters, no message. */
void ff_emitter_begin(struct ff_emitter *emitter);

/* The part emitted since begin, its strings and arrays in the workspace. */
struct ff_model_part ff_emitter_end(struct ff_emitter *emitter, const char *metric, enum ff_code code);

/* A copy of text in the workspace. */
const char *ff_emitter_copy(struct ff_emitter *emitter, const char *text);

#endif

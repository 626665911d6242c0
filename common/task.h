/* What a worker is asked to do: fit one target (a task), several of which travel as a chunk. */
#ifndef FF_COMMON_TASK_H
#define FF_COMMON_TASK_H

#include "common/frame.h"
#include "common/kinds.h"
#include "common/outcome.h"

/* A model to fit: kind and its parameters. Borrowed strings. */
struct ff_fit_spec {
    const char *kind; /* NULL or "": none */
    const struct ff_param *params;
    size_t param_count;
};

struct ff_task {
    uint32_t target;  /* index in its job */
    const char *name; /* of the target, "all" for the frame of all */
    const struct ff_fit_spec *model;
    const struct ff_fit_spec *fallback; /* kind NULL: none */
    const char *const *metrics;         /* names of the frame's columns */
    struct ff_frame frame;
};

#endif

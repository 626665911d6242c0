/* A job that is run for what comes out of it, in a coordinator of its own on this machine, and leaves nothing
 * behind: its state is a folder that is removed. */
#ifndef FF_COORDINATOR_CLI_ERRAND_H
#define FF_COORDINATOR_CLI_ERRAND_H

#include "coordinator/cli/embedded.h"

struct ff_errand {
    const struct ff_options *options; /* slots, affinity */
    const struct ff_submit_request *request;
    ff_target_source *source;
    void *source_context;
};

/* What came of it, in an arena; free it with ff_errand_fini. */
struct ff_errand_result {
    struct ff_arena arena;
    struct ff_stored_targets targets;
    struct ff_outcome
        *outcomes; /* of targets, by index, and of all behind them; with models. FF_OPEN: none */
    int signal;    /* that ended it, 0: none did */
};

/* Blocks, with progress on standard error. CANCELLED if a signal ended it (result->signal), INVALID_ARGUMENT
 * for data that cannot be used, INTERNAL. */
FF_NODISCARD enum ff_status ff_errand_run(const struct ff_errand *errand, struct ff_errand_result *out,
                                          struct ff_error *err);
void ff_errand_fini(struct ff_errand_result *result);
/* The exit code of an errand that failed, behind its message. */
int ff_errand_fail(const struct ff_errand_result *result, const struct ff_error *err);

#endif

/* A job that is run for what comes out of it: at a coordinator, by its workers, or in a coordinator of one's
 * own on this machine, with a state that is removed. */
#ifndef FF_COORDINATOR_CLI_ERRAND_H
#define FF_COORDINATOR_CLI_ERRAND_H

#include "coordinator/cli/embedded.h"

struct ff_errand {
    const struct ff_options *options;        /* slots, affinity, state: it is done here */
    const struct ff_submit_request *request; /* whose text has a section errand */
    bool may_travel;          /* a coordinator may do it: unless the options say here, it is asked first */
    ff_target_source *source; /* of targets here */
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

/* Makes the request one for an errand, with a name of its own: "score-nightly" for one about nightly. */
void ff_errand_make(const struct ff_errand_spec *spec, const char *about, struct ff_submit_request *request,
                    struct ff_arena *arena);
/* Blocks, with progress on standard error, and says there why a coordinator that was asked does not do it:
 * it has no workers, or cannot read the data. CANCELLED if a signal ended it (result->signal),
 * INVALID_ARGUMENT for data that cannot be used, UNAVAILABLE, INTERNAL. */
FF_NODISCARD enum ff_status ff_errand_run(const struct ff_errand *errand, struct ff_errand_result *out,
                                          struct ff_error *err);
void ff_errand_fini(struct ff_errand_result *result);
/* The exit code of an errand that failed, behind its message. */
int ff_errand_fail(const struct ff_errand_result *result, const struct ff_error *err);

#endif

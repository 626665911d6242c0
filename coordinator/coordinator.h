/* The coordinator: one event loop over the pure modules, a store behind it, callers in front of it.
 *
 * `fitfleet coordinator` and `fitfleet train` run the same one; only its address differs. */
#ifndef FF_COORDINATOR_COORDINATOR_H
#define FF_COORDINATOR_COORDINATOR_H

#include "common/rpc.h"
#include "coordinator/loader.h"

struct ff_coordinator;

struct ff_coordinator_options {
    const char *url;
    struct ff_rpc_security security;
    const char *state_dir;
    const char *data_root; /* jobs may read below it only; NULL: anywhere */
    bool refuse_paths;     /* jobs may not name files of this host at all: they upload them */
    bool resume; /* go on with unfinished jobs; else they stay until somebody asks (train decides) */
    struct ff_retention retention; /* of finished jobs */
    bool no_copies;                /* never give a second copy of a late lease: to measure what they bring */
    ff_target_source *source;      /* NULL: the files of the job */
    void *source_context;
};

/* Opens the state, listens and starts the loop's thread. FAILED_PRECONDITION, PERMISSION_DENIED, DATA_LOSS:
 * the state; ALREADY_EXISTS: the address; INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_coordinator_start(const struct ff_coordinator_options *options,
                                                 struct ff_coordinator **out, struct ff_error *err);
const char *ff_coordinator_url(const struct ff_coordinator *coordinator);
/* Commits what is under way, drops connections and ends. Running jobs stay unfinished in the state. */
void ff_coordinator_stop(struct ff_coordinator *coordinator);
/* A descriptor that becomes readable if the loop ended by itself because the store is unusable. */
int ff_coordinator_failed_fd(const struct ff_coordinator *coordinator);
/* Why, once the descriptor is readable. */
const char *ff_coordinator_failure(const struct ff_coordinator *coordinator);

#endif

/* A coordinator of one's own on a private address, with one worker agent as child: what `train`, `plan` and
 * `bench` run in. */
#ifndef FF_COORDINATOR_CLI_EMBEDDED_H
#define FF_COORDINATOR_CLI_EMBEDDED_H

#include "coordinator/cli/cli.h"
#include "coordinator/coordinator.h"

#include <sys/types.h>

struct ff_embedded {
    struct ff_coordinator *coordinator;
    struct ff_rpc_client *client;
    char *dir; /* of the socket; removed at the end */
    char *url;
    const char *slots;
    bool affinity;
    pid_t agent;
    int agent_pipe; /* closing it ends the agent */
    unsigned restarts;
};

struct ff_embedded_options {
    const char *state_dir;
    const char *slots; /* NULL: the environment's, or all cores */
    bool affinity;
    ff_target_source *source; /* NULL: files */
    void *source_context;
};

FF_NODISCARD enum ff_status ff_embedded_start(const struct ff_embedded_options *options,
                                              struct ff_embedded *out, struct ff_error *err);
/* For ff_watch.child_ended: starts the agent again if it ended. context: the ff_embedded. */
void ff_embedded_child_ended(void *context);
/* Waits until the executors are there; their number. 0: they did not come (within 10 s). */
unsigned ff_embedded_wait_ready(struct ff_embedded *embedded);
void ff_embedded_stop(struct ff_embedded *embedded);
/* Removes a state directory that was only for one run, and all that is in it. */
void ff_embedded_remove_state(const char *dir);

#endif

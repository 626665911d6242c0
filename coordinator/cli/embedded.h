/* A coordinator of one's own on a private address, with a worker agent (or two) as child: what `train`,
 * `plan` and `bench` run in. */
#ifndef FF_COORDINATOR_CLI_EMBEDDED_H
#define FF_COORDINATOR_CLI_EMBEDDED_H

#include "coordinator/cli/cli.h"
#include "coordinator/coordinator.h"

#include <sys/types.h>

enum { FF_EMBEDDED_AGENTS = 2 };

struct ff_embedded_agent {
    const char *slots;
    pid_t pid; /* 0: it does not run */
    int pipe;  /* closing it ends the agent */
};

struct ff_embedded {
    struct ff_coordinator *coordinator;
    struct ff_rpc_client *client;
    char *dir; /* of the socket; removed at the end */
    char *url;
    bool affinity;
    struct ff_embedded_agent agents[FF_EMBEDDED_AGENTS];
    size_t agent_count;
    unsigned restarts;
};

struct ff_embedded_options {
    const char *state_dir;
    const char *slots;        /* NULL: the environment's, or all cores */
    const char *second_slots; /* of a second agent; NULL: there is none */
    bool affinity;
    bool no_copies;           /* of late leases */
    ff_target_source *source; /* NULL: files */
    void *source_context;
};

FF_NODISCARD enum ff_status ff_embedded_start(const struct ff_embedded_options *options,
                                              struct ff_embedded *out, struct ff_error *err);
/* For ff_watch.child_ended: starts the agent again if it ended. context: the ff_embedded. */
void ff_embedded_child_ended(void *context);
/* Waits until the executors of all agents are there; their number. 0: they did not come (within 10 s). */
unsigned ff_embedded_wait_ready(struct ff_embedded *embedded);
void ff_embedded_stop(struct ff_embedded *embedded);
/* Removes a state directory that was only for one run, and all that is in it. */
void ff_embedded_remove_state(const char *dir);

#endif

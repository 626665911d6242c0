/* The worker agent: one loop that joins a coordinator, leases chunks, has them fitted and reports. */
#ifndef FF_WORKER_AGENT_H
#define FF_WORKER_AGENT_H

#include "common/rpc.h"

struct ff_agent_options {
    const char *url;
    struct ff_rpc_security security;
    unsigned slots;
    bool affinity;
    bool copy_rows; /* never read the coordinator's memory */
    int64_t drain_ms;
    uint64_t recycle_targets; /* as in ff_supervisor_options */
    uint64_t recycle_bytes;
    int parent_fd; /* its end of file ends the agent at once; -1: none */
};

/* Runs until it is drained (SIGTERM, or SIGINT without a parent) or its parent is gone. Returns the exit
 * code. */
int ff_agent_run(const struct ff_agent_options *options);

#endif

/* The agent's insides: what its loop thread owns. Private to agent*.c. */
#ifndef FF_WORKER_AGENT_CORE_H
#define FF_WORKER_AGENT_CORE_H

#include "common/rpc_loop.h"
#include "worker/agent.h"
#include "worker/fetch.h"
#include "worker/nearby.h"
#include "worker/outbox.h"
#include "worker/supervisor.h"

enum ff_agent_state {
    FF_AGENT_JOINING,
    FF_AGENT_SERVING,
    FF_AGENT_DRAINING,
    FF_AGENT_LEAVING,
    FF_AGENT_ENDED
};

struct ff_parked;

struct ff_agent {
    const struct ff_agent_options *options;
    struct ff_queue queue;
    int epoll;     /* queue, signals, parent, and executors */
    int executors; /* an epoll of the executors' pipes */
    int signals;
    struct ff_rpc_client *calls;
    struct ff_rpc_client *beats;
    struct ff_supervisor *supervisor;
    struct ff_outbox *outbox;
    struct ff_fetcher *fetcher;
    struct ff_nearby nearby;
    struct ff_parked *parked; /* chunks that could not be assigned yet */
    struct ff_executor_state *executor_states;
    enum ff_agent_state state;
    uint64_t worker; /* 0 while joining */
    char name[256];
    uint64_t incarnation;
    uint64_t lease_sequence;
    uint64_t joined_sequence; /* the last one before this membership */
    uint64_t beat_worker;     /* who the Beat under way is of */
    bool join_under_way;
    unsigned leases_under_way;
    unsigned asked_idle; /* what the newest Lease said */
    bool beat_under_way;
    unsigned missed_beats;
    int64_t next_join_ms;
    int64_t next_lease_ms;
    int64_t next_beat_ms;
    int64_t beat_ms;
    int64_t next_tick_ms;
    int64_t last_tick_ms;
    int64_t uncork_ms; /* 0: executors are watched */
    int64_t drain_until_ms;
    int exit_code;
};

/* ---- agent_member.c: being known to the coordinator. None of them blocks. ---- */

void ff_agent_join(struct ff_agent *agent);
/* Joins again if the answer to a call of that worker says that the coordinator has forgotten us, or is
 * another one; whether it does. An answer from before the newest Join changes nothing. */
bool ff_agent_rejoin_if_unknown(struct ff_agent *agent, uint64_t worker,
                                const struct ff_rpc_response *response);
void ff_agent_beat(struct ff_agent *agent, int64_t now_ms);
/* No new chunks from now on. */
void ff_agent_drain(struct ff_agent *agent, int64_t now_ms);
/* While draining: leaves once all is reported or time is up. */
void ff_agent_drain_on(struct ff_agent *agent, int64_t now_ms);

/* ---- agent_lease.c: chunks, from the asking to the executors. None of them blocks. ---- */

/* Asks the coordinator for a chunk if there is room for one. */
void ff_agent_lease(struct ff_agent *agent);
/* Gives parked chunks to executors that have room, and up where they are not wanted any more. */
void ff_agent_assign_parked(struct ff_agent *agent);
void ff_agent_free_parked(struct ff_agent *agent);
/* Ends what is with executors of a lease. */
void ff_agent_end_runs(struct ff_agent *agent, struct ff_held_lease *lease);
/* The coordinator does not want it any more: ends its runs and forgets it. context is the agent. */
void ff_agent_drop_lease(void *context, struct ff_held_lease *lease);
/* Hooks of the supervisor; context is the agent, owner the run's lease. */
void ff_agent_task_decided(void *context, void *owner, const struct ff_outcome *outcome);
void ff_agent_run_ended(void *context, void *owner);

#endif

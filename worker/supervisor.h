/* The executors of one agent: started, given runs, timed, killed, started again.
 *
 * A run is one chunk (or one part of one) for one executor. Its end, its outcomes and its faults come back
 * through the hooks, from within ff_supervisor_read(), _reap() and _tick(), all of which belong to the
 * agent's loop thread (PR_SET_PDEATHSIG fires when the thread that started a child ends). */
#ifndef FF_WORKER_SUPERVISOR_H
#define FF_WORKER_SUPERVISOR_H

#include "common/outcome.h"
#include "common/wire.h"

struct ff_supervisor;

/* owner is the run's. Strings and bytes of an outcome are borrowed for the call. */
struct ff_supervisor_hooks {
    void *context;
    /* One task is decided: a result, or a fault (class FF_OPEN and a fault code). */
    void (*outcome)(void *context, void *owner, const struct ff_outcome *outcome);
    /* The run is over, all its tasks are decided; owner is not mentioned again. */
    void (*ended)(void *context, void *owner);
};

struct ff_supervisor_options {
    unsigned slots;
    bool affinity;
    uint64_t memory_bytes; /* of the worker; half of it is the limit of runs that name none */
    /* An executor is replaced, between two tasks, after so many, or when its own memory has grown by so much.
     * 0: never. */
    uint64_t recycle_targets;
    uint64_t recycle_bytes;
    struct ff_supervisor_hooks hooks;
};

/* What a run needs; borrowed for the call. */
struct ff_run_request {
    void *owner;
    struct ff_bytes body; /* the encoded lease reply */
    struct ff_bytes blocks;
    const struct ff_chunk *chunk; /* the same, decoded */
    int object_fd;                /* what the frames are in, if not in blocks; duplicated; -1: none */
    uint64_t object_size;
    uint64_t object_id;    /* of what stays the same for many runs, else 0 */
    const int *shared_fds; /* of ff_chunk_shared(chunk); duplicated */
    size_t shared_count;
};

/* Starts the executors. epoll: where their pipes are watched (EPOLLIN means: call ff_supervisor_read). */
FF_NODISCARD enum ff_status ff_supervisor_create(const struct ff_supervisor_options *options, int epoll,
                                                 int64_t now_ms, struct ff_supervisor **out,
                                                 struct ff_error *err);
/* Kills and reaps all executors and whatever they forked. No hook runs. */
void ff_supervisor_destroy(struct ff_supervisor *supervisor);

unsigned ff_supervisor_idle(const struct ff_supervisor *supervisor);     /* executors without any run */
unsigned ff_supervisor_prefetch(const struct ff_supervisor *supervisor); /* busy ones with none waiting */

/* Gives a run to an idle executor, or else behind a busy one. RESOURCE_EXHAUSTED: none has room, or no
 * memory. */
FF_NODISCARD enum ff_status ff_supervisor_assign(struct ff_supervisor *supervisor,
                                                 const struct ff_run_request *request, struct ff_error *err);
/* Ends every run of an owner without an outcome for what is left: one that waits is withdrawn, one in
 * progress is killed. Returns how many runs ended so; no hook runs for them. */
unsigned ff_supervisor_drop(struct ff_supervisor *supervisor, const void *owner);
/* No more runs begin: those that wait are withdrawn, those in progress end behind their current task. All
 * come back through the ended hook. */
void ff_supervisor_drain(struct ff_supervisor *supervisor);

void ff_supervisor_read(struct ff_supervisor *supervisor, int64_t now_ms);
void ff_supervisor_reap(struct ff_supervisor *supervisor, int64_t now_ms); /* after SIGCHLD */
/* Every 50 ms or so. gap_ms: how long the loop itself stood still; time limits move by it. */
void ff_supervisor_tick(struct ff_supervisor *supervisor, int64_t now_ms, int64_t gap_ms);

/* For Beat; states has room for slots. Returns the count. */
size_t ff_supervisor_states(const struct ff_supervisor *supervisor, int64_t now_ms,
                            struct ff_executor_state *states);
/* Whether a run's owner is in an executor or waits for one. */
bool ff_supervisor_has(const struct ff_supervisor *supervisor, const void *owner);

#endif

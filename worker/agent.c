/* The agent's loop.
 *
 *     joining ──Join──► serving ──SIGTERM──► draining ──all reported, or out of time──► Leave, end
 *        ▲                 │
 *        └── the coordinator does not know us (restarted, or gave us up) ──┘
 *
 * Every event (an answer, an executor's outcomes, a child's end, a signal, a tick) is handled on this one
 * thread. Outcomes wake the loop at most every few milliseconds: executors write them to a pipe that holds a
 * megabyte, and a loop that slept meanwhile handles many at once. A tick that comes late by more than a
 * second means that this process itself stood still (SIGSTOP, docker pause, suspend): deadlines move by the
 * gap. */
#include "worker/agent.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/rpc_loop.h"
#include "worker/affinity.h"
#include "worker/fetch.h"
#include "worker/fit.h"
#include "worker/outbox.h"
#include "worker/sentinel.h"
#include "worker/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    TICK_MS = 50,
    CORK_MS = 3,
    GAP_MS = 1000,
    JOIN_DEADLINE_MS = 5000,
    JOIN_RETRY_MS = 200,
    LEASE_DEADLINE_MS = 20000,
    LEASE_RETRY_MS = 200,
    BEAT_DEADLINE_MS = 4000,
    LEAVE_DEADLINE_MS = 1000,
    MISSED_BEATS = 2,
    LEASES_UNDER_WAY = 3,
    UNACKNOWLEDGED_BYTES = 64 << 20, /* with more no lease is asked for */
};

enum state { JOINING, SERVING, DRAINING, LEAVING, ENDED };

/* A chunk that came and could not be assigned yet: its object is under way, or an executor died meanwhile. */
struct parked {
    struct parked *next;
    struct ff_held_lease *lease;
    struct ff_arena arena;
    struct ff_chunk *chunk;
    struct ff_bytes body; /* in the answer, or in copy once it is parked */
    struct ff_bytes blocks;
    struct ff_buf copy;
};

struct agent {
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
    struct parked *parked;
    struct ff_executor_state *executor_states;
    enum state state;
    uint64_t worker; /* 0 while joining */
    char name[256];
    uint64_t incarnation;
    uint64_t lease_sequence;
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

static void call(struct agent *agent, struct ff_rpc_client *client, enum ff_method method,
                 uint32_t deadline_ms, ff_answer_handler *handler, const struct ff_buf *body)
{
    struct ff_loop_call loop_call = {&agent->queue, client, method, deadline_ms, handler, agent, NULL};
    ff_loop_call(&loop_call, body, NULL);
}

/* The coordinator has forgotten us, or is another one. */
static void rejoin(struct agent *agent)
{
    if (agent->state != SERVING && agent->state != DRAINING)
        return;
    agent->worker = 0;
    agent->next_join_ms = 0;
}

static bool is_unknown_worker(const struct ff_rpc_response *response)
{
    return response->status == FF_NOT_FOUND;
}

/* ---- Join ---- */

static void joined(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    struct agent *agent = self;
    struct ff_join_reply reply;
    struct ff_arena arena = {0};
    struct ff_error err = {0};
    agent->join_under_way = false;
    agent->next_join_ms = ff_clock_ms() + JOIN_RETRY_MS;
    if (response->status == FF_UNAUTHENTICATED || response->status == FF_FAILED_PRECONDITION ||
        response->status == FF_INVALID_ARGUMENT || response->status == FF_PERMISSION_DENIED) {
        ff_log(FF_LOG_ERROR, "%s refuses this worker: %s", agent->options->url, response->text);
        agent->exit_code = 1;
        agent->state = ENDED;
        return;
    }
    if (response->status || ff_decode_join_reply(response->body, &arena, &reply, &err)) {
        ff_log(FF_LOG_INFO, "no coordinator at %s yet (%s)", agent->options->url, response->text);
        ff_arena_fini(&arena);
        return;
    }
    snprintf(agent->name, sizeof agent->name, "%s", reply.name);
    agent->worker = reply.worker;
    agent->lease_sequence = 0;
    agent->beat_ms = reply.beat_ms > 100 ? reply.beat_ms : 100;
    agent->next_beat_ms = 0;
    agent->missed_beats = 0;
    if (agent->state == JOINING)
        agent->state = SERVING;
    ff_log(FF_LOG_INFO, "ready as %s with %u slots at %s", agent->name, agent->options->slots,
           agent->options->url);
    ff_arena_fini(&arena);
}

static void join(struct agent *agent)
{
    char host[256] = "worker";
    gethostname(host, sizeof host - 1);
    struct ff_join_request request = {.host = host,
                                      .pid = (uint32_t)getpid(),
                                      .slots = agent->options->slots,
                                      .profile = ff_fit_profile(),
                                      .incarnation = agent->incarnation,
                                      .memory_bytes = ff_affinity_memory(),
                                      .max_message = FF_RPC_MAX_MESSAGE};
    struct ff_buf body = {0};
    ff_encode_join_request(&request, &body);
    agent->join_under_way = true;
    call(agent, agent->calls, FF_FLEET_JOIN, JOIN_DEADLINE_MS, joined, &body);
    ff_buf_fini(&body);
}

/* ---- chunks ---- */

static void free_parked(struct parked *parked)
{
    ff_arena_fini(&parked->arena);
    ff_buf_fini(&parked->copy);
    free(parked);
}

/* Every task of a chunk that cannot even begin is returned: its lease ends without an outcome for it. */
static void give_up(struct parked *parked)
{
    parked->lease->runs--;
    free_parked(parked);
}

/* Whether the chunk went to an executor (or nowhere: it is not wanted any more). */
static bool try_assign(struct agent *agent, struct parked *parked)
{
    struct ff_run_request request = {.owner = parked->lease,
                                     .body = parked->body,
                                     .blocks = parked->blocks,
                                     .chunk = parked->chunk,
                                     .object_fd = -1};
    const struct ff_wire_task *task = &parked->chunk->tasks[0];
    if (agent->state != SERVING || parked->lease->dropped) {
        give_up(parked);
        return true;
    }
    if (task->in_object) {
        enum ff_fetch_state state =
            ff_fetcher_get(agent->fetcher, &task->object, task->object_size, &request.object_fd);
        request.object_size = task->object_size;
        if (state == FF_FETCH_UNDER_WAY)
            return false;
        if (state == FF_FETCH_FAILED) {
            give_up(parked);
            return true;
        }
    }
    struct ff_error err = {0};
    if (ff_supervisor_assign(agent->supervisor, &request, &err))
        return false;
    free_parked(parked);
    return true;
}

static void assign_parked(struct agent *agent)
{
    struct parked **link = &agent->parked;
    while (*link) {
        struct parked *parked = *link;
        struct parked *next = parked->next;
        if (try_assign(agent, parked))
            *link = next;
        else
            link = &parked->next;
    }
}

static void park(struct agent *agent, struct parked *parked)
{
    ff_buf_append(&parked->copy, parked->body.data, parked->body.size);
    ff_buf_append(&parked->copy, parked->blocks.data, parked->blocks.size);
    parked->body.data = parked->copy.data;
    parked->blocks.data = parked->copy.data + parked->body.size;
    parked->next = agent->parked;
    agent->parked = parked;
}

static void leased(void *self, void *item, const struct ff_rpc_response *response)
{
    struct agent *agent = self;
    struct ff_error err = {0};
    agent->leases_under_way--;
    if (response->status) {
        if (is_unknown_worker(response))
            rejoin(agent);
        agent->next_lease_ms = ff_clock_ms() + LEASE_RETRY_MS;
        if ((uintptr_t)item == agent->lease_sequence)
            agent
                ->lease_sequence--; /* asked again under the same number: a grant that was lost comes again */
        return;
    }
    struct parked *parked = ff_xcalloc(1, sizeof *parked);
    if (ff_decode_lease_reply(response->body, response->blocks.size, &parked->arena, &parked->chunk, &err))
        ff_log(FF_LOG_ERROR, "the coordinator sent a lease that cannot be read: %s", err.text);
    if (!parked->chunk || parked->chunk->task_count == 0) {
        free_parked(parked);
        return;
    }
    parked->body = response->body;
    parked->blocks = response->blocks;
    parked->lease = ff_outbox_lease(agent->outbox, parked->chunk->lease, parked->chunk->job);
    parked->lease->runs++;
    parked->lease->last_part |= parked->chunk->last_part;
    if (!try_assign(agent, parked))
        park(agent, parked);
}

static void ask_for_lease(struct agent *agent)
{
    unsigned idle = ff_supervisor_idle(agent->supervisor);
    unsigned prefetch = ff_supervisor_prefetch(agent->supervisor);
    bool unfinished = false; /* the rest of a lease in parts is on its way whatever is free */
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        unfinished |= !lease->last_part && lease->id.epoch != 0;
    if ((idle + prefetch == 0 && !unfinished) || agent->parked ||
        ff_outbox_bytes(agent->outbox) > UNACKNOWLEDGED_BYTES)
        return;
    /* A Lease that waits at the coordinator says how idle we were; when we are idler now another one replaces
     * it. */
    if (agent->leases_under_way && (idle <= agent->asked_idle || agent->leases_under_way >= LEASES_UNDER_WAY))
        return;
    struct ff_lease_request request = {agent->worker, ++agent->lease_sequence, idle, prefetch};
    struct ff_loop_call loop_call = {&agent->queue,
                                     agent->calls,
                                     FF_FLEET_LEASE,
                                     LEASE_DEADLINE_MS,
                                     leased,
                                     agent,
                                     (void *)(uintptr_t)agent->lease_sequence};
    struct ff_buf body = {0};
    ff_encode_lease_request(&request, &body);
    agent->leases_under_way++;
    agent->asked_idle = idle;
    ff_loop_call(&loop_call, &body, NULL);
    ff_buf_fini(&body);
}

/* ---- supervisor's hooks ---- */

static void task_decided(void *context, void *owner, const struct ff_outcome *outcome)
{
    struct agent *agent = context;
    ff_outbox_add(agent->outbox, owner, outcome);
}

static void run_ended(void *context, void *owner)
{
    (void)context;
    struct ff_held_lease *lease = owner;
    lease->runs--;
}

/* Ends what is with executors. Runs that end by themselves meanwhile are counted by their hook. */
static void end_runs(struct agent *agent, struct ff_held_lease *lease)
{
    unsigned dropped = ff_supervisor_drop(agent->supervisor, lease);
    lease->runs -= dropped;
}

static void drop_lease(void *context, struct ff_held_lease *lease)
{
    struct agent *agent = context;
    lease->dropped = true;
    lease->last_part = true;
    end_runs(agent, lease);
    assign_parked(agent); /* gives up what is parked of it */
    if (lease->runs == 0)
        ff_outbox_forget(agent->outbox, lease);
}

/* ---- Beat ---- */

static void beaten(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    struct agent *agent = self;
    struct ff_beat_reply reply;
    struct ff_arena arena = {0};
    agent->beat_under_way = false;
    if (response->status == FF_OK) {
        agent->missed_beats = 0;
        if (ff_decode_beat_reply(response->body, &arena, &reply, NULL) == FF_OK) {
            for (size_t i = 0; i < reply.drop_count; i++) {
                struct ff_held_lease *lease = ff_outbox_find(agent->outbox, reply.drop[i]);
                if (lease && !lease->dropped)
                    drop_lease(agent, lease);
            }
        }
    } else if (is_unknown_worker(response)) {
        rejoin(agent);
    } else if (++agent->missed_beats >= MISSED_BEATS) {
        /* A partition leaves TCP connections open for minutes. */
        ff_log(FF_LOG_WARNING, "no answer from %s, dialling again", agent->options->url);
        agent->missed_beats = 0;
        ff_rpc_client_redial(agent->beats);
        ff_rpc_client_redial(agent->calls);
    }
    ff_arena_fini(&arena);
}

static void beat(struct agent *agent, int64_t now_ms)
{
    struct ff_arena arena = {0};
    size_t count = 0;
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        count++;
    struct ff_lease_id *leases = ff_arena_alloc(&arena, count * sizeof *leases);
    count = 0;
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        leases[count++] = lease->id;
    struct ff_beat_request request = {
        .worker = agent->worker,
        .leases = leases,
        .lease_count = count,
        .executors = agent->executor_states,
        .executor_count = ff_supervisor_states(agent->supervisor, now_ms, agent->executor_states),
        .draining = agent->state != SERVING};
    struct ff_buf body = {0};
    ff_encode_beat_request(&request, &body);
    agent->beat_under_way = true;
    agent->next_beat_ms = now_ms + agent->beat_ms;
    call(agent, agent->beats, FF_FLEET_BEAT, BEAT_DEADLINE_MS, beaten, &body);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
}

/* ---- the end ---- */

static void left(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    (void)response;
    struct agent *agent = self;
    agent->state = ENDED;
}

static void leave(struct agent *agent)
{
    agent->state = LEAVING;
    if (!agent->worker) {
        agent->state = ENDED;
        return;
    }
    struct ff_buf body = {0};
    ff_encode_leave_request(agent->worker, &body);
    call(agent, agent->calls, FF_FLEET_LEAVE, LEAVE_DEADLINE_MS, left, &body);
    ff_buf_fini(&body);
}

static void drain(struct agent *agent, int64_t now_ms)
{
    if (agent->state == JOINING) {
        agent->state = ENDED;
        return;
    }
    if (agent->state != SERVING)
        return;
    ff_log(FF_LOG_INFO, "draining: no new targets, %lld ms for those in progress",
           (long long)agent->options->drain_ms);
    agent->state = DRAINING;
    agent->drain_until_ms = now_ms + agent->options->drain_ms;
    agent->next_beat_ms = 0;
    ff_supervisor_drain(agent->supervisor);
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        lease->last_part = true;
    assign_parked(agent);
}

static void drain_on(struct agent *agent, int64_t now_ms)
{
    if (ff_outbox_empty(agent->outbox) && agent->leases_under_way == 0) {
        leave(agent);
        return;
    }
    if (now_ms < agent->drain_until_ms)
        return;
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        end_runs(agent, lease);
    /* Once more the same time, for reports on their way; what is lost then comes back with the lease's
     * expiry. */
    if (ff_outbox_empty(agent->outbox) || now_ms > agent->drain_until_ms + LEAVE_DEADLINE_MS)
        leave(agent);
}

/* ---- the loop ---- */

static void handle_signals(struct agent *agent, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(agent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            ff_supervisor_reap(agent->supervisor, now_ms);
        } else if (info.ssi_signo == SIGTERM || agent->options->parent_fd < 0) {
            if (agent->state == DRAINING || agent->state == LEAVING)
                agent->state = ENDED; /* asked twice */
            else
                drain(agent, now_ms);
        }
    }
}

static bool parent_is_gone(struct agent *agent)
{
    char byte;
    return agent->options->parent_fd >= 0 && read(agent->options->parent_fd, &byte, 1) == 0;
}

static void cork(struct agent *agent, bool corked)
{
    struct epoll_event event = {.events = corked ? 0 : EPOLLIN, .data.fd = agent->executors};
    epoll_ctl(agent->epoll, EPOLL_CTL_MOD, agent->executors, &event);
}

static void watch(struct agent *agent, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(agent->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void tick(struct agent *agent, int64_t now_ms)
{
    int64_t gap = now_ms - agent->last_tick_ms > GAP_MS ? now_ms - agent->last_tick_ms : 0;
    agent->last_tick_ms = now_ms;
    agent->next_tick_ms = now_ms + TICK_MS;
    ff_supervisor_reap(agent->supervisor, now_ms);
    ff_supervisor_tick(agent->supervisor, now_ms, gap);
    ff_fetcher_expire(agent->fetcher, now_ms);
    if (gap)
        agent->drain_until_ms += gap;
}

static void act(struct agent *agent, int64_t now_ms)
{
    if (agent->uncork_ms && now_ms >= agent->uncork_ms) {
        agent->uncork_ms = 0;
        ff_supervisor_read(agent->supervisor, now_ms);
        cork(agent, false);
    }
    if (now_ms >= agent->next_tick_ms)
        tick(agent, now_ms);
    if (!agent->worker && agent->state <= DRAINING && !agent->join_under_way && now_ms >= agent->next_join_ms)
        join(agent);
    if (agent->parked)
        assign_parked(agent);
    ff_outbox_flush(agent->outbox, agent->worker, now_ms);
    if (agent->worker && agent->state == SERVING && now_ms >= agent->next_lease_ms)
        ask_for_lease(agent);
    if (agent->worker && !agent->beat_under_way && now_ms >= agent->next_beat_ms)
        beat(agent, now_ms);
    if (agent->state == DRAINING)
        drain_on(agent, now_ms);
}

static int wait_time(const struct agent *agent, int64_t now_ms)
{
    int64_t until = agent->next_tick_ms;
    if (agent->uncork_ms && agent->uncork_ms < until)
        until = agent->uncork_ms;
    return until <= now_ms ? 0 : (int)(until - now_ms);
}

static void handle_answers(struct agent *agent, bool run)
{
    struct ff_event *event = ff_queue_pop_all(&agent->queue);
    while (event) {
        struct ff_event *next = event->next;
        ff_loop_answer(event, run);
        event = next;
    }
}

static void loop(struct agent *agent)
{
    while (agent->state != ENDED) {
        struct epoll_event events[8];
        int count = epoll_wait(agent->epoll, events, 8, wait_time(agent, ff_clock_ms()));
        int64_t now_ms = ff_clock_ms();
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == agent->queue.fd) {
                handle_answers(agent, true);
            } else if (events[i].data.fd == agent->signals) {
                handle_signals(agent, now_ms);
            } else if (events[i].data.fd == agent->executors) {
                ff_supervisor_read(agent->supervisor, now_ms);
                agent->uncork_ms = now_ms + CORK_MS;
                cork(agent, true);
            } else if (parent_is_gone(agent)) {
                agent->state = ENDED;
            }
        }
        if (agent->state != ENDED)
            act(agent, now_ms);
    }
}

/* ---- life ---- */

static int block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static enum ff_status start_agent(struct agent *agent, struct ff_error *err)
{
    const struct ff_agent_options *options = agent->options;
    struct ff_supervisor_options supervisor = {
        .slots = options->slots,
        .affinity = options->affinity,
        .memory_bytes = ff_affinity_memory(),
        .hooks = {.context = agent, .outcome = task_decided, .ended = run_ended}};
    struct ff_rpc_client_options client = {.url = options->url, .security = options->security};
    enum ff_status status =
        ff_supervisor_create(&supervisor, agent->executors, ff_clock_ms(), &agent->supervisor, err);
    if (!status)
        status = ff_rpc_client_open(&client, &agent->calls, err);
    if (!status)
        status = ff_rpc_client_open(&client, &agent->beats, err);
    if (status)
        return status;
    agent->outbox = ff_outbox_create(&agent->queue, agent->calls, drop_lease, agent);
    agent->fetcher = ff_fetcher_create(&agent->queue, agent->calls);
    return FF_OK;
}

static void stop_agent(struct agent *agent)
{
    ff_supervisor_destroy(agent->supervisor);
    ff_rpc_client_close(agent->calls);
    ff_rpc_client_close(agent->beats);
    handle_answers(agent, false);
    while (agent->parked) {
        struct parked *next = agent->parked->next;
        free_parked(agent->parked);
        agent->parked = next;
    }
    ff_outbox_destroy(agent->outbox);
    ff_fetcher_destroy(agent->fetcher);
    free(agent->executor_states);
    close(agent->executors);
    close(agent->epoll);
    close(agent->signals);
    ff_queue_fini(&agent->queue);
}

int ff_agent_run(const struct ff_agent_options *options)
{
    struct agent agent = {.options = options};
    struct ff_error err = {0};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    agent.signals = block_signals();
    ff_sentinel_start();
    ff_queue_init(&agent.queue);
    agent.epoll = epoll_create1(EPOLL_CLOEXEC);
    agent.executors = epoll_create1(EPOLL_CLOEXEC);
    agent.executor_states = ff_xcalloc(options->slots, sizeof *agent.executor_states);
    agent.last_tick_ms = ff_clock_ms();
    if (sodium_init() >= 0)
        randombytes_buf(&agent.incarnation, sizeof agent.incarnation);
    watch(&agent, agent.queue.fd);
    watch(&agent, agent.signals);
    watch(&agent, agent.executors);
    if (options->parent_fd >= 0)
        watch(&agent, options->parent_fd);
    if (start_agent(&agent, &err)) {
        ff_log(FF_LOG_ERROR, "%s", err.text);
        agent.exit_code = err.status == FF_INVALID_ARGUMENT ? 2 : 1;
    } else {
        loop(&agent);
    }
    stop_agent(&agent);
    return agent.exit_code;
}

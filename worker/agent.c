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
#include "worker/agent_core.h"

#include "common/clock.h"
#include "common/host.h"
#include "common/log.h"
#include "worker/affinity.h"
#include "worker/sentinel.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    TICK_MS = 50,
    CORK_MS = 3,
    GAP_MS = 1000,
    OWN_DESCRIPTORS = 40,
    SLOT_DESCRIPTORS = 10,
};

/* ---- events ---- */

static void handle_signals(struct ff_agent *agent, int64_t now_ms)
{
    struct signalfd_siginfo info;
    while (read(agent->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            ff_supervisor_reap(agent->supervisor, now_ms);
        } else if (info.ssi_signo == SIGTERM || agent->options->parent_fd < 0) {
            if (agent->state == FF_AGENT_DRAINING || agent->state == FF_AGENT_LEAVING)
                agent->state = FF_AGENT_ENDED; /* asked twice */
            else
                ff_agent_drain(agent, now_ms);
        }
    }
}

static bool parent_is_gone(struct ff_agent *agent)
{
    char byte;
    return agent->options->parent_fd >= 0 && read(agent->options->parent_fd, &byte, 1) == 0;
}

static void cork(struct ff_agent *agent, bool corked)
{
    struct epoll_event event = {.events = corked ? 0 : EPOLLIN, .data.fd = agent->executors};
    epoll_ctl(agent->epoll, EPOLL_CTL_MOD, agent->executors, &event);
}

static void watch(struct ff_agent *agent, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(agent->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void handle_answers(struct ff_agent *agent, bool run)
{
    struct ff_event *event = ff_queue_pop_all(&agent->queue);
    while (event) {
        struct ff_event *next = event->next;
        ff_loop_answer(event, run);
        event = next;
    }
}

/* ---- the loop ---- */

static void tick(struct ff_agent *agent, int64_t now_ms)
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

static void act(struct ff_agent *agent, int64_t now_ms)
{
    if (agent->uncork_ms && now_ms >= agent->uncork_ms) {
        agent->uncork_ms = 0;
        ff_supervisor_read(agent->supervisor, now_ms);
        cork(agent, false);
    }
    if (now_ms >= agent->next_tick_ms)
        tick(agent, now_ms);
    if (!agent->worker && agent->state <= FF_AGENT_DRAINING && !agent->join_under_way &&
        now_ms >= agent->next_join_ms)
        ff_agent_join(agent);
    if (agent->parked)
        ff_agent_assign_parked(agent);
    ff_outbox_flush(agent->outbox, agent->worker, now_ms);
    if (agent->worker && agent->state == FF_AGENT_SERVING && now_ms >= agent->next_lease_ms)
        ff_agent_lease(agent);
    if (agent->worker && !agent->beat_under_way && now_ms >= agent->next_beat_ms)
        ff_agent_beat(agent, now_ms);
    if (agent->state == FF_AGENT_DRAINING)
        ff_agent_drain_on(agent, now_ms);
}

static int wait_time(const struct ff_agent *agent, int64_t now_ms)
{
    int64_t until = agent->next_tick_ms;
    if (agent->uncork_ms && agent->uncork_ms < until)
        until = agent->uncork_ms;
    return until <= now_ms ? 0 : (int)(until - now_ms);
}

static void loop(struct ff_agent *agent)
{
    while (agent->state != FF_AGENT_ENDED) {
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
                agent->state = FF_AGENT_ENDED;
            }
        }
        if (agent->state != FF_AGENT_ENDED)
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

/* Each slot: a socket, a pipe and a log, twice while it is recycled, and the chunks of two runs. */
static enum ff_status check_descriptors(unsigned slots, struct ff_error *err)
{
    struct rlimit limit;
    uint64_t needed = OWN_DESCRIPTORS + (uint64_t)slots * SLOT_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return FF_OK;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= needed)
        return FF_OK;
    return ff_error_set(
        err, FF_RESOURCE_EXHAUSTED,
        "%u slots need %llu open files, the limit is %llu (ulimit -Hn): raise it, or use fewer --slots",
        slots, (unsigned long long)needed, (unsigned long long)limit.rlim_max);
}

static enum ff_status start_agent(struct ff_agent *agent, struct ff_error *err)
{
    const struct ff_agent_options *options = agent->options;
    struct ff_supervisor_options supervisor = {
        .slots = options->slots,
        .affinity = options->affinity,
        .memory_bytes = ff_host_memory(),
        .recycle_targets = options->recycle_targets,
        .recycle_bytes = options->recycle_bytes,
        .hooks = {.context = agent, .outcome = ff_agent_task_decided, .ended = ff_agent_run_ended}};
    struct ff_rpc_client_options client = {.url = options->url, .security = options->security};
    enum ff_status status = check_descriptors(options->slots, err);
    if (!status)
        status = ff_supervisor_create(&supervisor, agent->executors, ff_clock_ms(), &agent->supervisor, err);
    if (!status)
        status = ff_rpc_client_open(&client, &agent->calls, err);
    if (!status)
        status = ff_rpc_client_open(&client, &agent->beats, err);
    if (status)
        return status;
    agent->outbox = ff_outbox_create(&agent->queue, agent->calls, ff_agent_drop_lease, agent);
    agent->fetcher = ff_fetcher_create(&agent->queue, agent->calls);
    return FF_OK;
}

static void stop_agent(struct ff_agent *agent)
{
    ff_supervisor_destroy(agent->supervisor);
    ff_rpc_client_close(agent->calls);
    ff_rpc_client_close(agent->beats);
    handle_answers(agent, false);
    ff_agent_free_parked(agent);
    ff_outbox_destroy(agent->outbox);
    ff_fetcher_destroy(agent->fetcher);
    ff_nearby_fini(&agent->nearby);
    free(agent->executor_states);
    close(agent->executors);
    close(agent->epoll);
    close(agent->signals);
    ff_queue_fini(&agent->queue);
}

int ff_agent_run(const struct ff_agent_options *options)
{
    struct ff_agent agent = {.options = options};
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

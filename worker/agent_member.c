/* Membership: the agent joins a coordinator, beats, drains and leaves.
 *
 * A coordinator that does not know us answers a Lease or a Beat with NOT_FOUND: we join again. One that does
 * not answer beats is dialled again: a partition leaves TCP connections open for minutes. */
#include "worker/agent_core.h"

#include "common/clock.h"
#include "common/host.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/affinity.h"
#include "worker/fit.h"

#include <stdio.h>
#include <unistd.h>

enum {
    JOIN_DEADLINE_MS = 5000,
    JOIN_RETRY_MS = 200,
    BEAT_DEADLINE_MS = 4000,
    LEAVE_DEADLINE_MS = 1000,
    MISSED_BEATS = 2,
    LEAST_BEAT_MS = 100,
    MOST_BEAT_MS = 60000,
};

static void call(struct ff_agent *agent, struct ff_rpc_client *client, enum ff_method method,
                 uint32_t deadline_ms, ff_answer_handler *handler, const struct ff_buf *body)
{
    struct ff_loop_call loop_call = {&agent->queue, client, method, deadline_ms, handler, agent, NULL};
    ff_loop_call(&loop_call, body, NULL);
}

/* ---- Join ---- */

static bool is_refusal(enum ff_status status)
{
    return status == FF_UNAUTHENTICATED || status == FF_FAILED_PRECONDITION ||
           status == FF_INVALID_ARGUMENT || status == FF_PERMISSION_DENIED;
}

/* A coordinator that is wrong about it neither drowns in Beats nor waits for ever. */
static int64_t beat_interval(uint32_t told_ms)
{
    return told_ms < LEAST_BEAT_MS ? LEAST_BEAT_MS : told_ms > MOST_BEAT_MS ? MOST_BEAT_MS : told_ms;
}

static void take_membership(struct ff_agent *agent, const struct ff_join_reply *reply)
{
    snprintf(agent->name, sizeof agent->name, "%s", reply->name);
    agent->worker = reply->worker;
    agent->joined_sequence = agent->lease_sequence;
    agent->beat_ms = beat_interval(reply->beat_ms);
    agent->next_beat_ms = 0;
    agent->missed_beats = 0;
    if (!agent->options->copy_rows)
        ff_nearby_probe(&agent->nearby, reply);
    ff_outbox_wake(agent->outbox); /* ahead of the first Lease: what we bring need not be granted again */
    if (agent->state == FF_AGENT_JOINING)
        agent->state = FF_AGENT_SERVING;
    ff_log(FF_LOG_INFO, "ready as %s with %u slot%s at %s", agent->name, agent->options->slots,
           ff_plural(agent->options->slots), agent->options->url);
}

static void joined(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    struct ff_agent *agent = self;
    struct ff_join_reply reply;
    struct ff_arena arena = {0};
    struct ff_error err = {0};
    agent->join_under_way = false;
    agent->next_join_ms = ff_clock_ms() + JOIN_RETRY_MS;
    if (is_refusal(response->status)) {
        ff_log(FF_LOG_ERROR, "%s refuses this worker: %s", agent->options->url, response->text);
        agent->exit_code = 1;
        agent->state = FF_AGENT_ENDED;
        return;
    }
    if (response->status || ff_decode_join_reply(response->body, &arena, &reply, &err)) {
        ff_log(FF_LOG_INFO, "no coordinator at %s yet (%s)", agent->options->url, response->text);
        ff_arena_fini(&arena);
        return;
    }
    take_membership(agent, &reply);
    ff_arena_fini(&arena);
}

void ff_agent_join(struct ff_agent *agent)
{
    char host[256] = "worker";
    gethostname(host, sizeof host - 1);
    struct ff_join_request request = {.host = host,
                                      .pid = (uint32_t)getpid(),
                                      .slots = agent->options->slots,
                                      .profile = ff_fit_profile(),
                                      .incarnation = agent->incarnation,
                                      .memory_bytes = ff_host_memory(),
                                      .max_message = FF_RPC_MAX_MESSAGE};
    struct ff_buf body = {0};
    ff_encode_join_request(&request, &body);
    agent->join_under_way = true;
    call(agent, agent->calls, FF_FLEET_JOIN, JOIN_DEADLINE_MS, joined, &body);
    ff_buf_fini(&body);
}

bool ff_agent_rejoin_if_unknown(struct ff_agent *agent, uint64_t worker,
                                const struct ff_rpc_response *response)
{
    if (response->status != FF_NOT_FOUND)
        return false;
    if (worker == agent->worker && (agent->state == FF_AGENT_SERVING || agent->state == FF_AGENT_DRAINING)) {
        agent->worker = 0;
        agent->next_join_ms = 0;
    }
    return true;
}

/* ---- Beat ---- */

static void drop_leases(struct ff_agent *agent, const struct ff_beat_reply *reply)
{
    for (size_t i = 0; i < reply->drop_count; i++) {
        struct ff_held_lease *lease = ff_outbox_find(agent->outbox, reply->drop[i]);
        if (lease && !lease->dropped)
            ff_agent_drop_lease(agent, lease);
    }
}

static void redial(struct ff_agent *agent)
{
    ff_log(FF_LOG_WARNING, "no answer from %s, dialling again", agent->options->url);
    agent->missed_beats = 0;
    ff_rpc_client_redial(agent->beats);
    ff_rpc_client_redial(agent->calls);
}

static void beaten(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    struct ff_agent *agent = self;
    struct ff_beat_reply reply;
    struct ff_arena arena = {0};
    agent->beat_under_way = false;
    if (response->status == FF_OK) {
        agent->missed_beats = 0;
        if (ff_decode_beat_reply(response->body, &arena, &reply, NULL) == FF_OK) {
            agent->beat_ms = beat_interval(reply.beat_ms);
            drop_leases(agent, &reply);
        }
    } else if (!ff_agent_rejoin_if_unknown(agent, agent->beat_worker, response) &&
               ++agent->missed_beats >= MISSED_BEATS) {
        redial(agent);
    }
    ff_arena_fini(&arena);
}

void ff_agent_beat(struct ff_agent *agent, int64_t now_ms)
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
        .draining = agent->state != FF_AGENT_SERVING};
    struct ff_buf body = {0};
    ff_encode_beat_request(&request, &body);
    agent->beat_under_way = true;
    agent->beat_worker = agent->worker;
    agent->next_beat_ms = now_ms + agent->beat_ms;
    call(agent, agent->beats, FF_FLEET_BEAT, BEAT_DEADLINE_MS, beaten, &body);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
}

/* ---- draining and leaving ---- */

static void left(void *self, void *item, const struct ff_rpc_response *response)
{
    (void)item;
    (void)response;
    struct ff_agent *agent = self;
    agent->state = FF_AGENT_ENDED;
}

static void leave(struct ff_agent *agent)
{
    agent->state = FF_AGENT_LEAVING;
    if (!agent->worker) {
        agent->state = FF_AGENT_ENDED;
        return;
    }
    struct ff_buf body = {0};
    ff_encode_leave_request(agent->worker, &body);
    call(agent, agent->calls, FF_FLEET_LEAVE, LEAVE_DEADLINE_MS, left, &body);
    ff_buf_fini(&body);
}

void ff_agent_drain(struct ff_agent *agent, int64_t now_ms)
{
    if (agent->state == FF_AGENT_JOINING) {
        agent->state = FF_AGENT_ENDED;
        return;
    }
    if (agent->state != FF_AGENT_SERVING)
        return;
    ff_log(FF_LOG_INFO, "draining: no new targets, %lld ms for those in progress",
           (long long)agent->options->drain_ms);
    agent->state = FF_AGENT_DRAINING;
    agent->drain_until_ms = now_ms + agent->options->drain_ms;
    agent->next_beat_ms = 0;
    ff_supervisor_drain(agent->supervisor);
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        lease->complete = true;
    ff_agent_assign_parked(agent);
}

void ff_agent_drain_on(struct ff_agent *agent, int64_t now_ms)
{
    if (ff_outbox_empty(agent->outbox) && agent->leases_under_way == 0) {
        leave(agent);
        return;
    }
    if (now_ms < agent->drain_until_ms)
        return;
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        ff_agent_end_runs(agent, lease);
    /* Once more the same time, for reports on their way; what is lost then comes back with the lease's
     * expiry. */
    if (ff_outbox_empty(agent->outbox) || now_ms > agent->drain_until_ms + LEAVE_DEADLINE_MS)
        leave(agent);
}

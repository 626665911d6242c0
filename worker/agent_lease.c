/* Chunks: asked for, received, given to executors.
 *
 *     Lease ──answer──► assigned, or parked until its object is here or an executor has room
 *                          └──► its outcomes go to the outbox, its end to the lease's count of runs
 *
 * A Lease that failed is asked again under the same number, so that a grant that was lost comes again. A
 * lease that the coordinator does not want any more is dropped wherever its chunks are. */
#include "worker/agent_core.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdlib.h>

enum {
    LEASE_DEADLINE_MS = 20000,
    LEASE_RETRY_MS = 200,
    LEASES_UNDER_WAY = 3,
    UNACKNOWLEDGED_BYTES = 64 << 20, /* with more no lease is asked for */
};

/* A chunk that came and could not be assigned yet: its object is under way, or an executor died meanwhile. */
struct ff_parked {
    struct ff_parked *next;
    struct ff_held_lease *lease;
    struct ff_arena arena;
    struct ff_chunk *chunk;
    struct ff_bytes body; /* in the answer, or in copy once it is parked */
    struct ff_bytes blocks;
    struct ff_buf copy;
};

/* ---- assigning ---- */

static void free_parked(struct ff_parked *parked)
{
    ff_arena_fini(&parked->arena);
    ff_buf_fini(&parked->copy);
    free(parked);
}

void ff_agent_free_parked(struct ff_agent *agent)
{
    while (agent->parked) {
        struct ff_parked *next = agent->parked->next;
        free_parked(agent->parked);
        agent->parked = next;
    }
}

/* Every task of a chunk that cannot even begin is returned: its lease ends without an outcome for it. */
static void give_up(struct ff_parked *parked)
{
    parked->lease->runs--;
    free_parked(parked);
}

/* What the chunk's frames are in, if they did not come along. */
static enum ff_fetch_state find_rows(struct ff_agent *agent, const struct ff_chunk *chunk,
                                     struct ff_run_request *request)
{
    const struct ff_wire_task *task = &chunk->tasks[0];
    if (task->in_object) {
        request->object_size = task->object_size;
        return ff_fetcher_get(agent->fetcher, &task->object, task->object_size, &request->object_fd);
    }
    if (!chunk->memory.size)
        return FF_FETCH_READY;
    request->object_fd = ff_nearby_open(&agent->nearby, &chunk->memory);
    request->object_size = chunk->memory.size;
    request->object_id = chunk->memory.inode;
    return request->object_fd >= 0 ? FF_FETCH_READY : FF_FETCH_FAILED;
}

/* What its programs share. */
static enum ff_fetch_state find_shared(struct ff_agent *agent, const struct ff_chunk *chunk, int *fds,
                                       size_t *count)
{
    struct ff_shared shared[FF_CHUNK_MOST_SHARED];
    enum ff_fetch_state all = FF_FETCH_READY;
    *count = ff_chunk_shared(chunk, shared);
    for (size_t i = 0; i < *count; i++) {
        enum ff_fetch_state state = ff_fetcher_get(agent->fetcher, &shared[i].id, shared[i].size, &fds[i]);
        if (state == FF_FETCH_FAILED)
            return state;
        if (state == FF_FETCH_UNDER_WAY)
            all = state;
    }
    return all;
}

/* Whether the chunk went to an executor (or nowhere: it is not wanted any more). */
static bool try_assign(struct ff_agent *agent, struct ff_parked *parked)
{
    struct ff_run_request request = {.owner = parked->lease,
                                     .body = parked->body,
                                     .blocks = parked->blocks,
                                     .chunk = parked->chunk,
                                     .object_fd = -1};
    if (agent->state != FF_AGENT_SERVING || parked->lease->dropped) {
        give_up(parked);
        return true;
    }
    int shared[FF_CHUNK_MOST_SHARED];
    request.shared_fds = shared;
    enum ff_fetch_state rows = find_rows(agent, parked->chunk, &request);
    enum ff_fetch_state files = find_shared(agent, parked->chunk, shared, &request.shared_count);
    if (rows == FF_FETCH_UNDER_WAY || files == FF_FETCH_UNDER_WAY)
        return false;
    if (rows == FF_FETCH_FAILED || files == FF_FETCH_FAILED) {
        give_up(parked);
        return true;
    }
    struct ff_error err = {0};
    if (ff_supervisor_assign(agent->supervisor, &request, &err))
        return false;
    free_parked(parked);
    return true;
}

void ff_agent_assign_parked(struct ff_agent *agent)
{
    struct ff_parked **link = &agent->parked;
    while (*link) {
        struct ff_parked *parked = *link;
        struct ff_parked *next = parked->next;
        if (try_assign(agent, parked))
            *link = next;
        else
            link = &parked->next;
    }
}

static void park(struct ff_agent *agent, struct ff_parked *parked)
{
    ff_buf_append(&parked->copy, parked->body.data, parked->body.size);
    ff_buf_append(&parked->copy, parked->blocks.data, parked->blocks.size);
    parked->body.data = parked->copy.data;
    parked->blocks.data = parked->copy.data + parked->body.size;
    parked->next = agent->parked;
    agent->parked = parked;
}

/* ---- asking ---- */

static void lease_failed(struct ff_agent *agent, uint64_t sequence, const struct ff_rpc_response *response)
{
    if (sequence <= agent->joined_sequence)
        return;
    ff_agent_rejoin_if_unknown(agent, agent->worker, response);
    agent->next_lease_ms = ff_clock_ms() + LEASE_RETRY_MS;
    if (sequence == agent->lease_sequence)
        agent->lease_sequence--;
}

static void leased(void *self, void *item, const struct ff_rpc_response *response)
{
    struct ff_agent *agent = self;
    struct ff_error err = {0};
    agent->leases_under_way--;
    if (response->status) {
        lease_failed(agent, (uintptr_t)item, response);
        return;
    }
    struct ff_parked *parked = ff_xcalloc(1, sizeof *parked);
    if (ff_decode_lease_reply(response->body, response->blocks.size, &parked->arena, &parked->chunk, &err))
        ff_log(FF_LOG_ERROR, "the coordinator sent a lease that cannot be read: %s", err.text);
    if (!parked->chunk) {
        free_parked(parked);
        return;
    }
    parked->body = response->body;
    parked->blocks = response->blocks;
    parked->lease = ff_outbox_lease(agent->outbox, parked->chunk->lease, parked->chunk->job);
    parked->lease->runs++;
    parked->lease->covered += parked->chunk->covers;
    parked->lease->complete |= parked->lease->covered >= parked->chunk->of; /* in whatever order they came */
    if (parked->chunk->task_count == 0) { /* all that it stands for is decided already */
        give_up(parked);
        return;
    }
    if (!try_assign(agent, parked))
        park(agent, parked);
}

/* Whether the rest of a lease in parts is on its way, whatever is free. */
static bool has_unfinished(const struct ff_agent *agent)
{
    bool unfinished = false;
    for (struct ff_held_lease *lease = ff_outbox_first(agent->outbox); lease; lease = lease->next)
        unfinished |= !lease->complete && lease->id.epoch != 0;
    return unfinished;
}

void ff_agent_lease(struct ff_agent *agent)
{
    unsigned idle = ff_supervisor_idle(agent->supervisor);
    unsigned prefetch = ff_supervisor_prefetch(agent->supervisor);
    if ((idle + prefetch == 0 && !has_unfinished(agent)) || agent->parked ||
        ff_outbox_bytes(agent->outbox) > UNACKNOWLEDGED_BYTES)
        return;
    /* A Lease that waits at the coordinator says how idle we were; when we are idler now another one replaces
     * it. */
    if (agent->leases_under_way && (idle <= agent->asked_idle || agent->leases_under_way >= LEASES_UNDER_WAY))
        return;
    struct ff_lease_request request = {agent->worker, ++agent->lease_sequence, idle, prefetch,
                                       agent->nearby.reads};
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

/* ---- ending ---- */

void ff_agent_task_decided(void *context, void *owner, const struct ff_outcome *outcome)
{
    struct ff_agent *agent = context;
    ff_outbox_add(agent->outbox, owner, outcome);
}

void ff_agent_run_ended(void *context, void *owner)
{
    (void)context;
    struct ff_held_lease *lease = owner;
    lease->runs--;
}

static void give_up_parked(struct ff_agent *agent, const struct ff_held_lease *lease)
{
    struct ff_parked **link = &agent->parked;
    while (*link) {
        struct ff_parked *parked = *link;
        if (parked->lease != lease) {
            link = &parked->next;
            continue;
        }
        *link = parked->next;
        give_up(parked);
    }
}

/* Runs that end by themselves meanwhile are counted by their hook. */
void ff_agent_end_runs(struct ff_agent *agent, struct ff_held_lease *lease)
{
    unsigned dropped = ff_supervisor_drop(agent->supervisor, lease);
    lease->runs -= dropped;
}

void ff_agent_drop_lease(void *context, struct ff_held_lease *lease)
{
    struct ff_agent *agent = context;
    ff_agent_end_runs(agent, lease); /* takes what its executors have finished already */
    give_up_parked(agent, lease);
    ff_outbox_drop(agent->outbox, lease);
}

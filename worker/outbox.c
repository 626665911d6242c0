#include "worker/outbox.h"

#include "common/clock.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    MESSAGE_BYTES = 4 << 20,
    REPORT_DEADLINE_MS = 15000,
    RETRY_MS = 500,
    REPORTS_UNDER_WAY = 8,
    GATHER_MS = 100,
    GATHER_BYTES = 1 << 20
};

/* Outcomes that travel in one report. */
struct ff_batch {
    struct ff_arena arena;
    struct ff_outcome *outcomes;
    size_t count;
    size_t capacity;
    uint64_t bytes;
    int64_t since_ms;    /* when it was first looked at */
    uint64_t put_offset; /* of the large model of a batch of one */
    bool finished;
};

struct ff_outbox {
    struct ff_queue *queue;
    struct ff_rpc_client *client;
    ff_outbox_dropped *dropped;
    void *context;
    struct ff_held_lease *leases;
    uint64_t bytes;
    unsigned under_way;    /* calls; with Leases and Fetches below what one connection may leave unfinished */
    int64_t not_before_ms; /* after a failure */
    uint64_t worker;
};

struct ff_outbox *ff_outbox_create(struct ff_queue *queue, struct ff_rpc_client *client,
                                   ff_outbox_dropped *dropped, void *context)
{
    struct ff_outbox *outbox = ff_xcalloc(1, sizeof *outbox);
    outbox->queue = queue;
    outbox->client = client;
    outbox->dropped = dropped;
    outbox->context = context;
    return outbox;
}

static void free_batch(struct ff_outbox *outbox, struct ff_batch *batch)
{
    if (!batch)
        return;
    outbox->bytes -= batch->bytes;
    ff_arena_fini(&batch->arena);
    free(batch->outcomes);
    free(batch);
}

static void free_leases(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    while (lease) {
        struct ff_held_lease *next = lease->next;
        free_batch(outbox, lease->filling);
        free_batch(outbox, lease->sending);
        free(lease);
        lease = next;
    }
}

void ff_outbox_destroy(struct ff_outbox *outbox)
{
    if (!outbox)
        return;
    free_leases(outbox, outbox->leases);
    free(outbox);
}

struct ff_held_lease *ff_outbox_find(struct ff_outbox *outbox, struct ff_lease_id id)
{
    struct ff_held_lease *lease = outbox->leases;
    while (lease && (lease->id.epoch != id.epoch || lease->id.counter != id.counter))
        lease = lease->next;
    return lease;
}

struct ff_held_lease *ff_outbox_first(struct ff_outbox *outbox)
{
    return outbox->leases;
}

struct ff_held_lease *ff_outbox_lease(struct ff_outbox *outbox, struct ff_lease_id id, uint64_t job)
{
    struct ff_held_lease *lease = ff_outbox_find(outbox, id);
    if (lease)
        return lease;
    lease = ff_xcalloc(1, sizeof *lease);
    lease->id = id;
    lease->job = job;
    lease->sequence = 1;
    struct ff_held_lease **last = &outbox->leases;
    while (*last)
        last = &(*last)->next;
    *last = lease;
    return lease;
}

static void add(struct ff_outbox *outbox, struct ff_held_lease *lease, const struct ff_outcome *outcome)
{
    if (!lease->filling)
        lease->filling = ff_xcalloc(1, sizeof *lease->filling);
    struct ff_batch *batch = lease->filling;
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
        batch->outcomes = ff_xrealloc(batch->outcomes, batch->capacity * sizeof *batch->outcomes);
    }
    struct ff_outcome *copy = &batch->outcomes[batch->count++];
    *copy = *outcome;
    copy->errmsg = ff_arena_strdup(&batch->arena, outcome->errmsg);
    copy->kind = ff_arena_strdup(&batch->arena, outcome->kind);
    copy->summary = ff_arena_strdup(&batch->arena, outcome->summary);
    copy->model.data = ff_arena_copy(&batch->arena, outcome->model.data, outcome->model.size);
    copy->log.data = ff_arena_copy(&batch->arena, outcome->log.data, outcome->log.size);
    uint64_t bytes = sizeof *copy + outcome->model.size + outcome->log.size + strlen(outcome->summary);
    batch->bytes += bytes;
    outbox->bytes += bytes;
}

void ff_outbox_add(struct ff_outbox *outbox, struct ff_held_lease *lease, const struct ff_outcome *outcome)
{
    if (!lease->dropped)
        add(outbox, lease, outcome);
}

static void forget(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    struct ff_held_lease **link = &outbox->leases;
    while (*link != lease)
        link = &(*link)->next;
    *link = lease->next;
    lease->next = NULL;
    free_leases(outbox, lease);
}

void ff_outbox_drop(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    lease->dropped = true;
    lease->complete = true;
    if (lease->runs == 0 && !lease->filling && !lease->sending)
        forget(outbox, lease);
}

/* ---- sending ---- */

static void send_batch(struct ff_outbox *outbox, struct ff_held_lease *lease);

static bool has_large_model(const struct ff_batch *batch)
{
    return batch->count == 1 && batch->outcomes[0].model.size > MESSAGE_BYTES;
}

/* Whether the answer lets the batch go on; else it is kept and sent again as it is, under the same number:
 * what the coordinator counted already it will not count twice. */
static bool accepted(struct ff_outbox *outbox, struct ff_held_lease *lease,
                     const struct ff_rpc_response *response)
{
    lease->in_flight = false;
    outbox->under_way--;
    if (response->status == FF_OK)
        return true;
    if (response->status == FF_INVALID_ARGUMENT) {
        ff_log(FF_LOG_ERROR, "the coordinator refuses a report: %s", response->text);
        return true;
    }
    outbox->not_before_ms = ff_clock_ms() + RETRY_MS;
    lease->sending->put_offset = 0;
    return false;
}

static void put_done(void *self, void *item, const struct ff_rpc_response *response)
{
    struct ff_outbox *outbox = self;
    struct ff_held_lease *lease = item;
    bool good = accepted(outbox, lease, response);
    if (good)
        send_batch(outbox, lease);
}

static void report_done(void *self, void *item, const struct ff_rpc_response *response)
{
    struct ff_outbox *outbox = self;
    struct ff_held_lease *lease = item;
    struct ff_report_reply reply = {0};
    struct ff_arena arena = {0};
    if (!accepted(outbox, lease, response))
        return;
    if (response->status == FF_OK && ff_decode_report_reply(response->body, &arena, &reply, NULL))
        reply.drop_lease = false;
    ff_arena_fini(&arena);
    bool finished = lease->sending->finished;
    free_batch(outbox, lease->sending);
    lease->sending = NULL;
    lease->sequence++;
    if (finished)
        forget(outbox, lease);
    else if (reply.drop_lease && !lease->dropped)
        outbox->dropped(outbox->context, lease);
}

static void put_range(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    struct ff_batch *batch = lease->sending;
    struct ff_outcome *outcome = &batch->outcomes[0];
    if (batch->put_offset == 0)
        outcome->model_object = ff_object_hash(outcome->model);
    struct ff_put_request request = {outcome->model_object, outcome->model.size, batch->put_offset};
    uint64_t left = outcome->model.size - batch->put_offset;
    struct ff_blocks blocks = {0};
    struct ff_buf body = {0};
    struct ff_bytes range = {outcome->model.data + batch->put_offset,
                             left < FF_OBJECT_RANGE ? left : FF_OBJECT_RANGE};
    ff_blocks_add(&blocks, range);
    ff_encode_put_request(&request, &body);
    batch->put_offset += range.size;
    struct ff_loop_call call = {outbox->queue, outbox->client, FF_FLEET_PUT, REPORT_DEADLINE_MS,
                                put_done,      outbox,         lease};
    ff_loop_call(&call, &body, &blocks);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

static void send_report(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    struct ff_batch *batch = lease->sending;
    struct ff_outcome large;
    struct ff_report report = {.worker = outbox->worker,
                               .lease = lease->id,
                               .job = lease->job,
                               .sequence = lease->sequence,
                               .outcomes = batch->outcomes,
                               .outcome_count = batch->count,
                               .finished = batch->finished};
    if (has_large_model(batch)) {
        large = batch->outcomes[0];
        large.model_in_object = true;
        report.outcomes = &large;
    }
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    ff_encode_report(&report, &body, &blocks);
    struct ff_loop_call call = {
        outbox->queue, outbox->client, FF_FLEET_REPORT, REPORT_DEADLINE_MS, report_done, outbox, lease};
    ff_loop_call(&call, &body, &blocks);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

static void send_batch(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    struct ff_batch *batch = lease->sending;
    lease->in_flight = true;
    outbox->under_way++;
    if (has_large_model(batch) && batch->put_offset < batch->outcomes[0].model.size)
        put_range(outbox, lease);
    else
        send_report(outbox, lease);
}

/* As many outcomes as fit a message; the rest stays behind. */
static struct ff_batch *take_batch(struct ff_outbox *outbox, struct ff_held_lease *lease)
{
    struct ff_batch *batch = lease->filling;
    lease->filling = NULL;
    if (!batch)
        return ff_xcalloc(1, sizeof *batch);
    size_t keep = 0;
    uint64_t bytes = 0;
    while (keep < batch->count) {
        uint64_t more =
            sizeof *batch->outcomes + batch->outcomes[keep].model.size + batch->outcomes[keep].log.size + 512;
        if (keep && bytes + more > MESSAGE_BYTES)
            break;
        bytes += more;
        keep++;
    }
    for (size_t i = keep; i < batch->count; i++)
        add(outbox, lease, &batch->outcomes[i]);
    batch->count = keep;
    return batch;
}

/* A report for each outcome would take a tenth of two busy cores from the fits: outcomes gather for a moment,
 * unless the lease is over. */
static bool is_due(struct ff_batch *batch, int64_t now_ms)
{
    if (!batch)
        return false;
    if (!batch->since_ms)
        batch->since_ms = now_ms;
    return batch->bytes >= GATHER_BYTES || now_ms - batch->since_ms >= GATHER_MS;
}

void ff_outbox_flush(struct ff_outbox *outbox, uint64_t worker, int64_t now_ms)
{
    outbox->worker = worker;
    if (!worker || now_ms < outbox->not_before_ms)
        return;
    struct ff_held_lease *next;
    for (struct ff_held_lease *lease = outbox->leases; lease && outbox->under_way < REPORTS_UNDER_WAY;
         lease = next) {
        next = lease->next;
        bool over = lease->complete && lease->runs == 0;
        if (lease->in_flight || (!lease->sending && !over && !is_due(lease->filling, now_ms)))
            continue;
        if (!lease->sending) {
            lease->sending = take_batch(outbox, lease);
            lease->sending->finished = over && !lease->filling;
        }
        send_batch(outbox, lease);
    }
}

void ff_outbox_wake(struct ff_outbox *outbox)
{
    outbox->not_before_ms = 0;
}

uint64_t ff_outbox_bytes(const struct ff_outbox *outbox)
{
    return outbox->bytes;
}

bool ff_outbox_empty(const struct ff_outbox *outbox)
{
    return !outbox->leases;
}

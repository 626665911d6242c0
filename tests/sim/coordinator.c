/* The coordinator's side: calls in, dispatch and fleet asked, answers out. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 16000, TICK_MS = 500 };

void sim_coordinator_start(struct sim *sim)
{
    static const double unknown[1];
    struct ff_dispatch_item items[MAX_TARGETS] = {0};
    for (size_t i = 0; i < sim->target_count; i++)
        items[i] = (struct ff_dispatch_item){
            .cells = (uint64_t)sim->fit_ms[i], .closed = sim->accepted[i] != 0, .alone = i == 0};
    sim->dispatch = ff_dispatch_create();
    sim->fleet = ff_fleet_create();
    sim->epoch++;
    memset(sim->lost_alone, 0, sizeof sim->lost_alone); /* tries of what is open are not stored */
    sim->last_tick = sim->now;
    ff_dispatch_add_job(sim->dispatch, &(struct ff_dispatch_job){.id = 1,
                                                                 .items = items,
                                                                 .count = sim->target_count,
                                                                 .group_count = 1,
                                                                 .us_per_cell = unknown,
                                                                 .attempts = sim->attempts,
                                                                 .mode = sim->mode,
                                                                 .chunk = 7});
}

void sim_coordinator_stop(struct sim *sim)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(sim->fleet, &count);
    for (size_t i = 0; i < count; i++)
        free(workers[i]->waiting);
    ff_dispatch_destroy(sim->dispatch);
    ff_fleet_destroy(sim->fleet);
}

static void answer(struct sim *sim, const struct message *request, struct message *reply,
                   enum message_type type)
{
    reply->type = type;
    reply->from = request->from;
    reply->incarnation = request->incarnation;
    reply->sequence = request->sequence;
    if (type == REPORTED)
        reply->lease = request->lease;
    sim_send(sim, reply, false);
}

static void accept_outcome(struct sim *sim, uint32_t target, enum ff_class class, uint32_t tries)
{
    if (sim->accepted[target]++)
        sim_fail(sim, "target %u has two outcomes", target);
    sim->class[target] = class;
    sim->tries[target] = tries;
    sim->closed++;
}

static bool is_current(struct sim *sim, struct ff_lease_id id, uint64_t worker)
{
    struct ff_grant grant;
    uint64_t holder;
    return id.epoch == sim->epoch && ff_dispatch_lease(sim->dispatch, id.counter, &grant, &holder) &&
           holder == worker;
}

static void stop_waiting(struct ff_worker *worker)
{
    free(worker->waiting);
    worker->waiting = NULL;
}

/* Counts for itself how often each suspect is lost alone. */
static void count_lost_alone(struct sim *sim, uint64_t worker)
{
    uint64_t leases[MAX_HELD * 4], holder;
    size_t count = ff_dispatch_leases(sim->dispatch, worker, leases);
    for (size_t i = 0; i < count; i++) {
        struct ff_grant grant;
        struct ff_dispatch_target_view view;
        bool alone = ff_dispatch_lease(sim->dispatch, leases[i], &grant, &holder) && grant.count == 1 &&
                     ff_dispatch_look(sim->dispatch, 1, grant.targets[0], &view);
        sim->lost_alone[grant.targets[0]] += alone && view.suspect && view.lease == leases[i];
    }
}

static void worker_is_gone(struct sim *sim, struct ff_worker *worker, enum ff_worker_state state)
{
    struct ff_lost_target lost[MAX_HELD * 4];
    stop_waiting(worker);
    if (ff_dispatch_lease_count(sim->dispatch, worker->id) > MAX_HELD * 4)
        sim_fail(sim, "worker %s holds too many leases", worker->name);
    if (state == FF_WORKER_LEFT) {
        uint64_t leases[MAX_HELD * 4];
        size_t count = ff_dispatch_leases(sim->dispatch, worker->id, leases);
        for (size_t i = 0; i < count; i++)
            ff_dispatch_end_lease(sim->dispatch, leases[i]);
    }
    count_lost_alone(sim, worker->id);
    size_t count = ff_dispatch_lose_worker(sim->dispatch, worker->id, lost);
    for (size_t i = 0; i < count; i++) {
        sim->lost[lost[i].target] = true;
        if (lost[i].tries != sim->attempts || sim->lost_alone[lost[i].target] != sim->attempts)
            sim_fail(sim, "target %u quarantined after being lost alone %u times", lost[i].target,
                     sim->lost_alone[lost[i].target]);
        accept_outcome(sim, lost[i].target, FF_QUARANTINED, lost[i].tries);
    }
    ff_fleet_gone(sim->fleet, worker, state);
}

/* ---- Lease ---- */

static void send_grant(struct sim *sim, const struct message *request, const struct ff_grant *grant)
{
    struct message reply = {.lease = {sim->epoch, grant->lease}, .count = grant->count};
    memcpy(reply.targets, grant->targets, grant->count * sizeof *grant->targets);
    answer(sim, request, &reply, GRANT);
}

/* No target is held by two leases: dispatch says of each that this one has it. */
static void check_grant(struct sim *sim, const struct ff_grant *grant, uint64_t worker)
{
    for (size_t i = 0; i < grant->count; i++) {
        struct ff_dispatch_target_view view;
        if (!ff_dispatch_look(sim->dispatch, 1, grant->targets[i], &view) || view.lease != grant->lease ||
            view.worker != worker || sim->accepted[grant->targets[i]])
            sim_fail(sim, "lease %llu does not hold target %u", (unsigned long long)grant->lease,
                     grant->targets[i]);
        if ((view.alone || view.suspect) && grant->count > 1)
            sim_fail(sim, "target %u should run alone", grant->targets[i]);
    }
}

static bool try_grant(struct sim *sim, struct ff_worker *worker, const struct message *request)
{
    struct ff_grant grant;
    struct ff_dispatch_ask ask = {worker->id, request->idle, request->prefetch, ff_fleet_slots(sim->fleet),
                                  ff_fleet_workers(sim->fleet)};
    if (worker->state != FF_WORKER_READY || !ff_dispatch_grant(sim->dispatch, &ask, &grant))
        return false;
    check_grant(sim, &grant, worker->id);
    worker->granted = grant.lease;
    send_grant(sim, request, &grant);
    return true;
}

static bool repeat_grant(struct sim *sim, const struct ff_worker *worker, const struct message *request)
{
    struct ff_grant grant;
    uint64_t holder;
    if (!worker->granted || !ff_dispatch_lease(sim->dispatch, worker->granted, &grant, &holder))
        return false;
    send_grant(sim, request, &grant);
    return true;
}

static void take_lease(struct sim *sim, struct ff_worker *worker, const struct message *request)
{
    if (request->sequence < worker->sequence)
        return; /* an old one that was under way for long */
    if (request->sequence == worker->sequence && repeat_grant(sim, worker, request))
        return;
    worker->sequence = request->sequence;
    worker->granted = 0;
    stop_waiting(worker);
    if (try_grant(sim, worker, request))
        return;
    worker->waiting = memcpy(ff_xalloc(sizeof *request), request, sizeof *request);
    worker->waiting_until_ms = sim->now + POLL_MS;
}

static void serve_waiting(struct sim *sim)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(sim->fleet, &count);
    for (size_t i = 0; i < count; i++) {
        struct ff_worker *worker = workers[i];
        if (!worker->waiting || !ff_fleet_find(sim->fleet, worker->id))
            continue;
        struct message request;
        memcpy(&request, worker->waiting, sizeof request);
        if (try_grant(sim, worker, &request)) {
            stop_waiting(worker);
        } else if (sim->now >= worker->waiting_until_ms) {
            struct message nothing = {0};
            answer(sim, &request, &nothing, GRANT);
            stop_waiting(worker);
        }
    }
}

/* ---- Report, Beat ---- */

static void take_fault(struct sim *sim, const struct message *request, uint32_t target)
{
    uint32_t tries = 0;
    enum ff_verdict verdict =
        ff_dispatch_fault(sim->dispatch, request->worker, request->lease.counter, target, &tries);
    if (tries > sim->attempts)
        sim_fail(sim, "target %u was charged %u tries", target, tries);
    if (verdict == FF_VERDICT_QUARANTINE)
        accept_outcome(sim, target, FF_QUARANTINED, tries);
}

static void take_report(struct sim *sim, const struct message *request)
{
    bool current = is_current(sim, request->lease, request->worker);
    bool new = current &&ff_dispatch_report_is_new(sim->dispatch, request->lease.counter, request->sequence);
    for (size_t i = 0; i < request->count; i++) {
        const struct sim_outcome *outcome = &request->outcomes[i];
        uint32_t tries;
        if (outcome->class == FF_OPEN && new)
            take_fault(sim, request, outcome->target);
        else if (outcome->class != FF_OPEN && ff_dispatch_result(sim->dispatch, 1, outcome->target, &tries))
            accept_outcome(sim, outcome->target, outcome->class, tries);
    }
    if (request->finished && new)
        ff_dispatch_end_lease(sim->dispatch, request->lease.counter);
    struct message reply = {.drop = !current};
    answer(sim, request, &reply, REPORTED);
}

static bool lists(const struct message *beat, uint64_t epoch, uint64_t lease)
{
    for (size_t i = 0; i < beat->count; i++)
        if (beat->leases[i].epoch == epoch && beat->leases[i].counter == lease)
            return true;
    return false;
}

static bool was_missing(const struct ff_worker *worker, uint64_t lease)
{
    for (size_t i = 0; i < worker->missing_count; i++)
        if (worker->missing[i] == lease)
            return true;
    return false;
}

/* A lease that two Beats in a row do not list never arrived. */
static void return_missing(struct sim *sim, struct ff_worker *worker, const struct message *beat)
{
    uint64_t leases[MAX_HELD * 4], missing[MAX_HELD * 4];
    size_t count = ff_dispatch_leases(sim->dispatch, worker->id, leases), kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (lists(beat, sim->epoch, leases[i]))
            continue;
        if (was_missing(worker, leases[i]))
            ff_dispatch_end_lease(sim->dispatch, leases[i]);
        else
            missing[kept++] = leases[i];
    }
    worker->missing = ff_xrealloc(worker->missing, (kept + 1) * sizeof *missing);
    memcpy(worker->missing, missing, kept * sizeof *missing);
    worker->missing_count = kept;
}

static void take_beat(struct sim *sim, struct ff_worker *worker, const struct message *request)
{
    struct message reply = {0};
    ff_fleet_beat(sim->fleet, worker, &(struct ff_beat_request){.draining = request->draining}, sim->now);
    return_missing(sim, worker, request);
    for (size_t i = 0; i < request->count; i++)
        if (!is_current(sim, request->leases[i], worker->id))
            reply.leases[reply.count++] = request->leases[i];
    answer(sim, request, &reply, BEATEN);
}

static void take_join(struct sim *sim, const struct message *request)
{
    struct ff_worker *worker = ff_fleet_same(sim->fleet, request->incarnation);
    struct ff_join_request join = {.host = "host",
                                   .slots = sim->workers[request->from].slot_count,
                                   .profile = "",
                                   .incarnation = request->incarnation};
    if (!worker)
        worker = ff_fleet_join(sim->fleet, &join, "", sim->now);
    struct message reply = {.worker = worker->id};
    answer(sim, request, &reply, JOINED);
}

void sim_coordinator_takes(struct sim *sim, const struct message *message)
{
    struct message unknown = {.worker = message->worker};
    struct ff_worker *worker = ff_fleet_find(sim->fleet, message->worker);
    bool known = worker && worker->incarnation == message->incarnation; /* ids begin anew with each epoch */
    if (known)
        ff_fleet_heard(worker, sim->now);
    if (message->type == JOIN)
        take_join(sim, message);
    else if (message->type == REPORT)
        take_report(sim, message); /* results are welcome from everybody */
    else if (!known)
        answer(sim, message, &unknown, UNKNOWN_WORKER);
    else if (message->type == LEASE)
        take_lease(sim, worker, message);
    else if (message->type == BEAT)
        take_beat(sim, worker, message);
    else if (message->type == LEAVE)
        worker_is_gone(sim, worker, FF_WORKER_LEFT);
    serve_waiting(sim);
}

void sim_coordinator_ticks(struct sim *sim)
{
    struct ff_worker *worker;
    int64_t gap = sim->now - sim->last_tick;
    if (gap > TICK_MS + 1000)
        ff_fleet_shift(sim->fleet, gap);
    sim->last_tick = sim->now;
    while ((worker = ff_fleet_expired(sim->fleet, sim->now)))
        worker_is_gone(sim, worker, FF_WORKER_LOST);
    serve_waiting(sim);
    sim_at(sim, sim->now + TICK_MS, (struct event){.type = COORDINATOR_TICK});
}

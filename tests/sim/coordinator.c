/* The coordinator's side: calls in, dispatch and fleet asked, answers out. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 16000, TICK_MS = 500 };

/* Every job lists all targets; those of other jobs are closed. */
static void add_job(struct sim *sim, uint64_t job)
{
    static const double unknown[1], known[1] = {1000};
    struct ff_dispatch_item items[MAX_TARGETS] = {0};
    for (size_t i = 0; i < sim->target_count; i++)
        items[i] = (struct ff_dispatch_item){.cells = (uint64_t)sim->fit_ms[i],
                                             .closed = sim->stored[i] != 0 || sim->job_of[i] != job,
                                             .alone = i == 0};
    ff_dispatch_add_job(sim->dispatch, &(struct ff_dispatch_job){.id = job,
                                                                 .items = items,
                                                                 .count = sim->target_count,
                                                                 .group_count = 1,
                                                                 .us_per_cell = sim->exact ? known : unknown,
                                                                 .attempts = sim->attempts,
                                                                 .mode = sim->mode,
                                                                 .chunk = 7,
                                                                 .weight = sim->weight[job]});
}

void sim_coordinator_takes_job(struct sim *sim)
{
    add_job(sim, ++sim->jobs_come);
}

void sim_coordinator_start(struct sim *sim)
{
    sim->dispatch = ff_dispatch_create();
    sim->fleet = ff_fleet_create();
    sim->epoch++;
    sim->writes = NULL;
    sim->last_write = &sim->writes;
    sim->committing = false;
    memcpy(sim->accepted, sim->stored, sizeof sim->accepted);
    for (size_t i = 0; i < sim->target_count; i++)
        sim->lost[i] &= sim->stored[i] != 0;
    memset(sim->lost_alone, 0, sizeof sim->lost_alone); /* tries of what is open are not stored */
    sim->last_tick = sim->now;
    for (uint64_t job = 1; job <= sim->jobs_come; job++)
        add_job(sim, job);
}

void sim_coordinator_stop(struct sim *sim)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(sim->fleet, &count);
    for (size_t i = 0; i < count; i++)
        free(workers[i]->waiting);
    while (sim->writes) { /* what is not committed is gone */
        struct pending_write *next = sim->writes->next;
        free(sim->writes);
        sim->writes = next;
    }
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
    sim_send(sim, reply, false);
}

/* ---- the store ---- */

static struct pending_write *add_write(struct sim *sim)
{
    struct pending_write *write = ff_xcalloc(1, sizeof *write);
    *sim->last_write = write;
    sim->last_write = &write->next;
    if (!sim->committing) {
        int64_t takes = sim_chance(sim, 20) ? (int64_t)sim_random(sim, 30000) : (int64_t)sim_random(sim, 200);
        sim->committing = true;
        sim_at(sim, sim->now + takes, (struct event){.type = STORE_COMMITS, .incarnation = sim->epoch});
    }
    return write;
}

static void accept_outcome(struct sim *sim, uint32_t target, enum ff_class class, uint32_t tries)
{
    if (sim->accepted[target]++)
        sim_fail(sim, "target %u has two outcomes", target);
    struct pending_write *write = add_write(sim);
    write->has_outcome = true;
    write->target = target;
    write->class = class;
    write->tries = tries;
}

static void commit(struct sim *sim, const struct pending_write *write)
{
    if (write->has_outcome) {
        if (sim->stored[write->target]++)
            sim_fail(sim, "target %u is stored twice", write->target);
        sim->class[write->target] = write->class;
        sim->tries[write->target] = write->tries;
        sim->closed++;
    }
    if (write->has_answer)
        sim_send(sim, &write->answer, false);
}

/* All that waits, as one transaction. */
void sim_store_commits(struct sim *sim)
{
    sim->committing = false;
    while (sim->writes) {
        struct pending_write *write = sim->writes;
        sim->writes = write->next;
        commit(sim, write);
        free(write);
    }
    sim->last_write = &sim->writes;
}

/* ---- losing workers ---- */

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
        bool alone = ff_dispatch_lease(sim->dispatch, leases[i], &grant, &holder) && grant.suspect &&
                     ff_dispatch_look(sim->dispatch, grant.job, grant.targets[0], &view);
        sim->lost_alone[grant.targets[0]] += alone && view.lease == leases[i];
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

/* A copy goes to another worker, and neither for suspects nor for what faulted. */
static void check_copy(struct sim *sim, uint32_t target, const struct ff_dispatch_target_view *view,
                       uint64_t worker)
{
    if (view->worker == worker || view->copy_worker != worker || view->suspect || view->tries)
        sim_fail(sim, "a copy of target %u where there should be none", target);
}

/* Of what is no copy dispatch says that this lease has it and no other. */
static void check_grant(struct sim *sim, const struct ff_grant *grant, uint64_t worker)
{
    sim->copies_granted += grant->is_copy;
    for (size_t i = 0; i < grant->count; i++) {
        struct ff_dispatch_target_view view;
        uint32_t target = grant->targets[i];
        if (grant->job != sim->job_of[target] ||
            !ff_dispatch_look(sim->dispatch, grant->job, target, &view) || sim->accepted[target])
            sim_fail(sim, "target %u is granted and closed", target);
        if (grant->is_copy)
            check_copy(sim, target, &view, worker);
        else if (view.lease != grant->lease || view.worker != worker || view.copy_worker)
            sim_fail(sim, "lease %llu does not hold target %u", (unsigned long long)grant->lease, target);
        if ((view.alone || view.suspect) && grant->count > 1)
            sim_fail(sim, "target %u should run alone", target);
    }
}

static bool waits(const struct sim *sim, uint64_t job)
{
    struct ff_dispatch_target_view view;
    for (uint32_t i = 0; i < sim->target_count; i++)
        if (ff_dispatch_look(sim->dispatch, job, i, &view) && strcmp(view.state, "waiting") == 0)
            return true;
    return false;
}

/* Of jobs that wait, none gets ahead of another by more than a chunk of each (Goyal, Vin and Cheng 1996,
 * theorem 1). */
static void check_shares(struct sim *sim, const struct ff_grant *grant)
{
    double ms = 0;
    for (size_t i = 0; i < grant->count && !grant->is_copy; i++)
        ms += (double)sim->fit_ms[grant->targets[i]];
    sim->had_ms[grant->job] += ms;
    if (ms > sim->chunk_ms[grant->job])
        sim->chunk_ms[grant->job] = ms;
    double had = sim->had_ms[grant->job] / sim->weight[grant->job];
    for (uint64_t other = 1; other <= sim->job_count && !grant->is_copy; other++) {
        double lag = had - sim->had_ms[other] / sim->weight[other];
        double most = sim->chunk_ms[other] / sim->weight[other] +
                      sim->chunk_ms[grant->job] / sim->weight[grant->job] + 1e-6;
        if (lag > most && waits(sim, other))
            sim_fail(sim, "job %llu is %.0f ms ahead of job %llu, %.0f are allowed",
                     (unsigned long long)grant->job, lag, (unsigned long long)other, most);
    }
}

static bool try_grant(struct sim *sim, struct ff_worker *worker, const struct message *request)
{
    struct ff_grant grant;
    struct ff_dispatch_ask ask = {worker->id,
                                  request->idle,
                                  request->prefetch,
                                  ff_fleet_slots(sim->fleet),
                                  ff_fleet_workers(sim->fleet),
                                  sim->now,
                                  sim->copies};
    if (worker->state != FF_WORKER_READY || !ff_dispatch_grant(sim->dispatch, &ask, &grant))
        return false;
    check_grant(sim, &grant, worker->id);
    if (sim->exact)
        check_shares(sim, &grant);
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

static bool take_result(struct sim *sim, uint32_t target, uint32_t *tries)
{
    uint64_t job = sim->job_of[target];
    if (!ff_dispatch_result(sim->dispatch, job, target, tries))
        return false;
    ff_dispatch_observe(sim->dispatch, job, target, (double)sim->fit_ms[target], (double)sim->fit_ms[target]);
    return true;
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
        else if (outcome->class != FF_OPEN && take_result(sim, outcome->target, &tries))
            accept_outcome(sim, outcome->target, outcome->class, tries);
    }
    if (request->finished && new)
        ff_dispatch_end_lease(sim->dispatch, request->lease.counter);
    /* Behind the commit of what it acknowledges. */
    struct pending_write *write = add_write(sim);
    write->has_answer = true;
    write->answer = (struct message){.type = REPORTED,
                                     .from = request->from,
                                     .incarnation = request->incarnation,
                                     .sequence = request->sequence,
                                     .lease = request->lease,
                                     .drop = !current};
}

static void take_beat(struct sim *sim, struct ff_worker *worker, const struct message *request)
{
    struct message reply = {0};
    struct ff_beat_request beat = {
        .draining = request->draining, .leases = request->leases, .lease_count = request->count};
    uint64_t leases[MAX_HELD * 4];
    ff_fleet_beat(sim->fleet, worker, &beat, sim->now);
    size_t count = ff_dispatch_leases(sim->dispatch, worker->id, leases);
    count = ff_fleet_missing(worker, &beat, sim->epoch, leases, count);
    for (size_t i = 0; i < count; i++)
        ff_dispatch_end_lease(sim->dispatch, leases[i]);
    for (size_t i = 0; i < request->count; i++) {
        if (request->leases[i].epoch == sim->epoch &&
            ff_dispatch_is_spent(sim->dispatch, request->leases[i].counter))
            ff_dispatch_end_lease(sim->dispatch, request->leases[i].counter);
        if (!is_current(sim, request->leases[i], worker->id))
            reply.leases[reply.count++] = request->leases[i];
    }
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

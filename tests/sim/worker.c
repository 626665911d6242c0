/* A worker by script: asks, fits as its targets behave, reports until it is acknowledged. */
#include "sim/sim.h"

#include <string.h>

enum { ASK_MS = 25000, RESEND_MS = 4000, JOIN_MS = 3000, TICK_MS = 100, FAULT_MS = 300 };

void sim_worker_start(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    *worker = (struct sim_worker){.alive = true,
                                  .incarnation = ++sim->incarnations,
                                  .slot_count = 1 + (unsigned)sim_random(sim, MAX_SLOTS)};
    for (unsigned i = 0; i < MAX_SLOTS; i++)
        worker->slot_lease[i] = -1;
    sim_at(sim, sim->now + 1,
           (struct event){.type = WORKER_TICK, .host = host, .incarnation = worker->incarnation});
}

/* As by kill -9: what it knows is gone; another one starts in its place some time later. */
void sim_worker_dies(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    worker->alive = false;
    worker->incarnation = 0;
    worker->restart_at = sim->now + 500 + (int64_t)sim_random(sim, 10000);
    sim_at(sim, worker->restart_at, (struct event){.type = WORKER_TICK, .host = host});
}

static void send(struct sim *sim, unsigned host, struct message *message)
{
    message->from = host;
    message->incarnation = sim->workers[host].incarnation;
    message->worker = sim->workers[host].id;
    sim_send(sim, message, true);
}

/* ---- fitting ---- */

static bool is_running(const struct sim_worker *worker, size_t lease)
{
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slot_lease[i] == (int)lease)
            return true;
    return false;
}

static int64_t duration(struct sim *sim, uint32_t target)
{
    bool faults = sim->behaviour[target] == FAULTS;
    return faults ? FAULT_MS : sim->fit_ms[target];
}

static void begin_task(struct sim *sim, unsigned host, unsigned slot)
{
    struct sim_worker *worker = &sim->workers[host];
    struct held_lease *lease = &worker->held[worker->slot_lease[slot]];
    worker->slot_ticket[slot] = ++sim->tickets;
    sim_at(sim, sim->now + duration(sim, lease->targets[lease->next]),
           (struct event){.type = TASK_ENDS,
                          .host = host,
                          .slot = slot,
                          .incarnation = worker->incarnation,
                          .ticket = sim->tickets});
}

/* Gives an idle slot the next lease that nobody runs. */
static void begin_lease(struct sim *sim, unsigned host, unsigned slot)
{
    struct sim_worker *worker = &sim->workers[host];
    worker->slot_lease[slot] = -1;
    for (size_t i = 0; i < worker->held_count; i++) {
        struct held_lease *lease = &worker->held[i];
        if (lease->dropped || lease->next == lease->count || is_running(worker, i))
            continue;
        if (worker->draining) {
            lease->count = lease->next; /* the rest is given back */
            continue;
        }
        worker->slot_lease[slot] = (int)i;
        begin_task(sim, host, slot);
        return;
    }
}

static enum ff_class end_of(struct sim *sim, uint32_t target)
{
    switch (sim->behaviour[target]) {
    case FAILS:
        return FF_FAILED;
    case FAULTS:
        return FF_OPEN;
    case MAY_FAULT:
        return sim_chance(sim, 500) ? FF_OPEN : FF_FITTED;
    default:
        return FF_FITTED;
    }
}

void sim_worker_task_ends(struct sim *sim, unsigned host, unsigned slot)
{
    struct sim_worker *worker = &sim->workers[host];
    struct held_lease *lease = &worker->held[worker->slot_lease[slot]];
    uint32_t target = lease->targets[lease->next];
    if (sim->behaviour[target] == KILLS_WORKER) {
        sim_worker_dies(sim, host);
        return;
    }
    lease->classes[lease->next++] = end_of(sim, target);
    lease->decided = lease->next;
    if (worker->draining)
        lease->count = lease->next;
    if (lease->next < lease->count)
        begin_task(sim, host, slot);
    else
        begin_lease(sim, host, slot);
}

/* ---- leases ---- */

static struct held_lease *find_held(struct sim_worker *worker, struct ff_lease_id id)
{
    for (size_t i = 0; i < worker->held_count; i++)
        if (worker->held[i].id.epoch == id.epoch && worker->held[i].id.counter == id.counter)
            return &worker->held[i];
    return NULL;
}

static void forget(struct sim_worker *worker, size_t index)
{
    worker->held[index] = worker->held[--worker->held_count];
    for (unsigned i = 0; i < worker->slot_count; i++) {
        if (worker->slot_lease[i] == (int)index)
            worker->slot_lease[i] = -1;
        else if (worker->slot_lease[i] == (int)worker->held_count)
            worker->slot_lease[i] = (int)index;
    }
}

static void drop(struct sim *sim, unsigned host, struct held_lease *lease)
{
    struct sim_worker *worker = &sim->workers[host];
    size_t index = (size_t)(lease - worker->held);
    for (unsigned i = 0; i < worker->slot_count; i++) {
        if (worker->slot_lease[i] == (int)index) {
            worker->slot_ticket[i] = 0; /* its task is killed */
            worker->slot_lease[i] = -1;
        }
    }
    lease->dropped = true;
    lease->count = lease->next; /* what is decided is still offered, once */
    if (!lease->in_flight && lease->sent == lease->decided)
        forget(worker, index);
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slot_lease[i] < 0)
            begin_lease(sim, host, i);
}

static void take_grant(struct sim *sim, unsigned host, const struct message *message)
{
    struct sim_worker *worker = &sim->workers[host];
    if (!worker->asking || message->sequence != worker->lease_sequence)
        return;
    worker->asking = false;
    if (message->count == 0 || find_held(worker, message->lease))
        return;
    if (worker->held_count == MAX_HELD)
        sim_fail(sim, "a worker is given more and more leases");
    struct held_lease *lease = &worker->held[worker->held_count++];
    *lease = (struct held_lease){.id = message->lease, .count = message->count, .sequence = 1};
    memcpy(lease->targets, message->targets, message->count * sizeof *message->targets);
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slot_lease[i] < 0) {
            begin_lease(sim, host, i);
            return;
        }
}

static void ask(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    unsigned idle = 0, busy = 0, behind = 0;
    for (unsigned i = 0; i < worker->slot_count; i++)
        worker->slot_lease[i] < 0 ? idle++ : busy++;
    for (size_t i = 0; i < worker->held_count; i++)
        behind += worker->held[i].next < worker->held[i].count && !is_running(worker, i);
    unsigned prefetch = busy > behind ? busy - behind : 0;
    if (worker->draining || idle + prefetch == 0 || worker->held_count >= MAX_HELD - 2)
        return;
    if (worker->asking && sim->now < worker->ask_until)
        return;
    if (!worker->asking)
        worker->lease_sequence++; /* after a lost answer: the same number again */
    worker->asking = true;
    worker->ask_until = sim->now + ASK_MS;
    send(sim, host,
         &(struct message){
             .type = LEASE, .sequence = worker->lease_sequence, .idle = idle, .prefetch = prefetch});
}

/* ---- reports ---- */

static void report(struct sim *sim, unsigned host, struct held_lease *lease)
{
    if (lease->in_flight && sim->now < lease->resend_at)
        return;
    bool over = lease->next == lease->count;
    if (!lease->in_flight && lease->decided == lease->sent && !over)
        return;
    if (!lease->in_flight) { /* else the same again */
        lease->sending = lease->decided;
        lease->finished_sent = over;
    }
    struct message message = {.type = REPORT,
                              .lease = lease->id,
                              .sequence = lease->sequence,
                              .finished = lease->finished_sent,
                              .count = lease->sending - lease->sent};
    for (size_t i = 0; i < message.count; i++)
        message.outcomes[i] =
            (struct sim_outcome){lease->targets[lease->sent + i], lease->classes[lease->sent + i]};
    lease->in_flight = true;
    lease->resend_at = sim->now + RESEND_MS;
    send(sim, host, &message);
}

static void take_reported(struct sim *sim, unsigned host, const struct message *message)
{
    struct sim_worker *worker = &sim->workers[host];
    struct held_lease *lease = find_held(worker, message->lease);
    if (!lease || !lease->in_flight || message->sequence != lease->sequence)
        return;
    for (size_t i = lease->sent; i < lease->sending; i++)
        if (lease->classes[i] != FF_OPEN && !sim->stored[lease->targets[i]])
            sim_fail(sim, "target %u is acknowledged and not stored", lease->targets[i]);
    lease->in_flight = false;
    lease->sent = lease->sending;
    lease->sequence++;
    if (lease->finished_sent)
        forget(worker, (size_t)(lease - worker->held));
    else if (message->drop)
        drop(sim, host, lease);
}

/* ---- life ---- */

static void rejoin(struct sim *sim, struct sim_worker *worker)
{
    worker->id = 0;
    worker->asking = false;
    worker->lease_sequence = 0;
    worker->join_until = sim->now;
}

void sim_worker_takes(struct sim *sim, unsigned host, const struct message *message)
{
    struct sim_worker *worker = &sim->workers[host];
    switch (message->type) {
    case JOINED:
        if (!worker->id)
            worker->id = message->worker;
        return;
    case GRANT:
        take_grant(sim, host, message);
        return;
    case REPORTED:
        take_reported(sim, host, message);
        return;
    case BEATEN:
        for (size_t i = 0; i < message->count; i++) {
            struct held_lease *lease = find_held(worker, message->leases[i]);
            if (lease)
                drop(sim, host, lease);
        }
        return;
    case UNKNOWN_WORKER:
        if (worker->id && message->worker == worker->id)
            rejoin(sim, worker);
        return;
    default:
        sim_fail(sim, "a worker got a message of type %d", (int)message->type);
    }
}

static void join(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    if (sim->now < worker->join_until)
        return;
    worker->join_until = sim->now + JOIN_MS;
    send(sim, host, &(struct message){.type = JOIN});
}

static void beat(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    if (sim->now < worker->next_beat)
        return;
    worker->next_beat = sim->now + FF_FLEET_BEAT_MS;
    struct message message = {.type = BEAT, .draining = worker->draining, .count = worker->held_count};
    for (size_t i = 0; i < worker->held_count; i++)
        message.leases[i] = worker->held[i].id;
    send(sim, host, &message);
}

static void leave(struct sim *sim, unsigned host)
{
    send(sim, host, &(struct message){.type = LEAVE});
    sim_worker_dies(sim, host);
}

void sim_worker_ticks(struct sim *sim, unsigned host)
{
    struct sim_worker *worker = &sim->workers[host];
    sim_at(sim, sim->now + TICK_MS,
           (struct event){.type = WORKER_TICK, .host = host, .incarnation = worker->incarnation});
    if (!worker->id) {
        join(sim, host);
        return;
    }
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slot_lease[i] < 0)
            begin_lease(sim, host, i);
    for (size_t i = 0; i < worker->held_count; i++)
        report(sim, host, &worker->held[i]);
    beat(sim, host);
    if (worker->draining && worker->held_count == 0)
        leave(sim, host);
    else
        ask(sim, host);
}

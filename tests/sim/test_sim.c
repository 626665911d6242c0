/* Runs seeded fleets and checks what must hold for every one of them: each target ends in exactly one class,
 * the counts add up, no outcome is accepted twice, and every job ends as long as workers come back. In calm
 * fleets whose costs are known no job gets ahead of its share.
 *
 *     test_sim                    10,000 seeds
 *     test_sim --seed N           one of them, with its story (also FF_SIM_SEED=N)
 *     test_sim --count N          so many */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 10000, MOST_MS = 6 * 3600 * 1000, MOST_EVENTS = 3000000 };

void sim_fail(const struct sim *sim, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "sim: seed %llu, %lld ms: ", (unsigned long long)sim->seed, (long long)sim->now);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n  replay: test_sim --seed %llu\n", (unsigned long long)sim->seed);
    va_end(args);
    exit(1);
}

/* splitmix64 (Steele, Lea and Flood 2014) */
uint64_t sim_random(struct sim *sim, uint64_t below)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

bool sim_chance(struct sim *sim, unsigned thousandths)
{
    return sim_random(sim, 1000) < thousandths;
}

/* ---- events: a binary heap by time and order ---- */

static bool before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct event *a, struct event *b)
{
    struct event kept = *a;
    *a = *b;
    *b = kept;
}

void sim_at(struct sim *sim, int64_t at, struct event event)
{
    if (sim->heap_count == sim->heap_capacity) {
        sim->heap_capacity = sim->heap_capacity ? sim->heap_capacity * 2 : 64;
        sim->heap = ff_xrealloc(sim->heap, sim->heap_capacity * sizeof *sim->heap);
    }
    event.at = at;
    event.order = ++sim->order;
    size_t i = sim->heap_count++;
    sim->heap[i] = event;
    for (; i > 0 && before(&sim->heap[i], &sim->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&sim->heap[i], &sim->heap[(i - 1) / 2]);
}

static struct event next_event(struct sim *sim)
{
    struct event first = sim->heap[0];
    sim->heap[0] = sim->heap[--sim->heap_count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < sim->heap_count; child++)
            if (before(&sim->heap[child], &sim->heap[least]))
                least = child;
        if (least == i)
            return first;
        swap(&sim->heap[i], &sim->heap[least]);
        i = least;
    }
}

/* ---- the network ---- */

static void deliver_later(struct sim *sim, const struct message *message, bool to_coordinator)
{
    int64_t delay = 1 + (int64_t)sim_random(sim, 50);
    if (sim_chance(sim, sim->slow))
        delay += (int64_t)sim_random(sim, 8000);
    struct message *copy = memcpy(ff_xalloc(sizeof *copy), message, sizeof *message);
    sim_at(sim, sim->now + delay,
           (struct event){.type = ARRIVES,
                          .host = message->from,
                          .incarnation = message->incarnation,
                          .to_coordinator = to_coordinator,
                          .message = copy});
}

void sim_send(struct sim *sim, const struct message *message, bool to_coordinator)
{
    if (!sim_chance(sim, sim->loss))
        deliver_later(sim, message, to_coordinator);
    if (sim_chance(sim, sim->duplication))
        deliver_later(sim, message, to_coordinator);
}

/* ---- the world ---- */

static enum behaviour choose_behaviour(struct sim *sim)
{
    uint64_t dice = sim_random(sim, 100);
    return dice < 80 ? FITS : dice < 87 ? FAILS : dice < 93 ? FAULTS : dice < 98 ? MAY_FAULT : KILLS_WORKER;
}

/* One job, or up to three that come one after the other. */
static void choose_jobs(struct sim *sim)
{
    sim->job_count = 1 + (sim_chance(sim, 500) ? sim_random(sim, MAX_JOBS) : 0);
    sim->jobs_come = 1;
    for (uint64_t job = 1; job <= sim->job_count; job++)
        sim->weight[job] = 1u << sim_random(sim, 3);
    for (size_t i = 0; i < sim->target_count; i++)
        sim->job_of[i] = 1 + sim_random(sim, sim->job_count);
    for (uint64_t job = 2; job <= sim->job_count; job++)
        sim_at(sim, (int64_t)sim_random(sim, 20000), (struct event){.type = JOB_COMES});
}

/* Three jobs from the beginning, of targets that do as the cost book says. */
static void make_exact(struct sim *sim)
{
    sim->exact = true;
    sim->job_count = sim->jobs_come = MAX_JOBS;
    sim->heap_count = 0; /* no job comes later */
    sim->target_count = MAX_TARGETS;
    for (size_t i = 0; i < sim->target_count; i++) {
        sim->behaviour[i] = FITS;
        sim->fit_ms[i] = 5 + (int64_t)sim_random(sim, 200);
        sim->job_of[i] = 1 + i % MAX_JOBS;
    }
    for (uint64_t job = 1; job <= sim->job_count; job++)
        sim->weight[job] = 1u << sim_random(sim, 3);
}

static void set_up(struct sim *sim, uint64_t seed, bool verbose)
{
    static const enum ff_chunk_mode modes[] = {FF_CHUNK_AUTO, FF_CHUNK_FIXED, FF_CHUNK_PER_WORKER};
    *sim = (struct sim){.seed = seed, .random = seed, .verbose = verbose};
    bool calm = sim_chance(sim, 100);
    sim->loss = calm ? 0 : (unsigned)sim_random(sim, 200);
    sim->duplication = calm ? 0 : (unsigned)sim_random(sim, 200);
    sim->slow = calm ? 0 : (unsigned)sim_random(sim, 100);
    sim->copies = !sim_chance(sim, 100);
    sim->attempts = 1 + (uint32_t)sim_random(sim, 4);
    sim->mode = modes[sim_random(sim, 3)];
    sim->target_count = 1 + sim_random(sim, sim_chance(sim, 100) ? MAX_TARGETS : 40);
    sim->host_count = 1 + (unsigned)sim_random(sim, MAX_WORKERS);
    for (size_t i = 0; i < sim->target_count; i++) {
        sim->behaviour[i] = choose_behaviour(sim);
        sim->fit_ms[i] = 5 + (int64_t)sim_random(sim, sim_chance(sim, 50) ? 20000 : 500);
    }
    choose_jobs(sim);
    if (calm && sim->mode == FF_CHUNK_AUTO)
        make_exact(sim);
    sim_coordinator_start(sim);
    for (unsigned i = 0; i < sim->host_count; i++)
        sim_worker_start(sim, i);
    sim_at(sim, 0, (struct event){.type = COORDINATOR_TICK});
    if (!calm)
        sim_at(sim, 1000, (struct event){.type = FAULT_STRIKES});
}

static void tear_down(struct sim *sim)
{
    sim_coordinator_stop(sim);
    for (size_t i = 0; i < sim->heap_count; i++)
        free(sim->heap[i].message);
    free(sim->heap);
}

static void tell(const struct sim *sim, const char *what, unsigned host)
{
    if (sim->verbose)
        printf("%8lld ms: %s, host %u, %zu of %zu closed\n", (long long)sim->now, what, host, sim->closed,
               sim->target_count);
}

/* The coordinator stops and starts: workers and leases are forgotten, what is closed stays closed. */
static void restart_coordinator(struct sim *sim)
{
    tell(sim, "the coordinator restarts", 0);
    sim_coordinator_stop(sim);
    sim_coordinator_start(sim);
    sim->restarts++;
}

static void fault_strikes(struct sim *sim)
{
    unsigned host = (unsigned)sim_random(sim, sim->host_count);
    struct sim_worker *worker = &sim->workers[host];
    uint64_t dice = sim_random(sim, 100);
    sim_at(sim, sim->now + 2000 + (int64_t)sim_random(sim, 20000), (struct event){.type = FAULT_STRIKES});
    if (dice < 8 && sim->restarts < 3) {
        restart_coordinator(sim);
    } else if (dice < 12) {
        tell(sim, "the coordinator pauses", 0);
        sim->coordinator_paused_until = sim->now + 500 + (int64_t)sim_random(sim, 40000);
    } else if (worker->alive && dice < 40) {
        tell(sim, "kill -9", host);
        sim_worker_dies(sim, host);
    } else if (worker->alive && dice < 80) {
        tell(sim, "a pause", host);
        worker->paused_until = sim->now + 500 + (int64_t)sim_random(sim, 40000);
    } else if (worker->alive) {
        tell(sim, "drains", host);
        worker->draining = true;
    }
}

/* What is for a worker waits while it is paused, and is void when it is dead. */
static bool reaches_worker(struct sim *sim, struct event *event)
{
    struct sim_worker *worker = &sim->workers[event->host];
    if (event->incarnation != worker->incarnation)
        return false;
    if (sim->now >= worker->paused_until)
        return true;
    sim_at(sim, worker->paused_until, *event);
    event->message = NULL;
    return false;
}

static void worker_event(struct sim *sim, struct event *event)
{
    struct sim_worker *worker = &sim->workers[event->host];
    if (!worker->alive && event->type == WORKER_TICK && event->incarnation == 0) {
        sim_worker_start(sim, event->host);
        return;
    }
    if (!reaches_worker(sim, event))
        return;
    if (event->type == WORKER_TICK)
        sim_worker_ticks(sim, event->host);
    else if (event->type == ARRIVES)
        sim_worker_takes(sim, event->host, event->message);
    else if (event->ticket == worker->slot_ticket[event->slot])
        sim_worker_task_ends(sim, event->host, event->slot);
}

static bool is_for_coordinator(const struct event *event)
{
    return event->type == COORDINATOR_TICK || event->type == STORE_COMMITS || event->type == JOB_COMES ||
           event->to_coordinator;
}

static void step(struct sim *sim)
{
    struct event event = next_event(sim);
    sim->now = event.at;
    if (is_for_coordinator(&event) && sim->now < sim->coordinator_paused_until) {
        sim_at(sim, sim->coordinator_paused_until, event);
        return;
    }
    if (event.type == COORDINATOR_TICK)
        sim_coordinator_ticks(sim);
    else if (event.type == STORE_COMMITS && event.incarnation == sim->epoch)
        sim_store_commits(sim);
    else if (event.type == STORE_COMMITS)
        ; /* of a coordinator that is gone */
    else if (event.type == JOB_COMES)
        sim_coordinator_takes_job(sim);
    else if (event.type == FAULT_STRIKES)
        fault_strikes(sim);
    else if (event.to_coordinator)
        sim_coordinator_takes(sim, event.message);
    else
        worker_event(sim, &event);
    free(event.message);
}

/* ---- what must hold ---- */

static void check_target(const struct sim *sim, uint32_t target)
{
    struct ff_dispatch_target_view view;
    enum ff_class class = sim->class[target];
    enum behaviour behaviour = sim->behaviour[target];
    if (sim->accepted[target] != 1 || sim->stored[target] != 1)
        sim_fail(sim, "target %u has %u outcomes, stored %u times", target, sim->accepted[target],
                 sim->stored[target]);
    if (!ff_dispatch_look(sim->dispatch, sim->job_of[target], target, &view) ||
        strcmp(view.state, "closed") != 0)
        sim_fail(sim, "target %u has its outcome but is %s", target, view.state);
    if (class == FF_QUARANTINED && !sim->lost[target] && sim->tries[target] != sim->attempts)
        sim_fail(sim, "target %u was quarantined after %u of %u tries", target, sim->tries[target],
                 sim->attempts);
    if (sim->tries[target] > sim->attempts)
        sim_fail(sim, "target %u was tried %u times", target, sim->tries[target]);
    if (class == FF_QUARANTINED && !sim->lost[target] && behaviour != FAULTS && behaviour != MAY_FAULT)
        sim_fail(sim, "target %u was quarantined without ever faulting", target);
    if ((behaviour == FAULTS || behaviour == KILLS_WORKER) && class != FF_QUARANTINED)
        sim_fail(sim, "target %u always faults and is %s", target, ff_class_name(class));
    if (class == FF_FAILED && behaviour != FAILS)
        sim_fail(sim, "target %u failed and never does", target);
}

static void check_end(const struct sim *sim)
{
    size_t of_class[FF_CLASS_COUNT] = {0};
    for (uint32_t i = 0; i < sim->target_count; i++) {
        check_target(sim, i);
        of_class[sim->class[i]]++;
    }
    if (of_class[FF_FITTED] + of_class[FF_FAILED] + of_class[FF_QUARANTINED] != sim->target_count)
        sim_fail(sim, "the counts do not add up");
    if (ff_dispatch_has_waiting(sim->dispatch))
        sim_fail(sim, "all targets are closed and some wait");
    for (uint64_t job = 1; job <= sim->job_count; job++)
        if (ff_dispatch_remaining_ms(sim->dispatch, job) > 1e-6)
            sim_fail(sim, "all targets are closed and time remains of job %llu", (unsigned long long)job);
    if (sim->verbose)
        printf("%8lld ms: %zu fitted, %zu failed, %zu quarantined\n", (long long)sim->now,
               of_class[FF_FITTED], of_class[FF_FAILED], of_class[FF_QUARANTINED]);
}

/* Returns how many second copies it took. */
static unsigned run(uint64_t seed, bool verbose)
{
    static struct sim sim;
    set_up(&sim, seed, verbose);
    for (size_t events = 0; sim.closed < sim.target_count; events++) {
        if (sim.now > MOST_MS || events > MOST_EVENTS)
            sim_fail(&sim, "a job does not end: %zu of %zu closed", sim.closed, sim.target_count);
        step(&sim);
    }
    check_end(&sim);
    tear_down(&sim);
    return sim.copies_granted;
}

int main(int argc, char **argv)
{
    const char *seed = getenv("FF_SIM_SEED");
    uint64_t count = SEEDS;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0)
            seed = argv[i + 1];
        else if (strcmp(argv[i], "--count") == 0)
            count = strtoull(argv[i + 1], NULL, 10);
    }
    if (seed) {
        run(strtoull(seed, NULL, 10), true);
        return 0;
    }
    uint64_t copies = 0;
    for (uint64_t i = 1; i <= count; i++)
        copies += run(i, false);
    printf("sim: %llu seeds, %llu second copies\n", (unsigned long long)count, (unsigned long long)copies);
    return copies == 0; /* what never happens is not tested */
}

/* Who holds what: the leases of every worker, and the verdicts on what comes back from them. Where the
 * targets of a job wait and how a chunk is cut is its backlog's (backlog.h). A target belongs to the one
 * lease that it names; a lease that lists it without being named has lost it. */
#include "coordinator/dispatch.h"

#include "coordinator/dispatch_copies.h"
#include "coordinator/dispatch_eta.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNKNOWN_MS = 10, /* charged for a target of which nothing is known */
    SHORT_MS = 1000, /* a job that is predicted to take no more of one slot passes the others */
};
static const double least_ms = 0.02; /* charged for any: to send and to store it takes time too */

struct ff_dispatch {
    struct ff_turns turns; /* of all jobs */
    struct ff_leases leases;
};

/* ---- finding ---- */

static struct ff_dispatched *job_of(struct ff_turn *turn)
{
    return (struct ff_dispatched *)turn;
}

static struct ff_dispatched *find_job(const struct ff_dispatch *dispatch, uint64_t id)
{
    struct ff_turn *turn = dispatch->turns.first;
    while (turn && job_of(turn)->id != id)
        turn = turn->next;
    return job_of(turn);
}

/* NULL: there is no such job or target. */
static struct ff_backlog_target *find_target(const struct ff_dispatch *dispatch, uint64_t id, uint32_t index)
{
    const struct ff_dispatched *job = find_job(dispatch, id);
    return job ? ff_backlog_target(job->backlog, index) : NULL;
}

/* ---- jobs ---- */

struct ff_dispatch *ff_dispatch_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_dispatch));
}

static bool is_short(const struct ff_dispatch_job *job, const struct ff_backlog *backlog)
{
    double ms = ff_backlog_remaining_ms(backlog);
    size_t open = 0;
    for (size_t i = 0; i < job->count; i++)
        open += !job->items[i].closed;
    return open <= 1 || (ms >= 0 && ms <= SHORT_MS);
}

void ff_dispatch_add_job(struct ff_dispatch *dispatch, const struct ff_dispatch_job *from)
{
    struct ff_dispatched *job = ff_xcalloc(1, sizeof *job);
    job->id = from->id;
    job->attempts = from->attempts;
    job->backlog = ff_backlog_create(from);
    ff_turns_add(&dispatch->turns, &job->turn, from->weight ? from->weight : 1, is_short(from, job->backlog));
}

/* ---- charging ---- */

/* Of a target that was fitted, or is to be. */
static double price(double ms)
{
    return ms > least_ms ? ms : least_ms;
}

static void charge_grant(struct ff_dispatch *dispatch, struct ff_lease *lease)
{
    double ms = 0;
    for (size_t i = 0; i < lease->count; i++) {
        double predicted = ff_backlog_predicted_ms(lease->job->backlog, lease->targets[i]);
        ms += predicted > 0 ? price(predicted) : UNKNOWN_MS;
    }
    lease->charged_ms = ms / (double)lease->count;
    ff_turns_take(&dispatch->turns, &lease->job->turn, ms);
}

/* ---- leases ---- */

static struct ff_lease *add_lease(struct ff_dispatch *dispatch, const struct ff_dispatch_ask *ask,
                                  struct ff_dispatched *job, const uint32_t *targets, size_t count)
{
    struct ff_lease *lease = ff_leases_add(&dispatch->leases, ask->worker, targets, count);
    lease->job = job;
    lease->granted_ms = ask->now_ms;
    lease->behind = ask->idle == 0;
    for (size_t i = 0; i < count; i++) {
        lease->suspect |= ff_backlog_target(job->backlog, targets[i])->suspect;
        lease->predicted_ms += ff_backlog_predicted_ms(job->backlog, targets[i]);
        ff_backlog_lease(job->backlog, targets[i], lease->id);
    }
    charge_grant(dispatch, lease);
    return lease;
}

/* As the owner, or as the one with the second copy. */
static bool holds(const struct ff_lease *lease, uint32_t index)
{
    const struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    return target && target->state == FF_TARGET_LEASED &&
           (target->lease == lease->id || target->copy == lease->id);
}

static size_t held_count(const struct ff_lease *lease)
{
    size_t held = 0;
    for (size_t i = 0; i < lease->count; i++)
        held += holds(lease, lease->targets[i]);
    return held;
}

/* The target is not the lease's any more. If there is another copy that is the target's only one now. */
static void let_go(struct ff_lease *lease, uint32_t index)
{
    struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    if (target->copy == 0) {
        ff_backlog_return(lease->job->backlog, index);
        return;
    }
    if (target->lease == lease->id)
        target->lease = target->copy;
    target->copy = 0;
}

static void give_back(struct ff_dispatch *dispatch, struct ff_lease *lease)
{
    /* Last one first: the stack of returned targets then has them in their order again. */
    for (size_t i = lease->count; i-- > 0;)
        if (holds(lease, lease->targets[i]))
            let_go(lease, lease->targets[i]);
    ff_leases_remove(&dispatch->leases, lease);
}

/* What was charged for targets that nobody fitted. */
static void refund(struct ff_dispatch *dispatch, const struct ff_lease *lease)
{
    size_t open = held_count(lease);
    if (open)
        ff_turns_settle(&dispatch->turns, &lease->job->turn, -lease->charged_ms * (double)open);
}

void ff_dispatch_end_lease(struct ff_dispatch *dispatch, uint64_t id)
{
    struct ff_lease *lease = ff_leases_find(&dispatch->leases, id);
    if (!lease)
        return;
    refund(dispatch, lease);
    give_back(dispatch, lease);
}

static void void_leases(struct ff_dispatch *dispatch, const struct ff_dispatched *job)
{
    for (struct ff_lease *lease = dispatch->leases.oldest, *newer; lease; lease = newer) {
        newer = lease->newer;
        if (lease->job == job)
            ff_leases_remove(&dispatch->leases, lease);
    }
}

void ff_dispatch_remove_job(struct ff_dispatch *dispatch, uint64_t id)
{
    struct ff_dispatched *job = find_job(dispatch, id);
    if (!job)
        return;
    ff_turns_remove(&dispatch->turns, &job->turn);
    void_leases(dispatch, job);
    ff_backlog_destroy(job->backlog);
    free(job);
}

void ff_dispatch_destroy(struct ff_dispatch *dispatch)
{
    while (dispatch && dispatch->turns.first)
        ff_dispatch_remove_job(dispatch, job_of(dispatch->turns.first)->id);
    free(dispatch);
}

/* ---- granting ---- */

static bool has_suspect(const struct ff_dispatch *dispatch, uint64_t worker)
{
    const struct ff_lease *lease = ff_leases_of(&dispatch->leases, worker);
    while (lease && !lease->suspect)
        lease = lease->next_of_worker;
    return lease != NULL;
}

static struct ff_lease *grant_chunk(struct ff_dispatch *dispatch, struct ff_dispatched *job,
                                    const struct ff_dispatch_ask *ask)
{
    uint32_t *targets;
    size_t count = ff_backlog_take_chunk(job->backlog, ask, &targets);
    struct ff_lease *lease = count ? add_lease(dispatch, ask, job, targets, count) : NULL;
    free(targets);
    return lease;
}

static struct ff_lease *grant_from(struct ff_dispatch *dispatch, struct ff_dispatched *job,
                                   const struct ff_dispatch_ask *ask)
{
    uint32_t target;
    if (ask->idle == 0 && !ff_backlog_may_prefetch(job->backlog, ask))
        return NULL;
    if (ask->idle && ff_backlog_take_alone(job->backlog, ask, !has_suspect(dispatch, ask->worker), &target))
        return add_lease(dispatch, ask, job, &target, 1);
    return grant_chunk(dispatch, job, ask);
}

static void update_turns(struct ff_dispatch *dispatch)
{
    for (struct ff_turn *turn = dispatch->turns.first, *next; turn; turn = next) {
        next = turn->next;
        ff_turns_set_waiting(&dispatch->turns, turn, ff_backlog_has_waiting(job_of(turn)->backlog));
    }
}

/* A busy executor gets nothing more while the job whose turn it is wants an idle one: it would never be idle
 * if other jobs kept it busy. */
static struct ff_lease *grant_in_turn(struct ff_dispatch *dispatch, const struct ff_dispatch_ask *ask)
{
    struct ff_lease *lease = NULL;
    update_turns(dispatch);
    struct ff_turn *turn = ff_turns_next(&dispatch->turns, NULL);
    while (turn && !(lease = grant_from(dispatch, job_of(turn), ask)) && ask->idle)
        turn = ff_turns_next(&dispatch->turns, turn);
    return lease;
}

bool ff_dispatch_has_late(const struct ff_dispatch *dispatch, int64_t now_ms)
{
    return ff_copies_late(&dispatch->leases, now_ms);
}

bool ff_dispatch_is_spent(const struct ff_dispatch *dispatch, uint64_t id)
{
    const struct ff_lease *lease = ff_leases_find(&dispatch->leases, id);
    return lease && lease->shared && held_count(lease) == 0;
}

/* ---- asking ---- */

static void describe(const struct ff_lease *lease, struct ff_grant *out)
{
    *out = (struct ff_grant){.lease = lease->id,
                             .job = lease->job->id,
                             .targets = lease->targets,
                             .count = lease->count,
                             .is_copy = lease->is_copy,
                             .suspect = lease->suspect};
}

bool ff_dispatch_grant(struct ff_dispatch *dispatch, const struct ff_dispatch_ask *ask, struct ff_grant *out)
{
    if (ask->idle + ask->prefetch == 0)
        return false;
    struct ff_lease *lease = grant_in_turn(dispatch, ask);
    if (!lease && ask->idle && ask->copies)
        lease = ff_copies_grant(&dispatch->leases, ask);
    if (lease)
        describe(lease, out);
    return lease != NULL;
}

bool ff_dispatch_has_waiting(const struct ff_dispatch *dispatch)
{
    struct ff_turn *turn = dispatch->turns.first;
    while (turn && !ff_backlog_has_waiting(job_of(turn)->backlog))
        turn = turn->next;
    return turn != NULL;
}

bool ff_dispatch_lease(const struct ff_dispatch *dispatch, uint64_t id, struct ff_grant *out,
                       uint64_t *worker)
{
    const struct ff_lease *lease = ff_leases_find(&dispatch->leases, id);
    if (!lease)
        return false;
    describe(lease, out);
    *worker = lease->worker;
    return true;
}

/* ---- results and faults ---- */

bool ff_dispatch_report_is_new(struct ff_dispatch *dispatch, uint64_t id, uint64_t sequence)
{
    struct ff_lease *lease = ff_leases_find(&dispatch->leases, id);
    if (!lease)
        return true; /* an old lease: results are judged by their targets, faults are ignored */
    if (sequence <= lease->sequence)
        return false;
    lease->sequence = sequence;
    return true;
}

bool ff_dispatch_result(struct ff_dispatch *dispatch, uint64_t id, uint32_t index, uint32_t *tries)
{
    struct ff_dispatched *job = find_job(dispatch, id);
    const struct ff_backlog_target *target = job ? ff_backlog_target(job->backlog, index) : NULL;
    if (!target || target->state == FF_TARGET_CLOSED)
        return false;
    /* A second copy that outlived the last try is not a try. */
    *tries = target->tries < job->attempts ? target->tries + 1u : job->attempts;
    ff_backlog_close(job->backlog, index);
    return true;
}

void ff_dispatch_observe(struct ff_dispatch *dispatch, uint64_t id, uint32_t index, double ms, double cpu_ms)
{
    const struct ff_backlog_target *target = find_target(dispatch, id, index);
    if (!target || !(ms >= 0 && cpu_ms >= 0))
        return;
    struct ff_dispatched *job = find_job(dispatch, id);
    struct ff_lease *lease = ff_leases_find(&dispatch->leases, target->lease);
    ff_backlog_observe(job->backlog, index, ms, cpu_ms);
    if (!lease)
        return;
    lease->spent_ms += (float)ms;
    ff_turns_settle(&dispatch->turns, &job->turn, price(ms) - lease->charged_ms);
}

/* Charges a try; the target waits alone, or is left to its second copy, or is closed. */
static enum ff_verdict charge(struct ff_lease *lease, uint32_t index, uint32_t *tries)
{
    struct ff_dispatched *job = lease->job;
    struct ff_backlog_target *target = ff_backlog_target(job->backlog, index);
    if (target->tries < job->attempts) /* a copy that lived on as the owner may have used up the last one */
        target->tries++;
    *tries = target->tries;
    target->last_worker = (uint32_t)lease->worker;
    if (target->copy == 0 && target->tries >= job->attempts) {
        ff_backlog_close(job->backlog, index);
        return FF_VERDICT_QUARANTINE;
    }
    target->alone = true;
    let_go(lease, index);
    return FF_VERDICT_RETRY;
}

enum ff_verdict ff_dispatch_fault(struct ff_dispatch *dispatch, uint64_t worker, uint64_t id, uint32_t index,
                                  uint32_t *tries)
{
    struct ff_lease *lease = ff_leases_find(&dispatch->leases, id);
    if (!lease || lease->worker != worker || !holds(lease, index))
        return FF_VERDICT_IGNORE;
    struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    if (target->copy != id)
        return charge(lease, index, tries);
    target->copy_faulted = true;
    target->copy = 0;
    return FF_VERDICT_IGNORE;
}

/* The target that was most likely in an executor: outcomes are reported in order. */
static bool first_open(const struct ff_lease *lease, uint32_t *out)
{
    for (size_t i = 0; i < lease->count; i++) {
        if (holds(lease, lease->targets[i])) {
            *out = lease->targets[i];
            return true;
        }
    }
    return false;
}

/* Outcomes on their way were lost too, so the culprit may be any of those that are open: each time that they
 * are lost together they come back in half as large chunks, and it is found after a few. */
static void halve(const struct ff_lease *lease)
{
    size_t open = held_count(lease);
    size_t most = open < 2 ? 1 : open / 2 < UINT16_MAX ? open / 2 : UINT16_MAX;
    for (size_t i = 0; i < lease->count; i++)
        if (holds(lease, lease->targets[i]))
            ff_backlog_target(lease->job->backlog, lease->targets[i])->most = (uint16_t)most;
}

/* true: it was lost alone too often and is closed. */
static bool suspect(struct ff_lease *lease, uint32_t index, uint32_t *tries)
{
    struct ff_dispatched *job = lease->job;
    struct ff_backlog_target *target = ff_backlog_target(job->backlog, index);
    bool was_alone = lease->suspect && target->copy == 0;
    target->suspect = true;
    target->alone = true;
    target->last_worker = (uint32_t)lease->worker;
    if (was_alone && ++target->lost >= job->attempts) {
        *tries = target->lost;
        ff_backlog_close(job->backlog, index);
        return true;
    }
    return false;
}

size_t ff_dispatch_lose_worker(struct ff_dispatch *dispatch, uint64_t worker, struct ff_lost_target *lost)
{
    size_t count = 0;
    struct ff_lease *lease;
    while ((lease = ff_leases_of(&dispatch->leases, worker))) {
        uint32_t index;
        halve(lease);
        if (first_open(lease, &index)) {
            lost[count] = (struct ff_lost_target){lease->job->id, index, 0};
            count += suspect(lease, index, &lost[count].tries);
        }
        give_back(dispatch, lease);
    }
    return count;
}

/* ---- looking ---- */

size_t ff_dispatch_lease_count(const struct ff_dispatch *dispatch, uint64_t worker)
{
    size_t count = 0;
    for (const struct ff_lease *lease = ff_leases_of(&dispatch->leases, worker); lease;
         lease = lease->next_of_worker)
        count++;
    return count;
}

size_t ff_dispatch_leases(const struct ff_dispatch *dispatch, uint64_t worker, uint64_t *leases)
{
    size_t count = 0;
    for (const struct ff_lease *lease = ff_leases_of(&dispatch->leases, worker); lease;
         lease = lease->next_of_worker)
        leases[count++] = lease->id;
    return count;
}

bool ff_dispatch_look(const struct ff_dispatch *dispatch, uint64_t id, uint32_t index,
                      struct ff_dispatch_target_view *out)
{
    static const char *const names[] = {"waiting", "leased", "closed"};
    const struct ff_backlog_target *target = find_target(dispatch, id, index);
    if (!target)
        return false;
    const struct ff_lease *lease =
        target->state == FF_TARGET_LEASED ? ff_leases_find(&dispatch->leases, target->lease) : NULL;
    const struct ff_lease *copy =
        lease && target->copy ? ff_leases_find(&dispatch->leases, target->copy) : NULL;
    *out = (struct ff_dispatch_target_view){.state = names[target->state],
                                            .tries = target->tries,
                                            .suspect = target->suspect,
                                            .alone = target->alone,
                                            .lease = lease ? lease->id : 0,
                                            .worker = lease ? lease->worker : 0,
                                            .copy_worker = copy ? copy->worker : 0};
    return true;
}

double ff_dispatch_remaining_ms(const struct ff_dispatch *dispatch, uint64_t id)
{
    const struct ff_dispatched *job = find_job(dispatch, id);
    return job ? ff_backlog_remaining_ms(job->backlog) : -1;
}

double ff_dispatch_eta_ms(const struct ff_dispatch *dispatch, uint64_t id, uint32_t slots, int64_t now_ms)
{
    const struct ff_dispatched *job = find_job(dispatch, id);
    return job && slots ? ff_eta_ms(&dispatch->turns, &dispatch->leases, job, slots, now_ms) : -1;
}

void ff_dispatch_learned(const struct ff_dispatch *dispatch, uint64_t id, size_t group, double *cells,
                         double *cpu_ms)
{
    const struct ff_dispatched *job = find_job(dispatch, id);
    *cells = *cpu_ms = 0;
    if (job)
        ff_backlog_learned(job->backlog, group, cells, cpu_ms);
}

/* Who holds what: the leases of every worker, and the verdicts on what comes back from them. Where the
 * targets of a job wait and how a chunk is cut is its backlog's (backlog.h). A target belongs to the one
 * lease that it names; a lease that lists it without being named has lost it. */
#include "coordinator/dispatch.h"

#include "coordinator/backlog.h"

#include <stdlib.h>
#include <string.h>

enum { LEASE_BUCKETS = 1024 };

struct job {
    struct job *next;
    uint64_t id;
    uint32_t attempts;
    struct ff_backlog *backlog;
};

struct lease {
    struct lease *next_bucket;
    struct lease *next_of_worker;
    uint64_t id;
    uint64_t worker;
    struct job *job;
    uint64_t sequence; /* of the last report */
    size_t count;
    bool suspect;
    uint32_t targets[];
};

/* Leases of one worker. Workers are few enough for a short list each, many enough for buckets. */
struct holder {
    struct holder *next;
    uint64_t worker;
    struct lease *leases;
};

struct ff_dispatch {
    struct job *jobs; /* oldest first */
    struct lease *buckets[LEASE_BUCKETS];
    struct holder *holders[LEASE_BUCKETS];
    uint64_t last_lease;
};

/* ---- finding ---- */

static struct job *find_job(const struct ff_dispatch *dispatch, uint64_t id)
{
    struct job *job = dispatch->jobs;
    while (job && job->id != id)
        job = job->next;
    return job;
}

static struct lease *find_lease(const struct ff_dispatch *dispatch, uint64_t id)
{
    struct lease *lease = dispatch->buckets[id % LEASE_BUCKETS];
    while (lease && lease->id != id)
        lease = lease->next_bucket;
    return lease;
}

static struct holder **find_holder(struct ff_dispatch *dispatch, uint64_t worker)
{
    struct holder **link = &dispatch->holders[worker % LEASE_BUCKETS];
    while (*link && (*link)->worker != worker)
        link = &(*link)->next;
    return link;
}

static const struct holder *holder_of(const struct ff_dispatch *dispatch, uint64_t worker)
{
    const struct holder *holder = dispatch->holders[worker % LEASE_BUCKETS];
    while (holder && holder->worker != worker)
        holder = holder->next;
    return holder;
}

/* NULL: there is no such job or target. */
static struct ff_backlog_target *find_target(const struct ff_dispatch *dispatch, uint64_t id, uint32_t index)
{
    const struct job *job = find_job(dispatch, id);
    return job ? ff_backlog_target(job->backlog, index) : NULL;
}

/* ---- jobs ---- */

struct ff_dispatch *ff_dispatch_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_dispatch));
}

void ff_dispatch_add_job(struct ff_dispatch *dispatch, const struct ff_dispatch_job *from)
{
    struct job *job = ff_xcalloc(1, sizeof *job);
    job->id = from->id;
    job->attempts = from->attempts;
    job->backlog = ff_backlog_create(from);
    struct job **last = &dispatch->jobs;
    while (*last)
        last = &(*last)->next;
    *last = job;
}

/* ---- leases ---- */

static struct lease *add_lease(struct ff_dispatch *dispatch, uint64_t worker, struct job *job,
                               const uint32_t *targets, size_t count)
{
    struct lease *lease = ff_xalloc(sizeof *lease + count * sizeof *targets);
    *lease = (struct lease){.id = ++dispatch->last_lease, .worker = worker, .job = job, .count = count};
    memcpy(lease->targets, targets, count * sizeof *targets);
    struct lease **bucket = &dispatch->buckets[lease->id % LEASE_BUCKETS];
    lease->next_bucket = *bucket;
    *bucket = lease;
    struct holder **link = find_holder(dispatch, worker);
    if (!*link) {
        *link = ff_xcalloc(1, sizeof **link);
        (*link)->worker = worker;
    }
    lease->next_of_worker = (*link)->leases;
    (*link)->leases = lease;
    for (size_t i = 0; i < count; i++) {
        lease->suspect |= ff_backlog_target(job->backlog, targets[i])->suspect;
        ff_backlog_lease(job->backlog, targets[i], lease->id);
    }
    return lease;
}

static void remove_lease(struct ff_dispatch *dispatch, struct lease *lease)
{
    struct lease **link = &dispatch->buckets[lease->id % LEASE_BUCKETS];
    while (*link != lease)
        link = &(*link)->next_bucket;
    *link = lease->next_bucket;
    struct holder **holder = find_holder(dispatch, lease->worker);
    link = &(*holder)->leases;
    while (*link != lease)
        link = &(*link)->next_of_worker;
    *link = lease->next_of_worker;
    if (!(*holder)->leases) {
        struct holder *empty = *holder;
        *holder = empty->next;
        free(empty);
    }
    free(lease);
}

static bool holds(const struct lease *lease, uint32_t index)
{
    const struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    return target && target->state == FF_TARGET_LEASED && target->lease == lease->id;
}

static void give_back(struct ff_dispatch *dispatch, struct lease *lease)
{
    /* Last one first: the stack of returned targets then has them in their order again. */
    for (size_t i = lease->count; i-- > 0;)
        if (holds(lease, lease->targets[i]))
            ff_backlog_return(lease->job->backlog, lease->targets[i]);
    remove_lease(dispatch, lease);
}

void ff_dispatch_end_lease(struct ff_dispatch *dispatch, uint64_t id)
{
    struct lease *lease = find_lease(dispatch, id);
    if (lease)
        give_back(dispatch, lease);
}

static void void_leases(struct ff_dispatch *dispatch, const struct job *job)
{
    for (size_t i = 0; i < LEASE_BUCKETS; i++) {
        struct lease *lease = dispatch->buckets[i];
        while (lease) {
            struct lease *next = lease->next_bucket;
            if (lease->job == job)
                remove_lease(dispatch, lease);
            lease = next;
        }
    }
}

void ff_dispatch_remove_job(struct ff_dispatch *dispatch, uint64_t id)
{
    struct job **link = &dispatch->jobs;
    while (*link && (*link)->id != id)
        link = &(*link)->next;
    struct job *job = *link;
    if (!job)
        return;
    *link = job->next;
    void_leases(dispatch, job);
    ff_backlog_destroy(job->backlog);
    free(job);
}

void ff_dispatch_destroy(struct ff_dispatch *dispatch)
{
    while (dispatch && dispatch->jobs)
        ff_dispatch_remove_job(dispatch, dispatch->jobs->id);
    free(dispatch);
}

/* ---- granting ---- */

static bool has_suspect(const struct ff_dispatch *dispatch, uint64_t worker)
{
    const struct holder *holder = holder_of(dispatch, worker);
    const struct lease *lease = holder ? holder->leases : NULL;
    while (lease && !lease->suspect)
        lease = lease->next_of_worker;
    return lease != NULL;
}

static struct lease *grant_chunk(struct ff_dispatch *dispatch, struct job *job,
                                 const struct ff_dispatch_ask *ask)
{
    uint32_t *targets;
    size_t count = ff_backlog_take_chunk(job->backlog, ask, &targets);
    struct lease *lease = count ? add_lease(dispatch, ask->worker, job, targets, count) : NULL;
    free(targets);
    return lease;
}

static struct lease *grant_from(struct ff_dispatch *dispatch, struct job *job,
                                const struct ff_dispatch_ask *ask)
{
    uint32_t target;
    if (!ff_backlog_has_waiting(job->backlog) ||
        (ask->idle == 0 && !ff_backlog_may_prefetch(job->backlog, ask)))
        return NULL;
    if (ask->idle && ff_backlog_take_alone(job->backlog, ask, !has_suspect(dispatch, ask->worker), &target))
        return add_lease(dispatch, ask->worker, job, &target, 1);
    return grant_chunk(dispatch, job, ask);
}

static void describe(const struct lease *lease, struct ff_grant *out)
{
    *out = (struct ff_grant){lease->id, lease->job->id, lease->targets, lease->count};
}

bool ff_dispatch_grant(struct ff_dispatch *dispatch, const struct ff_dispatch_ask *ask, struct ff_grant *out)
{
    struct lease *lease = NULL;
    if (ask->idle + ask->prefetch == 0)
        return false;
    for (struct job *job = dispatch->jobs; job && !lease; job = job->next)
        lease = grant_from(dispatch, job, ask);
    if (lease)
        describe(lease, out);
    return lease != NULL;
}

bool ff_dispatch_has_waiting(const struct ff_dispatch *dispatch)
{
    const struct job *job = dispatch->jobs;
    while (job && !ff_backlog_has_waiting(job->backlog))
        job = job->next;
    return job != NULL;
}

bool ff_dispatch_lease(const struct ff_dispatch *dispatch, uint64_t id, struct ff_grant *out,
                       uint64_t *worker)
{
    const struct lease *lease = find_lease(dispatch, id);
    if (!lease)
        return false;
    describe(lease, out);
    *worker = lease->worker;
    return true;
}

/* ---- results and faults ---- */

bool ff_dispatch_report_is_new(struct ff_dispatch *dispatch, uint64_t id, uint64_t sequence)
{
    struct lease *lease = find_lease(dispatch, id);
    if (!lease)
        return true; /* an old lease: results are judged by their targets, faults are ignored */
    if (sequence <= lease->sequence)
        return false;
    lease->sequence = sequence;
    return true;
}

bool ff_dispatch_result(struct ff_dispatch *dispatch, uint64_t id, uint32_t index, uint32_t *tries)
{
    const struct ff_backlog_target *target = find_target(dispatch, id, index);
    if (!target || target->state == FF_TARGET_CLOSED)
        return false;
    *tries = target->tries + 1u;
    ff_backlog_close(find_job(dispatch, id)->backlog, index);
    return true;
}

void ff_dispatch_observe(struct ff_dispatch *dispatch, uint64_t id, uint32_t index, double ms)
{
    if (find_target(dispatch, id, index) && ms >= 0)
        ff_backlog_observe(find_job(dispatch, id)->backlog, index, ms);
}

/* Charges a try; the target waits alone, or is closed. */
static enum ff_verdict charge(struct job *job, uint32_t index, uint64_t worker, uint32_t *tries)
{
    struct ff_backlog_target *target = ff_backlog_target(job->backlog, index);
    *tries = ++target->tries;
    target->last_worker = (uint32_t)worker;
    if (target->tries >= job->attempts) {
        ff_backlog_close(job->backlog, index);
        return FF_VERDICT_QUARANTINE;
    }
    target->alone = true;
    ff_backlog_return(job->backlog, index);
    return FF_VERDICT_RETRY;
}

enum ff_verdict ff_dispatch_fault(struct ff_dispatch *dispatch, uint64_t worker, uint64_t id, uint32_t index,
                                  uint32_t *tries)
{
    struct lease *lease = find_lease(dispatch, id);
    if (!lease || lease->worker != worker || !holds(lease, index))
        return FF_VERDICT_IGNORE;
    return charge(lease->job, index, worker, tries);
}

/* The target that was most likely in an executor: outcomes are reported in order. */
static bool first_open(const struct lease *lease, uint32_t *out)
{
    for (size_t i = 0; i < lease->count; i++) {
        if (holds(lease, lease->targets[i])) {
            *out = lease->targets[i];
            return true;
        }
    }
    return false;
}

/* true: it was lost alone too often and is closed. */
static bool suspect(struct lease *lease, uint32_t index, uint32_t *tries)
{
    struct job *job = lease->job;
    struct ff_backlog_target *target = ff_backlog_target(job->backlog, index);
    bool was_alone = lease->count == 1 && target->suspect;
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
    struct holder *holder;
    while ((holder = *find_holder(dispatch, worker))) {
        struct lease *lease = holder->leases;
        uint32_t index;
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
    const struct holder *holder = holder_of(dispatch, worker);
    size_t count = 0;
    for (const struct lease *lease = holder ? holder->leases : NULL; lease; lease = lease->next_of_worker)
        count++;
    return count;
}

size_t ff_dispatch_leases(const struct ff_dispatch *dispatch, uint64_t worker, uint64_t *leases)
{
    const struct holder *holder = holder_of(dispatch, worker);
    size_t count = 0;
    for (const struct lease *lease = holder ? holder->leases : NULL; lease; lease = lease->next_of_worker)
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
    const struct lease *lease =
        target->state == FF_TARGET_LEASED ? find_lease(dispatch, target->lease) : NULL;
    *out = (struct ff_dispatch_target_view){.state = names[target->state],
                                            .tries = target->tries,
                                            .suspect = target->suspect,
                                            .alone = target->alone,
                                            .lease = lease ? lease->id : 0,
                                            .worker = lease ? lease->worker : 0};
    return true;
}

double ff_dispatch_remaining_ms(const struct ff_dispatch *dispatch, uint64_t id)
{
    const struct job *job = find_job(dispatch, id);
    return job ? ff_backlog_remaining_ms(job->backlog) : -1;
}

void ff_dispatch_learned(const struct ff_dispatch *dispatch, uint64_t id, size_t group, double *cells,
                         double *ms)
{
    const struct job *job = find_job(dispatch, id);
    *cells = *ms = 0;
    if (job)
        ff_backlog_learned(job->backlog, group, cells, ms);
}

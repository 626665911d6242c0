/* Targets wait in three places of a job, taken in this order: `alone` (the frame of all, retries, suspects: a
 * chunk of one each), `returned` (came back with a lease), and the list sorted longest first, of which
 * `cursor` is what is left.
 *
 * A chunk is cut by predicted time: guided self-scheduling (Polychronopoulos and Kuck 1987) with a ceiling,
 * so that overhead stays below a percent, the first results come soon and the tail is short. */
#include "coordinator/dispatch.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 4 << 20,
    CHUNK_TARGETS = 2048,
    CHUNK_MAX_US = 300000,
    CHUNK_MIN_US = 10000,
    PREFETCH_MAX_US = 1000000, /* a longer chunk is not tied to an executor that is busy */
    UNKNOWN_MAX = 16,          /* targets per chunk while nothing is known of their cost */
    LEASE_BUCKETS = 1024,
    ELSEWHERE_LOOKS = 8, /* retries looked at for one that another worker faulted */
};

enum target_state { WAITING, LEASED, CLOSED };

struct target {
    uint64_t lease; /* that holds it, if LEASED */
    uint32_t cells;
    uint32_t last_worker; /* that it faulted on or was lost with */
    uint16_t group;
    uint8_t state;
    uint8_t tries;
    uint8_t lost; /* times lost alone with its worker */
    bool alone;
    bool suspect;
};

struct group {
    double us_per_cell; /* from the cost book */
    double cells;       /* learned here */
    double us;
    double waiting_cells;
    double open_cells;
};

struct job {
    struct job *next;
    uint64_t id;
    struct target *targets;
    size_t count;
    uint32_t *order; /* longest first */
    size_t cursor;
    size_t order_count;
    uint32_t *returned; /* a stack; room for count */
    size_t returned_count;
    uint32_t *alone; /* a ring; room for count */
    size_t alone_first;
    size_t alone_count;
    struct group *groups;
    size_t group_count;
    uint32_t attempts;
    enum ff_chunk_mode mode;
    uint64_t chunk;
    uint64_t waiting;
    uint64_t open;
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

/* ---- costs ---- */

static double rate(const struct group *group)
{
    if (group->cells <= 0)
        return group->us_per_cell;
    return group->us > 0 ? group->us / group->cells : 1e-9; /* measured as nothing is not unknown */
}

static bool costs_are_known(const struct job *job)
{
    for (size_t i = 0; i < job->group_count; i++)
        if (job->groups[i].open_cells > 0 && rate(&job->groups[i]) <= 0)
            return false;
    return true;
}

/* Whether fits of this job have shown what they cost. The book's figures may be of other parameters: good
 * enough to order targets and to guess when the job ends, not to tie up an executor for minutes. */
static bool is_measured(const struct group *group)
{
    return group->cells > 0;
}

static double predicted_us(const struct job *job, const struct target *target)
{
    return target->cells * rate(&job->groups[target->group]);
}

static double waiting_us(const struct job *job)
{
    double us = 0;
    for (size_t i = 0; i < job->group_count; i++)
        us += job->groups[i].waiting_cells * rate(&job->groups[i]);
    return us;
}

/* ---- moving one target ---- */

static void make_wait(struct job *job, uint32_t index)
{
    struct target *target = &job->targets[index];
    target->state = WAITING;
    target->lease = 0;
    job->waiting++;
    job->groups[target->group].waiting_cells += target->cells;
    if (target->alone)
        job->alone[(job->alone_first + job->alone_count++) % job->count] = index;
    else
        job->returned[job->returned_count++] = index;
}

static void close_target(struct job *job, uint32_t index)
{
    struct target *target = &job->targets[index];
    struct group *group = &job->groups[target->group];
    if (target->state == WAITING) {
        job->waiting--; /* its entry in a list is passed over when it comes up */
        group->waiting_cells -= target->cells;
    }
    target->state = CLOSED;
    group->open_cells -= target->cells;
    job->open--;
}

static bool is_waiting(const struct job *job, uint32_t index, bool alone)
{
    return job->targets[index].state == WAITING && job->targets[index].alone == alone;
}

/* ---- jobs ---- */

struct ff_dispatch *ff_dispatch_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_dispatch));
}

static int longest_first(const void *left, const void *right, void *context)
{
    const struct job *job = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    double cost_a = predicted_us(job, &job->targets[a]), cost_b = predicted_us(job, &job->targets[b]);
    if (cost_a == cost_b) {
        cost_a = job->targets[a].cells;
        cost_b = job->targets[b].cells;
    }
    if (cost_a != cost_b)
        return cost_a > cost_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void fill_job(struct job *job, const struct ff_dispatch_job *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct ff_dispatch_item *item = &from->items[i];
        struct target *target = &job->targets[i];
        target->cells = item->cells > UINT32_MAX ? UINT32_MAX : (uint32_t)item->cells;
        target->group = (uint16_t)item->group;
        target->alone = item->alone;
        target->state = CLOSED;
        if (item->closed)
            continue;
        job->open++;
        job->groups[target->group].open_cells += target->cells;
        if (item->alone) {
            make_wait(job, i);
            continue;
        }
        target->state = WAITING;
        job->waiting++;
        job->groups[target->group].waiting_cells += target->cells;
        job->order[job->order_count++] = i;
    }
}

void ff_dispatch_add_job(struct ff_dispatch *dispatch, const struct ff_dispatch_job *from)
{
    struct job *job = ff_xcalloc(1, sizeof *job);
    size_t room = from->count ? from->count : 1;
    job->id = from->id;
    job->count = from->count;
    job->attempts = from->attempts;
    job->mode = from->mode;
    job->chunk = from->chunk;
    job->group_count = from->group_count;
    job->groups = ff_xcalloc(from->group_count ? from->group_count : 1, sizeof *job->groups);
    for (size_t i = 0; i < from->group_count; i++)
        job->groups[i].us_per_cell = from->us_per_cell ? from->us_per_cell[i] : 0;
    job->targets = ff_xcalloc(room, sizeof *job->targets);
    job->order = ff_xalloc(room * sizeof *job->order);
    job->returned = ff_xalloc(room * sizeof *job->returned);
    job->alone = ff_xalloc(room * sizeof *job->alone);
    fill_job(job, from);
    qsort_r(job->order, job->order_count, sizeof *job->order, longest_first, job);
    struct job **last = &dispatch->jobs;
    while (*last)
        last = &(*last)->next;
    *last = job;
}

static void free_job(struct job *job)
{
    free(job->targets);
    free(job->order);
    free(job->returned);
    free(job->alone);
    free(job->groups);
    free(job);
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
        struct target *target = &job->targets[targets[i]];
        target->state = LEASED;
        target->lease = lease->id;
        lease->suspect |= target->suspect;
        job->waiting--;
        job->groups[target->group].waiting_cells -= target->cells;
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

static bool holds(const struct lease *lease, uint32_t target)
{
    return lease->job->targets[target].state == LEASED && lease->job->targets[target].lease == lease->id;
}

static void give_back(struct ff_dispatch *dispatch, struct lease *lease)
{
    /* Last one first: the stack of returned targets then has them in their order again. */
    for (size_t i = lease->count; i-- > 0;)
        if (holds(lease, lease->targets[i]))
            make_wait(lease->job, lease->targets[i]);
    remove_lease(dispatch, lease);
}

void ff_dispatch_end_lease(struct ff_dispatch *dispatch, uint64_t id)
{
    struct lease *lease = find_lease(dispatch, id);
    if (lease)
        give_back(dispatch, lease);
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
    for (size_t i = 0; i < LEASE_BUCKETS; i++) {
        struct lease *lease = dispatch->buckets[i];
        while (lease) {
            struct lease *next = lease->next_bucket;
            if (lease->job == job)
                remove_lease(dispatch, lease);
            lease = next;
        }
    }
    free_job(job);
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

/* Takes the i-th of the ring out. */
static uint32_t take_alone(struct job *job, size_t i)
{
    uint32_t index = job->alone[(job->alone_first + i) % job->count];
    for (; i > 0; i--)
        job->alone[(job->alone_first + i) % job->count] = job->alone[(job->alone_first + i - 1) % job->count];
    job->alone_first = (job->alone_first + 1) % job->count;
    job->alone_count--;
    return index;
}

/* One that did not fault on this worker, if there is another worker for those that did. */
static bool next_alone(struct ff_dispatch *dispatch, struct job *job, const struct ff_dispatch_ask *ask,
                       uint32_t *out)
{
    bool suspects_welcome = !has_suspect(dispatch, ask->worker);
    for (size_t i = 0; i < job->alone_count && i < ELSEWHERE_LOOKS; i++) {
        uint32_t index = job->alone[(job->alone_first + i) % job->count];
        const struct target *target = &job->targets[index];
        if (!is_waiting(job, index, true)) {
            take_alone(job, i--);
            continue;
        }
        bool elsewhere = target->last_worker == (uint32_t)ask->worker && ask->fleet_workers > 1;
        if ((target->suspect && !suspects_welcome) || elsewhere)
            continue;
        *out = take_alone(job, i);
        return true;
    }
    return false;
}

/* The next target that waits with others, NULL if none; it stays where it is until passed. */
static const uint32_t *next_common(struct job *job)
{
    while (job->returned_count && !is_waiting(job, job->returned[job->returned_count - 1], false))
        job->returned_count--;
    if (job->returned_count)
        return &job->returned[job->returned_count - 1];
    while (job->cursor < job->order_count && !is_waiting(job, job->order[job->cursor], false))
        job->cursor++;
    return job->cursor < job->order_count ? &job->order[job->cursor] : NULL;
}

static void pass_common(struct job *job)
{
    if (job->returned_count)
        job->returned_count--;
    else
        job->cursor++;
}

struct limits {
    uint64_t targets;
    uint64_t unmeasured; /* targets whose cost is not known yet */
    uint64_t bytes;
    double us;
};

static struct limits chunk_limits(const struct job *job, const struct ff_dispatch_ask *ask)
{
    uint32_t slots = ask->fleet_slots ? ask->fleet_slots : 1;
    if (job->mode == FF_CHUNK_FIXED)
        return (struct limits){job->chunk, UINT64_MAX, UINT64_MAX, 1e300};
    if (job->mode == FF_CHUNK_PER_WORKER)
        return (struct limits){(job->order_count + slots - 1) / slots, UINT64_MAX, UINT64_MAX, 1e300};
    uint64_t unmeasured = job->waiting / (slots * 16ULL);
    unmeasured = unmeasured < 1 ? 1 : unmeasured > UNKNOWN_MAX ? UNKNOWN_MAX : unmeasured;
    double us = waiting_us(job) / (2.0 * slots);
    us = us > CHUNK_MAX_US ? CHUNK_MAX_US : us < CHUNK_MIN_US ? CHUNK_MIN_US : us;
    return (struct limits){CHUNK_TARGETS, unmeasured, CHUNK_BYTES, us};
}

static struct lease *grant_common(struct ff_dispatch *dispatch, struct job *job,
                                  const struct ff_dispatch_ask *ask)
{
    struct limits limits = chunk_limits(job, ask);
    uint32_t *targets = NULL;
    size_t count = 0, capacity = 0;
    uint64_t bytes = 0, unmeasured = 0;
    double us = 0;
    const uint32_t *next;
    while (count < limits.targets && (next = next_common(job))) {
        const struct target *target = &job->targets[*next];
        bytes += target->cells * sizeof(double);
        us += predicted_us(job, target);
        unmeasured += !is_measured(&job->groups[target->group]);
        if (count && (bytes > limits.bytes || us > limits.us || unmeasured > limits.unmeasured))
            break;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            targets = ff_xrealloc(targets, capacity * sizeof *targets);
        }
        targets[count++] = *next;
        pass_common(job);
    }
    struct lease *lease = count ? add_lease(dispatch, ask->worker, job, targets, count) : NULL;
    free(targets);
    return lease;
}

/* Whether a chunk may wait behind a busy executor: only a short one, while there is plenty left for others.
 */
static bool may_prefetch(struct job *job, const struct ff_dispatch_ask *ask)
{
    if (job->mode != FF_CHUNK_AUTO)
        return job->waiting > ask->fleet_slots * (job->mode == FF_CHUNK_FIXED ? job->chunk : job->count);
    const uint32_t *next = next_common(job);
    if (!next || job->waiting <= ask->fleet_slots)
        return false;
    const struct target *target = &job->targets[*next];
    return is_measured(&job->groups[target->group]) && predicted_us(job, target) < PREFETCH_MAX_US;
}

static struct lease *grant_from(struct ff_dispatch *dispatch, struct job *job,
                                const struct ff_dispatch_ask *ask)
{
    uint32_t target;
    if (job->waiting == 0 || (ask->idle == 0 && !may_prefetch(job, ask)))
        return NULL;
    if (ask->idle && next_alone(dispatch, job, ask, &target))
        return add_lease(dispatch, ask->worker, job, &target, 1);
    return grant_common(dispatch, job, ask);
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
    while (job && job->waiting == 0)
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
    struct job *job = find_job(dispatch, id);
    if (!job || index >= job->count || job->targets[index].state == CLOSED)
        return false;
    *tries = job->targets[index].tries + 1u;
    close_target(job, index);
    return true;
}

void ff_dispatch_observe(struct ff_dispatch *dispatch, uint64_t id, uint32_t index, double ms)
{
    struct job *job = find_job(dispatch, id);
    if (!job || index >= job->count || !(ms >= 0))
        return;
    struct target *target = &job->targets[index];
    job->groups[target->group].cells += target->cells;
    job->groups[target->group].us += ms * 1000;
}

/* Charges a try; the target waits alone, or is closed. */
static enum ff_verdict charge(struct job *job, uint32_t index, uint64_t worker, uint32_t *tries)
{
    struct target *target = &job->targets[index];
    *tries = ++target->tries;
    target->last_worker = (uint32_t)worker;
    if (target->tries >= job->attempts) {
        close_target(job, index);
        return FF_VERDICT_QUARANTINE;
    }
    target->alone = true;
    make_wait(job, index);
    return FF_VERDICT_RETRY;
}

enum ff_verdict ff_dispatch_fault(struct ff_dispatch *dispatch, uint64_t worker, uint64_t id, uint32_t index,
                                  uint32_t *tries)
{
    struct lease *lease = find_lease(dispatch, id);
    if (!lease || lease->worker != worker || index >= lease->job->count || !holds(lease, index))
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
    struct target *target = &job->targets[index];
    bool was_alone = lease->count == 1 && target->suspect;
    target->suspect = true;
    target->alone = true;
    target->last_worker = (uint32_t)lease->worker;
    if (was_alone && ++target->lost >= job->attempts) {
        *tries = target->lost;
        close_target(job, index);
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
    const struct job *job = find_job(dispatch, id);
    if (!job || index >= job->count)
        return false;
    const struct target *target = &job->targets[index];
    const struct lease *lease = target->state == LEASED ? find_lease(dispatch, target->lease) : NULL;
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
    if (!job || !costs_are_known(job))
        return -1;
    double us = 0;
    for (size_t i = 0; i < job->group_count; i++)
        us += job->groups[i].open_cells * rate(&job->groups[i]);
    return us / 1000;
}

void ff_dispatch_learned(const struct ff_dispatch *dispatch, uint64_t id, size_t group, double *cells,
                         double *ms)
{
    const struct job *job = find_job(dispatch, id);
    *cells = job && group < job->group_count ? job->groups[group].cells : 0;
    *ms = job && group < job->group_count ? job->groups[group].us / 1000 : 0;
}

/* Targets wait in three places, taken in this order: `alone` (the frame of all, retries, suspects: a chunk of
 * one each), `returned` (came back with a lease), and the list sorted longest first, of which `cursor` is
 * what is left. One that is closed while it waits keeps its entry, which is passed over when it comes up.
 *
 * A chunk is cut by predicted time: guided self-scheduling (Polychronopoulos and Kuck 1987) with a ceiling,
 * so that overhead stays below a percent, the first results come soon and the tail is short. */
#include "coordinator/backlog.h"

#include <stdlib.h>

enum {
    CHUNK_BYTES = 4 << 20,
    CHUNK_TARGETS = 2048,
    CHUNK_MAX_US = 300000,
    CHUNK_MIN_US = 10000,
    PREFETCH_MAX_US = 1000000, /* a longer chunk is not tied to an executor that is busy */
    UNKNOWN_MAX = 16,          /* targets per chunk while nothing is known of their cost */
    ELSEWHERE_LOOKS = 8,       /* retries looked at for one that another worker faulted */
};

struct group {
    double us_per_cell; /* from the cost book */
    double cells;       /* learned here */
    double us;
    double waiting_cells;
    double open_cells;
};

struct ff_backlog {
    struct ff_backlog_target *targets;
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
    enum ff_chunk_mode mode;
    uint64_t chunk;
    uint64_t waiting;
};

/* ---- costs ---- */

static double rate(const struct group *group)
{
    if (group->cells <= 0)
        return group->us_per_cell;
    return group->us > 0 ? group->us / group->cells : 1e-9; /* measured as nothing is not unknown */
}

static bool costs_are_known(const struct ff_backlog *backlog)
{
    for (size_t i = 0; i < backlog->group_count; i++)
        if (backlog->groups[i].open_cells > 0 && rate(&backlog->groups[i]) <= 0)
            return false;
    return true;
}

/* Whether fits of this job have shown what they cost. The book's figures may be of other parameters: good
 * enough to order targets and to guess when the job ends, not to tie up an executor for minutes. */
static bool is_measured(const struct group *group)
{
    return group->cells > 0;
}

static double predicted_us(const struct ff_backlog *backlog, const struct ff_backlog_target *target)
{
    return target->cells * rate(&backlog->groups[target->group]);
}

static double waiting_us(const struct ff_backlog *backlog)
{
    double us = 0;
    for (size_t i = 0; i < backlog->group_count; i++)
        us += backlog->groups[i].waiting_cells * rate(&backlog->groups[i]);
    return us;
}

void ff_backlog_observe(struct ff_backlog *backlog, uint32_t index, double ms)
{
    const struct ff_backlog_target *target = &backlog->targets[index];
    backlog->groups[target->group].cells += target->cells;
    backlog->groups[target->group].us += ms * 1000;
}

double ff_backlog_remaining_ms(const struct ff_backlog *backlog)
{
    if (!costs_are_known(backlog))
        return -1;
    double us = 0;
    for (size_t i = 0; i < backlog->group_count; i++)
        us += backlog->groups[i].open_cells * rate(&backlog->groups[i]);
    return us / 1000;
}

void ff_backlog_learned(const struct ff_backlog *backlog, size_t group, double *cells, double *ms)
{
    *cells = group < backlog->group_count ? backlog->groups[group].cells : 0;
    *ms = group < backlog->group_count ? backlog->groups[group].us / 1000 : 0;
}

/* ---- moving one target ---- */

static void count_waiting(struct ff_backlog *backlog, struct ff_backlog_target *target)
{
    target->state = FF_TARGET_WAITING;
    backlog->waiting++;
    backlog->groups[target->group].waiting_cells += target->cells;
}

static void wait_alone(struct ff_backlog *backlog, uint32_t index)
{
    backlog->alone[(backlog->alone_first + backlog->alone_count++) % backlog->count] = index;
}

void ff_backlog_return(struct ff_backlog *backlog, uint32_t index)
{
    struct ff_backlog_target *target = &backlog->targets[index];
    target->lease = 0;
    count_waiting(backlog, target);
    if (target->alone)
        wait_alone(backlog, index);
    else
        backlog->returned[backlog->returned_count++] = index;
}

void ff_backlog_lease(struct ff_backlog *backlog, uint32_t index, uint64_t lease)
{
    struct ff_backlog_target *target = &backlog->targets[index];
    target->state = FF_TARGET_LEASED;
    target->lease = lease;
    backlog->waiting--;
    backlog->groups[target->group].waiting_cells -= target->cells;
}

void ff_backlog_close(struct ff_backlog *backlog, uint32_t index)
{
    struct ff_backlog_target *target = &backlog->targets[index];
    struct group *group = &backlog->groups[target->group];
    if (target->state == FF_TARGET_WAITING) {
        backlog->waiting--;
        group->waiting_cells -= target->cells;
    }
    target->state = FF_TARGET_CLOSED;
    group->open_cells -= target->cells;
}

static bool is_waiting(const struct ff_backlog *backlog, uint32_t index, bool alone)
{
    return backlog->targets[index].state == FF_TARGET_WAITING && backlog->targets[index].alone == alone;
}

/* ---- life ---- */

static int longest_first(const void *left, const void *right, void *context)
{
    const struct ff_backlog *backlog = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    double cost_a = predicted_us(backlog, &backlog->targets[a]),
           cost_b = predicted_us(backlog, &backlog->targets[b]);
    if (cost_a == cost_b) {
        cost_a = backlog->targets[a].cells;
        cost_b = backlog->targets[b].cells;
    }
    if (cost_a != cost_b)
        return cost_a > cost_b ? -1 : 1;
    return a < b ? -1 : a > b;
}

static void add_target(struct ff_backlog *backlog, uint32_t index, const struct ff_dispatch_item *item)
{
    struct ff_backlog_target *target = &backlog->targets[index];
    target->cells = item->cells > UINT32_MAX ? UINT32_MAX : (uint32_t)item->cells;
    target->group = (uint16_t)item->group;
    target->alone = item->alone;
    target->state = FF_TARGET_CLOSED;
    if (item->closed)
        return;
    backlog->groups[target->group].open_cells += target->cells;
    count_waiting(backlog, target);
    if (item->alone)
        wait_alone(backlog, index);
    else
        backlog->order[backlog->order_count++] = index;
}

struct ff_backlog *ff_backlog_create(const struct ff_dispatch_job *from)
{
    struct ff_backlog *backlog = ff_xcalloc(1, sizeof *backlog);
    size_t room = from->count ? from->count : 1;
    backlog->count = from->count;
    backlog->mode = from->mode;
    backlog->chunk = from->chunk;
    backlog->group_count = from->group_count;
    backlog->groups = ff_xcalloc(from->group_count ? from->group_count : 1, sizeof *backlog->groups);
    for (size_t i = 0; i < from->group_count; i++)
        backlog->groups[i].us_per_cell = from->us_per_cell ? from->us_per_cell[i] : 0;
    backlog->targets = ff_xcalloc(room, sizeof *backlog->targets);
    backlog->order = ff_xalloc(room * sizeof *backlog->order);
    backlog->returned = ff_xalloc(room * sizeof *backlog->returned);
    backlog->alone = ff_xalloc(room * sizeof *backlog->alone);
    for (uint32_t i = 0; i < from->count; i++)
        add_target(backlog, i, &from->items[i]);
    qsort_r(backlog->order, backlog->order_count, sizeof *backlog->order, longest_first, backlog);
    return backlog;
}

void ff_backlog_destroy(struct ff_backlog *backlog)
{
    if (!backlog)
        return;
    free(backlog->targets);
    free(backlog->order);
    free(backlog->returned);
    free(backlog->alone);
    free(backlog->groups);
    free(backlog);
}

struct ff_backlog_target *ff_backlog_target(struct ff_backlog *backlog, uint32_t index)
{
    return index < backlog->count ? &backlog->targets[index] : NULL;
}

bool ff_backlog_has_waiting(const struct ff_backlog *backlog)
{
    return backlog->waiting > 0;
}

/* ---- taking ---- */

/* Takes the i-th of the ring out. */
static uint32_t take_alone(struct ff_backlog *backlog, size_t i)
{
    uint32_t index = backlog->alone[(backlog->alone_first + i) % backlog->count];
    for (; i > 0; i--)
        backlog->alone[(backlog->alone_first + i) % backlog->count] =
            backlog->alone[(backlog->alone_first + i - 1) % backlog->count];
    backlog->alone_first = (backlog->alone_first + 1) % backlog->count;
    backlog->alone_count--;
    return index;
}

bool ff_backlog_take_alone(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask,
                           bool suspects_welcome, uint32_t *out)
{
    for (size_t i = 0; i < backlog->alone_count && i < ELSEWHERE_LOOKS; i++) {
        uint32_t index = backlog->alone[(backlog->alone_first + i) % backlog->count];
        const struct ff_backlog_target *target = &backlog->targets[index];
        if (!is_waiting(backlog, index, true)) {
            take_alone(backlog, i--);
            continue;
        }
        bool elsewhere = target->last_worker == (uint32_t)ask->worker && ask->fleet_workers > 1;
        if ((target->suspect && !suspects_welcome) || elsewhere)
            continue;
        *out = take_alone(backlog, i);
        return true;
    }
    return false;
}

/* The next target that waits with others, NULL if none; it stays where it is until passed. */
static const uint32_t *next_common(struct ff_backlog *backlog)
{
    while (backlog->returned_count &&
           !is_waiting(backlog, backlog->returned[backlog->returned_count - 1], false))
        backlog->returned_count--;
    if (backlog->returned_count)
        return &backlog->returned[backlog->returned_count - 1];
    while (backlog->cursor < backlog->order_count &&
           !is_waiting(backlog, backlog->order[backlog->cursor], false))
        backlog->cursor++;
    return backlog->cursor < backlog->order_count ? &backlog->order[backlog->cursor] : NULL;
}

static void pass_common(struct ff_backlog *backlog)
{
    if (backlog->returned_count)
        backlog->returned_count--;
    else
        backlog->cursor++;
}

struct limits {
    uint64_t targets;
    uint64_t unmeasured; /* targets whose cost is not known yet */
    uint64_t bytes;
    double us;
};

static struct limits chunk_limits(const struct ff_backlog *backlog, const struct ff_dispatch_ask *ask)
{
    uint32_t slots = ask->fleet_slots ? ask->fleet_slots : 1;
    if (backlog->mode == FF_CHUNK_FIXED)
        return (struct limits){backlog->chunk, UINT64_MAX, UINT64_MAX, 1e300};
    if (backlog->mode == FF_CHUNK_PER_WORKER)
        return (struct limits){(backlog->order_count + slots - 1) / slots, UINT64_MAX, UINT64_MAX, 1e300};
    uint64_t unmeasured = backlog->waiting / (slots * 16ULL);
    unmeasured = unmeasured < 1 ? 1 : unmeasured > UNKNOWN_MAX ? UNKNOWN_MAX : unmeasured;
    double us = waiting_us(backlog) / (2.0 * slots);
    us = us > CHUNK_MAX_US ? CHUNK_MAX_US : us < CHUNK_MIN_US ? CHUNK_MIN_US : us;
    return (struct limits){CHUNK_TARGETS, unmeasured, CHUNK_BYTES, us};
}

size_t ff_backlog_take_chunk(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask,
                             uint32_t **targets)
{
    struct limits limits = chunk_limits(backlog, ask);
    size_t count = 0, capacity = 0;
    uint64_t bytes = 0, unmeasured = 0;
    double us = 0;
    const uint32_t *next;
    *targets = NULL;
    while (count < limits.targets && (next = next_common(backlog))) {
        const struct ff_backlog_target *target = &backlog->targets[*next];
        bytes += target->cells * sizeof(double);
        us += predicted_us(backlog, target);
        unmeasured += !is_measured(&backlog->groups[target->group]);
        if (count && (bytes > limits.bytes || us > limits.us || unmeasured > limits.unmeasured))
            break;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            *targets = ff_xrealloc(*targets, capacity * sizeof **targets);
        }
        (*targets)[count++] = *next;
        pass_common(backlog);
    }
    return count;
}

bool ff_backlog_may_prefetch(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask)
{
    if (backlog->mode != FF_CHUNK_AUTO)
        return backlog->waiting >
               ask->fleet_slots * (backlog->mode == FF_CHUNK_FIXED ? backlog->chunk : backlog->count);
    const uint32_t *next = next_common(backlog);
    if (!next || backlog->waiting <= ask->fleet_slots)
        return false;
    const struct ff_backlog_target *target = &backlog->targets[*next];
    return is_measured(&backlog->groups[target->group]) && predicted_us(backlog, target) < PREFETCH_MAX_US;
}

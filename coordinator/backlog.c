/* Targets wait in four places, taken in this order: `alone` (the frame of all, retries, suspects: a chunk of
 * one each), `returned` (came back with a lease), `probes` (a few of each group whose cost nobody knows, from
 * its largest to its smallest), and the order: each group's targets, largest first. The group whose next
 * target is predicted to take longest comes first, by what is known when it is asked for, so a group that
 * turns out to be slow goes to the front as soon as one of it was fitted. One that is leased or closed while
 * it waits keeps its entries, which are passed over when they come up.
 *
 * A chunk is cut by predicted time: guided self-scheduling (Polychronopoulos and Kuck 1987) with a ceiling,
 * so that overhead stays below a percent, the first results come soon and the tail is short. */
#include "coordinator/backlog.h"

#include <stdlib.h>

enum {
    CHUNK_BYTES = 4 << 20,
    CHUNK_TARGETS = 2048,
    CHUNK_MAX_US = 300000,
    CHUNK_BEHIND_US = 100000, /* of one that waits behind a busy executor: nothing can pass it there */
    CHUNK_MIN_US = 10000,
    PREFETCH_MAX_US = 1000000, /* a longer chunk is not tied to an executor that is busy */
    UNKNOWN_MAX = 16,          /* targets per chunk while nothing is known of their cost */
    PROBES = 8,                /* of a group, if it has 16 times as many, and not all of one size */
    ELSEWHERE_LOOKS = 8,       /* retries looked at for one that another worker faulted */
};

struct group {
    struct ff_cost_line line; /* from the cost book, until a fit showed it */
    struct ff_cost_sums learned;
    double cpu_ms; /* of what was learned */
    double waiting, waiting_cells;
    double open, open_cells;
    size_t cursor, end; /* its part of the order, what is left of it */
};

struct ff_backlog {
    struct ff_backlog_target *targets;
    size_t count;
    uint32_t *order; /* by group */
    size_t order_count;
    uint32_t *probes;
    size_t probe_cursor;
    size_t probe_count;
    uint32_t *returned; /* a stack; room for count */
    size_t returned_count;
    uint32_t *alone; /* a ring; room for count */
    size_t alone_first;
    size_t alone_count;
    struct group *groups;
    size_t group_count;
    struct ff_cost_sums learned; /* of all groups */
    struct ff_cost_line line;
    enum ff_chunk_mode mode;
    uint64_t chunk;
    uint64_t waiting;
};

/* ---- costs ---- */

/* A group of which nothing is known is taken for one like the others. */
static const struct ff_cost_line *line_of(const struct ff_backlog *backlog, const struct group *group)
{
    return ff_cost_line_known(&group->line) ? &group->line : &backlog->line;
}

static bool costs_are_known(const struct ff_backlog *backlog)
{
    for (size_t i = 0; i < backlog->group_count; i++)
        if (backlog->groups[i].open > 0 && !ff_cost_line_known(line_of(backlog, &backlog->groups[i])))
            return false;
    return true;
}

/* Whether fits of this job have shown what they cost. The book's figures may be of other parameters: good
 * enough to order targets and to guess when the job ends, not to tie up an executor for minutes. */
static bool is_measured(const struct group *group)
{
    return group->learned.count > 0;
}

static double predicted_us(const struct ff_backlog *backlog, const struct ff_backlog_target *target)
{
    return ff_cost_line_us(line_of(backlog, &backlog->groups[target->group]), 1, target->cells);
}

double ff_backlog_predicted_ms(const struct ff_backlog *backlog, uint32_t index)
{
    return predicted_us(backlog, &backlog->targets[index]) / 1000;
}

static double waiting_us(const struct ff_backlog *backlog)
{
    double us = 0;
    for (size_t i = 0; i < backlog->group_count; i++) {
        const struct group *group = &backlog->groups[i];
        us += ff_cost_line_us(line_of(backlog, group), group->waiting, group->waiting_cells);
    }
    return us;
}

void ff_backlog_observe(struct ff_backlog *backlog, uint32_t index, double ms, double cpu_ms)
{
    const struct ff_backlog_target *target = &backlog->targets[index];
    struct group *group = &backlog->groups[target->group];
    ff_cost_sums_add(&group->learned, target->cells, ms * 1000);
    ff_cost_sums_add(&backlog->learned, target->cells, ms * 1000);
    group->cpu_ms += cpu_ms;
    group->line = ff_cost_line_fit(&group->learned);
    backlog->line = ff_cost_line_fit(&backlog->learned);
}

double ff_backlog_remaining_ms(const struct ff_backlog *backlog)
{
    if (!costs_are_known(backlog))
        return -1;
    double us = 0;
    for (size_t i = 0; i < backlog->group_count; i++) {
        const struct group *group = &backlog->groups[i];
        us += ff_cost_line_us(line_of(backlog, group), group->open, group->open_cells);
    }
    return us / 1000;
}

double ff_backlog_overhead_ms(const struct ff_backlog *backlog)
{
    double us = 0;
    for (size_t i = 0; i < backlog->group_count; i++)
        us += ff_cost_overhead_us(backlog->groups[i].open, backlog->groups[i].open_cells);
    return us / 1000;
}

void ff_backlog_learned(const struct ff_backlog *backlog, size_t group, double *cells, double *cpu_ms)
{
    *cells = group < backlog->group_count ? backlog->groups[group].learned.cells : 0;
    *cpu_ms = group < backlog->group_count ? backlog->groups[group].cpu_ms : 0;
}

/* ---- moving one target ---- */

static void count_waiting(struct ff_backlog *backlog, struct ff_backlog_target *target)
{
    target->state = FF_TARGET_WAITING;
    backlog->waiting++;
    backlog->groups[target->group].waiting++;
    backlog->groups[target->group].waiting_cells += target->cells;
}

static void stop_waiting(struct ff_backlog *backlog, const struct ff_backlog_target *target)
{
    backlog->waiting--;
    backlog->groups[target->group].waiting--;
    backlog->groups[target->group].waiting_cells -= target->cells;
}

static void take(struct ff_backlog *backlog, uint32_t index)
{
    backlog->targets[index].state = FF_TARGET_LEASED;
    stop_waiting(backlog, &backlog->targets[index]);
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
    backlog->targets[index].lease = lease;
}

void ff_backlog_close(struct ff_backlog *backlog, uint32_t index)
{
    struct ff_backlog_target *target = &backlog->targets[index];
    struct group *group = &backlog->groups[target->group];
    if (target->state == FF_TARGET_WAITING)
        stop_waiting(backlog, target);
    target->state = FF_TARGET_CLOSED;
    group->open--;
    group->open_cells -= target->cells;
}

static bool is_waiting(const struct ff_backlog *backlog, uint32_t index, bool alone)
{
    return backlog->targets[index].state == FF_TARGET_WAITING && backlog->targets[index].alone == alone;
}

/* ---- life ---- */

static int compare_cells(const struct ff_backlog *backlog, uint32_t a, uint32_t b)
{
    const struct ff_backlog_target *left = &backlog->targets[a], *right = &backlog->targets[b];
    if (left->cells != right->cells)
        return left->cells > right->cells ? -1 : 1;
    return a < b ? -1 : a > b;
}

static int by_group(const void *left, const void *right, void *context)
{
    const struct ff_backlog *backlog = context;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    if (backlog->targets[a].group != backlog->targets[b].group)
        return backlog->targets[a].group < backlog->targets[b].group ? -1 : 1;
    return compare_cells(backlog, a, b);
}

static void sort(struct ff_backlog *backlog)
{
    qsort_r(backlog->order, backlog->order_count, sizeof *backlog->order, by_group, backlog);
    for (size_t i = 0; i < backlog->order_count; i++) {
        struct group *group = &backlog->groups[backlog->targets[backlog->order[i]].group];
        if (group->end == 0)
            group->cursor = i;
        group->end = i + 1;
    }
}

static size_t probes_of(const struct ff_backlog *backlog, const struct group *group)
{
    size_t size = group->end - group->cursor;
    if (size == 0 || ff_cost_line_known(&group->line))
        return 0;
    double most = backlog->targets[backlog->order[group->cursor]].cells;
    double least = backlog->targets[backlog->order[group->end - 1]].cells;
    size_t count = least < 0.9 * most ? size / 16 : 1;
    return count < 1 ? 1 : count > PROBES ? PROBES : count;
}

static void choose_probes(struct ff_backlog *backlog)
{
    backlog->probes = ff_xalloc((backlog->group_count * PROBES + 1) * sizeof *backlog->probes);
    for (size_t g = 0; g < backlog->group_count; g++) {
        const struct group *group = &backlog->groups[g];
        size_t count = probes_of(backlog, group), last = group->end - group->cursor - 1;
        for (size_t i = 0; i < count; i++)
            backlog->probes[backlog->probe_count++] =
                backlog->order[group->cursor + (count > 1 ? i * last / (count - 1) : 0)];
    }
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
    backlog->groups[target->group].open++;
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
        backlog->groups[i].line = (struct ff_cost_line){from->us_per_target ? from->us_per_target[i] : 0,
                                                        from->us_per_cell ? from->us_per_cell[i] : 0};
    backlog->targets = ff_xcalloc(room, sizeof *backlog->targets);
    backlog->order = ff_xalloc(room * sizeof *backlog->order);
    backlog->returned = ff_xalloc(room * sizeof *backlog->returned);
    backlog->alone = ff_xalloc(room * sizeof *backlog->alone);
    for (uint32_t i = 0; i < from->count; i++)
        add_target(backlog, i, &from->items[i]);
    sort(backlog);
    if (backlog->mode == FF_CHUNK_AUTO)
        choose_probes(backlog);
    return backlog;
}

void ff_backlog_destroy(struct ff_backlog *backlog)
{
    if (!backlog)
        return;
    free(backlog->targets);
    free(backlog->order);
    free(backlog->probes);
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
        take(backlog, *out);
        return true;
    }
    return false;
}

static const uint32_t *next_of(const struct ff_backlog *backlog, const uint32_t *list, size_t *cursor,
                               size_t end)
{
    while (*cursor < end && !is_waiting(backlog, list[*cursor], false))
        (*cursor)++;
    return *cursor < end ? &list[*cursor] : NULL;
}

static const uint32_t *next_of_group(const struct ff_backlog *backlog, struct group *group)
{
    return next_of(backlog, backlog->order, &group->cursor, group->end);
}

static bool is_longer(const struct ff_backlog *backlog, uint32_t a, uint32_t b)
{
    double cost_a = predicted_us(backlog, &backlog->targets[a]);
    double cost_b = predicted_us(backlog, &backlog->targets[b]);
    return cost_a != cost_b ? cost_a > cost_b : compare_cells(backlog, a, b) < 0;
}

static const uint32_t *longest_of_groups(const struct ff_backlog *backlog)
{
    const uint32_t *longest = NULL, *next;
    for (size_t i = 0; i < backlog->group_count; i++)
        if ((next = next_of_group(backlog, &backlog->groups[i])) &&
            (!longest || is_longer(backlog, *next, *longest)))
            longest = next;
    return longest;
}

static void pass_returned(struct ff_backlog *backlog)
{
    while (backlog->returned_count &&
           !is_waiting(backlog, backlog->returned[backlog->returned_count - 1], false))
        backlog->returned_count--;
}

/* The next target that waits with others, NULL if none; it stays where it is until it is taken. */
static const uint32_t *next_common(struct ff_backlog *backlog)
{
    pass_returned(backlog);
    if (backlog->returned_count)
        return &backlog->returned[backlog->returned_count - 1];
    const uint32_t *probe = next_of(backlog, backlog->probes, &backlog->probe_cursor, backlog->probe_count);
    return probe ? probe : longest_of_groups(backlog);
}

struct limits {
    uint64_t targets;
    uint64_t bytes;
    double us;
    uint64_t
        slots; /* of the fleet, where a group that is not measured sets a limit of its own; 0: where not */
};

static struct limits chunk_limits(const struct ff_backlog *backlog, const struct ff_dispatch_ask *ask)
{
    uint32_t slots = ask->fleet_slots ? ask->fleet_slots : 1;
    if (backlog->mode == FF_CHUNK_FIXED)
        return (struct limits){backlog->chunk, UINT64_MAX, 1e300, 0};
    if (backlog->mode == FF_CHUNK_PER_WORKER)
        return (struct limits){(backlog->order_count + slots - 1) / slots, UINT64_MAX, 1e300, 0};
    double us = waiting_us(backlog) / (2.0 * slots);
    double most = ask->idle ? CHUNK_MAX_US : CHUNK_BEHIND_US;
    us = us > most ? most : us < CHUNK_MIN_US ? CHUNK_MIN_US : us;
    return (struct limits){CHUNK_TARGETS, CHUNK_BYTES, us, slots};
}

/* What nobody measured yet travels by itself, a few at a time: one of it may take as long as all others. */
static void limit_unmeasured(const struct group *group, struct limits *limits)
{
    double most = group->waiting / (16.0 * (double)limits->slots);
    most = most < 1 ? 1 : most > UNKNOWN_MAX ? UNKNOWN_MAX : most;
    limits->targets = (uint64_t)most < limits->targets ? (uint64_t)most : limits->targets;
}

/* Whether one more goes with those of a chunk that has some already. */
static bool goes_along(const struct ff_backlog *backlog, const struct limits *limits, uint32_t first,
                       uint32_t next)
{
    uint16_t leads = backlog->targets[first].group, group = backlog->targets[next].group;
    return limits->slots == 0 || group == leads ||
           (is_measured(&backlog->groups[leads]) && is_measured(&backlog->groups[group]));
}

size_t ff_backlog_take_chunk(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask,
                             uint32_t **targets)
{
    struct limits limits = chunk_limits(backlog, ask);
    size_t count = 0, capacity = 0;
    uint64_t bytes = 0;
    double us = 0;
    const uint32_t *next;
    *targets = NULL;
    while (count < limits.targets && (next = next_common(backlog))) {
        const struct ff_backlog_target *target = &backlog->targets[*next];
        bytes += target->cells * sizeof(double);
        us += predicted_us(backlog, target);
        if (target->most && target->most < limits.targets)
            limits.targets = target->most;
        if (count && (count >= limits.targets || bytes > limits.bytes || us > limits.us ||
                      !goes_along(backlog, &limits, **targets, *next)))
            break;
        if (count == 0 && limits.slots && !is_measured(&backlog->groups[target->group]))
            limit_unmeasured(&backlog->groups[target->group], &limits);
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            *targets = ff_xrealloc(*targets, capacity * sizeof **targets);
        }
        (*targets)[count++] = *next;
        take(backlog, *next);
        pass_returned(backlog); /* before it can come back and be there twice */
    }
    return count;
}

double ff_backlog_longest_ms(struct ff_backlog *backlog)
{
    double longest_us = 0;
    for (size_t i = 0; i < backlog->group_count; i++) {
        const uint32_t *next = next_of_group(backlog, &backlog->groups[i]);
        double us = next ? predicted_us(backlog, &backlog->targets[*next]) : 0;
        longest_us = us > longest_us ? us : longest_us;
    }
    for (size_t i = 0; i < backlog->alone_count && i < ELSEWHERE_LOOKS; i++) {
        uint32_t index = backlog->alone[(backlog->alone_first + i) % backlog->count];
        double us = is_waiting(backlog, index, true) ? predicted_us(backlog, &backlog->targets[index]) : 0;
        longest_us = us > longest_us ? us : longest_us;
    }
    return longest_us / 1000;
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

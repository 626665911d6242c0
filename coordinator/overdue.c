/* Per worker what its last Beat showed and since when: one sight per executor, one watch per lease. A Beat
 * replaces both lists and carries over the times of what is still there; an agent lists executors by slot and
 * leases by age, so that is found without a search. Workers are in order of their ids, which only grow. */
#include "coordinator/overdue.h"

#include <stdlib.h>
#include <string.h>

enum { NO_LEASE = 0 };

/* An executor on a target, or idle. */
struct sight {
    uint32_t pid;
    uint64_t lease; /* NO_LEASE: idle */
    uint64_t job;
    uint32_t target;
    int64_t since_ms;
};

struct watch {
    uint64_t lease;
    int64_t progress_ms;
};

struct watched_worker {
    uint64_t id;
    struct sight *sights;
    size_t sight_count;
    struct watch *watches;
    size_t watch_count;
};

struct ff_overdue {
    struct watched_worker *workers;
    size_t count;
    size_t capacity;
};

struct ff_overdue *ff_overdue_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_overdue));
}

static void empty(struct watched_worker *worker)
{
    free(worker->sights);
    free(worker->watches);
}

void ff_overdue_destroy(struct ff_overdue *overdue)
{
    if (!overdue)
        return;
    for (size_t i = 0; i < overdue->count; i++)
        empty(&overdue->workers[i]);
    free(overdue->workers);
    free(overdue);
}

/* The place of the worker, or where it belongs. */
static size_t place_of(const struct ff_overdue *overdue, uint64_t id)
{
    size_t low = 0, high = overdue->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (overdue->workers[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct watched_worker *find(const struct ff_overdue *overdue, uint64_t id)
{
    size_t at = place_of(overdue, id);
    return at < overdue->count && overdue->workers[at].id == id ? &overdue->workers[at] : NULL;
}

static struct watched_worker *find_or_add(struct ff_overdue *overdue, uint64_t id)
{
    struct watched_worker *found = find(overdue, id);
    if (found)
        return found;
    if (overdue->count == overdue->capacity) {
        overdue->capacity = overdue->capacity ? 2 * overdue->capacity : 16;
        overdue->workers = ff_xrealloc(overdue->workers, overdue->capacity * sizeof *overdue->workers);
    }
    size_t at = place_of(overdue, id);
    memmove(&overdue->workers[at + 1], &overdue->workers[at],
            (overdue->count - at) * sizeof *overdue->workers);
    overdue->workers[at] = (struct watched_worker){.id = id};
    overdue->count++;
    return &overdue->workers[at];
}

void ff_overdue_forget(struct ff_overdue *overdue, uint64_t id)
{
    struct watched_worker *found = find(overdue, id);
    if (!found)
        return;
    empty(found);
    size_t at = (size_t)(found - overdue->workers);
    overdue->count--;
    memmove(found, found + 1, (overdue->count - at) * sizeof *found);
}

/* ---- what a Beat shows ---- */

static bool is_same_sight(const struct sight *a, const struct sight *b)
{
    return a->pid == b->pid && a->lease == b->lease && a->job == b->job && a->target == b->target;
}

static struct sight sight_of(const struct ff_executor_state *state, uint64_t epoch, int64_t now_ms)
{
    if (!state->busy || state->lease.epoch != epoch)
        return (struct sight){0};
    return (struct sight){state->pid, state->lease.counter, state->job, state->target, now_ms};
}

static void take_sights(struct watched_worker *worker, uint64_t epoch, const struct ff_beat_request *beat,
                        int64_t now_ms)
{
    struct sight *sights = ff_xcalloc(beat->executor_count + 1, sizeof *sights);
    for (size_t i = 0; i < beat->executor_count; i++) {
        sights[i] = sight_of(&beat->executors[i], epoch, now_ms);
        if (i < worker->sight_count && is_same_sight(&worker->sights[i], &sights[i]))
            sights[i].since_ms = worker->sights[i].since_ms;
    }
    free(worker->sights);
    worker->sights = sights;
    worker->sight_count = beat->executor_count;
}

static bool is_worked_on(const struct watched_worker *worker, uint64_t lease)
{
    for (size_t i = 0; i < worker->sight_count; i++)
        if (worker->sights[i].lease == lease)
            return true;
    return false;
}

/* From *from on, which moves behind what was found: both lists are in the same order. */
static const struct watch *find_watch(const struct watched_worker *worker, uint64_t lease, size_t *from)
{
    for (size_t i = *from; i < worker->watch_count; i++)
        if (worker->watches[i].lease == lease) {
            *from = i + 1;
            return &worker->watches[i];
        }
    return NULL;
}

/* A lease waits rightly while every executor is busy with others. */
static void take_watches(struct watched_worker *worker, uint64_t epoch, const struct ff_beat_request *beat,
                         int64_t now_ms)
{
    struct watch *watches = ff_xcalloc(beat->lease_count + 1, sizeof *watches);
    bool has_idle = is_worked_on(worker, NO_LEASE);
    size_t count = 0, from = 0;
    for (size_t i = 0; i < beat->lease_count; i++) {
        uint64_t lease = beat->leases[i].counter;
        if (beat->leases[i].epoch != epoch)
            continue;
        const struct watch *old = find_watch(worker, lease, &from);
        bool moves = !old || !has_idle || is_worked_on(worker, lease);
        watches[count++] = (struct watch){lease, moves ? now_ms : old->progress_ms};
    }
    free(worker->watches);
    worker->watches = watches;
    worker->watch_count = count;
}

/* ---- the rules ---- */

static bool is_listed(const struct ff_overdue_lease *list, size_t count, uint64_t lease)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].lease == lease)
            return true;
    return false;
}

static size_t find_stuck(const struct watched_worker *worker, ff_overdue_limit *limit, void *context,
                         int64_t now_ms, struct ff_overdue_lease *out)
{
    size_t count = 0;
    for (size_t i = 0; i < worker->sight_count; i++) {
        const struct sight *sight = &worker->sights[i];
        int64_t for_ms = now_ms - sight->since_ms, limit_ms = limit(context, sight->job, sight->target);
        if (sight->lease && limit_ms && for_ms > limit_ms + FF_OVERDUE_GRACE_MS &&
            !is_listed(out, count, sight->lease))
            out[count++] =
                (struct ff_overdue_lease){sight->lease, true, sight->job, sight->target, sight->pid, for_ms};
    }
    return count;
}

static size_t find_ignored(const struct watched_worker *worker, int64_t now_ms, struct ff_overdue_lease *out)
{
    size_t count = 0;
    for (size_t i = 0; i < worker->watch_count; i++) {
        int64_t for_ms = now_ms - worker->watches[i].progress_ms;
        if (for_ms > FF_OVERDUE_IGNORED_MS)
            out[count++] = (struct ff_overdue_lease){.lease = worker->watches[i].lease, .for_ms = for_ms};
    }
    return count;
}

size_t ff_overdue_beat(struct ff_overdue *overdue, uint64_t epoch, const struct ff_beat_request *beat,
                       ff_overdue_limit *limit, void *context, int64_t now_ms, struct ff_overdue_lease *out)
{
    struct watched_worker *worker = find_or_add(overdue, beat->worker);
    take_sights(worker, epoch, beat, now_ms);
    take_watches(worker, epoch, beat, now_ms);
    size_t count = find_stuck(worker, limit, context, now_ms, out);
    return count + find_ignored(worker, now_ms, out + count);
}

/* ---- time ---- */

void ff_overdue_progress(struct ff_overdue *overdue, uint64_t id, uint64_t lease, int64_t now_ms)
{
    struct watched_worker *worker = find(overdue, id);
    for (size_t i = 0; worker && i < worker->watch_count; i++)
        if (!lease || worker->watches[i].lease == lease)
            worker->watches[i].progress_ms = now_ms;
}

void ff_overdue_shift(struct ff_overdue *overdue, int64_t gap_ms)
{
    for (size_t i = 0; i < overdue->count; i++) {
        struct watched_worker *worker = &overdue->workers[i];
        for (size_t at = 0; at < worker->sight_count; at++)
            worker->sights[at].since_ms += gap_ms;
        for (size_t at = 0; at < worker->watch_count; at++)
            worker->watches[at].progress_ms += gap_ms;
    }
}

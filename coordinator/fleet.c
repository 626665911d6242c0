#include "coordinator/fleet.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HOST = 64, MOST_PROFILE = 512 };

enum { KEPT_GONE = 100 };

struct ff_fleet {
    struct ff_worker **workers; /* in order of id */
    size_t count;
    size_t capacity;
    size_t gone;
    uint64_t last_id;
    uint32_t slots;
    uint32_t ready;
};

const char *ff_worker_state_name(enum ff_worker_state state)
{
    static const char *const names[] = {"ready", "draining", "lost", "left"};
    return names[state];
}

static bool is_here(const struct ff_worker *worker)
{
    return worker->state == FF_WORKER_READY || worker->state == FF_WORKER_DRAINING;
}

static void free_worker(struct ff_worker *worker)
{
    free(worker->name);
    free(worker->host);
    free(worker->version);
    free(worker->profile);
    free(worker->executors);
    free(worker->missing);
    free(worker);
}

struct ff_fleet *ff_fleet_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_fleet));
}

void ff_fleet_count_from(struct ff_fleet *fleet, uint64_t first_id)
{
    fleet->last_id = first_id - 1;
}

void ff_fleet_destroy(struct ff_fleet *fleet)
{
    if (!fleet)
        return;
    for (size_t i = 0; i < fleet->count; i++)
        free_worker(fleet->workers[i]);
    free(fleet->workers);
    free(fleet);
}

/* N of a worker called HOST-N, 0 if it is called otherwise. */
static size_t number_on(const struct ff_worker *worker, const char *host)
{
    size_t length = strlen(host);
    bool same = strncmp(worker->name, host, length) == 0 && worker->name[length] == '-';
    const char *digits = worker->name + length + 1;
    return same && strspn(digits, "0123456789") == strlen(digits) ? strtoul(digits, NULL, 10) : 0;
}

/* The lowest N such that no worker that is here is called HOST-N. */
static char *free_name(const struct ff_fleet *fleet, const char *host)
{
    bool *taken = ff_xcalloc(fleet->count + 2, sizeof *taken);
    for (size_t i = 0; i < fleet->count; i++) {
        size_t number = is_here(fleet->workers[i]) ? number_on(fleet->workers[i], host) : 0;
        if (number <= fleet->count)
            taken[number] = true;
    }
    size_t lowest = 1;
    while (taken[lowest])
        lowest++;
    free(taken);
    return ff_xasprintf("%s-%zu", host, lowest);
}

/* What a peer says of itself ends up in names, logs and on terminals: one word of at most so many bytes. */
static char *word_of(const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    char *word = ff_xalloc(length + 1);
    for (size_t i = 0; i < length; i++)
        word[i] = text[i] > ' ' && text[i] < 0x7f ? text[i] : '_';
    word[length] = '\0';
    return word;
}

struct ff_worker *ff_fleet_join(struct ff_fleet *fleet, const struct ff_join_request *request,
                                const char *version, int64_t now_ms)
{
    if (fleet->count == fleet->capacity) {
        fleet->capacity = fleet->capacity ? fleet->capacity * 2 : 16;
        fleet->workers = ff_xrealloc(fleet->workers, fleet->capacity * sizeof(struct ff_worker *));
    }
    struct ff_worker *worker = ff_xcalloc(1, sizeof *worker);
    worker->id = ++fleet->last_id;
    worker->host = word_of(request->host, MOST_HOST);
    worker->name = free_name(fleet, *worker->host ? worker->host : "worker");
    worker->version = word_of(version, MOST_HOST);
    worker->profile = word_of(request->profile, MOST_PROFILE);
    worker->pid = request->pid;
    worker->slots = request->slots < FF_FLEET_MOST_SLOTS ? request->slots : FF_FLEET_MOST_SLOTS;
    worker->incarnation = request->incarnation;
    worker->joined_ms = worker->heard_ms = now_ms;
    fleet->workers[fleet->count++] = worker;
    fleet->slots += worker->slots;
    fleet->ready++;
    return worker;
}

struct ff_worker *ff_fleet_find(const struct ff_fleet *fleet, uint64_t id)
{
    size_t low = 0, high = fleet->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fleet->workers[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < fleet->count && fleet->workers[low]->id == id && is_here(fleet->workers[low]);
    return found ? fleet->workers[low] : NULL;
}

struct ff_worker *ff_fleet_same(const struct ff_fleet *fleet, uint64_t incarnation)
{
    for (size_t i = 0; i < fleet->count; i++)
        if (is_here(fleet->workers[i]) && fleet->workers[i]->incarnation == incarnation)
            return fleet->workers[i];
    return NULL;
}

struct ff_worker **ff_fleet_all(const struct ff_fleet *fleet, size_t *count)
{
    *count = fleet->count;
    return fleet->workers;
}

void ff_fleet_heard(struct ff_worker *worker, int64_t now_ms)
{
    worker->heard_ms = now_ms;
    worker->disconnected_ms = 0;
}

void ff_fleet_disconnected(struct ff_worker *worker, int64_t now_ms)
{
    worker->disconnected_ms = now_ms;
}

static void take_no_more_work(struct ff_fleet *fleet, struct ff_worker *worker)
{
    if (worker->state == FF_WORKER_READY) {
        fleet->slots -= worker->slots;
        fleet->ready--;
    }
}

void ff_fleet_beat(struct ff_fleet *fleet, struct ff_worker *worker, const struct ff_beat_request *beat,
                   int64_t now_ms)
{
    ff_fleet_heard(worker, now_ms);
    if (beat->draining) {
        take_no_more_work(fleet, worker);
        worker->state = FF_WORKER_DRAINING;
    }
    worker->executor_count = beat->executor_count < worker->slots ? beat->executor_count : worker->slots;
    worker->executors =
        ff_xrealloc(worker->executors, (worker->executor_count + 1) * sizeof *worker->executors);
    if (worker->executor_count)
        memcpy(worker->executors, beat->executors, worker->executor_count * sizeof *worker->executors);
}

static void forget_oldest_gone(struct ff_fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (is_here(fleet->workers[i]))
            continue;
        free_worker(fleet->workers[i]);
        memmove(&fleet->workers[i], &fleet->workers[i + 1],
                (--fleet->count - i) * sizeof(struct ff_worker *));
        fleet->gone--;
        return;
    }
}

static bool lists(const struct ff_beat_request *beat, uint64_t epoch, uint64_t lease)
{
    for (size_t i = 0; i < beat->lease_count; i++)
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

size_t ff_fleet_missing(struct ff_worker *worker, const struct ff_beat_request *beat, uint64_t epoch,
                        uint64_t *leases, size_t count)
{
    uint64_t *once = ff_xalloc((count + 1) * sizeof *once);
    size_t once_count = 0, twice_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (lists(beat, epoch, leases[i]))
            continue;
        if (was_missing(worker, leases[i]))
            leases[twice_count++] = leases[i];
        else
            once[once_count++] = leases[i];
    }
    free(worker->missing);
    worker->missing = once;
    worker->missing_count = once_count;
    return twice_count;
}

void ff_fleet_gone(struct ff_fleet *fleet, struct ff_worker *worker, enum ff_worker_state state)
{
    take_no_more_work(fleet, worker);
    worker->state = state;
    worker->executor_count = 0;
    if (++fleet->gone > KEPT_GONE)
        forget_oldest_gone(fleet);
}

uint32_t ff_fleet_tell_beat(const struct ff_fleet *fleet, struct ff_worker *worker)
{
    worker->beat_ms = fleet->ready > FF_FLEET_BEAT_MS ? fleet->ready : FF_FLEET_BEAT_MS;
    return worker->beat_ms;
}

uint32_t ff_fleet_expiry_ms(const struct ff_worker *worker)
{
    uint32_t three = 3 * worker->beat_ms;
    return three > FF_FLEET_EXPIRY_MS ? three : FF_FLEET_EXPIRY_MS;
}

static bool is_expired(const struct ff_worker *worker, int64_t now_ms)
{
    if (worker->disconnected_ms && now_ms - worker->disconnected_ms > FF_FLEET_RECONNECT_MS)
        return true;
    return now_ms - worker->heard_ms > ff_fleet_expiry_ms(worker);
}

struct ff_worker *ff_fleet_expired(const struct ff_fleet *fleet, int64_t now_ms)
{
    for (size_t i = 0; i < fleet->count; i++)
        if (is_here(fleet->workers[i]) && is_expired(fleet->workers[i], now_ms))
            return fleet->workers[i];
    return NULL;
}

void ff_fleet_shift(struct ff_fleet *fleet, int64_t gap_ms)
{
    for (size_t i = 0; i < fleet->count; i++) {
        fleet->workers[i]->heard_ms += gap_ms;
        if (fleet->workers[i]->disconnected_ms)
            fleet->workers[i]->disconnected_ms += gap_ms;
    }
}

uint32_t ff_fleet_slots(const struct ff_fleet *fleet)
{
    return fleet->slots;
}

uint32_t ff_fleet_workers(const struct ff_fleet *fleet)
{
    return fleet->ready;
}

bool ff_fleet_profiles_differ(const struct ff_fleet *fleet)
{
    const char *first = NULL;
    for (size_t i = 0; i < fleet->count; i++) {
        if (!is_here(fleet->workers[i]))
            continue;
        if (first && strcmp(first, fleet->workers[i]->profile) != 0)
            return true;
        first = fleet->workers[i]->profile;
    }
    return false;
}

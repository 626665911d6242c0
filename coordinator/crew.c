/* A ticket per piece, drawn with it under one lock, so that one worker reads while another one gives. Nobody
 * waits for the turn of its own piece: it leaves it in its slot and goes on with another one, and whoever
 * finishes the piece that is next gives it and those behind it that are finished. A worker waits only if
 * every slot is taken. */
#include "coordinator/crew.h"

#include "common/buf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct round {
    const struct ff_crew *crew;
    pthread_mutex_t taking;
    uint64_t drawn;       /* tickets, under taking */
    bool is_empty;        /* under taking */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t freed;
    size_t *free; /* slots */
    size_t free_count;
    size_t *finished; /* by ticket modulo slots: its slot + 1; 0: not finished */
    size_t slots;
    uint64_t served; /* tickets */
    bool is_giving;
    atomic_bool ends; /* a give said so */
};

static size_t get_slot(struct round *round)
{
    pthread_mutex_lock(&round->lock);
    while (round->free_count == 0)
        pthread_cond_wait(&round->freed, &round->lock);
    size_t slot = round->free[--round->free_count];
    pthread_mutex_unlock(&round->lock);
    return slot;
}

/* Under the lock. */
static void free_slot(struct round *round, size_t slot)
{
    round->free[round->free_count++] = slot;
    pthread_cond_signal(&round->freed);
}

static bool take(struct round *round, size_t slot, uint64_t *ticket)
{
    pthread_mutex_lock(&round->taking);
    bool taken = !round->is_empty && !atomic_load(&round->ends);
    taken = taken && round->crew->take(round->crew->state, slot);
    round->is_empty |= !taken;
    *ticket = round->drawn;
    round->drawn += taken;
    pthread_mutex_unlock(&round->taking);
    return taken;
}

/* Under the lock, which it lets go while a hook runs. */
static void give_finished(struct round *round)
{
    size_t *next;
    round->is_giving = true;
    while (*(next = &round->finished[round->served % round->slots])) {
        size_t slot = *next - 1;
        pthread_mutex_unlock(&round->lock);
        if (!atomic_load(&round->ends) && !round->crew->give(round->crew->state, slot))
            atomic_store(&round->ends, true);
        pthread_mutex_lock(&round->lock);
        *next = 0;
        round->served++;
        free_slot(round, slot);
    }
    round->is_giving = false;
}

static void finish(struct round *round, size_t slot, uint64_t ticket)
{
    pthread_mutex_lock(&round->lock);
    round->finished[ticket % round->slots] = slot + 1;
    if (!round->is_giving)
        give_finished(round);
    pthread_mutex_unlock(&round->lock);
}

static void *run(void *argument)
{
    struct round *round = argument;
    uint64_t ticket;
    size_t slot = get_slot(round);
    while (take(round, slot, &ticket)) {
        if (!atomic_load(&round->ends))
            round->crew->work(round->crew->state, slot);
        finish(round, slot, ticket);
        slot = get_slot(round);
    }
    pthread_mutex_lock(&round->lock);
    free_slot(round, slot);
    pthread_mutex_unlock(&round->lock);
    return NULL;
}

static void init(struct round *round, const struct ff_crew *crew, size_t slots)
{
    *round = (struct round){.crew = crew, .slots = slots, .free_count = slots};
    round->free = ff_xcalloc(slots, sizeof *round->free);
    round->finished = ff_xcalloc(slots, sizeof *round->finished);
    for (size_t i = 0; i < slots; i++)
        round->free[i] = slots - 1 - i;
    pthread_mutex_init(&round->taking, NULL);
    pthread_mutex_init(&round->lock, NULL);
    pthread_cond_init(&round->freed, NULL);
}

static void fini(struct round *round)
{
    pthread_cond_destroy(&round->freed);
    pthread_mutex_destroy(&round->lock);
    pthread_mutex_destroy(&round->taking);
    free(round->free);
    free(round->finished);
}

void ff_crew_run(const struct ff_crew *crew, size_t workers, size_t slots)
{
    struct round round;
    pthread_t *threads = ff_xcalloc(workers, sizeof *threads);
    size_t started = 1;
    init(&round, crew, slots);
    while (started < workers && !pthread_create(&threads[started], NULL, run, &round))
        started++;
    run(&round);
    while (started > 1)
        pthread_join(threads[--started], NULL);
    fini(&round);
    free(threads);
}

#include "coordinator/store_thread.h"

#include "common/clock.h"
#include "common/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

enum { RETRY_MS = 500 };

struct ff_store_thread {
    struct ff_store *store;
    struct ff_queue *back;
    struct ff_queue queue;
    atomic_bool stop;
    atomic_bool stuck;
    int news_type;
    pthread_t thread;
};

/* One that names what is not there is refused alone: it has written nothing. */
static enum ff_status activate(struct ff_store *store, struct ff_write *write, struct ff_error *err)
{
    write->refusal = (struct ff_error){0};
    enum ff_status status = ff_store_activate(store, &write->activate, ff_wall_ms(), &write->activated, err);
    if (status != FF_NOT_FOUND)
        return status;
    write->refusal = *err;
    return FF_OK;
}

static enum ff_status apply(struct ff_store *store, struct ff_write *write, struct ff_error *err)
{
    switch (write->op) {
    case FF_WRITE_NOTHING:
        return FF_OK;
    case FF_WRITE_JOB:
        return ff_store_put_job(store, &write->job, err);
    case FF_WRITE_TARGETS:
        return ff_store_put_targets(store, write->job_id, &write->targets, err);
    case FF_WRITE_REPORT:
        return ff_store_add_report(store, write->job_id, &write->report, err);
    case FF_WRITE_PUBLISH:
        return ff_store_publish(store, &write->job, ff_wall_ms(), err);
    case FF_WRITE_COST:
        return ff_store_add_cost(store, &write->cost, err);
    case FF_WRITE_ACTIVATE:
        return activate(store, write, err);
    case FF_WRITE_FORGET:
        return ff_store_forget(store, &write->retention, ff_wall_ms(), &write->forgotten, err);
    case FF_WRITE_RELEASE:
        return ff_store_release(store, write->job_id, err);
    }
    return FF_OK;
}

static enum ff_status commit_all(struct ff_store *store, struct ff_event *events, struct ff_error *err)
{
    enum ff_status status = ff_store_begin(store, err);
    if (status)
        return status;
    for (struct ff_event *event = events; event && !status; event = event->next) {
        struct ff_write *write = (struct ff_write *)event;
        status = apply(store, write, err);
    }
    if (!status)
        status = ff_store_commit(store, err);
    if (status)
        ff_store_rollback(store);
    return status;
}

/* Job rows inserted by a transaction that failed have no id. */
static void forget_ids(struct ff_event *events, const uint64_t *ids)
{
    for (; events; events = events->next)
        ((struct ff_write *)events)->job.id = *ids++;
}

static uint64_t *remember_ids(struct ff_event *events)
{
    size_t count = 0;
    for (struct ff_event *event = events; event; event = event->next)
        count++;
    uint64_t *ids = ff_xalloc(count * sizeof *ids);
    for (size_t i = 0; events; events = events->next)
        ids[i++] = ((struct ff_write *)events)->job.id;
    return ids;
}

static void tell(struct ff_store_thread *thread, const char *why)
{
    struct ff_store_news *news = ff_xcalloc(1, sizeof *news);
    news->event.type = thread->news_type;
    snprintf(news->why, sizeof news->why, "%s", why);
    ff_queue_push(thread->back, &news->event);
}

/* Returns when it works or the thread is to end. */
static enum ff_status write_until_it_works(struct ff_store_thread *thread, struct ff_event *events,
                                           struct ff_error *err)
{
    uint64_t *ids = remember_ids(events);
    enum ff_status status;
    while ((status = commit_all(thread->store, events, err)) == FF_UNAVAILABLE) {
        if (!atomic_exchange(&thread->stuck, true)) {
            ff_log(FF_LOG_ERROR, "%s; trying again until it works", err->text);
            tell(thread, ff_store_why(thread->store));
        }
        forget_ids(events, ids);
        nanosleep(&(struct timespec){0, RETRY_MS * 1000000L}, NULL);
        if (atomic_load(&thread->stop))
            break;
    }
    free(ids);
    return status;
}

static void write_batch(struct ff_store_thread *thread, struct ff_event *events)
{
    struct ff_error err = {0};
    enum ff_status status = write_until_it_works(thread, events, &err);
    if (!status && atomic_exchange(&thread->stuck, false)) {
        ff_log(FF_LOG_WARNING, "the state can be written again");
        tell(thread, "");
    }
    while (events) {
        struct ff_event *next = events->next;
        if (status)
            ((struct ff_write *)events)->error = err;
        ff_queue_push(thread->back, events);
        events = next;
    }
}

static void *run(void *context)
{
    struct ff_store_thread *thread = context;
    for (;;) {
        bool stop = atomic_load(&thread->stop);
        struct ff_event *events = ff_queue_pop_all(&thread->queue);
        if (events)
            write_batch(thread, events);
        else if (stop)
            return NULL;
        else
            ff_queue_wait(&thread->queue, -1);
    }
}

struct ff_store_thread *ff_store_thread_start(struct ff_store *store, struct ff_queue *back, int news_type)
{
    struct ff_store_thread *thread = ff_xcalloc(1, sizeof *thread);
    thread->store = store;
    thread->back = back;
    thread->news_type = news_type;
    ff_queue_init(&thread->queue);
    pthread_create(&thread->thread, NULL, run, thread);
    return thread;
}

void ff_store_thread_stop(struct ff_store_thread *thread)
{
    if (!thread)
        return;
    atomic_store(&thread->stop, true);
    eventfd_write(thread->queue.fd, 1);
    pthread_join(thread->thread, NULL);
    ff_queue_fini(&thread->queue);
    ff_store_close(thread->store);
    free(thread);
}

void ff_store_thread_push(struct ff_store_thread *thread, struct ff_write *write)
{
    ff_queue_push(&thread->queue, &write->event);
}

bool ff_store_thread_is_stuck(const struct ff_store_thread *thread)
{
    return atomic_load(&thread->stuck);
}

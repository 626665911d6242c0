#include "coordinator/clerk.h"

#include "common/buf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct ff_clerk {
    ff_clerk_work *work;
    void *context;
    struct ff_queue queue;
    struct ff_queue *back;
    atomic_bool stop;
    pthread_t thread;
};

static void *run(void *context)
{
    struct ff_clerk *clerk = context;
    for (;;) {
        bool stop = atomic_load(&clerk->stop);
        struct ff_event *event = ff_queue_pop_all(&clerk->queue);
        if (!event && stop)
            return NULL;
        if (!event)
            ff_queue_wait(&clerk->queue, -1);
        while (event) {
            struct ff_event *next = event->next;
            clerk->work(clerk->context, event, atomic_load(&clerk->stop));
            ff_queue_push(clerk->back, event);
            event = next;
        }
    }
}

struct ff_clerk *ff_clerk_start(ff_clerk_work *work, void *context, struct ff_queue *back)
{
    struct ff_clerk *clerk = ff_xcalloc(1, sizeof *clerk);
    clerk->work = work;
    clerk->context = context;
    clerk->back = back;
    ff_queue_init(&clerk->queue);
    pthread_create(&clerk->thread, NULL, run, clerk);
    return clerk;
}

void ff_clerk_push(struct ff_clerk *clerk, struct ff_event *event)
{
    ff_queue_push(&clerk->queue, event);
}

void ff_clerk_stop(struct ff_clerk *clerk)
{
    if (!clerk)
        return;
    atomic_store(&clerk->stop, true);
    eventfd_write(clerk->queue.fd, 1);
    pthread_join(clerk->thread, NULL);
    ff_queue_fini(&clerk->queue);
    free(clerk);
}

/* A queue of events for one loop: many threads push, one pops. The only lock between threads of a program.
 *
 * Events are intrusive: put struct ff_event first in yours. */
#ifndef FF_COMMON_QUEUE_H
#define FF_COMMON_QUEUE_H

#include <pthread.h>
#include <stdint.h>

struct ff_event {
    struct ff_event *next;
    int type; /* its meaning is the loop's */
};

struct ff_queue {
    pthread_mutex_t mutex;
    struct ff_event *first;
    struct ff_event **last;
    int fd; /* eventfd: readable while events wait */
};

void ff_queue_init(struct ff_queue *queue);
void ff_queue_fini(struct ff_queue *queue); /* events left are the caller's to pop before */
/* Takes the event. Any thread. */
void ff_queue_push(struct ff_queue *queue, struct ff_event *event);
/* All that wait, oldest first, NULL if none. Does not block: poll queue->fd for that. */
struct ff_event *ff_queue_pop_all(struct ff_queue *queue);
/* Waits until an event is there or the time is over (milliseconds; < 0: for ever). */
void ff_queue_wait(const struct ff_queue *queue, int64_t timeout_ms);

#endif

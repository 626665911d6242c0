#include "common/queue.h"

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

void ff_queue_init(struct ff_queue *queue)
{
    pthread_mutex_init(&queue->mutex, NULL);
    queue->first = NULL;
    queue->last = &queue->first;
    queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void ff_queue_fini(struct ff_queue *queue)
{
    close(queue->fd);
    pthread_mutex_destroy(&queue->mutex);
}

void ff_queue_push(struct ff_queue *queue, struct ff_event *event)
{
    event->next = NULL;
    pthread_mutex_lock(&queue->mutex);
    bool was_empty = !queue->first;
    *queue->last = event;
    queue->last = &event->next;
    pthread_mutex_unlock(&queue->mutex);
    if (was_empty)
        eventfd_write(queue->fd, 1);
}

struct ff_event *ff_queue_pop_all(struct ff_queue *queue)
{
    eventfd_t count;
    eventfd_read(queue->fd, &count);
    pthread_mutex_lock(&queue->mutex);
    struct ff_event *events = queue->first;
    queue->first = NULL;
    queue->last = &queue->first;
    pthread_mutex_unlock(&queue->mutex);
    return events;
}

void ff_queue_wait(const struct ff_queue *queue, int64_t timeout_ms)
{
    struct pollfd ready = {.fd = queue->fd, .events = POLLIN};
    poll(&ready, 1, timeout_ms < 0 ? -1 : timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms);
}

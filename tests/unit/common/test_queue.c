#include "common/queue.h"

#include "common/clock.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { THREADS = 4, EACH = 5000 };

static struct ff_queue queue;

static void make(void)
{
    ff_queue_init(&queue);
}

static void drop(void)
{
    ff_queue_fini(&queue);
}

TestSuite(queue, .init = make, .fini = drop);

static bool is_readable(void)
{
    struct pollfd ready = {.fd = queue.fd, .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

Test(queue, gives_events_back_oldest_first)
{
    struct ff_event events[3] = {{.type = 1}, {.type = 2}, {.type = 3}};
    for (int i = 0; i < 3; i++)
        ff_queue_push(&queue, &events[i]);
    struct ff_event *first = ff_queue_pop_all(&queue);
    cr_assert_eq(first, &events[0]);
    cr_assert_eq(first->next, &events[1]);
    cr_assert_eq(first->next->next, &events[2]);
    cr_assert_null(first->next->next->next);
    cr_assert_null(ff_queue_pop_all(&queue));
}

Test(queue, is_readable_exactly_while_events_wait)
{
    struct ff_event event = {0};
    cr_assert_not(is_readable());
    ff_queue_push(&queue, &event);
    cr_assert(is_readable());
    ff_queue_pop_all(&queue);
    cr_assert_not(is_readable());
    ff_queue_push(&queue, &event);
    cr_assert(is_readable());
}

Test(queue, waiting_ends_with_the_time_or_an_event)
{
    struct ff_event event = {0};
    int64_t start = ff_clock_ms();
    ff_queue_wait(&queue, 20);
    cr_assert_geq(ff_clock_ms() - start, 19);
    ff_queue_push(&queue, &event);
    ff_queue_wait(&queue, -1);
}

struct numbered {
    struct ff_event event;
    int number;
};

static void *push_many(void *own)
{
    struct numbered *events = own;
    for (int i = 0; i < EACH; i++) {
        events[i].number = i;
        ff_queue_push(&queue, &events[i].event);
    }
    return NULL;
}

Test(queue, takes_from_many_threads_without_losing_or_reordering_one)
{
    static struct numbered events[THREADS][EACH];
    pthread_t threads[THREADS];
    int next[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        for (int k = 0; k < EACH; k++)
            events[i][k].event.type = i;
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, push_many, events[i]);
    for (int left = THREADS * EACH; left > 0;) {
        ff_queue_wait(&queue, 10000);
        struct ff_event *event = ff_queue_pop_all(&queue);
        cr_assert_not_null(event);
        for (; event; event = event->next, left--)
            cr_assert_eq(((struct numbered *)event)->number, next[event->type]++);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

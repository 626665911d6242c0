#include "coordinator/crew.h"

#include <criterion/criterion.h>

enum { WORKERS = 4, SLOTS = WORKERS + 3, PIECES = 1000 };

struct stream {
    int next;
    int piece[SLOTS]; /* at hand */
    int done[SLOTS];
    int given[PIECES];
    int given_count;
    int last; /* to be given */
};

static bool take(void *state, size_t slot)
{
    struct stream *stream = state;
    stream->piece[slot] = stream->next;
    return stream->next++ < PIECES;
}

static void work(void *state, size_t slot)
{
    struct stream *stream = state;
    stream->done[slot] = stream->piece[slot] * 2;
}

static bool give(void *state, size_t slot)
{
    struct stream *stream = state;
    stream->given[stream->given_count++] = stream->done[slot];
    return stream->piece[slot] != stream->last;
}

static struct ff_crew crew_of(struct stream *stream)
{
    return (struct ff_crew){stream, take, work, give};
}

Test(crew, what_is_taken_is_given_in_its_order_whatever_the_workers)
{
    for (size_t workers = 1; workers <= WORKERS; workers++) {
        struct stream stream = {.last = -1};
        struct ff_crew turns = crew_of(&stream);
        ff_crew_run(&turns, workers, workers + workers % 4);
        cr_assert_eq(stream.given_count, PIECES);
        for (int i = 0; i < PIECES; i++)
            cr_assert_eq(stream.given[i], 2 * i);
    }
}

Test(crew, nothing_is_given_behind_the_piece_that_ends_it)
{
    for (size_t workers = 1; workers <= WORKERS; workers++) {
        struct stream stream = {.last = 100};
        struct ff_crew turns = crew_of(&stream);
        ff_crew_run(&turns, workers, workers + workers % 4);
        cr_assert_eq(stream.given_count, 101);
    }
}

/* Whose turn it is among the jobs that run. Executor time is shared in proportion to weights, by virtual time
 * (as start-time fair queueing: Goyal, Vin and Cheng 1996): what a job is charged, divided by its weight,
 * moves its time on, and the job with the earliest time is next. A job that begins to wait starts behind the
 * one that is next then, so it neither starves nor is starved by what comes after it, and nobody saves up
 * turns that it has no use for.
 *
 * Short jobs have an express lane: they go before all others until they took FF_TURNS_LANE_MS more than those
 * that waited meanwhile; then the others go first until they have had it. So a stream of short jobs gets half
 * of the executors' time.
 *
 * Knows neither targets nor leases. Private to dispatch.c. Pure; every step is O(jobs). */
#ifndef FF_COORDINATOR_DISPATCH_TURNS_H
#define FF_COORDINATOR_DISPATCH_TURNS_H

#include <stdbool.h>

enum { FF_TURNS_LANE_MS = 10000 }; /* of one slot */

/* One job's place, embedded in the job. */
struct ff_turn {
    struct ff_turn *next; /* all jobs, earliest first */
    double time_ms;       /* virtual */
    double weight;
    bool express; /* a short job */
    bool waits;   /* has something to be granted */
};

/* Zero is no jobs. */
struct ff_turns {
    struct ff_turn *first;
    double now_ms;  /* at which the last turn began */
    double lane_ms; /* that short jobs took and the others did not have yet */
};

/* weight > 0. It does not wait yet. */
void ff_turns_add(struct ff_turns *turns, struct ff_turn *turn, double weight, bool express);
void ff_turns_remove(struct ff_turns *turns, struct ff_turn *turn);

/* To be kept up to date before turns are asked for. May move the turn towards the end. */
void ff_turns_set_waiting(struct ff_turns *turns, struct ff_turn *turn, bool waits);
/* Of those that wait: the one behind turn, the first for NULL; NULL: there are no more. */
struct ff_turn *ff_turns_next(const struct ff_turns *turns, const struct ff_turn *turn);

/* It had its turn, which is predicted to take so many milliseconds of one slot. */
void ff_turns_take(struct ff_turns *turns, struct ff_turn *turn, double ms);
/* What it had took so much more (or less, < 0) than it was charged. */
void ff_turns_settle(struct ff_turns *turns, struct ff_turn *turn, double ms);

#endif

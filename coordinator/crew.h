/* Several threads that take pieces of a stream one after another, work on them at once, and give what became
 * of them back in the order of taking. */
#ifndef FF_COORDINATOR_CREW_H
#define FF_COORDINATOR_CREW_H

#include <stdbool.h>
#include <stddef.h>

/* Each hook gets the number of the slot that its piece has, from taking to giving, for itself. */
struct ff_crew {
    void *state;
    /* One call at a time, though perhaps while others give. False: nothing is left. */
    bool (*take)(void *state, size_t slot);
    /* At the same time as those of other slots, and as take and give. */
    void (*work)(void *state, size_t slot);
    /* One call at a time, in the order of take. False: every worker stops, nothing more is given. */
    bool (*give)(void *state, size_t slot);
};

/* Blocks until nothing is left and all is given. The calling thread is one of the workers; if the host has no
 * threads left it is the only one. slots: how many pieces may be under way, at least as many as workers; with
 * more, none waits for one that is late. */
void ff_crew_run(const struct ff_crew *crew, size_t workers, size_t slots);

#endif

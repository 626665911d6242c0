/* Workers that are connected and get nowhere: which of their leases should go to somebody else.
 *
 * Beats are all that is known, and time is the coordinator's: a worker's own clocks are not believed. Two
 * rules:
 *
 *   stuck    an executor is on one target for longer than its limit and FF_OVERDUE_GRACE_MS: its agent should
 *            have ended that long ago (the executor is stopped, or the agent is)
 *   ignored  a worker lists a lease, has an executor that does nothing, and for FF_OVERDUE_IGNORED_MS neither
 *            is an executor on the lease nor does anything come or go for it
 *
 * Pure. Nobody is blamed: such a lease ends uncharged, and its results still count. */
#ifndef FF_COORDINATOR_OVERDUE_H
#define FF_COORDINATOR_OVERDUE_H

#include "common/wire.h"

enum { FF_OVERDUE_GRACE_MS = 10000, FF_OVERDUE_IGNORED_MS = 60000 };

struct ff_overdue;

struct ff_overdue *ff_overdue_create(void);
void ff_overdue_destroy(struct ff_overdue *overdue);

/* How long a target may take; 0: it is not known any more. */
typedef int64_t ff_overdue_limit(void *context, uint64_t job, uint32_t target);

struct ff_overdue_lease {
    uint64_t lease; /* counter */
    bool stuck;     /* else ignored */
    uint64_t job;   /* of stuck: what it is stuck on, and for how long */
    uint32_t target;
    uint32_t pid;
    int64_t for_ms;
};

/* Takes a worker's Beat in and gives out what is overdue of it; out has room for the Beat's executors and
 * leases. Executors are in the order of their slots and leases in that of their age. Leases of other epochs
 * are left alone. Returns the number. */
size_t ff_overdue_beat(struct ff_overdue *overdue, uint64_t epoch, const struct ff_beat_request *beat,
                       ff_overdue_limit *limit, void *context, int64_t now_ms, struct ff_overdue_lease *out);
/* Something came of the worker that is progress: a Report of a lease, a range of an object (lease 0: for
 * any). */
void ff_overdue_progress(struct ff_overdue *overdue, uint64_t worker, uint64_t lease, int64_t now_ms);
/* The worker is gone. */
void ff_overdue_forget(struct ff_overdue *overdue, uint64_t worker);
/* After a pause of the coordinator itself. */
void ff_overdue_shift(struct ff_overdue *overdue, int64_t gap_ms);

#endif

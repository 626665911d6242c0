/* The table of leases: by id, by worker, and in order of age. Private to dispatch.c. Pure. */
#ifndef FF_COORDINATOR_DISPATCH_LEASES_H
#define FF_COORDINATOR_DISPATCH_LEASES_H

#include "coordinator/backlog.h"
#include "coordinator/dispatch_turns.h"

/* A job, as dispatch.c sees it. */
struct ff_dispatched {
    struct ff_turn turn; /* first */
    uint64_t id;
    uint32_t attempts;
    struct ff_backlog *backlog;
};

struct ff_lease {
    uint64_t id;
    uint64_t worker;
    struct ff_dispatched *job;
    uint64_t sequence; /* of the last report */
    int64_t granted_ms;
    double predicted_ms; /* of one slot, when it was granted; 0: not known then */
    double charged_ms;   /* to its job, for each of its targets */
    float spent_ms;      /* by those of its fits that were reported */
    bool behind;         /* was granted to a busy executor */
    bool suspect;        /* its one target is a suspect */
    bool is_copy;        /* its targets were another lease's */
    bool shared;         /* it is a copy, or has one */
    size_t count;
    /* The table's own. */
    struct ff_lease *next_bucket, *next_of_worker, *older, *newer;
    uint32_t targets[]; /* in the order to fit them */
};

enum { FF_LEASE_BUCKETS = 1024 };

/* Zero is an empty table. */
struct ff_leases {
    struct ff_lease *buckets[FF_LEASE_BUCKETS];
    struct ff_lease_holder *holders[FF_LEASE_BUCKETS];
    struct ff_lease *oldest, *newest;
    uint64_t last_id;
};

/* A lease with its id, worker and targets, until it is removed. */
struct ff_lease *ff_leases_add(struct ff_leases *leases, uint64_t worker, const uint32_t *targets,
                               size_t count);
void ff_leases_remove(struct ff_leases *leases, struct ff_lease *lease);

struct ff_lease *ff_leases_find(const struct ff_leases *leases, uint64_t id); /* or NULL */
/* The first of the worker's, the others by next_of_worker; NULL if it has none. */
struct ff_lease *ff_leases_of(const struct ff_leases *leases, uint64_t worker);

#endif

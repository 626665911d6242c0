/* Who works: the workers that joined, when they were heard of last, what their executors do.
 *
 * Pure: time is an argument. A worker's calls that wait for an answer are opaque here. */
#ifndef FF_COORDINATOR_FLEET_H
#define FF_COORDINATOR_FLEET_H

#include "common/wire.h"

enum {
    FF_FLEET_BEAT_MS = 2000,      /* of up to 2,000 workers; then a millisecond more for each */
    FF_FLEET_EXPIRY_MS = 15000,   /* at least, and three Beats */
    FF_FLEET_MOST_SLOTS = 4096,   /* of one worker */
    FF_FLEET_RECONNECT_MS = 5000, /* from the end of a worker's connection to its next call */
};

enum ff_worker_state { FF_WORKER_READY, FF_WORKER_DRAINING, FF_WORKER_LOST, FF_WORKER_LEFT };
const char *ff_worker_state_name(enum ff_worker_state state);

struct ff_worker {
    uint64_t id; /* > 0, never used twice */
    char *name;  /* HOST-N */
    char *host;
    char *version;
    char *profile;
    uint32_t pid;
    uint32_t slots;
    uint64_t incarnation;
    enum ff_worker_state state;
    int64_t joined_ms;
    int64_t heard_ms;
    uint32_t beat_ms;        /* what it was told last */
    int64_t disconnected_ms; /* 0: it has a connection, as far as is known */
    uint32_t pipe;           /* its connection for calls */
    uint32_t beat_pipe;
    struct ff_executor_state *executors;
    size_t executor_count;
    uint64_t done; /* targets whose outcome it brought */

    /* Lease: the number of the last request, what was granted for it, and the request that waits. */
    uint64_t sequence;
    uint64_t granted;    /* lease of the last answer, 0: none */
    size_t granted_from; /* first target of the part that was sent last */
    size_t granted_to;   /* behind its last; less than the lease's count: parts are still to be sent */
    void *waiting;       /* the call of a Lease that waits; NULL: none */
    int64_t waiting_until_ms;
    struct ff_lease_request asked;

    /* Leases that are its own but that its last Beat did not list: whose answer perhaps never arrived. */
    uint64_t *missing;
    size_t missing_count;
};

struct ff_fleet;

struct ff_fleet *ff_fleet_create(void);
/* Ids count from there (default 1). Workers come back with the id that an earlier coordinator gave them, so
 * it must be one that no earlier coordinator used. */
void ff_fleet_count_from(struct ff_fleet *fleet, uint64_t first_id);
void ff_fleet_destroy(struct ff_fleet *fleet);

/* The new worker, borrowed until ff_fleet_gone(). */
struct ff_worker *ff_fleet_join(struct ff_fleet *fleet, const struct ff_join_request *request,
                                const char *version, int64_t now_ms);
/* A worker that is there (ready or draining); NULL if it is not known any more. */
struct ff_worker *ff_fleet_find(const struct ff_fleet *fleet, uint64_t id);
/* The one of that incarnation, if it joined before and is still there; NULL. */
struct ff_worker *ff_fleet_same(const struct ff_fleet *fleet, uint64_t incarnation);
/* All, also the last hundred that are gone, in order of joining. */
struct ff_worker **ff_fleet_all(const struct ff_fleet *fleet, size_t *count);

/* Its connection closed: it is lost unless it is heard of within FF_FLEET_RECONNECT_MS. */
void ff_fleet_disconnected(struct ff_worker *worker, int64_t now_ms);
void ff_fleet_heard(struct ff_worker *worker, int64_t now_ms);
/* How long the worker waits until its next Beat. The answer to a Join or a Beat tells it, and what is told
 * here counts for when it expires. */
uint32_t ff_fleet_tell_beat(const struct ff_fleet *fleet, struct ff_worker *worker);
uint32_t ff_fleet_expiry_ms(const struct ff_worker *worker);
void ff_fleet_beat(struct ff_fleet *fleet, struct ff_worker *worker, const struct ff_beat_request *beat,
                   int64_t now_ms);
/* Of the worker's count leases of this epoch, those that neither this Beat nor the one before lists, so that
 * their grants never arrived: moved to the front; returns their number. */
size_t ff_fleet_missing(struct ff_worker *worker, const struct ff_beat_request *beat, uint64_t epoch,
                        uint64_t *leases, size_t count);
/* Marks it as lost or left; it may be freed by this. */
void ff_fleet_gone(struct ff_fleet *fleet, struct ff_worker *worker, enum ff_worker_state state);
/* The first worker whose time is over, NULL if none. */
struct ff_worker *ff_fleet_expired(const struct ff_fleet *fleet, int64_t now_ms);
/* After a pause of the coordinator itself: nobody is to blame for it. */
void ff_fleet_shift(struct ff_fleet *fleet, int64_t gap_ms);

uint32_t ff_fleet_slots(const struct ff_fleet *fleet); /* of those that take work */
uint32_t ff_fleet_workers(const struct ff_fleet *fleet);
bool ff_fleet_profiles_differ(const struct ff_fleet *fleet);

#endif

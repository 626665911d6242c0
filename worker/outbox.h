/* The leases that an agent holds, and the outcomes that the coordinator has not acknowledged yet.
 *
 * An outcome is kept, and sent again after any failure, until the coordinator says that it is committed. Per
 * lease one report is on its way at a time; what comes meanwhile goes with the next. A model too large for a
 * message is put as an object before the report that names it. Loop thread only. */
#ifndef FF_WORKER_OUTBOX_H
#define FF_WORKER_OUTBOX_H

#include "common/objects.h"
#include "common/rpc_loop.h"

struct ff_outbox;

struct ff_held_lease {
    struct ff_held_lease *next;
    struct ff_lease_id id;
    uint64_t job;
    unsigned runs;    /* parts that are with an executor or wait for one */
    uint32_t covered; /* targets that its parts stood for, those that came so far */
    bool complete;    /* nothing more of it will come */
    bool dropped;     /* void: only what was added before is still reported */
    struct ff_batch *filling;
    struct ff_batch *sending; /* not acknowledged; kept as it is until it is */
    bool in_flight;
    uint64_t sequence;
};

/* The coordinator answered that the lease is void; to end its runs and then to drop it is the hook's. */
typedef void ff_outbox_dropped(void *context, struct ff_held_lease *lease);

struct ff_outbox *ff_outbox_create(struct ff_queue *queue, struct ff_rpc_client *client,
                                   ff_outbox_dropped *dropped, void *context);
void ff_outbox_destroy(struct ff_outbox *outbox);

/* The lease of that id, made if it is not held. */
struct ff_held_lease *ff_outbox_lease(struct ff_outbox *outbox, struct ff_lease_id id, uint64_t job);
struct ff_held_lease *ff_outbox_find(struct ff_outbox *outbox, struct ff_lease_id id);
struct ff_held_lease *ff_outbox_first(struct ff_outbox *outbox);

/* Copies the outcome; one of a dropped lease is not taken. */
void ff_outbox_add(struct ff_outbox *outbox, struct ff_held_lease *lease, const struct ff_outcome *outcome);
/* Nothing more will come of the lease. What was added before is still reported: a result counts for a target
 * that is open, whatever became of the lease. Then, or at once if there is nothing, the lease is forgotten.
 */
void ff_outbox_drop(struct ff_outbox *outbox, struct ff_held_lease *lease);

/* Sends what waits. A complete lease without runs is reported as finished and then forgotten.
 * worker: the id by the newest Join; 0: nothing is sent. */
void ff_outbox_flush(struct ff_outbox *outbox, uint64_t worker, int64_t now_ms);

/* The coordinator answers again: what failed before is sent at the next flush, without a pause. */
void ff_outbox_wake(struct ff_outbox *outbox);

uint64_t ff_outbox_bytes(const struct ff_outbox *outbox); /* not acknowledged */
bool ff_outbox_empty(const struct ff_outbox *outbox);     /* no lease, nothing to send */

#endif

/* The life of chunks: which targets wait, which are leased to whom, what a result or a fault does, who is
 * tried again.
 *
 *     waiting ──grant──► leased ──result──► closed
 *        ▲                 ├─ lease given back, expired, drained: waiting again, nobody charged
 *        ├─────────────────┤
 *        │                 ├─ fault of a current lease: one try charged, then alone, elsewhere if possible;
 *        │                 │  `attempts` charged tries: quarantined
 *        └─────────────────┴─ worker lost: the first open target of each of its leases is a suspect: alone,
 *                             one per worker; lost alone `attempts` times: quarantined as WORKER_LOST;
 *                             the others come back in chunks of half the size
 *
 * A result closes its target from any lease, old or new; the first one counts. A fault counts only from a
 * lease that is current. When nothing waits any more, idle executors of other workers get second copies of
 * leases that are late: the first result wins, a copy's fault charges nobody, and no fault closes a target
 * while another copy of it lives.
 *
 * Jobs share the executors in proportion to their weights: a job is charged what its targets are predicted to
 * take when they are granted, and the difference when they have been fitted. A job of one target, or of a
 * predicted second, goes before all others (dispatch_turns.h says how far).
 *
 * Pure: no clock, no I/O; every step is O(jobs + groups) and O(1) in the number of targets that wait. */
#ifndef FF_COORDINATOR_DISPATCH_H
#define FF_COORDINATOR_DISPATCH_H

#include "common/outcome.h"
#include "coordinator/jobspec.h"

struct ff_dispatch;

struct ff_dispatch_item {
    uint64_t cells; /* steps × columns: what travels (8 bytes each) and what cost is predicted from */
    uint32_t group; /* targets of one model; costs are learned per group */
    bool closed;    /* has its outcome already */
    bool alone;     /* never travels with others (the frame of all) */
};

struct ff_dispatch_job {
    uint64_t id;
    const struct ff_dispatch_item *items; /* borrowed for the call */
    size_t count;
    size_t group_count;
    /* By group, from the cost book: what a fit takes, and what it takes for each of its cells. Both 0: not
     * known. NULL: all 0. */
    const double *us_per_target;
    const double *us_per_cell;
    uint32_t attempts;
    enum ff_chunk_mode mode;
    uint64_t chunk;
    uint32_t weight; /* its part of the executors' time while other jobs wait too; 0: 1 */
};

struct ff_dispatch *ff_dispatch_create(void);
void ff_dispatch_destroy(struct ff_dispatch *dispatch);
void ff_dispatch_add_job(struct ff_dispatch *dispatch, const struct ff_dispatch_job *job);
/* Its leases are void from now on. */
void ff_dispatch_remove_job(struct ff_dispatch *dispatch, uint64_t job);

/* What a worker asks for, and the fleet that it is part of. */
struct ff_dispatch_ask {
    uint64_t worker;
    uint32_t idle;
    uint32_t prefetch;
    uint32_t fleet_slots; /* of all workers */
    uint32_t fleet_workers;
    int64_t now_ms;
    bool copies; /* second copies are welcome */
};
struct ff_grant {
    uint64_t lease;
    uint64_t job;
    const uint32_t *targets; /* in the order to fit them; until the lease ends */
    size_t count;
    bool is_copy;
    bool suspect; /* its target was in an executor of a worker that was lost */
};
/* false: nothing for this worker now. */
bool ff_dispatch_grant(struct ff_dispatch *dispatch, const struct ff_dispatch_ask *ask, struct ff_grant *out);
/* Whether a call of grant could give anything to anybody. */
bool ff_dispatch_has_waiting(const struct ff_dispatch *dispatch);
/* Whether a lease is late, so that an idle worker that asks may get a second copy of it. */
bool ff_dispatch_has_late(const struct ff_dispatch *dispatch, int64_t now_ms);
/* A lease that is current: its grant again. */
bool ff_dispatch_lease(const struct ff_dispatch *dispatch, uint64_t lease, struct ff_grant *out,
                       uint64_t *worker);

/* A report of a current lease carries a number; false if that number was seen before (a report sent twice).
 */
bool ff_dispatch_report_is_new(struct ff_dispatch *dispatch, uint64_t lease, uint64_t sequence);

/* true: the outcome counts; false: the target is closed already, or unknown. tries: charged so far, this one
 * too. */
bool ff_dispatch_result(struct ff_dispatch *dispatch, uint64_t job, uint32_t target, uint32_t *tries);
/* What a fit took: by the clock, for this job's predictions, and of CPU time, for the cost book. */
void ff_dispatch_observe(struct ff_dispatch *dispatch, uint64_t job, uint32_t target, double ms,
                         double cpu_ms);

enum ff_verdict { FF_VERDICT_IGNORE, FF_VERDICT_RETRY, FF_VERDICT_QUARANTINE };
/* A fault reported within a lease. QUARANTINE closes the target. */
enum ff_verdict ff_dispatch_fault(struct ff_dispatch *dispatch, uint64_t worker, uint64_t lease,
                                  uint32_t target, uint32_t *tries);

/* Whether the lease has a second copy, or is one, and nothing of it is open any more: whoever works on it may
 * stop. */
bool ff_dispatch_is_spent(const struct ff_dispatch *dispatch, uint64_t lease);
/* The lease ends; what is open of it waits again, uncharged. */
void ff_dispatch_end_lease(struct ff_dispatch *dispatch, uint64_t lease);

struct ff_lost_target {
    uint64_t job;
    uint32_t target;
    uint32_t tries;
};
/* All leases of the worker end. Targets that are quarantined by it are written to lost (room for one per
 * lease of the worker, ff_dispatch_lease_count); returns their number. */
size_t ff_dispatch_lose_worker(struct ff_dispatch *dispatch, uint64_t worker, struct ff_lost_target *lost);

size_t ff_dispatch_lease_count(const struct ff_dispatch *dispatch, uint64_t worker);
/* The worker's leases, into leases with room for lease_count; returns the number. */
size_t ff_dispatch_leases(const struct ff_dispatch *dispatch, uint64_t worker, uint64_t *leases);

struct ff_dispatch_target_view {
    const char *state; /* "waiting", "leased", "closed" */
    uint32_t tries;
    bool suspect;
    bool alone;
    uint64_t lease;
    uint64_t worker;      /* of the lease */
    uint64_t copy_worker; /* of the second copy, 0: none */
};
bool ff_dispatch_look(const struct ff_dispatch *dispatch, uint64_t job, uint32_t target,
                      struct ff_dispatch_target_view *out);

/* Predicted milliseconds of one slot for all that is not closed; < 0: nothing is known yet. */
double ff_dispatch_remaining_ms(const struct ff_dispatch *dispatch, uint64_t job);
/* When all of the job will be closed, from now, with so many slots that all jobs share; < 0: nothing is known
 * yet, or there are no slots. O(jobs + leases). */
double ff_dispatch_eta_ms(const struct ff_dispatch *dispatch, uint64_t job, uint32_t slots, int64_t now_ms);
/* Learned in this job: cells and CPU time per group, for the cost book. What else a host did then is not
 * what the next job will meet. */
void ff_dispatch_learned(const struct ff_dispatch *dispatch, uint64_t job, size_t group, double *cells,
                         double *cpu_ms);

#endif

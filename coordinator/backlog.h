/* The targets of one job: where they wait, what they will take, and how many of them make a chunk. Knows no
 * workers beyond what an ask says, and of leases only their numbers; who is charged for what is dispatch.c's
 * to decide. Private to dispatch.c. Pure; every step is O(groups) for each target
 * that it takes and O(1) in the number of those that wait. */
#ifndef FF_COORDINATOR_BACKLOG_H
#define FF_COORDINATOR_BACKLOG_H

#include "coordinator/costs.h"
#include "coordinator/dispatch.h"

struct ff_backlog;

enum ff_target_state { FF_TARGET_WAITING, FF_TARGET_LEASED, FF_TARGET_CLOSED };

/* The first four are the backlog's to write, the others dispatch's and only while the target is leased. */
struct ff_backlog_target {
    uint64_t lease; /* that holds it, if leased */
    uint64_t copy;  /* lease of its second copy, 0: none */
    uint32_t cells;
    uint16_t group;
    uint8_t state;
    uint8_t tries;
    uint8_t lost;         /* times lost alone with its worker */
    uint16_t most;        /* targets that its next chunk may have, 0: as many as fit */
    bool alone;           /* waits for a chunk of its own */
    bool copy_faulted;    /* its second copy faulted: no more of them */
    bool suspect;         /* only for a worker that has no other suspect */
    uint32_t last_worker; /* that it faulted on or was lost with */
};

/* All that are not closed wait. */
struct ff_backlog *ff_backlog_create(const struct ff_dispatch_job *from);
void ff_backlog_destroy(struct ff_backlog *backlog);

/* NULL: there is no such target. */
struct ff_backlog_target *ff_backlog_target(struct ff_backlog *backlog, uint32_t index);
bool ff_backlog_has_waiting(const struct ff_backlog *backlog);

/* Whether a chunk may wait behind a busy executor: only a short one, while there is plenty left for others.
 */
bool ff_backlog_may_prefetch(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask);
/* Takes a target that waits alone and did not fault on this worker, if there is another for those that did.
 * false: none is for this worker now. What is taken waits no more and is to be leased at once. */
bool ff_backlog_take_alone(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask,
                           bool suspects_welcome, uint32_t *out);
/* Takes the next targets that wait with others, as many as make a chunk; returns their number. The caller
 * frees targets (NULL if there are none) and leases them at once. */
size_t ff_backlog_take_chunk(struct ff_backlog *backlog, const struct ff_dispatch_ask *ask,
                             uint32_t **targets);

/* What was taken: under which lease. */
void ff_backlog_lease(struct ff_backlog *backlog, uint32_t index, uint64_t lease);
/* leased → waiting, alone or before those that were never leased */
void ff_backlog_return(struct ff_backlog *backlog, uint32_t index);
/* waiting or leased → closed */
void ff_backlog_close(struct ff_backlog *backlog, uint32_t index);

/* Of one slot; 0: nothing is known yet. */
double ff_backlog_predicted_ms(const struct ff_backlog *backlog, uint32_t index);
/* As ff_dispatch_observe. */
void ff_backlog_observe(struct ff_backlog *backlog, uint32_t index, double ms, double cpu_ms);
/* As ff_dispatch_remaining_ms and ff_dispatch_learned. */
double ff_backlog_remaining_ms(const struct ff_backlog *backlog);
/* What slots spend on all that is not closed beside the fits. */
double ff_backlog_overhead_ms(const struct ff_backlog *backlog);
/* The longest prediction of a target that waits. O(groups). */
double ff_backlog_longest_ms(struct ff_backlog *backlog);
void ff_backlog_learned(const struct ff_backlog *backlog, size_t group, double *cells, double *cpu_ms);

#endif

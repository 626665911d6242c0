/* Second copies: idle executors take over half of what is open of a lease that is late. Which of two results
 * counts, and what a copy's fault means, is dispatch.c's to decide. Private to dispatch.c. Pure. */
#ifndef FF_COORDINATOR_DISPATCH_COPIES_H
#define FF_COORDINATOR_DISPATCH_COPIES_H

#include "coordinator/dispatch_leases.h"

/* A copy of the oldest lease of another worker that is late, NULL if there is none. */
struct ff_lease *ff_copies_grant(struct ff_leases *leases, const struct ff_dispatch_ask *ask);
/* Whether there is a lease that is late. */
bool ff_copies_late(const struct ff_leases *leases, int64_t now_ms);

#endif

/* When a job will be over. Private to dispatch.c. Pure. */
#ifndef FF_COORDINATOR_DISPATCH_ETA_H
#define FF_COORDINATOR_DISPATCH_ETA_H

#include "coordinator/dispatch_leases.h"

/* As ff_dispatch_eta_ms; slots > 0. */
double ff_eta_ms(const struct ff_turns *turns, const struct ff_leases *leases,
                 const struct ff_dispatched *job, uint32_t slots, int64_t now_ms);

#endif

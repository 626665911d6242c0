/* The cores that this process may use. */
#ifndef FF_WORKER_AFFINITY_H
#define FF_WORKER_AFFINITY_H

#include "common/error.h"

#include <stdint.h>

/* Physical cores within the affinity mask, capped by the cgroup's CPU quota (rounded down, at least 1). */
unsigned ff_affinity_cores(void);
/* The slot'th allowed CPU, one hardware thread per physical core first; wraps around. */
int ff_affinity_core(unsigned slot);
/* Pins the calling thread. */
void ff_affinity_pin(int core);

/* "4": that many slots; "0.5": that share of the cores, rounded down, at least 1. INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_affinity_slots(const char *text, unsigned *slots, struct ff_error *err);

#endif

/* What a load under way shares with whoever watches or stops it. */
#ifndef FF_COORDINATOR_PROGRESS_H
#define FF_COORDINATOR_PROGRESS_H

#include <stdatomic.h>

struct ff_load_progress {
    atomic_uint_fast64_t bytes_done; /* of the data files */
    atomic_uint_fast64_t bytes_total;
    atomic_bool disk_full; /* the load waits for room to spill to */
    atomic_bool cancel;    /* set it: the load ends with CANCELLED */
};

#endif

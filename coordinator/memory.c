/* Beside rows there are the process itself, with its store and what it holds of the network, and for each
 * loading thread (and two more) a block, the cells that come of it twice, and names. */
#include "coordinator/memory.h"

enum { PROCESS_BYTES = 12 << 20, THREAD_BYTES = 3 << 20, LEAST_SHARE = 4 };

uint64_t ff_memory_for_rows(uint64_t limit_bytes, size_t threads)
{
    uint64_t fixed = PROCESS_BYTES + threads * (uint64_t)THREAD_BYTES;
    if (limit_bytes == 0)
        return UINT64_MAX;
    return limit_bytes / LEAST_SHARE + fixed > limit_bytes ? limit_bytes / LEAST_SHARE : limit_bytes - fixed;
}

uint64_t ff_memory_limit_for(uint64_t rows_bytes, size_t threads)
{
    return rows_bytes + PROCESS_BYTES + threads * (uint64_t)THREAD_BYTES;
}

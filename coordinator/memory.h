/* How a job's data.memory is shared out. */
#ifndef FF_COORDINATOR_MEMORY_H
#define FF_COORDINATOR_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* What rows and what is made of them may take, if the whole process may take so much and loads with so many
 * threads; limit 0: anything. */
uint64_t ff_memory_for_rows(uint64_t limit_bytes, size_t threads);
/* The least limit that leaves so much for rows. */
uint64_t ff_memory_limit_for(uint64_t rows_bytes, size_t threads);

#endif

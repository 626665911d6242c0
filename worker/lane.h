/* The memory that an agent shares with one executor: a page of progress, and buffers that hold chunks.
 *
 * The executor writes the page and only reads buffers; the agent believes nothing it reads from the page
 * beyond what it can check. Buffers are written by the agent through the mapping that it made before it
 * sealed them against any further writable one, and used again for later chunks: fresh pages cost more than
 * the copy into them. */
#ifndef FF_WORKER_LANE_H
#define FF_WORKER_LANE_H

#include "common/buf.h"
#include "common/memfile.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ff_progress {
    /* Tickets of the runs that were sent and not begun, at most two; 0: none. The agent sets a lane, and
     * whoever swaps it back to 0 has the run: the executor to begin it, the agent to withdraw it. */
    atomic_uint lanes[2];
    /* ticket << 32 | task index + 1 while a task is being fitted; ticket << 32 between tasks. */
    atomic_uint_fast64_t position;
    /* Set by the agent: end the run after the task in progress. */
    atomic_bool stop;
    /* Set by the agent: end the process after the task in progress, another one takes the run over. */
    atomic_bool retire;
    /* Set by the executor once it has nothing left to load, and measured before each task: by how many bytes
     * its own memory has grown since. */
    atomic_bool ready;
    atomic_uint_fast64_t grown_bytes;
    /* Set by the executor: it has programs that want to be told when all is over. */
    atomic_bool has_programs;
};

/* Owned by the agent. */
struct ff_buffer {
    struct ff_memfile file;
    uint32_t id; /* never used twice, raised when it grows */
};

/* RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_progress_create(int *fd, struct ff_progress **page, struct ff_error *err);
struct ff_progress *ff_progress_map(int fd); /* the executor's side; NULL on failure */
void ff_progress_unmap(struct ff_progress *page);

/* Makes room for size bytes (the old ones are lost). */
FF_NODISCARD enum ff_status ff_buffer_reserve(struct ff_buffer *buffer, size_t size, struct ff_error *err);

#endif

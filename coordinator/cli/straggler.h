/* A worker that became slow, for benchmarks: the executors of an agent are stopped nine tenths of the time.
 */
#ifndef FF_COORDINATOR_CLI_STRAGGLER_H
#define FF_COORDINATOR_CLI_STRAGGLER_H

#include <sys/types.h>

struct ff_straggler;

/* The agent's children from now on, by a thread of its own. */
struct ff_straggler *ff_straggler_start(pid_t agent);
/* They run again. NULL is fine. */
void ff_straggler_stop(struct ff_straggler *straggler);

#endif

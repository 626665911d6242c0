/* The executor: the child process that fits, one target at a time. */
#ifndef FF_WORKER_EXECUTOR_H
#define FF_WORKER_EXECUTOR_H

/* Descriptors that an executor is started with. */
enum { FF_EXECUTOR_SOCKET = 3, FF_EXECUTOR_PIPE = 4, FF_EXECUTOR_PROGRESS = 5 };

/* The child's whole life: takes runs from its socket until the agent closes it. parent: the agent's pid.
 * core < 0: not pinned. Returns the exit code. */
int ff_executor_main(int parent, int core);

#endif

/* A small process that outlives its agent by a moment: when the agent is gone, even by kill -9, it kills the
 * process groups of the executors, and every process that has the mark in its environment, so that what a fit
 * forked does not stay behind. */
#ifndef FF_WORKER_SENTINEL_H
#define FF_WORKER_SENTINEL_H

#include <sys/types.h>

/* Forks; call it before any thread exists. Without a sentinel (fork failed) the others do nothing. */
void ff_sentinel_start(void);
pid_t ff_sentinel_pid(void); /* 0: none */
/* For the environment of executors: "FITFLEET_GUARD=PID". Static storage. */
char *ff_sentinel_mark(void);
void ff_sentinel_watch(pid_t group);
void ff_sentinel_forget(pid_t group);

#endif

/* What a process and those below it take, read from /proc. */
#ifndef FF_WORKER_COMMAND_MEMORY_H
#define FF_WORKER_COMMAND_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

/* Bytes of its own memory (no files, nothing shared through memory files); 0 if it is gone. */
uint64_t ff_command_resident(pid_t pid);
/* The same with everything below it. Where that exceeds `enough`, pages that a fork shares are counted once,
 * which takes longer; 0: they are not. */
uint64_t ff_command_memory(pid_t pid, uint64_t enough);
/* CPU time of children that it has waited for. */
int64_t ff_command_children_cpu_us(pid_t pid);

#endif

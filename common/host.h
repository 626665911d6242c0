/* What this process may use of its host: the affinity mask and the limits of its cgroup (version 2 or 1, its
 * own and those above it). */
#ifndef FF_COMMON_HOST_H
#define FF_COMMON_HOST_H

#include <stdint.h>

/* CPUs of the affinity mask, at most what the quota allows, rounded down; at least 1. */
unsigned ff_host_cpus(void);
/* How many CPUs the cgroup may use on average; 0: no limit. */
double ff_host_cpu_quota(void);
/* Bytes: the host's, or the cgroup's if that has less. */
uint64_t ff_host_memory(void);

/* The limits that a process has whose groups the file lists, in the tree at root: /proc/self/cgroup and
 * /sys/fs/cgroup. 0: none. */
double ff_host_quota_in(const char *groups, const char *root);
uint64_t ff_host_memory_in(const char *groups, const char *root);

#endif

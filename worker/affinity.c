#include "worker/affinity.h"

#include "common/text.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SLOTS = 4096 };

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    line[read ? strcspn(line, "\n") : 0] = '\0';
    return read;
}

/* The lowest CPU that shares a physical core with cpu: one of each core stands for it. */
static int first_sibling(int cpu)
{
    char path[96], line[64];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (read_line(path, line, sizeof line) && sscanf(line, "%d", &first) != 1)
        first = cpu;
    return first;
}

/* The allowed CPUs, those that are the first allowed one of their core in front. */
static unsigned allowed(int cpus[CPU_SETSIZE], unsigned *cores)
{
    cpu_set_t mask;
    bool seen[CPU_SETSIZE] = {false};
    int rest[CPU_SETSIZE];
    unsigned physical = 0, other = 0;
    CPU_ZERO(&mask);
    sched_getaffinity(0, sizeof mask, &mask);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET((size_t)cpu, &mask))
            continue;
        int core = first_sibling(cpu);
        if (core < 0 || core >= CPU_SETSIZE || seen[core]) {
            rest[other++] = cpu;
        } else {
            seen[core] = true;
            cpus[physical++] = cpu;
        }
    }
    memcpy(cpus + physical, rest, other * sizeof *rest);
    *cores = physical;
    return physical + other;
}

/* A file of this process's cgroup (version 2) or of a container's root; false if there is none. */
static bool cgroup_line(const char *name, char *line, size_t size)
{
    char group[512], path[1024];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;
    while (file && !found && fgets(group, sizeof group, file)) {
        group[strcspn(group, "\n")] = '\0';
        if (strncmp(group, "0::", 3) == 0) {
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", group + 3, name);
            found = read_line(path, line, size);
        }
    }
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    return found || read_line(path, line, size);
}

static double cpu_quota(void)
{
    char line[64];
    double quota, period;
    if (cgroup_line("cpu.max", line, sizeof line))
        return sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : 0;
    if (!cgroup_line("cpu/cpu.cfs_quota_us", line, sizeof line) || sscanf(line, "%lf", &quota) != 1 ||
        quota <= 0)
        return 0;
    if (!cgroup_line("cpu/cpu.cfs_period_us", line, sizeof line) || sscanf(line, "%lf", &period) != 1)
        return 0;
    return period > 0 ? quota / period : 0;
}

unsigned ff_affinity_cores(void)
{
    int cpus[CPU_SETSIZE];
    unsigned cores;
    allowed(cpus, &cores);
    double quota = cpu_quota();
    if (quota > 0 && quota < cores)
        cores = (unsigned)quota;
    return cores ? cores : 1;
}

uint64_t ff_affinity_memory(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char line[64];
    unsigned long long limit;
    if ((cgroup_line("memory.max", line, sizeof line) ||
         cgroup_line("memory/memory.limit_in_bytes", line, sizeof line)) &&
        sscanf(line, "%llu", &limit) == 1 && limit > 0 && limit < memory)
        memory = limit;
    return memory;
}

int ff_affinity_core(unsigned slot)
{
    int cpus[CPU_SETSIZE];
    unsigned cores;
    unsigned count = allowed(cpus, &cores);
    return count ? cpus[slot % count] : 0;
}

void ff_affinity_pin(int core)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET((size_t)core, &mask);
    sched_setaffinity(0, sizeof mask, &mask);
}

enum ff_status ff_affinity_slots(const char *text, unsigned *slots, struct ff_error *err)
{
    double value;
    if (!ff_parse_double(text, strlen(text), &value))
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "slots: expected a number of executors or a share such as 0.5, found '%s'", text);
    if (!strchr(text, '.')) {
        if (value < 1 || value > MAX_SLOTS || value != (double)(unsigned)value)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "slots: expected 1 to %d, found '%s'", MAX_SLOTS,
                                text);
        *slots = (unsigned)value;
        return FF_OK;
    }
    if (!(value > 0 && value <= 1))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "slots: a share is over 0 and at most 1.0, found '%s'",
                            text);
    unsigned share = (unsigned)((double)ff_affinity_cores() * value);
    *slots = share ? share : 1;
    return FF_OK;
}

#include "worker/affinity.h"

#include "common/host.h"
#include "common/text.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

unsigned ff_affinity_cores(void)
{
    int cpus[CPU_SETSIZE];
    unsigned cores;
    allowed(cpus, &cores);
    double quota = ff_host_cpu_quota();
    if (quota > 0 && quota < cores)
        cores = (unsigned)quota;
    return cores ? cores : 1;
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

/* A container often sees its own group as the root of the tree, while /proc/self/cgroup may still name it as
 * the host does: from the group that is named each one up to the root is asked, and those that are not there
 * have no limit. */
#include "common/host.h"

#include "common/buf.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The limit that the group in that folder has; 0: none. */
typedef double limit_of_group(const char *folder);

static bool read_line(const char *folder, const char *name, char *line, size_t size)
{
    char *path = ff_xasprintf("%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    bool read = file && fgets(line, (int)size, file);
    if (file)
        fclose(file);
    free(path);
    return read;
}

static double read_number(const char *folder, const char *name)
{
    char line[64];
    double number;
    return read_line(folder, name, line, sizeof line) && sscanf(line, "%lf", &number) == 1 ? number : 0;
}

static double quota_of_group(const char *folder)
{
    char line[64];
    double quota, period;
    if (read_line(folder, "cpu.max", line, sizeof line)) /* version 2 */
        return sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0 ? quota / period : 0;
    quota = read_number(folder, "cpu.cfs_quota_us");
    period = read_number(folder, "cpu.cfs_period_us");
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double memory_of_group(const char *folder)
{
    double limit = read_number(folder, "memory.max");
    return limit > 0 ? limit : read_number(folder, "memory.limit_in_bytes");
}

static double smaller_limit(double a, double b)
{
    return a <= 0 ? b : b <= 0 || a < b ? a : b;
}

/* The least limit of the group and those above it. */
static double limit_up_from(const char *root, const char *group, limit_of_group *limit_of)
{
    char *folder = ff_xasprintf("%s%s", root, group);
    double limit = 0;
    for (size_t size = strlen(folder); size >= strlen(root); size = (size_t)(strrchr(folder, '/') - folder)) {
        folder[size] = '\0';
        limit = smaller_limit(limit, limit_of(folder));
        if (!strrchr(folder, '/'))
            break;
    }
    free(folder);
    return limit;
}

static bool has_controller(const char *list, const char *wanted)
{
    size_t size = strlen(wanted);
    for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ','))
        if (strcspn(list, ",") == size && strncmp(list, wanted, size) == 0)
            return true;
    return false;
}

/* Lines are "0::/group" of version 2, "4:memory:/group" of version 1, which has a tree for each controller.
 */
static double find_limit(const char *groups, const char *root, const char *controller,
                         limit_of_group *limit_of)
{
    char line[4096];
    double limit = 0;
    FILE *file = fopen(groups, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        char *tree = list[1] ? ff_xasprintf("%s/%s", root, controller) : ff_xstrdup(root);
        if (!list[1] || has_controller(list + 1, controller))
            limit = smaller_limit(limit, limit_up_from(tree, group, limit_of));
        free(tree);
    }
    if (file)
        fclose(file);
    return limit;
}

double ff_host_quota_in(const char *groups, const char *root)
{
    return find_limit(groups, root, "cpu", quota_of_group);
}

uint64_t ff_host_memory_in(const char *groups, const char *root)
{
    double limit = find_limit(groups, root, "memory", memory_of_group);
    return limit < (double)(UINT64_MAX / 2) ? (uint64_t)limit : 0;
}

double ff_host_cpu_quota(void)
{
    return ff_host_quota_in("/proc/self/cgroup", "/sys/fs/cgroup");
}

unsigned ff_host_cpus(void)
{
    cpu_set_t mask;
    CPU_ZERO(&mask);
    /* It fails where there are more CPUs than the mask holds. */
    unsigned cpus = sched_getaffinity(0, sizeof mask, &mask) == 0 ? (unsigned)CPU_COUNT(&mask) : 1;
    double quota = ff_host_cpu_quota();
    if (quota > 0 && quota < cpus)
        cpus = (unsigned)quota;
    return cpus ? cpus : 1;
}

uint64_t ff_host_memory(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t limit = ff_host_memory_in("/proc/self/cgroup", "/sys/fs/cgroup");
    return limit && limit < memory ? limit : memory;
}

#include "worker/command_memory.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_LEVELS = 8, MICROSECONDS = 1000000 };

typedef uint64_t measure(pid_t pid);

uint64_t ff_command_resident(pid_t pid)
{
    char path[40];
    unsigned long long resident = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident)
        resident = shared = 0;
    fclose(file);
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A page that several processes have is divided among them. */
static uint64_t proportional(pid_t pid)
{
    char path[40], line[160];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return ff_command_resident(pid);
    while (fgets(line, sizeof line, file) && sscanf(line, "Pss_Anon: %llu", &kib) != 1)
        ;
    int bad = ferror(file) || feof(file);
    fclose(file);
    return bad ? ff_command_resident(pid) : (uint64_t)kib * 1024;
}

static uint64_t sum_below(pid_t pid, measure *of, int levels);

static uint64_t sum_children(pid_t pid, const char *thread, measure *of, int levels)
{
    char path[300];
    uint64_t sum = 0;
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, thread);
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%d", &child) == 1)
        sum += of(child) + sum_below(child, of, levels - 1);
    if (file)
        fclose(file);
    return sum;
}

static uint64_t sum_below(pid_t pid, measure *of, int levels)
{
    char path[40];
    uint64_t sum = 0;
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *threads = levels ? opendir(path) : NULL;
    while (threads && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            sum += sum_children(pid, entry->d_name, of, levels);
    if (threads)
        closedir(threads);
    return sum;
}

uint64_t ff_command_memory(pid_t pid, uint64_t enough)
{
    uint64_t sum = ff_command_resident(pid) + sum_below(pid, ff_command_resident, MOST_LEVELS);
    if (!enough || sum <= enough)
        return sum;
    return proportional(pid) + sum_below(pid, proportional, MOST_LEVELS);
}

int64_t ff_command_children_cpu_us(pid_t pid)
{
    char path[40], text[512] = "";
    long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    const char *behind_name = strrchr(text, ')'); /* a name may hold anything */
    if (!behind_name ||
        sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lld %lld", &user,
               &system) != 2)
        return 0;
    return (user + system) * MICROSECONDS / sysconf(_SC_CLK_TCK);
}

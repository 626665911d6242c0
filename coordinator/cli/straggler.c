#include "coordinator/cli/straggler.h"

#include "common/buf.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STOPPED_MS = 18, RUNS_MS = 2 };

struct ff_straggler {
    pid_t agent;
    atomic_bool stop;
    pthread_t thread;
};

static void signal_children(pid_t agent, int number)
{
    char path[64];
    long child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)agent, (int)agent);
    FILE *file = fopen(path, "re");
    while (file && fscanf(file, "%ld", &child) == 1)
        kill((pid_t)child, number);
    if (file)
        fclose(file);
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

static void *run(void *context)
{
    struct ff_straggler *straggler = context;
    while (!atomic_load(&straggler->stop)) {
        signal_children(straggler->agent, SIGSTOP);
        wait_ms(STOPPED_MS);
        signal_children(straggler->agent, SIGCONT);
        wait_ms(RUNS_MS);
    }
    return NULL;
}

struct ff_straggler *ff_straggler_start(pid_t agent)
{
    struct ff_straggler *straggler = ff_xcalloc(1, sizeof *straggler);
    straggler->agent = agent;
    pthread_create(&straggler->thread, NULL, run, straggler);
    return straggler;
}

void ff_straggler_stop(struct ff_straggler *straggler)
{
    if (!straggler)
        return;
    atomic_store(&straggler->stop, true);
    pthread_join(straggler->thread, NULL);
    free(straggler);
}

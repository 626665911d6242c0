#include "worker/sentinel.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MAX_GROUPS = 4096, ROUNDS = 100, ROUND_US = 2000 };

static int sentinel_pipe = -1;
static pid_t sentinel_pid;
static char mark[40] = "FITFLEET_GUARD=0";

static void remember(pid_t *groups, size_t *count, pid_t change)
{
    pid_t group = change < 0 ? -change : change;
    for (size_t i = 0; i < *count; i++)
        if (groups[i] == group)
            groups[i--] = groups[--*count];
    if (change > 0 && *count < MAX_GROUPS)
        groups[(*count)++] = group;
}

static bool has_mark(const char *pid)
{
    static char text[256 << 10];
    char path[300];
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[size] = '\0';
    return memmem(text, size + 1, mark, strlen(mark) + 1) != NULL;
}

/* Returns how many it killed. */
static size_t kill_marked(void)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;
    while (processes && (entry = readdir(processes)))
        if (isdigit((unsigned char)entry->d_name[0]) && has_mark(entry->d_name))
            count += kill((pid_t)atoi(entry->d_name), SIGKILL) == 0;
    if (processes)
        closedir(processes);
    return count;
}

static void stand_guard(int pipe)
{
    static pid_t groups[MAX_GROUPS];
    size_t count = 0;
    pid_t change;
    ssize_t got;
    while ((got = read(pipe, &change, sizeof change)) == (ssize_t)sizeof change ||
           (got < 0 && errno == EINTR))
        if (got > 0)
            remember(groups, &count, change);
    for (size_t i = 0; i < count; i++)
        kill(-groups[i], SIGKILL);
    for (int round = 0; round < ROUNDS && kill_marked(); round++)
        usleep(ROUND_US);
    _exit(0);
}

static void set_mark(pid_t pid)
{
    snprintf(mark, sizeof mark, "FITFLEET_GUARD=%d", (int)pid);
}

char *ff_sentinel_mark(void)
{
    return mark;
}

void ff_sentinel_start(void)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        setsid(); /* a signal to the agent's group is not for it */
        prctl(PR_SET_NAME, "fitfleet-guard");
        set_mark(getpid());
        signal(SIGTERM, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        stand_guard(ends[0]);
    }
    close(ends[0]);
    if (child < 0) {
        close(ends[1]);
        return;
    }
    sentinel_pid = child;
    set_mark(child);
    sentinel_pipe = ends[1];
}

pid_t ff_sentinel_pid(void)
{
    return sentinel_pid;
}

static void tell(pid_t change)
{
    if (sentinel_pipe < 0)
        return;
    ssize_t ignored = write(sentinel_pipe, &change, sizeof change);
    (void)ignored;
}

void ff_sentinel_watch(pid_t group)
{
    tell(group);
}

void ff_sentinel_forget(pid_t group)
{
    tell(-group);
}

#include "worker/sentinel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { MAX_GROUPS = 4096 };

static int sentinel_pipe = -1;
static pid_t sentinel_pid;

static void remember(pid_t *groups, size_t *count, pid_t change)
{
    pid_t group = change < 0 ? -change : change;
    for (size_t i = 0; i < *count; i++)
        if (groups[i] == group)
            groups[i--] = groups[--*count];
    if (change > 0 && *count < MAX_GROUPS)
        groups[(*count)++] = group;
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
    _exit(0);
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

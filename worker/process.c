#include "worker/process.h"

#include "worker/affinity.h"
#include "worker/executor.h"
#include "worker/sentinel.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIPE_BYTES = 1 << 20, ABOVE_CHILD = 10 };

extern char **environ;

/* The child's ends, all above the numbers that they get in the child. */
struct child_ends {
    int socket, pipe, progress, log;
};

static int lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE_CHILD);
    close(fd);
    return lifted;
}

static void close_ends(struct child_ends *ends)
{
    int *all[] = {&ends->socket, &ends->pipe, &ends->progress};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (*all[i] >= 0)
            close(*all[i]);
}

static enum ff_status open_ends(struct ff_process *process, struct child_ends *ends, struct ff_error *err)
{
    int sockets[2], pipes[2];
    *ends = (struct child_ends){-1, -1, -1, -1};
    if (ff_progress_create(&ends->progress, &process->progress, err))
        return err->status;
    ends->progress = lift(ends->progress);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "socketpair: %m");
    process->socket = sockets[0];
    ends->socket = lift(sockets[1]);
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "pipe: %m");
    process->pipe = pipes[0];
    ends->pipe = lift(pipes[1]);
    fcntl(process->pipe, F_SETFL, O_NONBLOCK);
    fcntl(process->pipe, F_SETPIPE_SZ, PIPE_BYTES);
    process->log = memfd_create("fitfleet-log", MFD_CLOEXEC);
    if (process->log < 0)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "memfd_create: %m");
    process->log = lift(process->log);
    fcntl(process->log, F_SETFL, O_APPEND);
    ends->log = process->log;
    return FF_OK;
}

/* The environment with one thread for BLAS and OpenMP, and what tells the sentinel whose process it is. */
static char **child_environment(void)
{
    char *fixed[] = {"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "MALLOC_ARENA_MAX=1", ff_sentinel_mark()};
    enum { FIXED = sizeof fixed / sizeof *fixed };
    size_t count = 0;
    while (environ[count])
        count++;
    char **list = ff_xalloc((count + FIXED + 1) * sizeof *list);
    memcpy(list, fixed, sizeof fixed);
    memcpy(list + FIXED, environ, (count + 1) * sizeof *list);
    return list;
}

static int spawn(pid_t *pid, const struct child_ends *ends, int core)
{
    char parent_text[16], core_text[16];
    snprintf(parent_text, sizeof parent_text, "%d", (int)getpid());
    snprintf(core_text, sizeof core_text, "%d", core);
    char *arguments[] = {"fitfleet-worker", "--executor", parent_text, core_text, NULL};
    char **environment = child_environment();
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends->log, 1);
    posix_spawn_file_actions_adddup2(&actions, ends->log, 2);
    posix_spawn_file_actions_adddup2(&actions, ends->socket, FF_EXECUTOR_SOCKET);
    posix_spawn_file_actions_adddup2(&actions, ends->pipe, FF_EXECUTOR_PIPE);
    posix_spawn_file_actions_adddup2(&actions, ends->progress, FF_EXECUTOR_PROGRESS);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int code = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return code;
}

enum ff_status ff_process_start(struct ff_process *process, int core, int epoll, int64_t now_ms,
                                struct ff_error *err)
{
    struct child_ends ends;
    pid_t pid = 0;
    *process = (struct ff_process)FF_PROCESS_NONE;
    enum ff_status status = open_ends(process, &ends, err);
    int code = status ? 0 : spawn(&pid, &ends, core >= 0 ? ff_affinity_core((unsigned)core) : -1);
    close_ends(&ends);
    if (code)
        status = ff_error_set(err, FF_RESOURCE_EXHAUSTED, "cannot start an executor: %s", strerror(code));
    if (status) {
        ff_process_close(process);
        return status;
    }
    ff_sentinel_watch(pid);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(epoll, EPOLL_CTL_ADD, process->pipe, &event);
    process->pid = pid;
    process->alive = true;
    process->started_ms = now_ms;
    return FF_OK;
}

void ff_process_kill(struct ff_process *process)
{
    if (process->alive) {
        kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL); /* should it have left its group */
    }
}

static void describe(pid_t pid, int status, const struct rusage *usage, struct ff_process_end *end)
{
    double user = (double)usage->ru_utime.tv_sec * 1e3 + (double)usage->ru_utime.tv_usec / 1e3;
    double system = (double)usage->ru_stime.tv_sec * 1e3 + (double)usage->ru_stime.tv_usec / 1e3;
    *end = (struct ff_process_end){.change = WIFSTOPPED(status)     ? FF_PROCESS_STOPPED
                                             : WIFCONTINUED(status) ? FF_PROCESS_CONTINUED
                                                                    : FF_PROCESS_ENDED,
                                   .pid = pid,
                                   .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                                   .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                                   .peak_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
                                   .cpu_ms = user + system};
}

bool ff_process_reap(struct ff_process_end *end)
{
    int status;
    struct rusage usage;
    pid_t pid = wait4(-1, &status, WNOHANG | WUNTRACED | WCONTINUED, &usage);
    if (pid <= 0)
        return false;
    describe(pid, status, &usage, end);
    return true;
}

void ff_process_ended(struct ff_process *process, const struct ff_process_end *end, int64_t now_ms)
{
    kill(-process->pid, SIGKILL);
    ff_sentinel_forget(process->pid);
    process->alive = false;
    process->ended_ms = now_ms;
    process->peak_rss_bytes = end->peak_rss_bytes;
    process->cpu_ms = end->cpu_ms;
}

bool ff_process_has_ended(const struct ff_process *process)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

void ff_process_wait(struct ff_process *process)
{
    int status;
    if (!process->alive)
        return;
    waitpid(process->pid, &status, 0);
    kill(-process->pid, SIGKILL);
    ff_sentinel_forget(process->pid);
    process->alive = false;
}

void ff_process_close(struct ff_process *process)
{
    ff_progress_unmap(process->progress);
    process->progress = NULL;
    int *all[] = {&process->socket, &process->pipe, &process->log};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (*all[i] >= 0)
            close(*all[i]);
        *all[i] = -1;
    }
}

static bool is_kept(pid_t pid, const pid_t *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keep[i] == pid)
            return true;
    return pid == ff_sentinel_pid();
}

static size_t sweep_thread(const char *thread, const pid_t *keep, size_t count)
{
    size_t killed = 0;
    char path[300];
    int pid;
    snprintf(path, sizeof path, "/proc/self/task/%s/children", thread);
    FILE *children = fopen(path, "re");
    while (children && fscanf(children, "%d", &pid) == 1)
        if (!is_kept(pid, keep, count))
            killed += kill(pid, SIGKILL) == 0;
    if (children)
        fclose(children);
    return killed;
}

size_t ff_process_sweep(const pid_t *keep, size_t count)
{
    DIR *threads = opendir("/proc/self/task");
    size_t killed = 0;
    struct dirent *entry;
    while (threads && (entry = readdir(threads)))
        if (entry->d_name[0] != '.')
            killed += sweep_thread(entry->d_name, keep, count);
    if (threads)
        closedir(threads);
    return killed;
}

size_t ff_process_log(const struct ff_process *process, char *tail, size_t size)
{
    struct stat info;
    if (process->log < 0 || fstat(process->log, &info) != 0)
        return 0;
    off_t from = info.st_size > (off_t)size ? info.st_size - (off_t)size : 0;
    ssize_t got = pread(process->log, tail, size, from);
    return got > 0 ? (size_t)got : 0;
}

void ff_process_trim_log(const struct ff_process *process, size_t limit)
{
    struct stat info;
    if (process->log < 0 || fstat(process->log, &info) != 0 || info.st_size <= (off_t)limit)
        return;
    int ignored = ftruncate(process->log, 0);
    (void)ignored;
}

uint64_t ff_process_cpu_ms(const struct ff_process *process)
{
    clockid_t clock;
    struct timespec now;
    if (!process->alive || clock_getcpuclockid(process->pid, &clock) != 0 || clock_gettime(clock, &now) != 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

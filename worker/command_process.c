/* fork and exec by hand: PR_SET_PDEATHSIG must be set between them, and posix_spawn cannot. A pipe that exec
 * closes tells whether it worked.
 *
 * Both pipes are non-blocking and polled together, so that a program that writes before it has read all does
 * not stand against us. Every WATCH_MS of waiting its memory is measured (command_memory.c).
 *
 * Address space is not limited: interpreters and runtimes reserve more of it than they use. */
#include "worker/command_process.h"

#include "common/clock.h"
#include "worker/command_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    WATCH_MS = 20,
    PIECE = 64 << 10,
    ABOVE_STANDARD = 10,
    KEPT_BYTES = 4 << 20,
    MEASURED_MS = 1000,
    NAP_NS = 2000000
};

struct ff_program {
    pid_t pid;
    int in, out; /* its standard input and output */
    char *line;  /* what it wrote */
    size_t size; /* of that */
    size_t room;
    bool answered; /* once */
    uint64_t at_start;
    uint64_t before; /* memory of it and its children, as measured last between two answers */
    int64_t measured_ms;
};

static int64_t ended_cpu_us;
static uint64_t peak_rss_bytes;

/* ---- starting ---- */

static void pass_on(const struct ff_program_options *options)
{
    if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        for (int fd = 3; fd < 1024; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (size_t i = 0; i < options->file_count; i++)
        fcntl(options->files[i], F_SETFD, 0);
}

static void restore_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < SIGRTMIN; i++)
        signal(i, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void lift_memory_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_AS, &limit);
    }
}

/* In the child. Does not return. */
static void become(const struct ff_program_options *options, pid_t parent, const int ends[3])
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    restore_signals();
    lift_memory_limit();
    dup2(ends[0], 0);
    dup2(ends[1], 1);
    pass_on(options);
    if (chdir(options->folder) == 0)
        execvp(options->argv[0], (char *const *)(uintptr_t)options->argv);
    int code = errno;
    ssize_t ignored = write(ends[2], &code, sizeof code);
    (void)ignored;
    _exit(127);
}

static bool open_pipe(int ends[2])
{
    int both[2];
    if (pipe2(both, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(both[i], F_DUPFD_CLOEXEC, ABOVE_STANDARD);
        close(both[i]);
    }
    return true;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void reap(pid_t pid, int *status)
{
    struct rusage usage = {0};
    while (wait4(pid, status, 0, &usage) < 0 && errno == EINTR)
        ;
    ended_cpu_us += (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) +
                    usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    if ((uint64_t)usage.ru_maxrss * 1024 > peak_rss_bytes)
        peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

enum ff_status ff_program_start(const struct ff_program_options *options, struct ff_program **out,
                                struct ff_error *err)
{
    int fds[6] = {-1, -1, -1, -1, -1, -1}, code = 0; /* in, out and failure, each to read and to write */
    if (!open_pipe(fds) || !open_pipe(fds + 2) || !open_pipe(fds + 4)) {
        close_all(fds, 6);
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "pipe: %m");
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(options, parent, (const int[]){fds[0], fds[3], fds[5]});
    close_all((const int[]){fds[0], fds[3], fds[5]}, 3);
    if (pid < 0) {
        close_all((const int[]){fds[1], fds[2], fds[4]}, 3);
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "fork: %m");
    }
    setpgid(pid, pid);
    ssize_t got = read(fds[4], &code, sizeof code);
    close(fds[4]);
    if (got == (ssize_t)sizeof code) {
        close_all((const int[]){fds[1], fds[2]}, 2);
        reap(pid, &(int){0});
        if (access(options->folder, X_OK) != 0)
            return ff_error_set(err, FF_INVALID_ARGUMENT,
                                "its folder %s is not on this worker's host (folder: / runs it anywhere)",
                                options->folder);
        return ff_error_set(err, FF_INVALID_ARGUMENT, "cannot run '%s': %s", options->argv[0],
                            strerror(code));
    }
    signal(SIGPIPE, SIG_IGN); /* a program that does not read is told by write */
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    fcntl(fds[2], F_SETFL, O_NONBLOCK);
    *out = ff_xcalloc(1, sizeof **out);
    **out = (struct ff_program){.pid = pid, .in = fds[1], .out = fds[2]};
    return FF_OK;
}

/* ---- ending ---- */

static void dispose(struct ff_program *program)
{
    close_all((const int[]){program->in, program->out}, 2);
    free(program->line);
    free(program);
}

void ff_program_kill(struct ff_program *program)
{
    int status;
    kill(-program->pid, SIGKILL);
    kill(program->pid, SIGKILL); /* should it have left its group */
    reap(program->pid, &status);
    kill(-program->pid, SIGKILL); /* what it forked meanwhile */
    dispose(program);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

void ff_program_end(struct ff_program *program, struct ff_bytes last, int within_ms)
{
    ssize_t ignored = write(program->in, last.data, last.size);
    (void)ignored;
    close(program->in);
    program->in = -1;
    for (int64_t until = ff_clock_ms() + within_ms; !has_ended(program->pid) && ff_clock_ms() < until;)
        nanosleep(&(struct timespec){0, NAP_NS}, NULL);
    ff_program_kill(program);
}

/* Says how it ended; it closed its standard output, so the end is near or it means harm. */
static enum ff_status tell_end(struct ff_program *program, struct ff_error *err)
{
    siginfo_t info = {0};
    for (int64_t until = ff_clock_ms() + MEASURED_MS; !has_ended(program->pid) && ff_clock_ms() < until;)
        nanosleep(&(struct timespec){0, NAP_NS}, NULL);
    if (waitid(P_PID, (id_t)program->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return ff_error_set(err, FF_ABORTED, "it closed its standard output");
    if (info.si_code == CLD_EXITED)
        return ff_error_set(err, FF_FAILED_PRECONDITION, "it exited with code %d", info.si_status);
    return ff_error_set(err, FF_ABORTED, "it died of signal %d (%s)", info.si_status,
                        strsignal(info.si_status));
}

/* ---- asking ---- */

static enum ff_status check_memory(struct ff_program *program, uint64_t limit, struct ff_error *err)
{
    uint64_t now = ff_command_memory(program->pid, limit ? program->before + limit : 0);
    uint64_t grown = now > program->before ? now - program->before : 0;
    if (!limit || grown <= limit)
        return FF_OK;
    return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "it took %.1f MiB", (double)grown / (1 << 20));
}

static bool make_room(struct ff_program *program)
{
    if (program->room - program->size >= PIECE)
        return true;
    size_t room = program->room ? 2 * program->room : 2 * (size_t)PIECE;
    char *line = realloc(program->line, room);
    if (!line)
        return false;
    program->line = line;
    program->room = room;
    return true;
}

/* Reads what is there. *end: behind the line's last byte, once it is whole. */
static enum ff_status take(struct ff_program *program, size_t limit, size_t *end, struct ff_error *err)
{
    if (!make_room(program))
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory left for an answer of %zu bytes",
                            program->size);
    ssize_t got = read(program->out, program->line + program->size, PIECE);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? FF_OK : tell_end(program, err);
    if (got == 0)
        return tell_end(program, err);
    char *newline = memchr(program->line + program->size, '\n', (size_t)got);
    program->size += (size_t)got;
    size_t length = newline ? (size_t)(newline - program->line) : program->size;
    if (length > limit)
        return ff_error_set(err, FF_OUT_OF_RANGE, "expected a line of at most %zu bytes, found a longer one",
                            limit);
    if (newline)
        *end = length + 1;
    if (newline && *end < program->size)
        return ff_error_set(err, FF_OUT_OF_RANGE, "expected one line, found more behind it");
    return FF_OK;
}

static void give(struct ff_program *program, struct ff_bytes *rest)
{
    ssize_t wrote = write(program->in, rest->data, rest->size);
    if (wrote < 0 && errno != EAGAIN && errno != EINTR)
        rest->size = 0; /* it does not read any more: what it wrote and how it ended are yet to come */
    else if (wrote > 0)
        *rest = (struct ff_bytes){rest->data + wrote, rest->size - (size_t)wrote};
}

static enum ff_status exchange(struct ff_program *program, struct ff_bytes rest,
                               const struct ff_program_limits *limits, size_t *end, struct ff_error *err)
{
    enum ff_status status = FF_OK;
    int64_t watched_ms = ff_clock_ms();
    give(program, &rest);
    while (status == FF_OK && !*end) {
        struct pollfd fds[2] = {{program->out, POLLIN, 0}, {rest.size ? program->in : -1, POLLOUT, 0}};
        poll(fds, 2, WATCH_MS);
        if (fds[1].revents)
            give(program, &rest);
        if (fds[0].revents)
            status = take(program, limits->line_bytes, end, err);
        int64_t now_ms = ff_clock_ms();
        if (status == FF_OK && !*end && now_ms - watched_ms >= WATCH_MS) {
            watched_ms = now_ms;
            status = check_memory(program, limits->memory_bytes, err);
        }
    }
    return status;
}

enum ff_status ff_program_check_idle(struct ff_program *program, struct ff_error *err)
{
    char unasked[PIECE];
    ssize_t got = read(program->out, unasked, sizeof unasked);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return FF_OK;
    if (got <= 0)
        return tell_end(program, err);
    return ff_error_set(err, FF_OUT_OF_RANGE,
                        "it wrote %zd bytes that nobody asked for after its last answer", got);
}

enum ff_status ff_program_ask(struct ff_program *program, struct ff_bytes line,
                              const struct ff_program_limits *limits, struct ff_bytes *answer,
                              struct ff_error *err)
{
    size_t end = 0;
    program->size = 0;
    *answer = (struct ff_bytes){0};
    if (program->room > KEPT_BYTES) {
        free(program->line);
        program->line = NULL;
        program->room = 0;
    }
    if (program->answered && ff_clock_ms() - program->measured_ms > MEASURED_MS) {
        program->before = ff_command_memory(program->pid, 0);
        program->measured_ms = ff_clock_ms();
    }
    enum ff_status status = exchange(program, line, limits, &end, err);
    if (end)
        *answer = (struct ff_bytes){(const uint8_t *)program->line, end - 1};
    if (status)
        return status;
    if (!program->answered)
        program->at_start = program->before = ff_command_memory(program->pid, 0);
    program->answered = true;
    return FF_OK;
}

/* ---- looking ---- */

pid_t ff_program_pid(const struct ff_program *program)
{
    return program->pid;
}

int64_t ff_program_cpu_us(const struct ff_program *program)
{
    clockid_t clock;
    struct timespec now;
    if (clock_getcpuclockid(program->pid, &clock) != 0 || clock_gettime(clock, &now) != 0)
        return 0;
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 + ff_command_children_cpu_us(program->pid);
}

uint64_t ff_program_resident(const struct ff_program *program)
{
    return ff_command_resident(program->pid);
}

uint64_t ff_program_resident_at_start(const struct ff_program *program)
{
    return program->at_start;
}

int64_t ff_program_ended_cpu_us(void)
{
    return ended_cpu_us;
}

uint64_t ff_program_peak_rss_bytes(void)
{
    return peak_rss_bytes;
}

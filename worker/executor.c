/* Single-threaded, started by exec, in a process group of its own. It ends when its agent does:
 * PR_SET_PDEATHSIG, set after exec and checked against the parent's pid, and the socket that closes.
 *
 * Standard output and error are a memfd that the agent also holds: what a target printed is read back, sent
 * with its outcome and cut off again; after a crash the agent reads it instead.
 *
 * Memory: RLIMIT_AS is what the process had before the fit plus the limit, so that an allocation of the fit
 * fails. BLAS is warmed first, because a cold one under a tight limit spins in mmap for ever. After
 * OUT_OF_MEMORY the process ends: what a library left half done is not trusted with another target. So it
 * does after a fit that left processes behind: the agent ends those with it.
 *
 * To measure, limit and look around takes longer than a short fit does. Fits that follow each other within a
 * millisecond share it, the limit included: what one of them leaks there the next lacks, and what it prints
 * without failing may go with the next one's outcome. */
#include "worker/executor.h"

#include "common/clock.h"
#include "common/wire.h"
#include "worker/affinity.h"
#include "worker/channel.h"
#include "worker/command.h"
#include "worker/fit.h"
#include "worker/lane.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAPPINGS = 4, LOG_TAIL = 16 << 10, SHARED_US = 1000, EXPIRE_MS = 1000 };

struct mapping {
    uint32_t id;
    const uint8_t *data;
    size_t size;
    uint64_t used; /* when, to choose the one to give up */
};

struct executor {
    struct ff_progress *progress;
    struct ff_fitter *fitter;
    struct mapping mappings[MAPPINGS];
    uint64_t clock;
    uint32_t pid;
    int statm;
    uint64_t resident_at_start;
    rlim_t most_memory; /* the hard limit */
    int64_t guarded_us; /* when memory was measured and limited; 0: it is not limited */
    char log[LOG_TAIL];
    char errmsg[600];
    const uint8_t *object;
    size_t object_size;
    uint64_t object_id;
};

static const uint8_t *map_fd(int fd, size_t size)
{
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    return data == MAP_FAILED ? NULL : data;
}

/* The buffer of a command: mapped before, or now from the descriptor that came along. Takes fd. */
static const uint8_t *find_buffer(struct executor *executor, const struct ff_run_command *command, int fd)
{
    struct mapping *slot = &executor->mappings[0];
    for (int i = 0; i < MAPPINGS; i++) {
        struct mapping *mapping = &executor->mappings[i];
        if (mapping->id == command->buffer_id) {
            close(fd);
            mapping->used = ++executor->clock;
            return mapping->data;
        }
        if (mapping->used < slot->used)
            slot = mapping;
    }
    if (slot->data)
        munmap((void *)(uintptr_t)slot->data, slot->size);
    *slot = (struct mapping){command->buffer_id, map_fd(fd, command->capacity), command->capacity,
                             ++executor->clock};
    return slot->data;
}

struct memory {
    uint64_t size;     /* of the address space */
    uint64_t resident; /* and not shared with the agent or through files */
};

static struct memory measure_memory(struct executor *executor)
{
    char text[64] = "";
    unsigned long long size = 0, resident = 0, shared = 0;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (pread(executor->statm, text, sizeof text - 1, 0) <= 0 ||
        sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3)
        return (struct memory){0};
    return (struct memory){size * page, (resident - shared) * page};
}

static void tell_growth(struct executor *executor, uint64_t resident)
{
    uint64_t grown = resident > executor->resident_at_start ? resident - executor->resident_at_start : 0;
    atomic_store(&executor->progress->grown_bytes, grown + ff_command_grown_bytes());
}

static void limit_memory(const struct executor *executor, rlim_t bytes)
{
#ifndef FITFLEET_SANITIZED
    rlim_t most = executor->most_memory;
    setrlimit(RLIMIT_AS, &(struct rlimit){bytes < most ? bytes : most, most});
#else
    (void)executor;
    (void)bytes;
#endif
}

static void guard_memory(struct executor *executor, uint64_t bytes)
{
    int64_t now_us = ff_clock_us();
    if (executor->guarded_us && now_us - executor->guarded_us < SHARED_US)
        return;
    struct memory memory = measure_memory(executor);
    tell_growth(executor, memory.resident);
    if (memory.size && bytes)
        limit_memory(executor, memory.size + bytes);
    executor->guarded_us = now_us;
}

static void lift_memory_limit(struct executor *executor)
{
    limit_memory(executor, executor->most_memory);
    executor->guarded_us = 0;
}

/* The last lines that the target printed. */
static struct ff_bytes read_log(struct executor *executor)
{
    struct stat info;
    fflush(NULL);
    if (fstat(STDOUT_FILENO, &info) != 0 || info.st_size == 0)
        return (struct ff_bytes){0};
    off_t from = info.st_size > LOG_TAIL ? info.st_size - LOG_TAIL : 0;
    ssize_t got = pread(STDOUT_FILENO, executor->log, LOG_TAIL, from);
    return got > 0 ? (struct ff_bytes){(const uint8_t *)executor->log, (size_t)got} : (struct ff_bytes){0};
}

/* The target is over: its lines are sent, and the executor is on no task. */
static void leave_task(struct executor *executor, const struct ff_run_command *command, bool printed)
{
    if (printed && ftruncate(STDOUT_FILENO, 0) != 0)
        return;
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32);
}

/* Beside the programs that it keeps warm. */
static bool has_strange_children(void)
{
    bool strange = false;
    int pid;
    FILE *children = fopen("/proc/thread-self/children", "re");
    while (children && fscanf(children, "%d", &pid) == 1)
        strange |= !ff_command_is_program(pid);
    if (children)
        fclose(children);
    return strange;
}

static bool left_processes_behind(void)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return false;
    return !ff_command_is_any() || has_strange_children();
}

static void name_limit(struct executor *executor, uint64_t bytes, struct ff_outcome *outcome)
{
    snprintf(executor->errmsg, sizeof executor->errmsg, "%s within a limit of %.1f MiB", outcome->errmsg,
             (double)bytes / (1 << 20));
    outcome->errmsg = executor->errmsg;
}

/* Whether this process may go on. */
static bool unguard(struct executor *executor)
{
    lift_memory_limit(executor);
    return !left_processes_behind();
}

static bool fit_one(struct executor *executor, const struct ff_run_command *command,
                    struct ff_wire_task *task, uint32_t index, const uint8_t *blocks)
{
    struct ff_outcome outcome = {.target = task->task.target, .errmsg = "", .kind = "", .summary = ""};
    task->task.frame.values = (const double *)(const void *)(blocks + task->offset);
    if (task->input_size)
        task->task.input = (struct ff_bytes){blocks + task->offset + ff_frame_bytes(&task->task.frame),
                                             (size_t)task->input_size};
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32 | (index + 1));
    guard_memory(executor, command->memory_bytes);
    ff_fit_task(executor->fitter, &task->task, &outcome);
    bool brief = outcome.fit_ms * 1000 < SHARED_US, goes_on = brief || unguard(executor);
    if (outcome.code == FF_CODE_OUT_OF_MEMORY) {
        goes_on = false;
        lift_memory_limit(executor);
        name_limit(executor, command->memory_bytes, &outcome);
    }
    outcome.target = task->task.target;
    outcome.pid = executor->pid;
    if (!brief || outcome.code != FF_CODE_OK)
        outcome.log = read_log(executor);
    bool wrote = ff_channel_write_outcome(FF_EXECUTOR_PIPE, command->ticket, index, &outcome);
    if (wrote) /* else the fit has broken its channel, and is to blame */
        leave_task(executor, command, outcome.log.size > 0);
    return wrote && goes_on;
}

static bool map_object(struct executor *executor, const struct ff_run_command *command, int fd)
{
    if (executor->object && command->object_id && command->object_id == executor->object_id) {
        close(fd);
        return true;
    }
    if (executor->object)
        munmap((void *)(uintptr_t)executor->object, executor->object_size);
    executor->object = NULL;
    executor->object_id = 0;
    if (!command->has_object)
        return true;
    executor->object_size = command->object_size;
    executor->object_id = command->object_id;
    executor->object = fd >= 0 ? map_fd(fd, command->object_size) : NULL;
    return executor->object != NULL;
}

/* Fits the tasks of a chunk. false: the process must end. */
static bool fit_chunk(struct executor *executor, const struct ff_run_command *command, struct ff_chunk *chunk,
                      const struct ff_run_files *files, const uint8_t *blocks)
{
    struct ff_shared shared[FF_CHUNK_MOST_SHARED];
    size_t count = ff_chunk_shared(chunk, shared);
    const struct ff_command_place place = {chunk->job, command->memory_bytes, shared, files->shared,
                                           count < files->shared_count ? count : files->shared_count};
    bool alive = true;
    ff_command_enter(&place);
    for (uint32_t i = command->first;
         alive && i < chunk->task_count && !atomic_load(&executor->progress->stop); i++) {
        struct ff_wire_task *task = &chunk->tasks[i];
        uint64_t elsewhere = task->in_object ? task->object_size : chunk->memory.size;
        if (elsewhere && (!executor->object || elsewhere != executor->object_size))
            alive = false;
        else
            alive = fit_one(executor, command, task, i, elsewhere ? executor->object : blocks) &&
                    !atomic_load(&executor->progress->retire);
    }
    ff_command_enter(&(struct ff_command_place){0});
    return alive;
}

/* Takes the files. false: the process must end. */
static bool run(struct executor *executor, const struct ff_run_command *command, struct ff_run_files *files)
{
    const uint8_t *blocks = find_buffer(executor, command, files->buffer);
    unsigned mine = command->ticket;
    bool mapped = map_object(executor, command, files->object);
    files->buffer = files->object = -1;
    if (!mapped || !blocks || atomic_load(&executor->progress->retire))
        return false;
    if (!atomic_compare_exchange_strong(&executor->progress->lanes[command->lane & 1], &mine, 0))
        return true; /* withdrawn */
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32);
    struct ff_arena arena = {0};
    struct ff_chunk *chunk = NULL;
    struct ff_bytes body = {blocks + command->body_offset, command->body_size};
    bool alive = ff_decode_lease_reply(body, command->body_offset, &arena, &chunk, NULL) == FF_OK && chunk;
    if (alive)
        alive = fit_chunk(executor, command, chunk, files, blocks);
    atomic_store(&executor->progress->has_programs, ff_command_is_any());
    if (executor->guarded_us)
        alive &= unguard(executor);
    if (executor->object_id) /* what was read in place is not to count as ours from now on */
        madvise((void *)(uintptr_t)executor->object, executor->object_size, MADV_DONTNEED);
    ff_arena_fini(&arena);
    return alive && ff_channel_write_end(FF_EXECUTOR_PIPE, command->ticket);
}

static bool live_with_parent(int parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return getppid() == parent;
}

/* Programs that nobody asks any more are ended meanwhile. */
static void wait_for_run(struct executor *executor)
{
    struct pollfd socket = {FF_EXECUTOR_SOCKET, POLLIN, 0};
    while (ff_command_is_any() && poll(&socket, 1, EXPIRE_MS) == 0) {
        ff_command_expire(ff_clock_ms());
        atomic_store(&executor->progress->has_programs, ff_command_is_any());
    }
}

/* Returns the exit code. */
static int serve(struct executor *executor)
{
    struct ff_run_command command;
    struct ff_run_files files;
    executor->resident_at_start = measure_memory(executor).resident;
    atomic_store(&executor->progress->ready, true);
    for (;;) {
        wait_for_run(executor);
        if (!ff_channel_receive_run(FF_EXECUTOR_SOCKET, &command, &files))
            return 0;
        bool alive = run(executor, &command, &files);
        ff_run_files_close(&files);
        if (!alive)
            return atomic_load(&executor->progress->retire) ? 0 : 1;
    }
}

int ff_executor_main(int parent, int core)
{
    if (!live_with_parent(parent))
        return 1;
    if (core >= 0)
        ff_affinity_pin(core);
    struct executor *executor = ff_xcalloc(1, sizeof *executor);
    executor->progress = ff_progress_map(FF_EXECUTOR_PROGRESS);
    struct rlimit memory = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_AS, &memory);
    executor->most_memory = memory.rlim_max;
    executor->pid = (uint32_t)getpid();
    executor->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    executor->fitter = ff_fitter_create();
    setvbuf(stdout, NULL, _IOLBF, 0); /* the last line before a crash is the one that is wanted */
    ff_fit_warm_up();
    int code = executor->progress ? serve(executor) : 1;
    ff_fitter_destroy(executor->fitter);
    free(executor);
    return code;
}

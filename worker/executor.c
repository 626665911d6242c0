/* Single-threaded, started by exec, in a process group of its own. It ends when its agent does:
 * PR_SET_PDEATHSIG, set after exec and checked against the parent's pid, and the socket that closes.
 *
 * Standard output and error are a memfd that the agent also holds: what a target printed is read back, sent
 * with its outcome and cut off again; after a crash the agent reads it instead.
 *
 * Memory: before each target RLIMIT_AS becomes what the process has now plus the limit, so that an allocation
 * of the fit fails. BLAS is warmed first, because a cold one under a tight limit spins in mmap for ever.
 * After OUT_OF_MEMORY the process ends: what a library left half done is not trusted with another target. */
#include "worker/executor.h"

#include "common/clock.h"
#include "common/wire.h"
#include "worker/affinity.h"
#include "worker/channel.h"
#include "worker/fit.h"
#include "worker/lane.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPPINGS = 4, LOG_TAIL = 16 << 10 };

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
    int statm;
    char log[LOG_TAIL];
    const uint8_t *object;
    size_t object_size;
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

static uint64_t address_space(struct executor *executor)
{
    char text[64] = "";
    ssize_t got = pread(executor->statm, text, sizeof text - 1, 0);
    return got > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void limit_memory(struct executor *executor, uint64_t bytes)
{
#ifndef FITFLEET_SANITIZED
    struct rlimit limit;
    uint64_t now = address_space(executor);
    if (!now || !bytes || getrlimit(RLIMIT_AS, &limit) != 0)
        return;
    limit.rlim_cur = now + bytes < limit.rlim_max ? now + bytes : limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
#else
    (void)executor;
    (void)bytes;
    (void)address_space;
#endif
}

static void lift_memory_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_AS, &limit);
    }
}

/* The last lines that the target printed; the log is empty afterwards. */
static struct ff_bytes take_log(struct executor *executor)
{
    struct stat info;
    fflush(NULL);
    if (fstat(STDOUT_FILENO, &info) != 0 || info.st_size == 0)
        return (struct ff_bytes){0};
    off_t from = info.st_size > LOG_TAIL ? info.st_size - LOG_TAIL : 0;
    ssize_t got = pread(STDOUT_FILENO, executor->log, LOG_TAIL, from);
    if (ftruncate(STDOUT_FILENO, 0) != 0 || got <= 0)
        return (struct ff_bytes){0};
    return (struct ff_bytes){(const uint8_t *)executor->log, (size_t)got};
}

static bool fit_one(struct executor *executor, const struct ff_run_command *command,
                    struct ff_wire_task *task, uint32_t index, const uint8_t *blocks)
{
    const uint8_t *base = task->in_object ? executor->object : blocks;
    struct rusage usage;
    struct ff_outcome outcome = {.target = task->task.target, .errmsg = "", .kind = "", .summary = ""};
    task->task.frame.values = (const double *)(const void *)(base + task->offset);
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32 | (index + 1));
    limit_memory(executor, command->memory_bytes);
    ff_fit_task(executor->fitter, &task->task, &outcome);
    lift_memory_limit();
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32);
    getrusage(RUSAGE_SELF, &usage);
    outcome.target = task->task.target;
    outcome.pid = (uint32_t)getpid();
    outcome.peak_rss_bytes = (uint64_t)usage.ru_maxrss * 1024;
    outcome.log = take_log(executor);
    bool wrote = ff_channel_write_outcome(FF_EXECUTOR_PIPE, command->ticket, index, &outcome);
    return wrote && outcome.code != FF_CODE_OUT_OF_MEMORY;
}

static bool map_object(struct executor *executor, const struct ff_run_command *command, int fd)
{
    if (executor->object)
        munmap((void *)(uintptr_t)executor->object, executor->object_size);
    executor->object = NULL;
    if (!command->has_object)
        return true;
    executor->object_size = command->object_size;
    executor->object = fd >= 0 ? map_fd(fd, command->object_size) : NULL;
    return executor->object != NULL;
}

/* false: the process must end. */
static bool run(struct executor *executor, const struct ff_run_command *command, int buffer_fd, int object_fd)
{
    const uint8_t *blocks = find_buffer(executor, command, buffer_fd);
    unsigned mine = command->ticket;
    if (!map_object(executor, command, object_fd) || !blocks)
        return false;
    if (!atomic_compare_exchange_strong(&executor->progress->lanes[command->lane & 1], &mine, 0))
        return true; /* withdrawn */
    atomic_store(&executor->progress->position, (uint64_t)command->ticket << 32);
    struct ff_arena arena = {0};
    struct ff_chunk *chunk = NULL;
    struct ff_bytes body = {blocks + command->body_offset, command->body_size};
    bool alive = ff_decode_lease_reply(body, command->body_offset, &arena, &chunk, NULL) == FF_OK && chunk;
    for (uint32_t i = command->first;
         alive && i < chunk->task_count && !atomic_load(&executor->progress->stop); i++) {
        struct ff_wire_task *task = &chunk->tasks[i];
        if (task->in_object && task->object_size != executor->object_size)
            alive = false;
        else
            alive = fit_one(executor, command, task, i, blocks);
    }
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

int ff_executor_main(int parent, int core)
{
    if (!live_with_parent(parent))
        return 1;
    if (core >= 0)
        ff_affinity_pin(core);
    struct executor *executor = ff_xcalloc(1, sizeof *executor);
    executor->progress = ff_progress_map(FF_EXECUTOR_PROGRESS);
    executor->statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    executor->fitter = ff_fitter_create();
    ff_fit_warm_up();
    struct ff_run_command command;
    int buffer_fd, object_fd;
    int code = executor->progress ? 0 : 1;
    while (code == 0 && ff_channel_receive_run(FF_EXECUTOR_SOCKET, &command, &buffer_fd, &object_fd))
        if (!run(executor, &command, buffer_fd, object_fd))
            code = 1;
    ff_fitter_destroy(executor->fitter);
    free(executor);
    return code;
}

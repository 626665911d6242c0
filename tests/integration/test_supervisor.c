/* The supervisor with real executor processes: this program is its own executor (--executor PARENT CORE), as
 * the worker is, and a helper agent that can be killed (--agent). Run with the name of a test to run only
 * that one. */
#include "common/clock.h"
#include "worker/channel.h"
#include "worker/executor.h"
#include "worker/sentinel.h"
#include "worker/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_TASKS = 8, WAIT_MS = 30000, LONG_MS = 60000 };

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fail(__LINE__, #condition);                                                                      \
    } while (0)

static const char *running;

static void fail(int line, const char *condition)
{
    fprintf(stderr, "test_supervisor.c:%d: %s: not true: %s\n", line, running, condition);
    exit(1);
}

/* ---- a run and what became of it
 * ------------------------------------------------------------------------------------ */

struct decided {
    uint32_t target;
    enum ff_class class;
    enum ff_code code;
    int signal;
    uint32_t pid;
    char log[64];
    char errmsg[200];
    uint64_t peak_rss_bytes;
    double cpu_ms;
};

struct owner {
    unsigned ended;
    unsigned end_order;
    unsigned count;
    struct decided outcomes[MOST_TASKS];
};

/* One run: busy tasks of so many milliseconds each, targets 100, 101, … */
struct run_spec {
    struct owner *owner;
    double busy_ms[MOST_TASKS];
    unsigned count;
    uint32_t timeout_ms;
    uint64_t memory_bytes;
    const char *fault;               /* of the second task, which is busy */
    bool leaks;                      /* each task 8 MiB */
    const char *kind;                /* instead of busy */
    struct ff_frame frame;           /* for kind */
    int object_fd;                   /* the frame is there */
    const struct ff_memfile *memory; /* or it is there */
};

static struct ff_supervisor *supervisor;
static int epoll_fd = -1;
static unsigned ends;
static int64_t last_tick;
static bool standing_still; /* the loop pretends that all time is a gap */

static void on_outcome(void *context, void *owner, const struct ff_outcome *outcome)
{
    (void)context;
    struct owner *mine = owner;
    CHECK(mine->count < MOST_TASKS && mine->ended == 0);
    struct decided *decided = &mine->outcomes[mine->count++];
    *decided = (struct decided){
        outcome->target,         outcome->class, outcome->code, outcome->signal, outcome->pid, "", "",
        outcome->peak_rss_bytes, outcome->cpu_ms};
    snprintf(decided->log, sizeof decided->log, "%.*s", (int)outcome->log.size,
             (const char *)outcome->log.data);
    snprintf(decided->errmsg, sizeof decided->errmsg, "%s", outcome->errmsg);
}

static void on_ended(void *context, void *owner)
{
    (void)context;
    struct owner *mine = owner;
    mine->ended++;
    mine->end_order = ++ends;
}

static void set_up_with(struct ff_supervisor_options options)
{
    struct ff_error err = {0};
    options.memory_bytes = 2ULL << 30;
    options.hooks = (struct ff_supervisor_hooks){.outcome = on_outcome, .ended = on_ended};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    last_tick = ff_clock_ms();
    if (ff_supervisor_create(&options, epoll_fd, last_tick, &supervisor, &err) != FF_OK)
        fail(__LINE__, err.text);
}

static void set_up(unsigned slots)
{
    set_up_with((struct ff_supervisor_options){.slots = slots});
}

static void tear_down(void)
{
    ff_supervisor_destroy(supervisor);
    supervisor = NULL;
    close(epoll_fd);
    standing_still = false;
}

/* One turn of an agent's loop. */
static void turn(void)
{
    struct epoll_event events[16];
    epoll_wait(epoll_fd, events, 16, 10);
    int64_t now = ff_clock_ms();
    ff_supervisor_read(supervisor, now);
    ff_supervisor_reap(supervisor, now);
    ff_supervisor_tick(supervisor, now, standing_still ? now - last_tick : 0);
    last_tick = now;
}

#define TURN_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        int64_t until_ = ff_clock_ms() + WAIT_MS;                                                            \
        while (!(condition)) {                                                                               \
            if (ff_clock_ms() > until_)                                                                      \
                fail(__LINE__, "in time: " #condition);                                                      \
            turn();                                                                                          \
        }                                                                                                    \
    } while (0)

static enum ff_status assign(struct run_spec spec)
{
    static const double value[4] = {1, 2, 3, 4};
    static const char *const metrics[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    char texts[MOST_TASKS][32];
    struct ff_param params[MOST_TASKS], leaking[MOST_TASKS][2],
        fault[2] = {{"fault", spec.fault}, {"cpu_ms", "1"}};
    struct ff_fit_spec specs[MOST_TASKS], none = {0};
    struct ff_wire_task tasks[MOST_TASKS] = {0};
    struct ff_frame frame = {.step_ms = 1000, .steps = 4, .columns = 1, .values = value};
    for (unsigned i = 0; i < spec.count; i++) {
        snprintf(texts[i], sizeof texts[i], "%g", spec.busy_ms[i]);
        params[i] = (struct ff_param){"cpu_ms", texts[i]};
        bool busy = !spec.kind || spec.busy_ms[i] > 0;
        specs[i] = busy ? (struct ff_fit_spec){.kind = "busy", .params = &params[i], .param_count = 1}
                        : (struct ff_fit_spec){.kind = spec.kind};
        leaking[i][0] = params[i];
        leaking[i][1] = (struct ff_param){"leak_mib", "8"};
        if (spec.leaks)
            specs[i] = (struct ff_fit_spec){.kind = "busy", .params = leaking[i], .param_count = 2};
        if (spec.fault && i == 1)
            specs[i] = (struct ff_fit_spec){.kind = "busy", .params = fault, .param_count = 2};
        tasks[i].task = (struct ff_task){.target = 100 + i,
                                         .name = "t",
                                         .model = &specs[i],
                                         .fallback = &none,
                                         .metrics = metrics,
                                         .frame = busy ? frame : spec.frame};
        tasks[i].in_object = spec.object_fd > 0;
        tasks[i].object_size = ff_frame_bytes(&tasks[i].task.frame);
    }
    struct ff_chunk chunk = {.lease = {1, 2},
                             .job = 3,
                             .timeout_ms = spec.timeout_ms ? spec.timeout_ms : LONG_MS,
                             .memory_bytes = spec.memory_bytes ? spec.memory_bytes : 1ULL << 30,
                             .memory =
                                 spec.memory ? ff_memfile_place(spec.memory) : (struct ff_memory_place){0},
                             .tasks = tasks,
                             .task_count = spec.count};
    struct ff_buf body = {0}, whole = {0};
    struct ff_blocks blocks = {0};
    ff_encode_lease_reply(&chunk, &body, &blocks);
    for (size_t i = 0; i < blocks.count; i++)
        ff_buf_append(&whole, blocks.segments[i].data, blocks.segments[i].size);
    struct ff_run_request request = {.owner = spec.owner,
                                     .body = ff_buf_bytes(&body),
                                     .blocks = ff_buf_bytes(&whole),
                                     .chunk = &chunk,
                                     .object_fd = spec.object_fd > 0 ? spec.object_fd : -1,
                                     .object_size = tasks[0].object_size};
    if (spec.memory) {
        request.object_fd = spec.memory->fd;
        request.object_size = spec.memory->size;
        request.object_id = chunk.memory.inode;
    }
    struct ff_error err = {0};
    enum ff_status status = ff_supervisor_assign(supervisor, &request, &err);
    ff_buf_fini(&body);
    ff_buf_fini(&whole);
    ff_blocks_fini(&blocks);
    return status;
}

static struct ff_executor_state state_of(unsigned slot)
{
    struct ff_executor_state states[8];
    CHECK(ff_supervisor_states(supervisor, ff_clock_ms(), states) > slot);
    return states[slot];
}

static bool is_busy_with(unsigned slot, uint32_t target)
{
    struct ff_executor_state state = state_of(slot);
    return state.busy && state.target == target;
}

static bool is_alive(unsigned slot)
{
    return state_of(slot).alive;
}

/* Whether a process is there and not a zombie. */
static bool exists(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    int read = fscanf(file, "%*d (%*[^)]) %c", &state);
    fclose(file);
    return read == 1 && state != 'Z' && state != 'X';
}

static void expect_outcome(const struct owner *owner, unsigned at, enum ff_class class, enum ff_code code)
{
    CHECK(owner->count > at);
    const struct decided *found = &owner->outcomes[at];
    if (found->target != 100 + at || found->class != class || found->code != code) {
        fprintf(stderr, "outcome %u: target %u, class %s, %s: %s\n", at, found->target,
                ff_class_name(found->class), ff_code_name(found->code), found->errmsg);
        fail(__LINE__, "the outcome expected");
    }
}

static void expect_fitted(const struct owner *owner, unsigned count)
{
    CHECK(owner->count == count);
    for (unsigned i = 0; i < count; i++)
        expect_outcome(owner, i, FF_FITTED, FF_CODE_OK);
}

/* ---- work
 * -----------------------------------------------------------------------------------------------------------
 */

static void outcomes_come_in_order_and_then_the_end(void)
{
    struct owner owner = {0};
    set_up(1);
    CHECK(ff_supervisor_idle(supervisor) == 1 && ff_supervisor_prefetch(supervisor) == 0);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1, 1, 0, 2}, .count = 4}) == FF_OK);
    CHECK(ff_supervisor_idle(supervisor) == 0 && ff_supervisor_prefetch(supervisor) == 1);
    CHECK(ff_supervisor_has(supervisor, &owner));
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 4);
    CHECK(owner.ended == 1 && owner.outcomes[0].pid == state_of(0).pid);
    CHECK(!ff_supervisor_has(supervisor, &owner));
    CHECK(ff_supervisor_idle(supervisor) == 1 && state_of(0).done == 4);
    tear_down();
}

static void each_executor_has_at_most_two_runs(void)
{
    struct owner owners[5] = {0};
    set_up(2);
    for (int i = 0; i < 4; i++)
        CHECK(assign((struct run_spec){.owner = &owners[i], .busy_ms = {20, 20}, .count = 2}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &owners[4], .busy_ms = {1}, .count = 1}) ==
          FF_RESOURCE_EXHAUSTED);
    CHECK(ff_supervisor_idle(supervisor) == 0 && ff_supervisor_prefetch(supervisor) == 0);
    TURN_UNTIL(ends == 4);
    for (int i = 0; i < 4; i++)
        expect_fitted(&owners[i], 2);
    CHECK(owners[4].count == 0 && ff_supervisor_idle(supervisor) == 2);
    tear_down();
}

static void executors_are_used_again(void)
{
    set_up(1);
    uint32_t pid = state_of(0).pid;
    for (int i = 0; i < 50; i++) {
        struct owner owner = {0};
        CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {0.1, 0.1}, .count = 2}) == FF_OK);
        TURN_UNTIL(owner.ended);
        expect_fitted(&owner, 2);
    }
    CHECK(state_of(0).pid == pid && state_of(0).done == 100);
    tear_down();
}

static void a_frame_may_be_an_object(void)
{
    struct owner owner = {0};
    double values[200];
    for (int i = 0; i < 200; i++)
        values[i] = i % 7;
    int fd = memfd_create("object", MFD_CLOEXEC);
    CHECK(write(fd, values, sizeof values) == (ssize_t)sizeof values);
    set_up(1);
    struct ff_frame frame = {.step_ms = 1000, .steps = 200, .columns = 1};
    struct run_spec spec = {.owner = &owner, .count = 1, .kind = "ewma", .frame = frame, .object_fd = fd};
    CHECK(assign(spec) == FF_OK);
    close(fd);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

static void fit_in_memory(const struct ff_memfile *memory, enum ff_class class)
{
    struct owner owner = {0};
    struct ff_frame frame = {.step_ms = 1000, .steps = 200, .columns = 1};
    CHECK(assign((struct run_spec){
              .owner = &owner, .count = 1, .kind = "ewma", .frame = frame, .memory = memory}) == FF_OK);
    TURN_UNTIL(owner.ended);
    CHECK(owner.count == 1 && owner.outcomes[0].class == class);
}

/* It stays mapped while runs name the same; after another one it is mapped again. */
static void frames_may_be_in_memory_that_is_shared(void)
{
    struct ff_memfile rows, missing;
    struct ff_error err;
    CHECK(ff_memfile_create("rows", 200 * sizeof(double), &rows, &err) == FF_OK);
    CHECK(ff_memfile_create("missing", 200 * sizeof(double), &missing, &err) == FF_OK);
    for (int i = 0; i < 200; i++) {
        ((double *)(void *)rows.data)[i] = i % 7;
        ((double *)(void *)missing.data)[i] = NAN;
    }
    ff_memfile_seal(&rows);
    set_up(1);
    fit_in_memory(&rows, FF_FITTED);
    fit_in_memory(&rows, FF_FITTED);
    fit_in_memory(&missing, FF_FAILED);
    fit_in_memory(&rows, FF_FITTED);
    tear_down();
    ff_memfile_fini(&rows);
    ff_memfile_fini(&missing);
}

static void idle_executors_take_over_what_waits_behind_busy_ones(void)
{
    struct owner slow = {0}, quick = {0}, waiting = {0};
    set_up(2);
    CHECK(assign((struct run_spec){.owner = &slow, .busy_ms = {1500}, .count = 1}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &quick, .busy_ms = {50}, .count = 1}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &waiting, .busy_ms = {1, 1}, .count = 2}) == FF_OK);
    TURN_UNTIL(slow.ended && quick.ended && waiting.ended);
    CHECK(quick.end_order == 1 && waiting.end_order == 2 && slow.end_order == 3);
    expect_fitted(&waiting, 2);
    tear_down();
}

/* ---- faults
 * -----------------------------------------------------------------------------------------------------------
 */

static void a_timeout_costs_its_target_only(void)
{
    struct owner owner = {0};
    set_up(1);
    uint32_t pid = state_of(0).pid;
    CHECK(assign((struct run_spec){
              .owner = &owner, .busy_ms = {1, LONG_MS, 1}, .count = 3, .timeout_ms = 400}) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_FITTED, FF_CODE_OK);
    expect_outcome(&owner, 1, FF_OPEN, FF_CODE_TIMEOUT);
    expect_outcome(&owner, 2, FF_FITTED, FF_CODE_OK);
    CHECK(owner.count == 3 && state_of(0).pid != pid && !exists((pid_t)pid));
    CHECK(strstr(owner.outcomes[1].errmsg, "target_timeout"));
    tear_down();
}

static void a_loop_that_stood_still_blames_nobody(void)
{
    struct owner owner = {0};
    set_up(1);
    standing_still = true;
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {700}, .count = 1, .timeout_ms = 200}) ==
          FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

static void an_executor_that_was_stopped_is_not_out_of_time(void)
{
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {100}, .count = 1, .timeout_ms = 1500}) ==
          FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    kill((pid_t)state_of(0).pid, SIGSTOP);
    for (int64_t until = ff_clock_ms() + 2000; ff_clock_ms() < until;)
        turn();
    CHECK(owner.count == 0);
    kill((pid_t)state_of(0).pid, SIGCONT);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

static void a_crash_costs_its_target_only(void)
{
    struct owner owner = {0}, behind = {0};
    set_up(1);
    pid_t pid = (pid_t)state_of(0).pid;
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1, LONG_MS, 1}, .count = 3}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &behind, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 101));
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/1", (int)pid);
    int log = open(path, O_WRONLY | O_APPEND);
    CHECK(write(log, "last words", 10) == 10);
    close(log);
    kill(pid, SIGKILL);
    TURN_UNTIL(owner.ended && behind.ended);
    expect_outcome(&owner, 0, FF_FITTED, FF_CODE_OK);
    expect_outcome(&owner, 1, FF_OPEN, FF_CODE_CRASHED);
    expect_outcome(&owner, 2, FF_FITTED, FF_CODE_OK);
    CHECK(owner.outcomes[1].signal == SIGKILL && owner.outcomes[1].pid == (uint32_t)pid);
    CHECK(strcmp(owner.outcomes[1].log, "last words") == 0 && owner.outcomes[2].log[0] == '\0');
    CHECK(state_of(0).last_signal == SIGKILL);
    expect_fitted(&behind, 1);
    tear_down();
}

static void a_segmentation_fault_is_named(void)
{
#ifndef FITFLEET_SANITIZED
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    kill((pid_t)state_of(0).pid, SIGSEGV);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_OPEN, FF_CODE_CRASHED);
    CHECK(owner.outcomes[0].signal == SIGSEGV && strstr(owner.outcomes[0].errmsg, "signal 11"));
    tear_down();
#endif
}

static void an_executor_that_dies_idle_is_replaced(void)
{
    struct owner owner = {0};
    set_up(1);
    uint32_t pid = state_of(0).pid;
    kill((pid_t)pid, SIGKILL);
    TURN_UNTIL(is_alive(0) && state_of(0).pid != pid);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

static void memory_over_the_limit_costs_its_target_only(void)
{
#ifndef FITFLEET_SANITIZED
    enum { STEPS = 400000, COLUMNS = 1 };
    struct owner owner = {0};
    double *values = malloc(STEPS * COLUMNS * sizeof *values);
    for (size_t i = 0; i < STEPS * COLUMNS; i++)
        values[i] = (double)(i * 7919 % 1009);
    set_up(1);
    struct run_spec spec = {.owner = &owner,
                            .busy_ms = {1, 0, 1, 0},
                            .count = 4,
                            .kind = "seasonal",
                            .memory_bytes = 1 << 20,
                            .frame = {.step_ms = 1000, .steps = STEPS, .columns = COLUMNS, .values = values}};
    CHECK(assign(spec) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_FITTED, FF_CODE_OK);
    expect_outcome(&owner, 1, FF_OPEN, FF_CODE_OUT_OF_MEMORY);
    expect_outcome(&owner, 2, FF_FITTED, FF_CODE_OK);
    expect_outcome(&owner, 3, FF_OPEN, FF_CODE_OUT_OF_MEMORY);
    CHECK(owner.count == 4 && owner.ended == 1);
    owner = (struct owner){0};
    spec.memory_bytes = 1 << 28;
    CHECK(assign(spec) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 4);
    tear_down();
    free(values);
#endif
}

/* A child of a process other than `except`, 0 if it has none. */
static pid_t child_but(pid_t pid, pid_t except)
{
    char path[64];
    int child = except, read = 1;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "r");
    while (file && read == 1 && child == except)
        read = fscanf(file, "%d", &child);
    if (file)
        fclose(file);
    return file && read == 1 ? child : 0;
}

static pid_t child_of(pid_t pid)
{
    return child_but(pid, 0);
}

static bool is_executor_of(const char *mine, const char *pid)
{
    char path[300], text[256];
    snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < size; i++)
        text[i] = text[i] ? text[i] : ' ';
    text[size] = '\0';
    return strstr(text, mine) != NULL;
}

/* Executors of this process and what they forked, wherever in the tree it is. */
static unsigned count_processes(void)
{
    char mine[32];
    unsigned count = 0;
    struct dirent *entry;
    DIR *processes = opendir("/proc");
    snprintf(mine, sizeof mine, "--executor %d ", (int)getpid());
    while ((entry = readdir(processes)))
        count += is_executor_of(mine, entry->d_name);
    closedir(processes);
    return count;
}

static void each_fault_of_a_fit_costs_its_target_only(void)
{
    static const struct {
        const char *fault;
        enum ff_code code;
        int signal;
        const char *errmsg;
    } cases[] = {
#ifndef FITFLEET_SANITIZED
        {"segv", FF_CODE_CRASHED, SIGSEGV, "signal 11"},
        {"memory", FF_CODE_OUT_OF_MEMORY, 0, "within a limit of 64.0 MiB"},
#endif
        {"kill", FF_CODE_CRASHED, SIGKILL, "signal 9"},
        {"abort", FF_CODE_CRASHED, SIGABRT, "signal 6"},
        {"exit", FF_CODE_CRASHED, 0, "code 7"},
        {"close", FF_CODE_CRASHED, 0, "exited with code 1"},
        {"loop", FF_CODE_TIMEOUT, 0, "target_timeout, 0.7 s"},
        {"deaf", FF_CODE_TIMEOUT, 0, "target_timeout, 0.7 s"},
        {"half", FF_CODE_TIMEOUT, 0, "target_timeout, 0.7 s"},
        {"garbage", FF_CODE_BAD_OUTPUT, 0, "garbage"},
        {"huge", FF_CODE_BAD_OUTPUT, 0, "garbage"},
        {"wrong_target", FF_CODE_BAD_OUTPUT, 0, "garbage"},
    };
    set_up(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct owner owner = {0};
        char words[64];
        snprintf(words, sizeof words, "busy: fault %s\n", cases[i].fault);
        TURN_UNTIL(assign((struct run_spec){.owner = &owner,
                                            .busy_ms = {1, 1, 1},
                                            .count = 3,
                                            .fault = cases[i].fault,
                                            .timeout_ms = 700,
                                            .memory_bytes = 64 << 20}) == FF_OK);
        TURN_UNTIL(owner.ended);
        const struct decided *bad = &owner.outcomes[1];
        fprintf(stderr, "%s: %s, signal %d: %s\n", cases[i].fault, ff_code_name(bad->code), bad->signal,
                bad->errmsg);
        CHECK(owner.count == 3);
        expect_outcome(&owner, 0, FF_FITTED, FF_CODE_OK);
        expect_outcome(&owner, 1, FF_OPEN, cases[i].code);
        expect_outcome(&owner, 2, FF_FITTED, FF_CODE_OK);
        CHECK(bad->signal == cases[i].signal && strstr(bad->errmsg, cases[i].errmsg));
        CHECK(strcmp(bad->log, words) == 0);
        CHECK(bad->peak_rss_bytes > 1 << 20 && bad->cpu_ms > 0);
        CHECK(owner.outcomes[0].pid == bad->pid && owner.outcomes[2].pid != bad->pid);
    }
    tear_down();
}

static void what_a_fit_forks_ends_with_its_executor_at_once(void)
{
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1, 1, 1}, .count = 3, .fault = "fork"}) ==
          FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 3);
    CHECK(owner.outcomes[1].pid != owner.outcomes[2].pid);
    TURN_UNTIL(count_processes() == 1);
    tear_down();
    CHECK(count_processes() == 0);
}

static void what_the_last_fit_forked_is_gone_with_the_supervisor(void)
{
    struct owner owner = {0};
    set_up(2);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1, 1}, .count = 2, .fault = "fork"}) ==
          FF_OK);
    TURN_UNTIL(owner.count == 2);
    tear_down();
    CHECK(count_processes() == 0);
}

/* The end of an executor's pipe that it writes to. */
static int pipe_of(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, FF_EXECUTOR_PIPE);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

static void garbage_instead_of_an_outcome_costs_the_target_in_progress(void)
{
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS, 1}, .count = 2}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    int fd = pipe_of((pid_t)state_of(0).pid);
    CHECK(write(fd, "this is not what was agreed upon", 32) == 32);
    close(fd);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_OPEN, FF_CODE_BAD_OUTPUT);
    expect_outcome(&owner, 1, FF_FITTED, FF_CODE_OK);
    tear_down();
}

static void outcomes_for_other_targets_are_garbage(void)
{
    struct ff_outcome forged = {.target = 101, .class = FF_FITTED, .errmsg = "", .kind = "", .summary = ""};
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS, 1}, .count = 2}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    int fd = pipe_of((pid_t)state_of(0).pid);
    CHECK(ff_channel_write_outcome(fd, 1, 1, &forged));
    close(fd);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_OPEN, FF_CODE_BAD_OUTPUT);
    expect_outcome(&owner, 1, FF_FITTED, FF_CODE_OK);
    tear_down();
}

static void garbage_behind_the_last_outcome_costs_nothing(void)
{
    struct ff_outcome forged = {.target = 100, .class = FF_FITTED, .errmsg = "", .kind = "", .summary = ""};
    struct owner owner = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    int fd = pipe_of((pid_t)state_of(0).pid);
    CHECK(ff_channel_write_outcome(fd, 1, 0, &forged));
    CHECK(ff_channel_write_outcome(fd, 1, 1, &forged)); /* behind the run's end */
    close(fd);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    owner = (struct owner){0};
    TURN_UNTIL(assign((struct run_spec){.owner = &owner, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

/* ---- recycling
 * -------------------------------------------------------------------------------------------------------- */

static void an_executor_is_replaced_after_so_many_targets_and_nobody_notices(void)
{
    struct owner owners[6] = {0};
    set_up_with((struct ff_supervisor_options){.slots = 1, .recycle_targets = 8});
    uint32_t first = state_of(0).pid, last = first;
    unsigned changes = 0;
    for (int i = 0; i < 6; i++) {
        struct run_spec spec = {.owner = &owners[i], .busy_ms = {20, 20, 20, 20, 20, 20, 20, 20}, .count = 8};
        TURN_UNTIL(assign(spec) == FF_OK);
        if (state_of(0).pid == last)
            continue;
        last = state_of(0).pid;
        changes++;
        CHECK(state_of(0).age_ms > 0); /* it was there before it took over */
    }
    TURN_UNTIL(ends == 6);
    for (int i = 0; i < 6; i++)
        expect_fitted(&owners[i], 8);
    CHECK(changes >= 2 && !exists((pid_t)first));
    tear_down();
}

static void an_executor_that_grows_is_replaced(void)
{
    struct owner owner = {0};
    unsigned pids = 1;
    set_up_with((struct ff_supervisor_options){.slots = 1, .recycle_bytes = 20 << 20});
    CHECK(assign((struct run_spec){.owner = &owner,
                                   .busy_ms = {120, 120, 120, 120, 120, 120, 120, 120},
                                   .count = 8,
                                   .leaks = true}) == FF_OK);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 8);
    for (unsigned i = 1; i < 8; i++)
        pids += owner.outcomes[i].pid != owner.outcomes[i - 1].pid;
    CHECK(pids >= 2);
    tear_down();
}

static void an_idle_executor_is_replaced_too(void)
{
    struct owner owner = {0};
    set_up_with((struct ff_supervisor_options){.slots = 1, .recycle_targets = 1});
    uint32_t pid = state_of(0).pid;
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(owner.ended && state_of(0).pid != pid && ff_supervisor_idle(supervisor) == 1);
    expect_fitted(&owner, 1);
    tear_down();
    CHECK(count_processes() == 0);
}

static void a_successor_that_dies_changes_nothing(void)
{
    struct owner owner = {0};
    set_up_with((struct ff_supervisor_options){.slots = 1, .recycle_targets = 1});
    pid_t pid = (pid_t)state_of(0).pid, successor = 0;
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1, 700, 1}, .count = 3}) == FF_OK);
    TURN_UNTIL((successor = child_but(getpid(), pid)) != 0);
    kill(successor, SIGKILL);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 3);
    CHECK((pid_t)owner.outcomes[1].pid == pid);
    tear_down();
}

/* ---- dropping and draining
 * -------------------------------------------------------------------------------------------- */

static void a_run_that_waits_is_withdrawn_and_the_one_before_it_goes_on(void)
{
    struct owner first = {0}, second = {0};
    set_up(1);
    uint32_t pid = state_of(0).pid;
    CHECK(assign((struct run_spec){.owner = &first, .busy_ms = {200, 1}, .count = 2}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &second, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    CHECK(ff_supervisor_drop(supervisor, &second) == 1);
    CHECK(!ff_supervisor_has(supervisor, &second));
    TURN_UNTIL(first.ended);
    expect_fitted(&first, 2);
    CHECK(second.count == 0 && second.ended == 0 && state_of(0).pid == pid);
    tear_down();
}

static void a_run_in_progress_is_dropped_with_its_executor(void)
{
    struct owner first = {0}, second = {0};
    set_up(1);
    uint32_t pid = state_of(0).pid;
    CHECK(assign((struct run_spec){.owner = &first, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &second, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    CHECK(ff_supervisor_drop(supervisor, &first) == 1);
    CHECK(!ff_supervisor_has(supervisor, &first));
    TURN_UNTIL(second.ended);
    expect_fitted(&second, 1);
    CHECK(first.count == 0 && first.ended == 0 && state_of(0).pid != pid);
    tear_down();
}

static void dropping_an_owner_without_runs_does_nothing(void)
{
    struct owner owner = {0}, other = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {50}, .count = 1}) == FF_OK);
    CHECK(ff_supervisor_drop(supervisor, &other) == 0);
    TURN_UNTIL(owner.ended);
    expect_fitted(&owner, 1);
    tear_down();
}

/* Stops the executor before it can begin anything, then kills it. */
static void kill_before_it_begins(void)
{
    TURN_UNTIL(is_alive(0));
    kill((pid_t)state_of(0).pid, SIGKILL);
}

static void runs_of_an_executor_that_is_being_started_again_can_be_dropped(void)
{
    struct owner first = {0}, second = {0}, third = {0};
    set_up(1);
    kill((pid_t)state_of(0).pid, SIGSTOP);
    CHECK(assign((struct run_spec){.owner = &first, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &second, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    uint32_t pid = state_of(0).pid;
    kill_before_it_begins();
    TURN_UNTIL(state_of(0).pid != pid);
    kill_before_it_begins(); /* for the second time: now it pauses before it starts another */
    TURN_UNTIL(!is_alive(0));
    CHECK(first.count == 0);
    CHECK(ff_supervisor_drop(supervisor, &second) == 1);
    CHECK(ff_supervisor_drop(supervisor, &first) == 1);
    CHECK(!ff_supervisor_has(supervisor, &first) && !ff_supervisor_has(supervisor, &second));
    TURN_UNTIL(ff_supervisor_idle(supervisor) == 1);
    CHECK(assign((struct run_spec){.owner = &third, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(third.ended);
    expect_fitted(&third, 1);
    CHECK(first.count + second.count == 0 && first.ended + second.ended == 0);
    tear_down();
}

static void the_run_behind_a_dropped_one_survives_its_executors_pause(void)
{
    struct owner first = {0}, second = {0};
    set_up(1);
    kill((pid_t)state_of(0).pid, SIGSTOP);
    CHECK(assign((struct run_spec){.owner = &first, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &second, .busy_ms = {1, 1}, .count = 2}) == FF_OK);
    uint32_t pid = state_of(0).pid;
    kill_before_it_begins();
    TURN_UNTIL(state_of(0).pid != pid);
    kill_before_it_begins();
    TURN_UNTIL(!is_alive(0));
    CHECK(ff_supervisor_drop(supervisor, &first) == 1);
    TURN_UNTIL(is_alive(0));
    pid = state_of(0).pid;
    TURN_UNTIL(second.ended);
    expect_fitted(&second, 2);
    CHECK(second.outcomes[1].pid == pid);
    tear_down();
}

static void what_keeps_killing_executors_before_it_begins_is_blamed_at_last(void)
{
    struct owner owner = {0};
    set_up(1);
    kill((pid_t)state_of(0).pid, SIGSTOP);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS, 1}, .count = 2}) == FF_OK);
    for (int i = 0; i < 3; i++) {
        TURN_UNTIL(is_alive(0));
        uint32_t pid = state_of(0).pid;
        CHECK(owner.count == 0);
        kill_before_it_begins();
        TURN_UNTIL(!is_alive(0) || state_of(0).pid != pid);
    }
    CHECK(owner.count == 1);
    TURN_UNTIL(owner.ended);
    expect_outcome(&owner, 0, FF_OPEN, FF_CODE_CRASHED);
    expect_outcome(&owner, 1, FF_FITTED, FF_CODE_OK);
    tear_down();
}

static void draining_ends_behind_the_current_target(void)
{
    struct owner first = {0}, second = {0};
    set_up(1);
    CHECK(assign((struct run_spec){.owner = &first, .busy_ms = {300, LONG_MS}, .count = 2}) == FF_OK);
    CHECK(assign((struct run_spec){.owner = &second, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    ff_supervisor_drain(supervisor);
    CHECK(second.ended == 1 && second.count == 0);
    TURN_UNTIL(first.ended);
    expect_fitted(&first, 1);
    tear_down();
}

/* ---- life and death
 * ------------------------------------------------------------------------------------------------------ */

static void wait_until_gone(pid_t pid, int64_t within_ms)
{
    int64_t until = ff_clock_ms() + within_ms;
    while (exists(pid)) {
        CHECK(ff_clock_ms() < until);
        poll(NULL, 0, 5);
    }
}

static void destroying_leaves_no_process_behind(void)
{
    struct owner owner = {0};
    setenv("FF_TEST_EXECUTOR_FORKS", "1", 1);
    set_up(2);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {1}, .count = 1}) == FF_OK);
    TURN_UNTIL(owner.ended);
    pid_t pids[2] = {(pid_t)state_of(0).pid, (pid_t)state_of(1).pid}, child = 0;
    TURN_UNTIL((child = child_of(pids[0])) != 0);
    CHECK(exists(child));
    tear_down();
    CHECK(!exists(pids[0]) && !exists(pids[1]));
    wait_until_gone(child, 1000);
    unsetenv("FF_TEST_EXECUTOR_FORKS");
}

static void what_a_dead_executor_forked_dies_with_it(void)
{
    struct owner owner = {0};
    setenv("FF_TEST_EXECUTOR_FORKS", "1", 1);
    set_up(2);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    pid_t pid = (pid_t)state_of(0).pid, child = child_of(pid), other = (pid_t)state_of(1).pid;
    CHECK(child != 0 && exists(child));
    kill(pid, SIGKILL);
    TURN_UNTIL(owner.ended);
    wait_until_gone(child, 1000);
    CHECK((pid_t)state_of(1).pid == other && exists(other));
    tear_down();
    unsetenv("FF_TEST_EXECUTOR_FORKS");
}

/* The helper: tells the pids of its executors and their children on descriptor 1, then works until it is
 * killed. */
static void be_agent(void)
{
    struct owner owner = {0};
    ff_sentinel_start();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    running = "agent";
    set_up(2);
    CHECK(assign((struct run_spec){.owner = &owner, .busy_ms = {LONG_MS}, .count = 1}) == FF_OK);
    TURN_UNTIL(is_busy_with(0, 100));
    TURN_UNTIL(child_of((pid_t)state_of(0).pid) && child_of((pid_t)state_of(1).pid));
    pid_t pids[4];
    for (unsigned i = 0; i < 2; i++) {
        pids[2 * i] = (pid_t)state_of(i).pid;
        pids[2 * i + 1] = child_of(pids[2 * i]);
    }
    CHECK(write(STDOUT_FILENO, pids, sizeof pids) == (ssize_t)sizeof pids);
    for (;;)
        turn();
}

static pid_t start_agent(const char *how, int *out)
{
    int fds[2];
    CHECK(pipe(fds) == 0);
    pid_t agent = fork();
    if (agent == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        setenv("FF_TEST_EXECUTOR_FORKS", how, 1);
        execl("/proc/self/exe", "test_supervisor", "--agent", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *out = fds[0];
    return agent;
}

static void kill_an_agent(const char *how)
{
    pid_t pids[4];
    int out;
    pid_t agent = start_agent(how, &out);
    CHECK(read(out, pids, sizeof pids) == (ssize_t)sizeof pids);
    for (int i = 0; i < 4; i++)
        CHECK(exists(pids[i]));
    kill(agent, SIGKILL);
    int64_t until = ff_clock_ms() + 1000;
    for (int i = 0; i < 4; i++)
        wait_until_gone(pids[i], until - ff_clock_ms());
    close(out);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static void killing_the_agent_leaves_no_executor_behind(void)
{
    kill_an_agent("group");
}

static void nor_what_an_executor_forked_into_a_session_of_its_own(void)
{
    kill_an_agent("session");
}

/* ---- running
 * -------------------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
#define T(name)                                                                                              \
    {                                                                                                        \
#name, name                                                                                          \
    }
    T(outcomes_come_in_order_and_then_the_end),
    T(each_executor_has_at_most_two_runs),
    T(executors_are_used_again),
    T(a_frame_may_be_an_object),
    T(frames_may_be_in_memory_that_is_shared),
    T(idle_executors_take_over_what_waits_behind_busy_ones),
    T(a_timeout_costs_its_target_only),
    T(a_loop_that_stood_still_blames_nobody),
    T(an_executor_that_was_stopped_is_not_out_of_time),
    T(a_crash_costs_its_target_only),
    T(a_segmentation_fault_is_named),
    T(an_executor_that_dies_idle_is_replaced),
    T(memory_over_the_limit_costs_its_target_only),
    T(each_fault_of_a_fit_costs_its_target_only),
    T(what_a_fit_forks_ends_with_its_executor_at_once),
    T(what_the_last_fit_forked_is_gone_with_the_supervisor),
    T(garbage_instead_of_an_outcome_costs_the_target_in_progress),
    T(outcomes_for_other_targets_are_garbage),
    T(garbage_behind_the_last_outcome_costs_nothing),
    T(an_executor_is_replaced_after_so_many_targets_and_nobody_notices),
    T(an_executor_that_grows_is_replaced),
    T(an_idle_executor_is_replaced_too),
    T(a_successor_that_dies_changes_nothing),
    T(a_run_that_waits_is_withdrawn_and_the_one_before_it_goes_on),
    T(a_run_in_progress_is_dropped_with_its_executor),
    T(dropping_an_owner_without_runs_does_nothing),
    T(runs_of_an_executor_that_is_being_started_again_can_be_dropped),
    T(the_run_behind_a_dropped_one_survives_its_executors_pause),
    T(what_keeps_killing_executors_before_it_begins_is_blamed_at_last),
    T(draining_ends_behind_the_current_target),
    T(destroying_leaves_no_process_behind),
    T(what_a_dead_executor_forked_dies_with_it),
    T(killing_the_agent_leaves_no_executor_behind),
    T(nor_what_an_executor_forked_into_a_session_of_its_own),
#undef T
};

/* An executor whose fits forked a process, in its group or in one of its own. */
static void fork_as_a_fit_might(const char *how)
{
    if (fork() != 0)
        return;
    if (strcmp(how, "group") != 0)
        setsid();
    for (;;)
        pause();
}

static int be_executor(char **argv)
{
    const char *forks = getenv("FF_TEST_EXECUTOR_FORKS");
    if (forks)
        fork_as_a_fit_might(forks);
    return ff_executor_main(atoi(argv[2]), atoi(argv[3]));
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--executor") == 0)
        return be_executor(argv);
    signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--agent") == 0)
        be_agent();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    unsigned count = 0;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        if (argc == 2 && strcmp(argv[1], tests[i].name) != 0)
            continue;
        running = tests[i].name;
        ends = 0;
        int64_t start = ff_clock_ms();
        tests[i].run();
        printf("ok %s (%lld ms)\n", running, (long long)(ff_clock_ms() - start));
        count++;
    }
    printf("supervisor: %u tests\n", count);
    return count ? 0 : 1;
}

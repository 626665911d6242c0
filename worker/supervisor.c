/* Runs over executors.
 *
 * A slot has at most two runs: the current one and one waiting behind it, so that an executor goes on without
 * a round trip. The agent never knows by itself which of the two is being worked on; the executor's claim of
 * the waiting one (lane.h, `lanes`) decides, and its END message behind the last outcome tells.
 *
 *     assign ─► current ──outcomes in order, END──► ended         executor died or was killed on task i:
 *     assign ─► waiting ──claimed by the executor──► current        read the pipe to its end, blame i (or
 * nobody), └──────withdrawn by the agent───► (returned)     start another, go on behind i
 *
 * Outcomes must come in the order of the tasks; anything else is BAD_OUTPUT and costs the task in progress.
 */
#include "worker/supervisor.h"

#include "common/log.h"
#include "worker/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BLAMELESS_DEATHS = 3, /* between two tasks, one after the other: then the next task is blamed */
    LOG_LIMIT = 4 << 20,  /* bytes of output that one fit may leave in memory */
    LOG_TAIL = 16 << 10,
    RESTART_MS = 100,
    RESTART_MAX_MS = 5000,
};

struct run {
    void *owner;
    struct ff_buffer buffer;
    struct ff_run_command command;
    uint32_t *targets; /* index in the job, by task */
    uint64_t job;
    struct ff_lease_id lease;
    uint32_t task_count;
    uint32_t next; /* the task whose outcome comes next */
    uint32_t timeout_ms;
    int object_fd;
};

struct slot {
    struct ff_process process;
    struct run *current;
    struct run *waiting;
    struct ff_buf input; /* from the pipe, not parsed yet */
    uint32_t ticket;
    uint64_t position; /* as last seen */
    int64_t position_ms;
    enum ff_code
        kill_code;      /* why we killed it; FF_CODE_CANCELLED: its run was dropped; FF_CODE_OK: we did not */
    unsigned deaths;    /* in a row without an outcome */
    int64_t restart_ms; /* when to start again, if not alive */
    uint64_t done;
    int last_exit;
    int last_signal;
};

struct ff_supervisor {
    struct ff_supervisor_options options;
    int epoll;
    struct slot *slots;
    struct ff_buffer *spare; /* buffers of ended runs */
    size_t spare_count;
    bool draining;
    struct ff_arena arena; /* of the message being handled */
};

/* ---- runs ---- */

static void free_run(struct ff_supervisor *supervisor, struct run *run)
{
    if (run->object_fd >= 0)
        close(run->object_fd);
    supervisor->spare[supervisor->spare_count++] = run->buffer; /* room for two per slot */
    free(run->targets);
    free(run);
}

static struct ff_buffer take_buffer(struct ff_supervisor *supervisor)
{
    return supervisor->spare[--supervisor->spare_count];
}

static enum ff_status fill_buffer(struct run *run, const struct ff_run_request *request, struct ff_error *err)
{
    size_t body_offset = (request->blocks.size + 63) / 64 * 64;
    enum ff_status status = ff_buffer_reserve(&run->buffer, body_offset + request->body.size + 1, err);
    if (status)
        return status;
    if (request->blocks.size)
        memcpy(run->buffer.data, request->blocks.data, request->blocks.size);
    memcpy(run->buffer.data + body_offset, request->body.data, request->body.size);
    run->command.buffer_id = run->buffer.id;
    run->command.capacity = run->buffer.capacity;
    run->command.body_offset = body_offset;
    run->command.body_size = request->body.size;
    return FF_OK;
}

static struct run *make_run(struct ff_supervisor *supervisor, const struct ff_run_request *request,
                            struct ff_error *err)
{
    const struct ff_chunk *chunk = request->chunk;
    struct run *run = ff_xcalloc(1, sizeof *run);
    run->owner = request->owner;
    run->lease = chunk->lease;
    run->job = chunk->job;
    run->task_count = (uint32_t)chunk->task_count;
    run->timeout_ms = chunk->timeout_ms;
    run->object_fd = request->object_fd >= 0 ? dup(request->object_fd) : -1;
    run->command.has_object = run->object_fd >= 0;
    run->command.object_size = request->object_size;
    run->command.memory_bytes =
        chunk->memory_bytes ? chunk->memory_bytes : supervisor->options.memory_bytes / 2;
    run->targets = ff_xalloc(chunk->task_count * sizeof *run->targets);
    for (size_t i = 0; i < chunk->task_count; i++)
        run->targets[i] = chunk->tasks[i].task.target;
    run->buffer = take_buffer(supervisor);
    if (fill_buffer(run, request, err) == FF_OK)
        return run;
    free_run(supervisor, run);
    return NULL;
}

static bool send_run(struct slot *slot, struct run *run)
{
    struct ff_progress *progress = slot->process.progress;
    run->command.ticket = ++slot->ticket;
    run->command.first = run->next;
    run->command.lane = atomic_load(&progress->lanes[0]) ? 1 : 0;
    atomic_store(&progress->lanes[run->command.lane], run->command.ticket);
    return ff_channel_send_run(slot->process.socket, &run->command, run->buffer.fd, run->object_fd);
}

/* ---- executors ---- */

static int slot_index(const struct ff_supervisor *supervisor, const struct slot *slot)
{
    return (int)(slot - supervisor->slots);
}

/* The run that waits becomes the current one: the executor has claimed it. */
static void advance(struct slot *slot, int64_t now_ms)
{
    slot->current = slot->waiting;
    slot->waiting = NULL;
    slot->position = 0;
    slot->position_ms = now_ms;
}

static void start(struct ff_supervisor *supervisor, struct slot *slot, int64_t now_ms)
{
    struct ff_error err = {0};
    int core = supervisor->options.affinity ? slot_index(supervisor, slot) : -1;
    slot->input.size = 0;
    slot->kill_code = FF_CODE_OK;
    if (ff_process_start(&slot->process, core, supervisor->epoll, now_ms, &err)) {
        ff_log(FF_LOG_ERROR, "executor %d: %s", slot_index(supervisor, slot), err.text);
        slot->restart_ms = now_ms + RESTART_MAX_MS;
        return;
    }
    slot->position = 0;
    slot->position_ms = now_ms;
    if (!slot->current)
        advance(slot, now_ms); /* its predecessor was dropped meanwhile */
    atomic_store(&slot->process.progress->stop, supervisor->draining);
    if (slot->current)
        send_run(slot, slot->current);
    if (slot->waiting)
        send_run(slot, slot->waiting);
}

static void kill_slot(struct slot *slot, enum ff_code code)
{
    if (!slot->process.alive)
        return;
    slot->kill_code = code;
    ff_process_kill(&slot->process);
}

static void finish_current(struct ff_supervisor *supervisor, struct slot *slot)
{
    struct run *run = slot->current;
    void *owner = run->owner;
    advance(slot, slot->position_ms);
    free_run(supervisor, run);
    supervisor->options.hooks.ended(supervisor->options.hooks.context, owner);
}

static void decide(struct ff_supervisor *supervisor, struct slot *slot, struct ff_outcome *outcome)
{
    struct run *run = slot->current;
    outcome->target = run->targets[run->next++];
    slot->deaths = 0;
    slot->done++;
    supervisor->options.hooks.outcome(supervisor->options.hooks.context, run->owner, outcome);
}

static void rebalance(struct ff_supervisor *supervisor, int64_t now_ms);

/* ---- input ---- */

/* false: the message does not belong here. */
static bool take_message(struct ff_supervisor *supervisor, struct slot *slot,
                         struct ff_channel_message *message)
{
    struct run *run = slot->current;
    if (!run || message->ticket != run->command.ticket)
        return false;
    if (message->end) {
        if (run->next != run->task_count && !supervisor->draining)
            return false;
        finish_current(supervisor, slot);
        return true;
    }
    if (run->next == run->task_count || message->task != run->next ||
        message->outcome.target != run->targets[run->next])
        return false;
    decide(supervisor, slot, &message->outcome);
    return true;
}

static bool parse_input(struct ff_supervisor *supervisor, struct slot *slot)
{
    struct ff_bytes rest = ff_buf_bytes(&slot->input);
    int64_t size;
    bool good = true;
    struct ff_channel_message message;
    while (good && (size = ff_channel_parse(rest, &supervisor->arena, &message)) != 0) {
        good = size > 0 && take_message(supervisor, slot, &message);
        ff_arena_reset(&supervisor->arena);
        if (good)
            rest = (struct ff_bytes){rest.data + size, rest.size - (size_t)size};
    }
    ff_buf_drop(&slot->input, good ? slot->input.size - rest.size : slot->input.size);
    return good;
}

static void read_slot(struct ff_supervisor *supervisor, struct slot *slot)
{
    enum { PIECE = 1 << 20 };
    ssize_t got;
    while (slot->process.pipe >= 0 &&
           (got = read(slot->process.pipe, ff_buf_reserve(&slot->input, PIECE), PIECE)) > 0) {
        slot->input.size += (size_t)got;
        if (slot->kill_code == FF_CODE_BAD_OUTPUT || slot->kill_code == FF_CODE_CANCELLED)
            slot->input.size = 0;
        else if (!parse_input(supervisor, slot))
            kill_slot(slot, FF_CODE_BAD_OUTPUT);
        if (got < PIECE / 16)
            break;
    }
    if (slot->input.size == 0 && slot->input.capacity > 4 * PIECE)
        ff_buf_fini(&slot->input);
}

void ff_supervisor_read(struct ff_supervisor *supervisor, int64_t now_ms)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        read_slot(supervisor, &supervisor->slots[i]);
    rebalance(supervisor, now_ms);
}

/* Kills what dead executors left behind: children of theirs that made themselves a group of their own. */
static void sweep(struct ff_supervisor *supervisor)
{
    pid_t *keep = ff_xalloc((supervisor->options.slots + 1) * sizeof *keep);
    size_t count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        if (supervisor->slots[i].process.alive)
            keep[count++] = supervisor->slots[i].process.pid;
    ff_process_sweep(keep, count);
    free(keep);
}

/* ---- death ---- */

/* The task that the executor was on, checked against what we know; -1 if none. */
static int64_t task_in_progress(const struct slot *slot)
{
    const struct run *run = slot->current;
    if (!run)
        return -1;
    uint64_t position = atomic_load(&slot->process.progress->position);
    uint32_t task = (uint32_t)position;
    if (position >> 32 != run->command.ticket || task == 0 || task - 1 != run->next)
        return -1;
    return run->next;
}

static void describe_end(const struct slot *slot, enum ff_code code, char *text, size_t size)
{
    if (code == FF_CODE_TIMEOUT)
        snprintf(text, size, "killed after target_timeout");
    else if (code == FF_CODE_BAD_OUTPUT)
        snprintf(text, size, "the executor sent garbage instead of an outcome");
    else if (slot->last_signal)
        snprintf(text, size, "the executor died of signal %d (%s)", slot->last_signal,
                 strsignal(slot->last_signal));
    else
        snprintf(text, size, "the executor exited with code %d", slot->last_exit);
}

static void blame(struct ff_supervisor *supervisor, struct slot *slot, enum ff_code code)
{
    char text[160];
    char log[LOG_TAIL];
    describe_end(slot, code, text, sizeof text);
    struct ff_outcome outcome = {.code = code,
                                 .errmsg = text,
                                 .kind = "",
                                 .summary = "",
                                 .pid = (uint32_t)slot->process.pid,
                                 .signal = slot->last_signal,
                                 .peak_rss_bytes = slot->process.peak_rss_bytes,
                                 .cpu_ms = slot->process.cpu_ms,
                                 .fit_ms = (double)(slot->process.ended_ms - slot->position_ms),
                                 .log = {(uint8_t *)log, ff_process_log(&slot->process, log, sizeof log)}};
    decide(supervisor, slot, &outcome);
    if (slot->current->next == slot->current->task_count)
        finish_current(supervisor, slot);
}

/* Whether the death costs the current run's next task a try: it was in progress, or sent garbage, or keeps
 * killing executors before it even begins. */
static bool is_to_blame(const struct slot *slot, enum ff_code code)
{
    if (!slot->current || code == FF_CODE_CANCELLED)
        return false;
    return task_in_progress(slot) >= 0 || code == FF_CODE_BAD_OUTPUT || slot->deaths >= BLAMELESS_DEATHS;
}

/* The executor is dead and its pipe is read to the end. */
static void bury(struct ff_supervisor *supervisor, struct slot *slot, int64_t now_ms)
{
    enum ff_code code = slot->kill_code ? slot->kill_code : FF_CODE_CRASHED;
    slot->deaths = code == FF_CODE_CANCELLED ? 1 : slot->deaths + 1;
    unsigned deaths = slot->deaths;
    if (slot->current && slot->current->next == slot->current->task_count)
        finish_current(supervisor, slot); /* only its END was lost */
    else if (is_to_blame(slot, code))
        blame(supervisor, slot, code);
    if (!slot->current)
        advance(slot, now_ms);
    ff_process_close(&slot->process);
    sweep(supervisor);
    int64_t pause = deaths > 1 ? RESTART_MS << (deaths < 7 ? deaths : 6) : 0;
    slot->restart_ms = now_ms + (pause > RESTART_MAX_MS ? RESTART_MAX_MS : pause);
    if (pause == 0)
        start(supervisor, slot, now_ms);
}

static struct slot *slot_of(struct ff_supervisor *supervisor, pid_t pid)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        if (supervisor->slots[i].process.alive && supervisor->slots[i].process.pid == pid)
            return &supervisor->slots[i];
    return NULL;
}

void ff_supervisor_reap(struct ff_supervisor *supervisor, int64_t now_ms)
{
    struct ff_process_end end;
    while (ff_process_reap(&end)) {
        struct slot *slot = slot_of(supervisor, end.pid);
        if (!slot)
            continue; /* adopted from an executor */
        slot->last_exit = end.exit_code;
        slot->last_signal = end.signal;
        ff_process_ended(&slot->process, &end, now_ms);
        read_slot(supervisor, slot);
        bury(supervisor, slot, now_ms);
    }
}

/* ---- time ---- */

static void check_time(struct slot *slot, int64_t now_ms, int64_t gap_ms)
{
    uint64_t position = atomic_load(&slot->process.progress->position);
    if (position != slot->position) {
        slot->position = position;
        slot->position_ms = now_ms;
        return;
    }
    slot->position_ms += gap_ms;
    if (slot->current && (uint32_t)position != 0 && now_ms - slot->position_ms > slot->current->timeout_ms)
        kill_slot(slot, FF_CODE_TIMEOUT);
}

void ff_supervisor_tick(struct ff_supervisor *supervisor, int64_t now_ms, int64_t gap_ms)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (!slot->process.alive) {
            if (now_ms >= slot->restart_ms)
                start(supervisor, slot, now_ms);
            continue;
        }
        check_time(slot, now_ms, gap_ms);
        ff_process_trim_log(&slot->process, LOG_LIMIT);
    }
    rebalance(supervisor, now_ms);
}

/* ---- assigning ---- */

static bool takes_runs(const struct slot *slot)
{
    return slot->process.alive && slot->kill_code == FF_CODE_OK;
}

unsigned ff_supervisor_idle(const struct ff_supervisor *supervisor)
{
    unsigned count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        count += takes_runs(&supervisor->slots[i]) && !supervisor->slots[i].current;
    return count;
}

unsigned ff_supervisor_prefetch(const struct ff_supervisor *supervisor)
{
    unsigned count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        count += takes_runs(&supervisor->slots[i]) && supervisor->slots[i].current &&
                 !supervisor->slots[i].waiting;
    return count;
}

static struct slot *choose(struct ff_supervisor *supervisor)
{
    struct slot *behind = NULL;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (!takes_runs(slot))
            continue;
        if (!slot->current)
            return slot;
        if (!slot->waiting && !behind)
            behind = slot;
    }
    return behind;
}

enum ff_status ff_supervisor_assign(struct ff_supervisor *supervisor, const struct ff_run_request *request,
                                    struct ff_error *err)
{
    struct slot *slot = choose(supervisor);
    if (!slot)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no executor has room");
    struct run *run = make_run(supervisor, request, err);
    if (!run)
        return FF_RESOURCE_EXHAUSTED;
    if (slot->current)
        slot->waiting = run;
    else
        slot->current = run;
    send_run(slot, run); /* an executor that is gone by now is buried soon, and its runs sent to the next */
    return FF_OK;
}

/* The waiting run, if it could be taken back before the executor claimed it (a dead one claims nothing any
 * more); NULL otherwise. */
static struct run *take_back(struct slot *slot)
{
    struct run *run = slot->waiting;
    if (!run)
        return NULL;
    unsigned ticket = run->command.ticket;
    if (slot->process.alive &&
        !atomic_compare_exchange_strong(&slot->process.progress->lanes[run->command.lane], &ticket, 0))
        return NULL;
    slot->waiting = NULL;
    return run;
}

/* Idle executors take over what waits behind busy ones. */
static void rebalance(struct ff_supervisor *supervisor, int64_t now_ms)
{
    unsigned from = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *idle = &supervisor->slots[i];
        if (!takes_runs(idle) || idle->current)
            continue;
        while (from < supervisor->options.slots && !(idle->current = take_back(&supervisor->slots[from])))
            from++;
        if (!idle->current)
            return;
        idle->position_ms = now_ms;
        send_run(idle, idle->current);
    }
}

static bool drop_waiting(struct ff_supervisor *supervisor, struct slot *slot, const void *owner)
{
    struct run *run = slot->waiting && slot->waiting->owner == owner ? take_back(slot) : NULL;
    if (run)
        free_run(supervisor, run);
    return run != NULL;
}

static bool drop_current(struct ff_supervisor *supervisor, struct slot *slot, const void *owner)
{
    if (!slot->current || slot->current->owner != owner)
        return false;
    free_run(supervisor, slot->current);
    slot->current = NULL;
    kill_slot(slot, FF_CODE_CANCELLED);
    return true;
}

unsigned ff_supervisor_drop(struct ff_supervisor *supervisor, const void *owner)
{
    unsigned count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        count += drop_waiting(supervisor, slot, owner);
        read_slot(supervisor, slot); /* a run claimed meanwhile becomes the current one by this */
        count += drop_current(supervisor, slot, owner);
    }
    return count;
}

void ff_supervisor_drain(struct ff_supervisor *supervisor)
{
    supervisor->draining = true;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        struct run *run = take_back(slot);
        if (slot->process.alive)
            atomic_store(&slot->process.progress->stop, true);
        if (!run)
            continue;
        void *owner = run->owner;
        free_run(supervisor, run);
        supervisor->options.hooks.ended(supervisor->options.hooks.context, owner);
    }
}

/* ---- looking ---- */

bool ff_supervisor_has(const struct ff_supervisor *supervisor, const void *owner)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        const struct slot *slot = &supervisor->slots[i];
        if ((slot->current && slot->current->owner == owner) ||
            (slot->waiting && slot->waiting->owner == owner))
            return true;
    }
    return false;
}

size_t ff_supervisor_states(const struct ff_supervisor *supervisor, int64_t now_ms,
                            struct ff_executor_state *states)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        const struct slot *slot = &supervisor->slots[i];
        struct ff_executor_state *state = &states[i];
        int64_t task = slot->process.alive ? task_in_progress(slot) : -1;
        *state = (struct ff_executor_state){.pid = (uint32_t)slot->process.pid,
                                            .ppid = (uint32_t)getpid(),
                                            .alive = slot->process.alive,
                                            .age_ms = (uint64_t)(now_ms - slot->process.started_ms),
                                            .busy = task >= 0,
                                            .done = slot->done,
                                            .last_exit = slot->last_exit,
                                            .last_signal = slot->last_signal};
        if (task >= 0) {
            state->lease = slot->current->lease;
            state->job = slot->current->job;
            state->target = slot->current->targets[task];
            state->busy_ms = (uint64_t)(now_ms - slot->position_ms);
            state->cpu_ms = ff_process_cpu_ms(&slot->process);
        }
    }
    return supervisor->options.slots;
}

/* ---- life ---- */

enum ff_status ff_supervisor_create(const struct ff_supervisor_options *options, int epoll, int64_t now_ms,
                                    struct ff_supervisor **out, struct ff_error *err)
{
    struct ff_supervisor *supervisor = ff_xcalloc(1, sizeof *supervisor);
    supervisor->options = *options;
    supervisor->epoll = epoll;
    supervisor->slots = ff_xcalloc(options->slots, sizeof *supervisor->slots);
    supervisor->spare = ff_xcalloc(2 * (size_t)options->slots, sizeof *supervisor->spare);
    supervisor->spare_count = 2 * (size_t)options->slots;
    for (size_t i = 0; i < supervisor->spare_count; i++)
        supervisor->spare[i].fd = -1;
    unsigned alive = 0;
    for (unsigned i = 0; i < options->slots; i++) {
        supervisor->slots[i].process = (struct ff_process)FF_PROCESS_NONE;
        supervisor->slots[i].last_exit = -1;
        start(supervisor, &supervisor->slots[i], now_ms);
        alive += supervisor->slots[i].process.alive;
    }
    if (alive == 0) {
        ff_supervisor_destroy(supervisor);
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no executor could be started");
    }
    *out = supervisor;
    return FF_OK;
}

void ff_supervisor_destroy(struct ff_supervisor *supervisor)
{
    if (!supervisor)
        return;
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        ff_process_kill(&supervisor->slots[i].process);
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct slot *slot = &supervisor->slots[i];
        ff_process_wait(&slot->process);
        ff_process_close(&slot->process);
        if (slot->current)
            free_run(supervisor, slot->current);
        if (slot->waiting)
            free_run(supervisor, slot->waiting);
        ff_buf_fini(&slot->input);
    }
    sweep(supervisor);
    for (size_t i = 0; i < supervisor->spare_count; i++)
        ff_buffer_fini(&supervisor->spare[i]);
    ff_arena_fini(&supervisor->arena);
    free(supervisor->spare);
    free(supervisor->slots);
    free(supervisor);
}

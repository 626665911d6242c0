/* Runs over slots: who gets one, who takes over from whom, whose are dropped.
 *
 * A slot has at most two runs: the current one and one waiting behind it, so that an executor goes on without
 * a round trip.
 *
 *     assign ─► current ──────────────────────────► ended           (supervisor_slot.c)
 *     assign ─► waiting ──claimed by the executor──► current
 *                  └──────taken back──► the current one of an idle slot, or dropped, or drained
 */
#include "worker/supervisor_core.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_LIMIT = 4 << 20, /* bytes of output that one fit may leave in memory */
    SWEEP_MS = 1000,
    LAST_SWEEPS = 250,
    LAST_SWEEP_NS = 2000000,
    DISMISS_ROUNDS = 1500, /* of that: somewhat more than a program has to end in */
};

/* ---- assigning ---- */

static bool takes_runs(const struct ff_slot *slot)
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

static struct ff_slot *choose(struct ff_supervisor *supervisor)
{
    struct ff_slot *behind = NULL;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *slot = &supervisor->slots[i];
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
    struct ff_slot *slot = choose(supervisor);
    if (!slot)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no executor has room");
    struct ff_run *run = ff_run_create(supervisor, request, err);
    if (!run)
        return FF_RESOURCE_EXHAUSTED;
    if (slot->current)
        slot->waiting = run;
    else
        slot->current = run;
    ff_run_send(run, slot);
    return FF_OK;
}

/* Idle executors take over what waits behind busy ones. */
static void rebalance(struct ff_supervisor *supervisor, int64_t now_ms)
{
    unsigned from = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *idle = &supervisor->slots[i];
        if (!takes_runs(idle) || idle->current)
            continue;
        while (from < supervisor->options.slots &&
               !(idle->current = ff_run_take_back(&supervisor->slots[from])))
            from++;
        if (!idle->current)
            return;
        idle->position_ms = now_ms;
        ff_run_send(idle->current, idle);
    }
}

/* ---- events ---- */

void ff_supervisor_read(struct ff_supervisor *supervisor, int64_t now_ms)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        ff_slot_read(supervisor, &supervisor->slots[i]);
    rebalance(supervisor, now_ms);
}

static bool is_process(const struct ff_process *process, pid_t pid)
{
    return process->alive && process->pid == pid;
}

static struct ff_slot *slot_of(struct ff_supervisor *supervisor, pid_t pid)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        if (is_process(&supervisor->slots[i].process, pid) ||
            is_process(&supervisor->slots[i].successor, pid))
            return &supervisor->slots[i];
    return NULL;
}

static void handle_end(struct ff_supervisor *supervisor, struct ff_slot *slot,
                       const struct ff_process_end *end, int64_t now_ms)
{
    if (!slot)
        supervisor->next_sweep_ms = now_ms; /* adopted from an executor, and its children are ours now */
    else if (is_process(&slot->process, end->pid))
        ff_slot_bury(supervisor, slot, end, now_ms);
    else
        ff_slot_lose_successor(slot, end, now_ms);
}

void ff_supervisor_reap(struct ff_supervisor *supervisor, int64_t now_ms)
{
    struct ff_process_end end;
    while (ff_process_reap(&end)) {
        struct ff_slot *slot = slot_of(supervisor, end.pid);
        if (end.change == FF_PROCESS_ENDED)
            handle_end(supervisor, slot, &end, now_ms);
        else if (slot && is_process(&slot->process, end.pid))
            slot->stopped = end.change == FF_PROCESS_STOPPED;
    }
}

void ff_supervisor_tick(struct ff_supervisor *supervisor, int64_t now_ms, int64_t gap_ms)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *slot = &supervisor->slots[i];
        if (!slot->process.alive) {
            if (now_ms >= slot->restart_ms)
                ff_slot_start(supervisor, slot, now_ms);
            continue;
        }
        ff_slot_check_time(slot, now_ms, gap_ms);
        ff_slot_recycle(supervisor, slot, now_ms);
        ff_process_trim_log(&slot->process, LOG_LIMIT);
    }
    if (now_ms >= supervisor->next_sweep_ms) {
        supervisor->next_sweep_ms = now_ms + SWEEP_MS;
        ff_supervisor_sweep(supervisor);
    }
    rebalance(supervisor, now_ms);
}

/* ---- dropping and draining ---- */

static bool drop_waiting(struct ff_supervisor *supervisor, struct ff_slot *slot, const void *owner)
{
    struct ff_run *run = slot->waiting && slot->waiting->owner == owner ? ff_run_take_back(slot) : NULL;
    if (run)
        ff_run_destroy(supervisor, run);
    return run != NULL;
}

static bool drop_current(struct ff_supervisor *supervisor, struct ff_slot *slot, const void *owner)
{
    if (!slot->current || slot->current->owner != owner)
        return false;
    ff_run_destroy(supervisor, slot->current);
    slot->current = NULL;
    ff_slot_kill(slot, FF_CODE_CANCELLED);
    return true;
}

unsigned ff_supervisor_drop(struct ff_supervisor *supervisor, const void *owner)
{
    unsigned count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *slot = &supervisor->slots[i];
        count += drop_waiting(supervisor, slot, owner);
        ff_slot_read(supervisor, slot); /* a run claimed meanwhile becomes the current one by this */
        count += drop_current(supervisor, slot, owner);
    }
    return count;
}

void ff_supervisor_drain(struct ff_supervisor *supervisor)
{
    supervisor->draining = true;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *slot = &supervisor->slots[i];
        struct ff_run *run = ff_run_take_back(slot);
        if (slot->process.alive)
            atomic_store(&slot->process.progress->stop, true);
        if (!run)
            continue;
        void *owner = run->owner;
        ff_run_destroy(supervisor, run);
        supervisor->options.hooks.ended(supervisor->options.hooks.context, owner);
    }
}

/* ---- looking ---- */

bool ff_supervisor_has(const struct ff_supervisor *supervisor, const void *owner)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        const struct ff_slot *slot = &supervisor->slots[i];
        if ((slot->current && slot->current->owner == owner) ||
            (slot->waiting && slot->waiting->owner == owner))
            return true;
    }
    return false;
}

static void describe(const struct ff_slot *slot, int64_t now_ms, struct ff_executor_state *state)
{
    int64_t task = slot->process.alive ? ff_slot_task(slot) : -1;
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

size_t ff_supervisor_states(const struct ff_supervisor *supervisor, int64_t now_ms,
                            struct ff_executor_state *states)
{
    for (unsigned i = 0; i < supervisor->options.slots; i++)
        describe(&supervisor->slots[i], now_ms, &states[i]);
    return supervisor->options.slots;
}

/* ---- life ---- */

size_t ff_supervisor_sweep(const struct ff_supervisor *supervisor)
{
    pid_t *keep = ff_xalloc((2 * supervisor->options.slots + 1) * sizeof *keep);
    size_t count = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        const struct ff_slot *slot = &supervisor->slots[i];
        if (slot->process.alive)
            keep[count++] = slot->process.pid;
        if (slot->successor.alive)
            keep[count++] = slot->successor.pid;
    }
    size_t killed = ff_process_sweep(keep, count);
    free(keep);
    return killed;
}

/* Until nothing is left: what is killed hands its own children to us. */
static void sweep_to_the_end(const struct ff_supervisor *supervisor)
{
    struct ff_process_end end;
    for (int round = 0; round < LAST_SWEEPS && ff_supervisor_sweep(supervisor); round++) {
        nanosleep(&(struct timespec){0, LAST_SWEEP_NS}, NULL);
        while (ff_process_reap(&end))
            ;
    }
}

/* Idle executors with programs get the time to tell them that all is over. */
static void dismiss(const struct ff_supervisor *supervisor)
{
    unsigned left = 0;
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        const struct ff_slot *slot = &supervisor->slots[i];
        if (!slot->current && slot->process.alive && atomic_load(&slot->process.progress->has_programs))
            left += shutdown(slot->process.socket, SHUT_RDWR) == 0;
    }
    for (int round = 0; left && round < DISMISS_ROUNDS; round++) {
        nanosleep(&(struct timespec){0, LAST_SWEEP_NS}, NULL);
        left = 0;
        for (unsigned i = 0; i < supervisor->options.slots; i++) {
            const struct ff_slot *slot = &supervisor->slots[i];
            left += !slot->current && slot->process.alive &&
                    atomic_load(&slot->process.progress->has_programs) &&
                    !ff_process_has_ended(&slot->process);
        }
    }
}

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
        supervisor->spare[i].file = (struct ff_memfile)FF_MEMFILE_NONE;
    unsigned alive = 0;
    for (unsigned i = 0; i < options->slots; i++) {
        supervisor->slots[i].process = (struct ff_process)FF_PROCESS_NONE;
        supervisor->slots[i].successor = (struct ff_process)FF_PROCESS_NONE;
        supervisor->slots[i].last_exit = -1;
        ff_slot_start(supervisor, &supervisor->slots[i], now_ms);
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
    dismiss(supervisor);
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        ff_process_kill(&supervisor->slots[i].process);
        ff_process_kill(&supervisor->slots[i].successor);
    }
    for (unsigned i = 0; i < supervisor->options.slots; i++) {
        struct ff_slot *slot = &supervisor->slots[i];
        ff_process_wait(&slot->process);
        ff_process_close(&slot->process);
        ff_process_wait(&slot->successor);
        ff_process_close(&slot->successor);
        if (slot->current)
            ff_run_destroy(supervisor, slot->current);
        if (slot->waiting)
            ff_run_destroy(supervisor, slot->waiting);
        ff_buf_fini(&slot->input);
    }
    sweep_to_the_end(supervisor);
    for (size_t i = 0; i < supervisor->spare_count; i++)
        ff_memfile_fini(&supervisor->spare[i].file);
    ff_arena_fini(&supervisor->arena);
    free(supervisor->spare);
    free(supervisor->slots);
    free(supervisor);
}

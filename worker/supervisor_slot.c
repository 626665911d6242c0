/* One slot: its executor is started, read from, timed, killed and buried.
 *
 *     current ──outcomes in order, END──► ended, the waiting run becomes the current one
 *        │
 *        └──executor died or was killed on task i──► read the pipe to its end, blame i (or nobody),
 *                                                    start another, go on behind i
 *
 * Outcomes must come in the order of the tasks; anything else is BAD_OUTPUT and costs the task in progress.
 */
#include "worker/supervisor_core.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    BLAMELESS_DEATHS = 3, /* between two tasks, one after the other: then the next task is blamed */
    LOG_TAIL = 16 << 10,
    RESTART_MS = 100,
    RESTART_MAX_MS = 5000,
};

/* ---- starting and killing ---- */

static int slot_index(const struct ff_supervisor *supervisor, const struct ff_slot *slot)
{
    return (int)(slot - supervisor->slots);
}

/* The run that waits becomes the current one: the executor has claimed it. */
static void advance(struct ff_slot *slot, int64_t now_ms)
{
    slot->current = slot->waiting;
    slot->waiting = NULL;
    slot->position = 0;
    slot->position_ms = now_ms;
}

void ff_slot_start(struct ff_supervisor *supervisor, struct ff_slot *slot, int64_t now_ms)
{
    struct ff_error err = {0};
    int core = supervisor->options.affinity ? slot_index(supervisor, slot) : -1;
    slot->input.size = 0;
    slot->kill_code = FF_CODE_OK;
    slot->done_before = slot->done;
    if (!ff_slot_take_over(slot) && ff_process_start(&slot->process, core, supervisor->epoll, now_ms, &err)) {
        ff_log(FF_LOG_ERROR, "executor %d: %s", slot_index(supervisor, slot), err.text);
        slot->restart_ms = now_ms + RESTART_MAX_MS;
        return;
    }
    slot->stopped = false;
    slot->checked_ms = now_ms;
    slot->position = 0;
    slot->position_ms = now_ms;
    if (!slot->current)
        advance(slot, now_ms); /* its predecessor was dropped meanwhile */
    atomic_store(&slot->process.progress->stop, supervisor->draining);
    if (slot->current)
        ff_run_send(slot->current, slot);
    if (slot->waiting)
        ff_run_send(slot->waiting, slot);
}

void ff_slot_kill(struct ff_slot *slot, enum ff_code code)
{
    if (!slot->process.alive)
        return;
    slot->kill_code = code;
    ff_process_kill(&slot->process);
}

/* ---- input ---- */

static void finish_current(struct ff_supervisor *supervisor, struct ff_slot *slot)
{
    struct ff_run *run = slot->current;
    void *owner = run->owner;
    advance(slot, slot->position_ms);
    ff_run_destroy(supervisor, run);
    supervisor->options.hooks.ended(supervisor->options.hooks.context, owner);
}

static void decide(struct ff_supervisor *supervisor, struct ff_slot *slot, struct ff_outcome *outcome)
{
    struct ff_run *run = slot->current;
    outcome->target = run->targets[run->next++];
    slot->deaths = 0;
    slot->done++;
    supervisor->options.hooks.outcome(supervisor->options.hooks.context, run->owner, outcome);
}

/* false: the message does not belong here. */
static bool take_message(struct ff_supervisor *supervisor, struct ff_slot *slot,
                         struct ff_channel_message *message)
{
    struct ff_run *run = slot->current;
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

static bool parse_input(struct ff_supervisor *supervisor, struct ff_slot *slot)
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

void ff_slot_read(struct ff_supervisor *supervisor, struct ff_slot *slot)
{
    enum { PIECE = 1 << 20 };
    ssize_t got;
    while (slot->process.pipe >= 0 &&
           (got = read(slot->process.pipe, ff_buf_reserve(&slot->input, PIECE), PIECE)) > 0) {
        slot->input.size += (size_t)got;
        if (slot->kill_code == FF_CODE_BAD_OUTPUT || slot->kill_code == FF_CODE_CANCELLED)
            slot->input.size = 0;
        else if (!parse_input(supervisor, slot))
            ff_slot_kill(slot, FF_CODE_BAD_OUTPUT);
        if (got < PIECE / 16)
            break;
    }
    if (slot->input.size == 0 && slot->input.capacity > 4 * PIECE)
        ff_buf_fini(&slot->input);
}

/* ---- death ---- */

int64_t ff_slot_task(const struct ff_slot *slot)
{
    const struct ff_run *run = slot->current;
    if (!run)
        return -1;
    uint64_t position = atomic_load(&slot->process.progress->position);
    uint32_t task = (uint32_t)position;
    if (position >> 32 != run->command.ticket || task == 0 || task - 1 != run->next)
        return -1;
    return run->next;
}

static void describe_end(const struct ff_slot *slot, enum ff_code code, char *text, size_t size)
{
    if (code == FF_CODE_TIMEOUT)
        snprintf(text, size, "killed after target_timeout, %g s", slot->current->timeout_ms / 1000.0);
    else if (code == FF_CODE_BAD_OUTPUT)
        snprintf(text, size, "the executor sent garbage instead of an outcome");
    else if (slot->last_signal)
        snprintf(text, size, "the executor died of signal %d (%s)", slot->last_signal,
                 strsignal(slot->last_signal));
    else
        snprintf(text, size, "the executor exited with code %d", slot->last_exit);
}

static void blame(struct ff_supervisor *supervisor, struct ff_slot *slot, enum ff_code code)
{
    char text[160];
    char log[LOG_TAIL];
    describe_end(slot, code, text, sizeof text);
    struct ff_outcome outcome = {.code = code,
                                 .errmsg = text,
                                 .kind = "",
                                 .summary = "",
                                 .pid = (uint32_t)slot->process.pid,
                                 .signal = code == FF_CODE_CRASHED ? slot->last_signal : 0,
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
static bool is_to_blame(const struct ff_slot *slot, enum ff_code code)
{
    if (!slot->current || code == FF_CODE_CANCELLED)
        return false;
    return ff_slot_task(slot) >= 0 || code == FF_CODE_BAD_OUTPUT || slot->deaths >= BLAMELESS_DEATHS;
}

static void restart(struct ff_supervisor *supervisor, struct ff_slot *slot, unsigned deaths, int64_t now_ms)
{
    int64_t pause = deaths > 1 && !slot->successor.alive ? RESTART_MS << (deaths < 7 ? deaths : 6) : 0;
    slot->restart_ms = now_ms + (pause > RESTART_MAX_MS ? RESTART_MAX_MS : pause);
    if (pause == 0)
        ff_slot_start(supervisor, slot, now_ms);
}

void ff_slot_bury(struct ff_supervisor *supervisor, struct ff_slot *slot, const struct ff_process_end *end,
                  int64_t now_ms)
{
    slot->last_exit = end->exit_code;
    slot->last_signal = end->signal;
    ff_process_ended(&slot->process, end, now_ms);
    ff_slot_read(supervisor, slot);
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
    ff_supervisor_sweep(supervisor);
    restart(supervisor, slot, deaths, now_ms);
}

/* ---- time ---- */

/* Who stood still is not out of time: an executor that is stopped costs its own time, a gap of this process
 * that of all. */
void ff_slot_check_time(struct ff_slot *slot, int64_t now_ms, int64_t gap_ms)
{
    uint64_t position = atomic_load(&slot->process.progress->position);
    int64_t passed_ms = now_ms - slot->checked_ms;
    slot->checked_ms = now_ms;
    if (position != slot->position) {
        slot->position = position;
        slot->position_ms = now_ms;
        return;
    }
    slot->position_ms += slot->stopped ? passed_ms : gap_ms;
    if (slot->current && (uint32_t)position != 0 && now_ms - slot->position_ms > slot->current->timeout_ms)
        ff_slot_kill(slot, FF_CODE_TIMEOUT);
}

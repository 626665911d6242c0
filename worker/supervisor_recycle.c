/* Executors that have served long enough, or have grown (a fit leaks), give way to fresh ones.
 *
 *     worn ──start──► a successor warms up ──ready──► the old one ends behind its task
 *                                                         └──► the successor has the runs
 *
 * The old one works on meanwhile and its runs wait in the buffers that both can map, so that the change takes
 * no longer than the end of a process; nobody is charged for it. */
#include "worker/supervisor_core.h"

#include "common/log.h"

enum { PAUSE_MS = 5000 };

static bool is_worn(const struct ff_supervisor *supervisor, const struct ff_slot *slot)
{
    const struct ff_supervisor_options *options = &supervisor->options;
    uint64_t grown = atomic_load(&slot->process.progress->grown_bytes);
    return (options->recycle_targets && slot->done - slot->done_before >= options->recycle_targets) ||
           (options->recycle_bytes && grown >= options->recycle_bytes);
}

static void start_successor(struct ff_supervisor *supervisor, struct ff_slot *slot, int64_t now_ms)
{
    struct ff_error err = {0};
    int index = (int)(slot - supervisor->slots);
    if (now_ms < slot->successor_ms)
        return;
    slot->successor_ms = now_ms + PAUSE_MS;
    if (ff_process_start(&slot->successor, supervisor->options.affinity ? index : -1, supervisor->epoll,
                         now_ms, &err))
        ff_log(FF_LOG_ERROR, "executor %d: %s", index, err.text);
}

static void retire(struct ff_slot *slot)
{
    atomic_store(&slot->process.progress->retire, true);
    if (!slot->current)
        ff_slot_kill(slot, FF_CODE_CANCELLED); /* it waits for a run and would not see */
}

void ff_slot_recycle(struct ff_supervisor *supervisor, struct ff_slot *slot, int64_t now_ms)
{
    if (supervisor->draining || !is_worn(supervisor, slot))
        return;
    if (!slot->successor.alive)
        start_successor(supervisor, slot, now_ms);
    else if (atomic_load(&slot->successor.progress->ready))
        retire(slot);
}

bool ff_slot_take_over(struct ff_slot *slot)
{
    if (!slot->successor.alive)
        return false;
    slot->process = slot->successor;
    slot->successor = (struct ff_process)FF_PROCESS_NONE;
    slot->successor_ms = 0;
    return true;
}

void ff_slot_lose_successor(struct ff_slot *slot, const struct ff_process_end *end, int64_t now_ms)
{
    ff_process_ended(&slot->successor, end, now_ms);
    ff_process_close(&slot->successor);
}

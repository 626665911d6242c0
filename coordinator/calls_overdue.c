/* Beats held against time (overdue.h), and what follows: leases that get nowhere go back. */
#include "coordinator/core.h"

#include "common/log.h"

#include <stdlib.h>

static int64_t limit_of(void *context, uint64_t job_id, uint32_t target)
{
    const struct ff_job *job = ff_core_job(context, job_id);
    return job && job->loaded && target < job->total ? ff_job_timeout_ms(job, target) : 0;
}

/* What the worker holds by our own books, of all that its Beat says. Free the leases. */
static struct ff_beat_request held_of(struct ff_coordinator *core, const struct ff_worker *worker,
                                      const struct ff_beat_request *beat)
{
    size_t most = ff_dispatch_lease_count(core->dispatch, worker->id), count = 0;
    struct ff_lease_id *leases = ff_xalloc((most + 1) * sizeof *leases);
    for (size_t i = 0; i < beat->lease_count && count < most; i++) {
        struct ff_grant grant;
        uint64_t owner;
        if (beat->leases[i].epoch == core->epoch &&
            ff_dispatch_lease(core->dispatch, beat->leases[i].counter, &grant, &owner) && owner == worker->id)
            leases[count++] = beat->leases[i];
    }
    return (struct ff_beat_request){.worker = worker->id,
                                    .leases = leases,
                                    .lease_count = count,
                                    .executors = worker->executors,
                                    .executor_count = worker->executor_count};
}

static void end_lease(struct ff_coordinator *core, const struct ff_worker *worker,
                      const struct ff_overdue_lease *overdue)
{
    struct ff_grant grant;
    uint64_t owner;
    if (!ff_dispatch_lease(core->dispatch, overdue->lease, &grant, &owner) || owner != worker->id)
        return;
    ff_log(FF_LOG_WARNING, "worker %s has %s for %lld s: lease %llu of %zu targets goes to somebody else",
           worker->name, overdue->stuck ? "been on one target" : "ignored a lease",
           (long long)overdue->for_ms / 1000, (unsigned long long)overdue->lease, grant.count);
    ff_dispatch_end_lease(core->dispatch, overdue->lease);
}

void ff_core_end_overdue(struct ff_coordinator *core, const struct ff_worker *worker,
                         const struct ff_beat_request *beat)
{
    struct ff_beat_request held = held_of(core, worker, beat);
    struct ff_overdue_lease *overdue =
        ff_xcalloc(held.executor_count + held.lease_count + 1, sizeof *overdue);
    size_t count = ff_overdue_beat(core->overdue, core->epoch, &held, limit_of, core, core->now_ms, overdue);
    if (ff_store_thread_is_stuck(core->store)) { /* nobody's Report is answered: nobody can tell */
        ff_overdue_progress(core->overdue, worker->id, 0, core->now_ms);
        count = 0;
    }
    for (size_t i = 0; i < count; i++)
        end_lease(core, worker, &overdue[i]);
    free(overdue);
    free((void *)(uintptr_t)held.leases);
}

void ff_core_note_progress(struct ff_coordinator *core, uint32_t pipe)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        if (workers[i]->pipe == pipe)
            ff_overdue_progress(core->overdue, workers[i]->id, 0, core->now_ms);
}

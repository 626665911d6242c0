/* While the state cannot be written (disk full, busy, failing) running jobs are paused: nothing is granted,
 * reports are refused before they are looked at, so that their workers keep them, and clients that want
 * something written are told why it cannot be. What is under way stays with the store's thread, which tries
 * until it works; then everything goes on by itself.
 *
 * The pause is in memory only: the disk could not take it, and after a restart there is either room, or no
 * start.
 *
 * A load that spills rows waits by itself for room (spill.h): its job alone is paused. */
#include "coordinator/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ff_core_store_news(struct ff_coordinator *core, struct ff_event *event)
{
    struct ff_store_news *news = (struct ff_store_news *)event;
    core->paused = *news->why != '\0';
    snprintf(core->pause_why, sizeof core->pause_why, "paused: the state cannot be written: %s", news->why);
    free(news);
    for (struct ff_job *job = core->jobs; job && !core->closing; job = job->next) {
        if (!ff_core_pause_of(core, job) && ff_job_state_is_final(job->record.state))
            continue;
        job->version++;
        if (job->id)
            ff_core_notify(core, job);
    }
}

const char *ff_core_pause_of(const struct ff_coordinator *core, const struct ff_job *job)
{
    bool written = ff_job_state_is_final(job->record.state) && !job->finishing;
    if (core->paused && !written)
        return core->pause_why;
    if (job->progress && atomic_load(&job->progress->disk_full))
        return "paused: rows beyond data.memory cannot be written: disk full";
    return NULL;
}

bool ff_core_refuse_paused(struct ff_coordinator *core, struct ff_call *call)
{
    if (!core->paused)
        return false;
    switch (call->method) {
    case FF_FLEET_REPORT:
        ff_call_fail(call, FF_UNAVAILABLE, "%s: keep it and send it again", core->pause_why);
        return true;
    case FF_JOBS_SUBMIT:
    case FF_JOBS_CANCEL:
    case FF_JOBS_RETRY:
    case FF_JOBS_ACTIVATE:
    case FF_JOBS_RELEASE:
        ff_call_fail(call, FF_RESOURCE_EXHAUSTED, "the coordinator is %s: try again when it can be",
                     core->pause_why);
        return true;
    default:
        return false;
    }
}

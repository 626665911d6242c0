/* What clients call: Submit, Status, Cancel, Retry, Release, Ping. */
#include "coordinator/core.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"

#include <stdlib.h>
#include <string.h>

/* ---- finding ---- */

struct ff_job *ff_core_job(struct ff_coordinator *core, uint64_t id)
{
    struct ff_job *job = core->jobs;
    while (job && job->record.id != id)
        job = job->next;
    return job;
}

void ff_core_remove_job(struct ff_coordinator *core, uint64_t id)
{
    struct ff_job **link = &core->jobs;
    while (*link && (*link)->record.id != id)
        link = &(*link)->next;
    struct ff_job *job = *link;
    if (!job)
        return;
    *link = job->next;
    if (core->last_job == &job->next)
        core->last_job = link;
    ff_job_destroy(job);
}

struct ff_job *ff_core_find_job(struct ff_coordinator *core, const char *reference)
{
    struct ff_job *newest = NULL;
    for (struct ff_job *job = core->jobs; job; job = job->next) {
        if (!job->id)
            continue; /* its row is being written */
        if (strcmp(job->id, reference) == 0)
            return job;
        if (*reference ? strcmp(job->record.name, reference) == 0 : !ff_job_is_errand(job))
            newest = job;
    }
    return newest;
}

struct ff_job *ff_core_add_job(struct ff_coordinator *core, const struct ff_job_record *record)
{
    struct ff_job *job = ff_job_create(record);
    *core->last_job = job;
    core->last_job = &job->next;
    return job;
}

/* ---- Status ---- */

void ff_core_fill_status(struct ff_coordinator *core, const struct ff_job *job, struct ff_job_status *out)
{
    uint32_t slots = ff_fleet_slots(core->fleet);
    ff_job_status(job, ff_dispatch_eta_ms(core->dispatch, job->record.id, slots, core->now_ms), out);
    const char *pause = ff_core_pause_of(core, job);
    if (!pause)
        return;
    out->state = ff_job_state_name(FF_JOB_PAUSED);
    out->stage = pause;
    out->eta_ms = -1;
}

void ff_core_reply_status(struct ff_coordinator *core, const struct ff_job *job, struct ff_call *call)
{
    struct ff_job_status status;
    struct ff_buf body = {0};
    ff_core_fill_status(core, job, &status);
    ff_encode_job_status(&status, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

static struct ff_job *find_or_fail(struct ff_coordinator *core, struct ff_call *call, const char *reference)
{
    struct ff_job *job = ff_core_find_job(core, reference);
    if (!job)
        ff_call_fail(call, FF_NOT_FOUND,
                     *reference ? "no job '%s' (fitfleet jobs lists them)" : "there is no job yet",
                     reference);
    return job;
}

void ff_core_status(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_job_request *in = &call->in.job;
    struct ff_job *job = find_or_fail(core, call, in->job);
    if (!job)
        return;
    if (!in->wait_ms || job->version != in->version || ff_job_state_is_final(job->record.state)) {
        ff_core_reply_status(core, job, call);
        return;
    }
    uint32_t most = call->deadline_ms * 4 / 5;
    struct ff_waiter *waiter = ff_xalloc(sizeof *waiter);
    *waiter =
        (struct ff_waiter){job->waiters, call, core->now_ms + (in->wait_ms < most ? in->wait_ms : most)};
    job->waiters = waiter;
}

void ff_core_notify(struct ff_coordinator *core, struct ff_job *job)
{
    while (job->waiters) {
        struct ff_waiter *waiter = job->waiters;
        job->waiters = waiter->next;
        ff_core_reply_status(core, job, waiter->call);
        free(waiter);
    }
}

static bool has_news(const struct ff_job *job, int64_t now_ms)
{
    for (const struct ff_waiter *waiter = job->waiters; waiter; waiter = waiter->next)
        if (now_ms >= waiter->until_ms || waiter->call->in.job.version != job->version)
            return true;
    return false;
}

void ff_core_jobs_tick(struct ff_coordinator *core)
{
    for (struct ff_job *job = core->jobs; job; job = job->next)
        if (job->waiters && has_news(job, core->now_ms))
            ff_core_notify(core, job);
}

/* ---- Submit, behind the intake ---- */

static bool same_request(const struct ff_job_record *a, const struct ff_job_record *b)
{
    return strcmp(a->yaml, b->yaml) == 0 && strcmp(a->overrides, b->overrides) == 0 &&
           strcmp(a->base_dir, b->base_dir) == 0 && strcmp(a->data_files, b->data_files) == 0;
}

/* --id: true if the call is answered, because that id was used before. */
static bool answer_repeated(struct ff_coordinator *core, struct ff_call *call,
                            const struct ff_job_record *record)
{
    for (struct ff_job *job = core->jobs; job && *record->request_id; job = job->next) {
        if (strcmp(job->record.request_id, record->request_id) != 0)
            continue;
        if (!same_request(&job->record, record))
            ff_call_fail(call, FF_ALREADY_EXISTS,
                         "--id %s was used for job %s with another text or other data", record->request_id,
                         job->id ? job->id : "being accepted");
        else if (!job->id)
            ff_call_fail(call, FF_UNAVAILABLE, "the same request is just being accepted: ask again");
        else
            ff_core_reply_status(core, job, call);
        return true;
    }
    return false;
}

/* train (a coordinator that resumes nothing by itself): an unfinished job of the same request goes on; others
 * of the same name are given up. true: the call is answered. */
static bool answer_resumed(struct ff_coordinator *core, struct ff_call *call,
                           const struct ff_job_record *record)
{
    for (struct ff_job *job = core->jobs; job; job = job->next) {
        if (!job->id || ff_job_state_is_final(job->record.state) ||
            strcmp(job->record.name, record->name) != 0)
            continue;
        if (same_request(&job->record, record)) {
            if (!job->progress && !job->loaded)
                ff_core_load(core, job);
            ff_core_reply_status(core, job, call);
            return true;
        }
        ff_core_end_job(core, job, FF_CODE_CANCELLED, "interrupted, and a changed job was trained instead",
                        NULL);
    }
    return false;
}

void ff_core_accept(struct ff_coordinator *core, struct ff_call *call, struct ff_job_record *record)
{
    if (answer_repeated(core, call, record) || (!core->resume && answer_resumed(core, call, record)))
        return;
    ff_core_write_job(core, ff_core_add_job(core, record), call);
}

/* ---- Cancel, Retry, Release, Ping ---- */

void ff_core_cancel(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_job *job = find_or_fail(core, call, call->in.job.job);
    if (!job)
        return;
    if (ff_job_state_is_final(job->record.state) || job->finishing) {
        ff_core_reply_status(core, job, call);
        return;
    }
    ff_core_end_job(core, job, FF_CODE_CANCELLED, "cancelled on request", call);
}

void ff_core_retry(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_retry_request *in = &call->in.retry;
    struct ff_job *job = find_or_fail(core, call, in->job);
    if (!job)
        return;
    if (!ff_job_state_is_final(job->record.state)) {
        ff_call_fail(call, FF_FAILED_PRECONDITION,
                     "job %s is still %s: only a finished job can be tried again", job->id,
                     ff_job_state_name(job->record.state));
        return;
    }
    if (ff_job_is_errand(job)) {
        ff_call_fail(call, FF_FAILED_PRECONDITION,
                     "%s was run for the command that submitted it: run that again", job->id);
        return;
    }
    struct ff_job_record record = job->record;
    struct ff_buf classes = {0};
    for (size_t i = 0; i < in->class_count; i++)
        ff_buf_printf(&classes, "%s%s", i ? "," : "", in->classes[i]);
    record.id = record.number = record.generation = 0;
    record.request_id = "";
    record.retry_of = job->record.id;
    record.retry_classes = ff_buf_text(&classes);
    record.state = FF_JOB_QUEUED;
    record.code = FF_CODE_OK;
    record.errmsg = record.times = "";
    record.submitted_ms = ff_wall_ms();
    record.started_ms = record.finished_ms = 0;
    record.all_failed = false;
    record.counts = (struct ff_counts){0};
    ff_core_write_job(core, ff_core_add_job(core, &record), call);
    ff_buf_fini(&classes);
}

void ff_core_release(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_job *job = find_or_fail(core, call, call->in.job.job);
    if (!job)
        return;
    if (!ff_job_is_errand(job) || !ff_job_state_is_final(job->record.state) || job->finishing)
        ff_call_fail(call, FF_FAILED_PRECONDITION, "%s is %s", job->id,
                     ff_job_is_errand(job) ? "not over" : "no errand");
    else
        ff_core_free_harvest(core, job, call);
}

void ff_core_ping(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_ping_reply reply = {ff_version, ff_protocol, ff_fleet_workers(core->fleet),
                                  ff_fleet_slots(core->fleet)};
    struct ff_buf body = {0};
    ff_encode_ping_reply(&reply, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

/* What workers call: Join, Lease, Report, Beat, Leave. */
#include "coordinator/core.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    PART_BYTES = FF_BIG_FRAME_BYTES,
    PART_TARGETS = 2048,
};

static struct ff_worker *caller(struct ff_coordinator *core, struct ff_call *call, uint64_t id)
{
    struct ff_worker *worker = ff_fleet_find(core->fleet, id);
    if (worker)
        ff_fleet_heard(worker, core->now_ms);
    else
        ff_call_fail(call, FF_NOT_FOUND, "this coordinator does not know the worker (any more): join again");
    return worker;
}

/* ---- losing workers ---- */

static void quarantine_lost(struct ff_coordinator *core, const struct ff_lost_target *lost,
                            const struct ff_worker *worker)
{
    struct ff_job *job = ff_core_job(core, lost->job);
    struct ff_outcome *outcome = ff_xcalloc(1, sizeof *outcome);
    *outcome =
        (struct ff_outcome){.target = lost->target,
                            .class = FF_QUARANTINED,
                            .code = FF_CODE_WORKER_LOST,
                            .errmsg = "its worker was lost every time while it was alone with this target",
                            .kind = "",
                            .summary = "",
                            .attempts = lost->tries};
    ff_core_commit(core, job, worker->name, worker->profile, outcome, 1, NULL);
}

static void answer_empty(struct ff_worker *worker)
{
    struct ff_call *call = worker->waiting;
    struct ff_buf body = {0};
    if (!call)
        return;
    worker->waiting = NULL;
    ff_encode_lease_reply(NULL, &body, NULL);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

static void lose_leases(struct ff_coordinator *core, struct ff_worker *worker)
{
    size_t count = ff_dispatch_lease_count(core->dispatch, worker->id);
    struct ff_lost_target *lost = ff_xcalloc(count + 1, sizeof *lost);
    ff_log(FF_LOG_WARNING, "worker %s is lost, with %zu lease%s", worker->name, count, ff_plural(count));
    answer_empty(worker);
    count = ff_dispatch_lose_worker(core->dispatch, worker->id, lost);
    for (size_t i = 0; i < count; i++)
        quarantine_lost(core, &lost[i], worker);
    free(lost);
    ff_overdue_forget(core->overdue, worker->id);
    ff_fleet_gone(core->fleet, worker, FF_WORKER_LOST);
}

static void lose(struct ff_coordinator *core, struct ff_worker *worker)
{
    uint32_t pipes[] = {worker->pipe, worker->beat_pipe};
    lose_leases(core, worker);
    /* A partition would leave its connections open for minutes. */
    for (size_t i = 0; i < 2; i++)
        if (pipes[i])
            ff_rpc_server_close_pipe(core->server, pipes[i]);
}

static void end_leases(struct ff_coordinator *core, const struct ff_worker *worker)
{
    size_t count = ff_dispatch_lease_count(core->dispatch, worker->id);
    uint64_t *leases = ff_xcalloc(count + 1, sizeof *leases);
    count = ff_dispatch_leases(core->dispatch, worker->id, leases);
    for (size_t i = 0; i < count; i++)
        ff_dispatch_end_lease(core->dispatch, leases[i]);
    free(leases);
}

/* ---- Join, Leave ---- */

static void warn_of_profiles(struct ff_coordinator *core)
{
    if (core->profiles_warned || !ff_fleet_profiles_differ(core->fleet))
        return;
    core->profiles_warned = true;
    ff_log(FF_LOG_WARNING,
           "workers of different numeric profiles: kinds that use BLAS or libm may differ in their "
           "last digits from worker to worker");
}

/* An agent has its connection for itself: whoever joined by it before is gone. So there are never more
 * workers than connections. */
static void lose_predecessor(struct ff_coordinator *core, const struct ff_worker *joined)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++) {
        if (workers[i] != joined && workers[i]->pipe == joined->pipe &&
            ff_fleet_find(core->fleet, workers[i]->id)) {
            lose_leases(core, workers[i]);
            return;
        }
    }
}

void ff_core_join(struct ff_coordinator *core, struct ff_call *call)
{
    /* The same agent after a partition: what it holds goes on, under its old leases. */
    struct ff_worker *worker = ff_fleet_same(core->fleet, call->in.join.incarnation);
    if (!worker)
        worker = ff_fleet_join(core->fleet, &call->in.join, call->version, core->now_ms);
    worker->pipe = call->pipe;
    lose_predecessor(core, worker);
    worker->sequence = 0;
    worker->granted = 0;
    ff_fleet_heard(worker, core->now_ms);
    answer_empty(worker);
    warn_of_profiles(core);
    ff_log(FF_LOG_INFO, "worker %s joined: %u slot%s, fitfleet %s", worker->name, worker->slots,
           ff_plural(worker->slots), worker->version);
    struct ff_join_reply reply = {.worker = worker->id,
                                  .name = worker->name,
                                  .epoch = core->epoch,
                                  .beat_ms = ff_fleet_tell_beat(core->fleet, worker),
                                  .expiry_ms = ff_fleet_expiry_ms(worker),
                                  .max_message = FF_RPC_MAX_MESSAGE,
                                  .secret = {core->probe.data, core->probe.size}};
    if (core->probe.size)
        reply.probe = ff_memfile_place(&core->probe);
    struct ff_buf body = {0};
    ff_encode_join_reply(&reply, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

void ff_core_leave(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_worker *worker = caller(core, call, call->in.leave);
    if (!worker)
        return;
    ff_log(FF_LOG_INFO, "worker %s left", worker->name);
    answer_empty(worker);
    end_leases(core, worker);
    ff_overdue_forget(core->overdue, worker->id);
    ff_fleet_gone(core->fleet, worker, FF_WORKER_LEFT);
    ff_call_reply(call, NULL, NULL, 0);
}

/* ---- Lease ---- */

/* Whether the worker reads the job's rows where they are: they are in shared memory, and it can. */
static bool is_nearby(const struct ff_worker *worker, const struct ff_job *job)
{
    return worker->asked.nearby && ff_targetset_is_shared(job->loaded->set);
}

/* How many targets of the grant from `from` on travel together: a frame that is an object goes alone. Where
 * rows are read in place, only tasks travel. */
static size_t part_end(const struct ff_job *job, const struct ff_grant *grant, size_t from, bool nearby)
{
    uint64_t bytes = 0;
    size_t to = from;
    if (nearby)
        return grant->count - from < PART_TARGETS ? grant->count : from + PART_TARGETS;
    while (to < grant->count && to - from < PART_TARGETS) {
        struct ff_wire_task task;
        ff_job_task(job, grant->targets[to], &task);
        uint64_t more =
            task.in_object ? UINT32_MAX : ff_frame_bytes(&task.task.frame) + strlen(task.task.name);
        if (to > from && bytes + more > PART_BYTES)
            break;
        bytes += more;
        to++;
    }
    return to;
}

/* Where the rows of a task go: along with it, or they are an object, or they stay where they are. */
static enum ff_status place_rows(const struct ff_job *job, uint32_t target, bool nearby,
                                 struct ff_arena *arena, struct ff_chunk *chunk, struct ff_wire_task *task,
                                 struct ff_error *err)
{
    if (nearby && !task->input_size &&
        ff_targetset_place(job->loaded->set, target, &chunk->memory, &task->offset)) {
        task->in_object = false;
        return FF_OK;
    }
    return task->in_object ? FF_OK : ff_job_fill_task(job, target, arena, task, err);
}

/* The tasks of targets that still have their rows: those without were closed meanwhile by a late result of an
 * older lease. */
static enum ff_status add_tasks(const struct ff_job *job, const uint32_t *targets, size_t count, bool nearby,
                                struct ff_arena *arena, struct ff_chunk *chunk, struct ff_error *err)
{
    struct ff_wire_task *tasks = ff_arena_alloc(arena, count * sizeof *tasks);
    chunk->tasks = tasks;
    for (size_t i = 0; i < count; i++) {
        struct ff_wire_task *task = &tasks[chunk->task_count];
        if (!ff_targetset_has_rows(job->loaded->set, targets[i]))
            continue;
        ff_job_task(job, targets[i], task);
        if (place_rows(job, targets[i], nearby, arena, chunk, task, err))
            return err->status;
        chunk->task_count++;
    }
    return FF_OK;
}

static void send_part(struct ff_coordinator *core, struct ff_worker *worker, struct ff_call *call,
                      struct ff_job *job, const struct ff_grant *grant)
{
    bool nearby = is_nearby(worker, job);
    worker->granted_to = part_end(job, grant, worker->granted_from, nearby);
    size_t count = worker->granted_to - worker->granted_from;
    const uint32_t *targets = grant->targets + worker->granted_from;
    struct ff_error err;
    struct ff_chunk chunk = {.lease = {core->epoch, grant->lease},
                             .job = grant->job,
                             .covers = (uint32_t)count,
                             .of = (uint32_t)grant->count,
                             .timeout_ms = ff_job_timeout_ms(job, targets[0]),
                             .memory_bytes = ff_job_memory_bytes(job, targets[0])};
    if (add_tasks(job, targets, count, nearby, &call->arena, &chunk, &err)) {
        ff_core_rows_lost(core, job, call, &err);
        return;
    }
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    ff_encode_lease_reply(&chunk, &body, &blocks);
    ff_call_reply(call, &body, blocks.segments, blocks.count);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

/* The grant of the worker's last answer, if that lease is still its own. */
static struct ff_job *last_grant(struct ff_coordinator *core, const struct ff_worker *worker,
                                 struct ff_grant *grant)
{
    uint64_t owner;
    if (!worker->granted || !ff_dispatch_lease(core->dispatch, worker->granted, grant, &owner) ||
        owner != worker->id)
        return NULL;
    return ff_core_job(core, grant->job);
}

/* Whether the call was answered. */
static bool try_grant(struct ff_coordinator *core, struct ff_worker *worker, struct ff_call *call)
{
    struct ff_grant grant;
    struct ff_dispatch_ask ask = {worker->id,
                                  worker->asked.idle,
                                  worker->asked.prefetch,
                                  ff_fleet_slots(core->fleet),
                                  ff_fleet_workers(core->fleet),
                                  core->now_ms,
                                  !core->no_copies};
    struct ff_job *job = last_grant(core, worker, &grant);
    if (job && worker->granted_to < grant.count) {
        worker->granted_from = worker->granted_to;
    } else if (worker->state == FF_WORKER_READY && !core->paused &&
               ff_dispatch_grant(core->dispatch, &ask, &grant)) {
        job = ff_core_job(core, grant.job);
        worker->granted = grant.lease;
        worker->granted_from = 0;
    } else {
        return false;
    }
    send_part(core, worker, call, job, &grant);
    return true;
}

void ff_core_lease(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_worker *worker = caller(core, call, call->in.lease.worker);
    struct ff_grant grant;
    if (!worker)
        return;
    answer_empty(worker); /* one that the worker has given up */
    worker->pipe = call->pipe;
    bool again = call->in.lease.sequence == worker->sequence;
    worker->asked = call->in.lease;
    worker->sequence = call->in.lease.sequence;
    struct ff_job *job = again ? last_grant(core, worker, &grant) : NULL;
    if (job) {
        send_part(core, worker, call, job, &grant);
        return;
    }
    if (try_grant(core, worker, call))
        return;
    worker->waiting = call;
    worker->waiting_until_ms = core->now_ms + call->deadline_ms * 4 / 5;
    if (worker->state == FF_WORKER_DRAINING)
        answer_empty(worker);
}

void ff_core_pipe_closed(struct ff_coordinator *core, uint32_t pipe)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        if (workers[i]->beat_pipe == pipe)
            ff_fleet_disconnected(workers[i], core->now_ms);
}

static void serve_all(struct ff_coordinator *core)
{
    size_t count;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        if (workers[i]->waiting && try_grant(core, workers[i], workers[i]->waiting))
            workers[i]->waiting = NULL;
}

void ff_core_serve(struct ff_coordinator *core)
{
    if (ff_dispatch_has_waiting(core->dispatch))
        serve_all(core);
}

void ff_core_fleet_tick(struct ff_coordinator *core, int64_t gap_ms)
{
    struct ff_worker *worker;
    size_t count;
    if (gap_ms) {
        ff_fleet_shift(core->fleet, gap_ms);
        ff_overdue_shift(core->overdue, gap_ms);
    }
    while ((worker = ff_fleet_expired(core->fleet, core->now_ms)))
        lose(core, worker);
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        if (workers[i]->waiting && core->now_ms >= workers[i]->waiting_until_ms)
            answer_empty(workers[i]);
    if (ff_dispatch_has_late(core->dispatch, core->now_ms))
        serve_all(core);
}

/* ---- Report ---- */

/* Large models came before as objects. false: one is missing, and the worker must put it again. */
static bool attach_models(struct ff_coordinator *core, const struct ff_report *report, struct ff_call *call)
{
    struct ff_outcome *outcomes = (struct ff_outcome *)(uintptr_t)report->outcomes;
    for (size_t i = 0; i < report->outcome_count; i++) {
        if (!outcomes[i].model_in_object)
            continue;
        struct ff_bytes bytes =
            ff_objects_get(core->objects, &outcomes[i].model_object, core->now_ms + FF_UPLOAD_KEEP_MS);
        if (!bytes.data)
            return false;
        outcomes[i].model = (struct ff_bytes){
            memcpy(ff_arena_alloc(&call->arena, bytes.size), bytes.data, bytes.size), bytes.size};
        outcomes[i].model_in_object = false;
        ff_objects_drop(core->objects, &outcomes[i].model_object);
    }
    return true;
}

/* true: the outcome counts and is to be stored. */
static bool judge_fault(struct ff_coordinator *core, struct ff_job *job, const struct ff_report *report,
                        struct ff_outcome *outcome)
{
    uint32_t tries;
    enum ff_verdict verdict =
        ff_dispatch_fault(core->dispatch, report->worker, report->lease.counter, outcome->target, &tries);
    if (verdict == FF_VERDICT_IGNORE)
        return false;
    ff_log(FF_LOG_INFO, "%s: target %u: %s (try %u): %s", job->id, outcome->target,
           ff_code_name(outcome->code), tries, outcome->errmsg);
    job->retries += verdict == FF_VERDICT_RETRY;
    outcome->attempts = tries;
    outcome->class = FF_QUARANTINED;
    return verdict == FF_VERDICT_QUARANTINE;
}

static bool judge(struct ff_coordinator *core, struct ff_job *job, const struct ff_report *report,
                  bool current, struct ff_outcome *outcome)
{
    if (ff_code_is_fault(outcome->code))
        return current && judge_fault(core, job, report, outcome);
    if (outcome->class != FF_FITTED && outcome->class != FF_FALLBACK && outcome->class != FF_FAILED)
        return false;
    if (!ff_dispatch_result(core->dispatch, job->record.id, outcome->target, &outcome->attempts))
        return false;
    ff_dispatch_observe(core->dispatch, job->record.id, outcome->target, outcome->fit_ms, outcome->cpu_ms);
    return true;
}

void ff_core_report(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_report *report = &call->in.report;
    struct ff_worker *worker = caller(core, call, report->worker);
    if (!worker)
        return;
    struct ff_job *job = ff_core_job(core, report->job);
    ff_overdue_progress(core->overdue, worker->id, report->lease.counter, core->now_ms);
    bool current = report->lease.epoch == core->epoch;
    if (!job || job->record.state != FF_JOB_RUNNING || job->finishing) {
        /* Behind the commit of what came before: this answer acknowledges that too. */
        ff_core_commit(core, NULL, "", "", NULL, 0, call);
        return;
    }
    if (!attach_models(core, report, call)) {
        ff_call_fail(call, FF_FAILED_PRECONDITION, "a model's object is missing: put it again");
        return;
    }
    bool fresh =
        current && ff_dispatch_report_is_new(core->dispatch, report->lease.counter, report->sequence);
    struct ff_outcome *accepted = ff_xcalloc(report->outcome_count + 1, sizeof *accepted);
    size_t count = 0;
    for (size_t i = 0; i < report->outcome_count; i++) {
        accepted[count] = report->outcomes[i];
        if (report->outcomes[i].target < job->total && judge(core, job, report, fresh, &accepted[count]))
            count++;
    }
    worker->done += count;
    if (report->finished && current)
        ff_dispatch_end_lease(core->dispatch, report->lease.counter);
    ff_core_commit(core, job, worker->name, worker->profile, accepted, count, call);
}

/* ---- Beat ---- */

static void return_missing(struct ff_coordinator *core, struct ff_worker *worker,
                           const struct ff_beat_request *beat)
{
    size_t count = ff_dispatch_lease_count(core->dispatch, worker->id);
    uint64_t *leases = ff_xalloc((count + 1) * sizeof *leases);
    count = ff_dispatch_leases(core->dispatch, worker->id, leases);
    count = ff_fleet_missing(worker, beat, core->epoch, leases, count);
    for (size_t i = 0; i < count; i++)
        ff_dispatch_end_lease(core->dispatch, leases[i]);
    free(leases);
}

void ff_core_beat(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_beat_request *beat = &call->in.beat;
    struct ff_worker *worker = caller(core, call, beat->worker);
    if (!worker)
        return;
    worker->beat_pipe = call->pipe;
    ff_fleet_beat(core->fleet, worker, beat, core->now_ms);
    return_missing(core, worker, beat);
    ff_core_end_overdue(core, worker, beat);
    if (worker->state == FF_WORKER_DRAINING)
        answer_empty(worker); /* it waits for this before it leaves */
    struct ff_lease_id *drop = ff_arena_alloc(&call->arena, beat->lease_count * sizeof *drop);
    struct ff_beat_reply reply = {drop, 0, ff_fleet_tell_beat(core->fleet, worker)};
    struct ff_grant grant;
    uint64_t owner;
    for (size_t i = 0; i < beat->lease_count; i++) {
        uint64_t lease = beat->leases[i].counter;
        if (beat->leases[i].epoch != core->epoch)
            continue;
        if (ff_dispatch_is_spent(core->dispatch, lease))
            ff_dispatch_end_lease(core->dispatch, lease);
        if (!ff_dispatch_lease(core->dispatch, lease, &grant, &owner))
            drop[reply.drop_count++] = beat->leases[i];
    }
    struct ff_buf body = {0};
    ff_encode_beat_reply(&reply, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

/* The life of a job in the loop:
 *
 *     queued ──row written──► loading ──targets──► running ──every outcome committed──► publishing ──► done
 *                               │ bad data            │ cancel, too many failed            │ no model at all
 *                               ▼                     ▼                                    ▼
 *                             failed              cancelled, failed                      failed
 *
 * A job that fails or is cancelled publishes what it has if its output.publish is partial, else nothing.
 * Outcomes are counted when they are committed, not before, so what a viewer sees survives a crash. */
#include "coordinator/core.h"
#include "coordinator/costbook.h"
#include "coordinator/kept.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum purpose {
    PURPOSE_REPORT,
    PURPOSE_BARRIER,
    PURPOSE_TARGETS,
    PURPOSE_JOB,
    PURPOSE_PUBLISH,
    PURPOSE_COST,
    PURPOSE_ACTIVATE,
    PURPOSE_FORGET,
    PURPOSE_RELEASE
};

/* A write with what is to be done behind its commit. */
struct job_write {
    struct ff_write write; /* first */
    enum purpose purpose;
    uint64_t job;
    struct ff_job *fresh; /* a job whose row is being inserted */
    struct ff_call *origin;
    struct ff_outcome *outcomes;
    struct ff_arena arena;
};

struct job_load {
    struct ff_load load; /* first */
    struct ff_arena arena;
};

static struct job_write *new_write(enum ff_write_op op, enum purpose purpose, const struct ff_job *job)
{
    struct job_write *write = ff_xcalloc(1, sizeof *write);
    write->write.op = op;
    write->purpose = purpose;
    write->job = job ? job->record.id : 0;
    write->write.job_id = write->job;
    if (job)
        write->write.job = job->record;
    return write;
}

static void free_write(struct job_write *write)
{
    ff_arena_fini(&write->arena);
    free(write->outcomes);
    free(write);
}

void ff_core_write_job(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call)
{
    struct job_write *write = new_write(FF_WRITE_JOB, PURPOSE_JOB, job);
    write->origin = call;
    write->fresh = job->record.id ? NULL : job;
    ff_core_push_write(core, &write->write);
}

void ff_core_commit(struct ff_coordinator *core, struct ff_job *job, const char *worker, const char *profile,
                    struct ff_outcome *outcomes, size_t count, struct ff_call *origin)
{
    struct job_write *write =
        new_write(count ? FF_WRITE_REPORT : FF_WRITE_NOTHING, job ? PURPOSE_REPORT : PURPOSE_BARRIER, job);
    write->origin = origin;
    write->outcomes = outcomes;
    write->write.report = (struct ff_stored_report){.worker = ff_arena_strdup(&write->arena, worker),
                                                    .profile = ff_arena_strdup(&write->arena, profile),
                                                    .outcomes = outcomes,
                                                    .outcome_count = count};
    for (size_t i = 0; i < count; i++)
        ff_job_count_under_way(job, &outcomes[i], false);
    if (job)
        ff_kept_choose(job, &write->write.report, &write->arena);
    ff_core_push_write(core, &write->write);
}

void ff_core_activate(struct ff_coordinator *core, struct ff_call *call)
{
    struct job_write *write = new_write(FF_WRITE_ACTIVATE, PURPOSE_ACTIVATE, NULL);
    write->origin = call;
    write->write.activate = call->in.activate;
    ff_core_push_write(core, &write->write);
}

void ff_core_free_harvest(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call)
{
    struct job_write *write = new_write(FF_WRITE_RELEASE, PURPOSE_RELEASE, job);
    write->origin = call;
    ff_core_push_write(core, &write->write);
}

/* ---- loading ---- */

void ff_core_load(struct ff_coordinator *core, struct ff_job *job)
{
    struct job_load *load = ff_xcalloc(1, sizeof *load);
    const struct ff_job_record *record = &job->record;
    load->load.event.type = FF_EVENT_LOADED;
    load->load.job = record->id;
    load->load.state_dir = core->state_dir;
    load->load.retry_of = record->retry_of;
    load->load.retry_classes = record->retry_classes;
    load->load.reuse = !record->no_reuse && !core->has_source;
    load->load.source = ff_job_source(record, core->data_root, &load->arena);
    job->progress = &load->load.progress;
    job->record.state = FF_JOB_LOADING;
    job->accepted_us = ff_clock_us();
    if (!record->started_ms)
        job->record.started_ms = ff_wall_ms();
    job->version++;
    ff_loader_push(core->loader, &load->load);
}

/* The cost book is of fits. */
static double known_rate(const struct ff_coordinator *core, const struct ff_job *job,
                         const struct ff_model_spec *model)
{
    return ff_job_is_errand(job) ? 0 : ff_costbook_us_per_cell(core->costs, core->cost_count, model);
}

static void dispatch_job(struct ff_coordinator *core, struct ff_job *job,
                         const struct ff_dispatch_item *items)
{
    const struct ff_jobspec *spec = job->loaded->spec;
    size_t groups = spec->top_count + 1;
    double *rates = ff_xcalloc(groups, sizeof *rates);
    for (size_t i = 0; i < spec->top_count; i++)
        rates[i] = known_rate(core, job, &spec->top[i].model);
    rates[spec->top_count] = known_rate(core, job, &spec->all);
    struct ff_dispatch_job options = {.id = job->record.id,
                                      .items = items,
                                      .count = job->total,
                                      .group_count = groups,
                                      .us_per_cell = rates,
                                      .attempts = spec->limits.attempts,
                                      .mode = spec->chunk_mode,
                                      .chunk = spec->chunk,
                                      .weight = 1u << spec->priority};
    ff_dispatch_add_job(core->dispatch, &options);
    free(rates);
}

static void write_targets(struct ff_coordinator *core, struct ff_job *job)
{
    struct job_write *write = new_write(FF_WRITE_TARGETS, PURPOSE_TARGETS, job);
    write->write.targets = ff_job_stored_targets(job, &write->arena);
    /* Its strings are the target set's, which ends behind a later write of the job. */
    ff_core_push_write(core, &write->write);
}

static void check_progress(struct ff_coordinator *core, struct ff_job *job);

static void begin_running(struct ff_coordinator *core, struct ff_job *job)
{
    const struct ff_loaded *loaded = job->loaded;
    int64_t start_us = ff_clock_us();
    job->total = loaded->set->target_count + (loaded->spec->all.kind ? 1 : 0);
    job->record.counts = (struct ff_counts){.requested = loaded->set->target_count};
    job->record.state = FF_JOB_RUNNING;
    job->running_us = ff_clock_us();
    job->version++;
    struct ff_dispatch_item *items = ff_job_items(job);
    write_targets(core, job);
    ff_core_write_job(core, job, NULL);
    ff_core_commit_decided(core, job, items);
    dispatch_job(core, job, items);
    free(items);
    job->plan_ms = (double)(ff_clock_us() - start_us) / 1000;
    ff_log(FF_LOG_INFO, "%s: %zu target%s, loaded in %.0f ms, prepared in %.0f ms", job->id,
           loaded->set->target_count, ff_plural(loaded->set->target_count), loaded->set->load_ms,
           loaded->set->prepare_ms);
    ff_core_notify(core, job);
}

/* Viewers are told by whoever watches failed_fd: the program that runs the coordinator ends. */
static void fail_state(struct ff_coordinator *core, const char *text)
{
    if (!core->failure.status)
        ff_error_set(&core->failure, FF_INTERNAL, "%s", text);
    eventfd_write(core->failed_fd, 1);
}

void ff_core_loaded(struct ff_coordinator *core, struct ff_load *load)
{
    struct job_load *job_load = (struct job_load *)load;
    struct ff_job *job = ff_core_job(core, load->job);
    bool stopping = atomic_load(&core->stop);
    job->progress = NULL;
    if (ff_job_state_is_final(job->record.state) || stopping) {
        ff_loaded_destroy(load->loaded);
    } else if (load->error.status == FF_DATA_LOSS) {
        fail_state(core, load->error.text);
    } else if (!load->loaded) {
        ff_core_end_job(core, job, FF_CODE_BAD_DATA, load->error.text, NULL);
    } else {
        job->loaded = load->loaded;
        begin_running(core, job);
    }
    ff_arena_fini(&job_load->arena);
    free(job_load);
}

void ff_core_forget_old(struct ff_coordinator *core)
{
    if (!core->retention.jobs && !core->retention.age_ms)
        return;
    struct job_write *write = new_write(FF_WRITE_FORGET, PURPOSE_FORGET, NULL);
    write->write.retention = core->retention;
    ff_core_push_write(core, &write->write);
}

/* ---- the end ---- */

static uint64_t with_model(const struct ff_counts *counts)
{
    return counts->of_class[FF_FITTED] + counts->of_class[FF_REUSED] + counts->of_class[FF_FALLBACK];
}

static void write_cost(struct ff_coordinator *core, struct ff_job *job, const struct ff_cost *cost)
{
    struct job_write *write = new_write(FF_WRITE_COST, PURPOSE_COST, job);
    write->write.cost = *cost;
    ff_costbook_add(&core->costs, &core->cost_count, cost);
    ff_core_push_write(core, &write->write);
}

static void write_costs(struct ff_coordinator *core, struct ff_job *job)
{
    const struct ff_jobspec *spec = job->loaded->spec;
    for (size_t i = 0; i <= spec->top_count && !ff_job_is_errand(job); i++) {
        const struct ff_model_spec *model = i < spec->top_count ? &spec->top[i].model : &spec->all;
        struct ff_cost cost;
        ff_dispatch_learned(core->dispatch, job->record.id, i, &cost.cells, &cost.ms);
        if (!model->kind || cost.cells <= 0)
            continue;
        ff_costbook_name(model, cost.name);
        write_cost(core, job, &cost);
    }
}

/* Rows, targets and leases are not needed any more. A coordinator that ends with the job under way does not
 * come here: what executors go on with is to be of real rows, for it counts at the next one. */
static void forget_running(struct ff_coordinator *core, struct ff_job *job)
{
    ff_dispatch_remove_job(core->dispatch, job->record.id);
    if (job->loaded)
        ff_targetset_clear_rows(job->loaded->set);
    ff_loaded_destroy(job->loaded);
    job->loaded = NULL;
    ff_give_back_memory();
    ff_core_forget_old(core);
}

void ff_core_end_job(struct ff_coordinator *core, struct ff_job *job, enum ff_code code, const char *errmsg,
                     struct ff_call *call)
{
    ff_job_close_counts(job);
    job->record.state = code == FF_CODE_CANCELLED ? FF_JOB_CANCELLED : FF_JOB_FAILED;
    job->record.code = code;
    job->record.errmsg = ff_arena_strdup(&job->arena, errmsg);
    job->record.finished_ms = ff_wall_ms();
    job->finishing = true;
    job->version++;
    ff_job_set_times(job, ff_clock_us());
    ff_dispatch_remove_job(core->dispatch, job->record.id);
    if (job->progress)
        atomic_store(&job->progress->cancel, true);
    ff_log(FF_LOG_INFO, "%s: %s: %s", job->id, ff_job_state_name(job->record.state), errmsg);
    struct job_write *write = job->record.partial ? new_write(FF_WRITE_PUBLISH, PURPOSE_PUBLISH, job)
                                                  : new_write(FF_WRITE_JOB, PURPOSE_JOB, job);
    write->origin = call;
    ff_core_push_write(core, &write->write);
}

static void publish(struct ff_coordinator *core, struct ff_job *job)
{
    job->finishing = true;
    job->version++;
    write_costs(core, job);
    ff_job_set_times(job, ff_clock_us());
    struct job_write *write = new_write(FF_WRITE_PUBLISH, PURPOSE_PUBLISH, job);
    write->write.job.state = FF_JOB_DONE;
    write->write.job.finished_ms = ff_wall_ms();
    ff_core_push_write(core, &write->write);
}

static void check_progress(struct ff_coordinator *core, struct ff_job *job)
{
    if (job->finishing || job->record.state != FF_JOB_RUNNING)
        return;
    if (ff_job_failed_too_many(job)) {
        ff_core_end_job(core, job, FF_CODE_TOO_MANY_FAILED,
                        "more targets failed than limits.max_failed allows", NULL);
    } else if (job->committed == job->total) {
        if (job->record.counts.requested == 0)
            ff_core_end_job(core, job, FF_CODE_NO_MODELS, "targets.include and exclude leave no target",
                            NULL);
        else if (with_model(&job->record.counts) == 0)
            ff_core_end_job(core, job, FF_CODE_NO_MODELS,
                            ff_job_is_errand(job) ? "nothing came of any target"
                                                  : "no target has a model: nothing is published",
                            NULL);
        else
            publish(core, job);
    }
}

static void published(struct ff_coordinator *core, struct ff_job *job, const struct job_write *write)
{
    const struct ff_job_record *written = &write->write.job;
    job->record.state = written->state;
    job->record.generation = written->generation;
    job->record.finished_ms = written->finished_ms;
    job->finishing = false;
    job->version++;
    forget_running(core, job);
    if (written->generation)
        ff_log(FF_LOG_INFO, "%s: %s, generation %llu of set %s", job->id, ff_job_state_name(written->state),
               (unsigned long long)written->generation, written->set);
    else if (written->state == FF_JOB_DONE)
        ff_log(FF_LOG_INFO, "%s: done", job->id);
    ff_core_notify(core, job);
    if (write->origin)
        ff_core_reply_status(core, job, write->origin);
}

/* ---- behind a commit ---- */

static void reply_report(struct ff_call *call, bool drop)
{
    struct ff_report_reply reply = {drop};
    struct ff_buf body = {0};
    ff_encode_report_reply(&reply, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

static void report_committed(struct ff_coordinator *core, struct ff_job *job, const struct job_write *write)
{
    const struct ff_stored_report *report = &write->write.report;
    for (size_t i = 0; job && i < report->outcome_count; i++)
        ff_job_count_under_way(job, &report->outcomes[i], true);
    bool over = !job || job->finishing || job->record.state != FF_JOB_RUNNING;
    for (size_t i = 0; !over && i < report->outcome_count; i++)
        ff_job_count(job, &report->outcomes[i]);
    if (report->outcome_count && job)
        job->last_result_us = ff_clock_us();
    if (job && job->loaded)
        ff_kept_release(job, report);
    if (write->origin)
        reply_report(write->origin, over);
    if (!over)
        check_progress(core, job);
}

static void job_committed(struct ff_coordinator *core, struct job_write *write)
{
    struct ff_job *job = write->fresh ? write->fresh : ff_core_job(core, write->job);
    if (write->fresh) {
        job->record.id = write->write.job.id;
        job->record.number = write->write.job.number;
        ff_job_name(job);
        ff_core_load(core, job);
    }
    if (ff_job_state_is_final(write->write.job.state)) {
        job->finishing = false;
        forget_running(core, job);
        ff_core_notify(core, job);
    }
    if (write->origin)
        ff_core_reply_status(core, job, write->origin);
}

static void activated(const struct job_write *write)
{
    const struct ff_activate_request *in = &write->write.activate;
    const struct ff_activate_reply *out = &write->write.activated;
    if (write->write.refusal.status) {
        ff_call_fail(write->origin, write->write.refusal.status, "%s", write->write.refusal.text);
        return;
    }
    ff_log(FF_LOG_INFO, "set %s: generation %llu is active, it was %llu", in->set,
           (unsigned long long)out->number, (unsigned long long)out->before);
    struct ff_buf body = {0};
    ff_encode_activate_reply(out, &body);
    ff_call_reply(write->origin, &body, NULL, 0);
    ff_buf_fini(&body);
}

static void forgotten(struct ff_coordinator *core, const struct ff_forgotten *forgotten)
{
    for (size_t i = 0; i < forgotten->count; i++)
        ff_core_remove_job(core, forgotten->jobs[i]);
    if (forgotten->count)
        ff_log(FF_LOG_INFO, "%zu old jobs are forgotten", forgotten->count);
    if (forgotten->count == FF_FORGET_AT_ONCE)
        ff_core_forget_old(core);
}

static void released(struct ff_coordinator *core, const struct ff_job *job, const struct job_write *write)
{
    if (job)
        ff_core_reply_status(core, job, write->origin);
    else
        ff_call_fail(write->origin, FF_NOT_FOUND, "the job was forgotten meanwhile");
}

static void store_failed(struct ff_coordinator *core, struct job_write *write)
{
    if (write->origin)
        ff_call_fail(write->origin, FF_INTERNAL, "%s", write->write.error.text);
    fail_state(core, write->write.error.text);
}

void ff_core_written(struct ff_coordinator *core, struct ff_event *event)
{
    struct job_write *write = (struct job_write *)event;
    struct ff_job *job = write->job ? ff_core_job(core, write->job) : NULL;
    if (core->closing) {
        if (write->origin)
            ff_call_free(write->origin);
        free_write(write);
        return;
    }
    if (write->write.error.status) {
        store_failed(core, write);
        free_write(write);
        return;
    }
    switch (write->purpose) {
    case PURPOSE_REPORT:
    case PURPOSE_BARRIER:
        report_committed(core, job, write);
        break;
    case PURPOSE_JOB:
        job_committed(core, write);
        break;
    case PURPOSE_PUBLISH:
        published(core, job, write);
        break;
    case PURPOSE_ACTIVATE:
        activated(write);
        break;
    case PURPOSE_FORGET:
        forgotten(core, &write->write.forgotten);
        break;
    case PURPOSE_RELEASE:
        released(core, job, write);
        break;
    case PURPOSE_TARGETS:
    case PURPOSE_COST:
        break;
    }
    bool was_large = write->purpose == PURPOSE_TARGETS; /* and what loading left is free as well */
    free_write(write);
    if (was_large)
        ff_give_back_memory();
}

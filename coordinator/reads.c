/* Jobs.Read: documents rendered by a thread of their own from a connection of its own, so that a listing of a
 * million targets stops nothing. What only the loop knows (workers, what runs now) goes along as a copy. A
 * document that does not fit a message becomes an object for a minute, and is fetched in ranges. */
#include "coordinator/clerk.h"
#include "coordinator/core.h"
#include "coordinator/documents.h"
#include "coordinator/show.h"

#include "common/clock.h"
#include "common/text.h"
#include "common/version.h"

#include <stdlib.h>
#include <string.h>

enum { INLINE_BYTES = 4 << 20, CAPSULE_BYTES = 128 << 20, KEEP_MS = 60000 };

struct read {
    struct ff_event event; /* first */
    struct ff_call *call;
    struct ff_arena arena;
    struct ff_job_record job;
    struct ff_job_status *statuses; /* of the job, or of all jobs for "jobs" */
    size_t status_count;
    struct ff_buf out; /* rendered already, or by the thread */
    uint64_t cursor;
    const char *live;
    struct ff_error error;
};

/* A thread and its connection. */
struct desk {
    struct ff_clerk *clerk;
    const struct ff_coordinator *core; /* what does not change of it */
    struct ff_store *store;
    struct ff_load_progress progress;
};

struct ff_reads {
    struct desk listings;
    struct desk capsules; /* may load a job's files: nobody else waits behind that */
};

/* ---- on a reader's thread ---- */

static enum ff_status render_capsule(struct desk *desk, struct read *read)
{
    struct ff_capsule_options options = {.target = read->call->in.read.target,
                                         .data_root = desk->core->data_root,
                                         .from_files = !desk->core->has_source,
                                         .folder = desk->core->state_dir,
                                         .progress = &desk->progress};
    enum ff_status status = ff_document_capsule(desk->store, &read->job, &options, &read->out, &read->error);
    if (!status && read->out.size > CAPSULE_BYTES)
        status = ff_error_set(&read->error, FF_RESOURCE_EXHAUSTED,
                              "the capsule has %s, a coordinator sends at most %s: use --state on its host",
                              ff_show_size(read->out.size).text, ff_show_size(CAPSULE_BYTES).text);
    return status;
}

static enum ff_status render(struct desk *desk, struct read *read)
{
    struct ff_store *store = desk->store;
    const struct ff_read_request *in = &read->call->in.read;
    struct ff_error *err = &read->error;
    if (strcmp(in->what, "results") == 0) {
        struct ff_results_options options = {in->format, in->classes, in->class_count,
                                             in->target, in->full,    NULL};
        return ff_document_results(store, &read->job, &options, &read->out, err);
    }
    if (strcmp(in->what, "follow") == 0)
        return ff_document_follow(store, &read->job, &read->cursor, &read->out, err);
    if (strcmp(in->what, "harvest") == 0)
        return ff_document_harvest(store, &read->job, &read->cursor, &read->out, err);
    if (strcmp(in->what, "logs") == 0)
        return ff_document_logs(store, &read->job, in->target, &read->out, err);
    if (strcmp(in->what, "explain") == 0) {
        struct ff_explain_options options = {in->target, read->live, NULL};
        return ff_document_explain(store, &read->job, &options, &read->out, err);
    }
    if (strcmp(in->what, "capsule") == 0)
        return render_capsule(desk, read);
    if (strcmp(in->what, "models") == 0)
        return ff_document_models(store, in->set, in->format, &read->out, err);
    if (strcmp(in->what, "diff") == 0) {
        struct ff_diff_options options = {in->set, in->before, in->after, in->format, in->full};
        return ff_document_diff(store, &options, &read->out, err);
    }
    if (strcmp(in->what, "export") == 0)
        return ff_document_export(store, in->set, in->target, &read->out, err);
    if (strcmp(in->what, "kit") == 0)
        return ff_document_kit(store, in->set, in->target, &read->out, err);
    if (strcmp(in->what, "jobs") == 0)
        return ff_document_jobs(read->statuses, read->status_count, in->format, &read->out, err);
    if (strcmp(in->what, "status") == 0)
        return ff_document_status(read->statuses, in->format, &read->out, err);
    if (strcmp(in->what, "workers") == 0)
        return FF_OK; /* the loop has rendered them */
    return ff_error_set(err, FF_UNIMPLEMENTED, "this coordinator (fitfleet %s) cannot show '%.64s'",
                        ff_version, in->what);
}

/* Rendered from what the loop copied: to be seen also while the disk takes nothing. */
static bool is_from_memory(const char *what)
{
    return strcmp(what, "jobs") == 0 || strcmp(what, "status") == 0 || strcmp(what, "workers") == 0;
}

static void serve(void *context, struct ff_event *event, bool stopping)
{
    struct desk *desk = context;
    struct read *read = (struct read *)event;
    if (read->error.status || stopping)
        return;
    if (!is_from_memory(read->call->in.read.what) && !desk->store &&
        ff_store_open_reader(desk->core->state_dir, &desk->store, &read->error))
        return;
    enum ff_status status = render(desk, read);
    if (status)
        read->error.status = status;
}

static void open_desk(struct desk *desk, const struct ff_coordinator *core, struct ff_queue *back)
{
    desk->core = core;
    desk->clerk = ff_clerk_start(serve, desk, back);
}

static void close_desk(struct desk *desk)
{
    atomic_store(&desk->progress.cancel, true);
    ff_clerk_stop(desk->clerk);
    ff_store_close(desk->store);
}

struct ff_reads *ff_reads_start(const struct ff_coordinator *core, struct ff_queue *back)
{
    struct ff_reads *reads = ff_xcalloc(1, sizeof *reads);
    open_desk(&reads->listings, core, back);
    open_desk(&reads->capsules, core, back);
    return reads;
}

void ff_reads_stop(struct ff_reads *reads)
{
    if (!reads)
        return;
    close_desk(&reads->listings);
    close_desk(&reads->capsules);
    free(reads);
}

/* ---- on the loop's thread ---- */

static const char *target_name(struct ff_coordinator *core, uint64_t job_id, uint32_t target)
{
    const struct ff_job *job = ff_core_job(core, job_id);
    if (!job || !job->loaded || target >= job->total)
        return ""; /* the job ended since the worker's last Beat */
    return ff_job_is_all(job, target) ? "all" : job->loaded->set->targets[target].name;
}

/* Into the call's out while the fleet can be looked at. */
static void render_workers(struct ff_coordinator *core, struct read *read)
{
    size_t count, executors = 0, at = 0;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        executors += workers[i]->executor_count;
    const char **targets = ff_arena_alloc(&read->arena, (executors + 1) * sizeof *targets);
    for (size_t i = 0; i < count; i++)
        for (size_t e = 0; e < workers[i]->executor_count; e++) {
            const struct ff_executor_state *state = &workers[i]->executors[e];
            targets[at++] = state->busy ? target_name(core, state->job, state->target) : "";
        }
    enum ff_status status = ff_document_workers(workers, count, targets, core->now_ms,
                                                read->call->in.read.format, &read->out, &read->error);
    if (status)
        read->error.status = status;
}

static struct ff_job_status copy_status(struct ff_coordinator *core, const struct ff_job *job,
                                        struct ff_arena *arena)
{
    struct ff_job_status status;
    ff_core_fill_status(core, job, &status);
    const char **strings[] = {&status.id, &status.name, &status.stage, &status.errmsg, &status.set};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = ff_arena_strdup(arena, *strings[i]);
    return status;
}

static void copy_statuses(struct ff_coordinator *core, struct read *read)
{
    size_t count = 0;
    for (struct ff_job *job = core->jobs; job; job = job->next)
        count++;
    read->statuses = ff_arena_alloc(&read->arena, (count + 1) * sizeof *read->statuses);
    for (struct ff_job *job = core->jobs; job; job = job->next)
        if (job->id)
            read->statuses[read->status_count++] = copy_status(core, job, &read->arena);
}

static void copy_job(struct ff_coordinator *core, struct read *read, const struct ff_job *job)
{
    struct ff_arena *arena = &read->arena;
    read->job = job->record;
    if (ff_core_pause_of(core, job))
        read->job.state = FF_JOB_PAUSED;
    const char **strings[] = {&read->job.name,          &read->job.set,       &read->job.yaml,
                              &read->job.file,          &read->job.base_dir,  &read->job.overrides,
                              &read->job.errmsg,        &read->job.times,     &read->job.override_dir,
                              &read->job.retry_classes, &read->job.data_files};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        *strings[i] = ff_arena_strdup(arena, *strings[i]);
    read->statuses = ff_arena_alloc(arena, sizeof *read->statuses);
    read->statuses[0] = copy_status(core, job, arena);
    read->status_count = 1;
}

static const char *name_of_worker(struct ff_coordinator *core, uint64_t id)
{
    const struct ff_worker *worker = ff_fleet_find(core->fleet, id);
    return worker ? worker->name : "a worker that is gone";
}

/* What the executor that is on the target does, as its worker's last Beat has it. */
static const char *executor_sentence(struct ff_coordinator *core, uint64_t worker_id, uint64_t job,
                                     uint32_t target, struct ff_arena *arena)
{
    const struct ff_worker *worker = ff_fleet_find(core->fleet, worker_id);
    for (size_t i = 0; worker && i < worker->executor_count; i++) {
        const struct ff_executor_state *state = &worker->executors[i];
        if (state->busy && state->job == job && state->target == target)
            return ff_arena_printf(arena, " Process %u has been on it for %s and has used %s of CPU in all.",
                                   state->pid, ff_show_duration((double)state->busy_ms).text,
                                   ff_show_duration((double)state->cpu_ms).text);
    }
    return worker ? " None of its executors was on it at its last Beat." : "";
}

/* What goes on now with a target of a running job. */
static const char *live_sentence(struct ff_coordinator *core, const struct ff_job *job, const char *name,
                                 struct ff_arena *arena)
{
    struct ff_dispatch_target_view view;
    if (!job->loaded || !*name)
        return NULL;
    for (uint32_t i = 0; i < job->total; i++) {
        if (strcmp(target_name(core, job->record.id, i), name) != 0 ||
            !ff_dispatch_look(core->dispatch, job->record.id, i, &view))
            continue;
        if (view.worker)
            return ff_arena_printf(arena, "It is leased to %s%s%s%s, after %u charged %s.%s",
                                   name_of_worker(core, view.worker),
                                   view.suspect ? ", alone as a suspect" : "",
                                   view.copy_worker ? ", and as a second copy to " : "",
                                   view.copy_worker ? name_of_worker(core, view.copy_worker) : "", view.tries,
                                   view.tries == 1 ? "try" : "tries",
                                   executor_sentence(core, view.worker, job->record.id, i, arena));
        if (strcmp(view.state, "waiting") == 0)
            return ff_arena_printf(
                arena, "It waits for a free slot (%u slot%s of %u worker%s), after %u charged %s%s.",
                ff_fleet_slots(core->fleet), ff_plural(ff_fleet_slots(core->fleet)),
                ff_fleet_workers(core->fleet), ff_plural(ff_fleet_workers(core->fleet)), view.tries,
                view.tries == 1 ? "try" : "tries",
                view.suspect ? "; it is suspected of having cost a worker and will run alone" : "");
    }
    return NULL;
}

static bool is_of_job(const char *what)
{
    static const char *const documents[] = {"results", "logs",    "explain", "follow",
                                            "status",  "capsule", "harvest"};
    size_t i = 0, count = sizeof documents / sizeof *documents;
    while (i < count && strcmp(documents[i], what) != 0)
        i++;
    return i < count;
}

void ff_core_read(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_read_request *in = &call->in.read;
    bool of_job = is_of_job(in->what);
    struct ff_job *job = of_job ? ff_core_find_job(core, in->job) : NULL;
    if (of_job && !job) {
        ff_call_fail(call, FF_NOT_FOUND,
                     *in->job ? "no job '%s' (fitfleet jobs lists them)" : "there is no job yet", in->job);
        return;
    }
    struct read *read = ff_xcalloc(1, sizeof *read);
    read->event.type = FF_EVENT_READ;
    read->call = call;
    read->cursor = in->cursor;
    if (job) {
        copy_job(core, read, job);
        read->live = live_sentence(core, job, in->target, &read->arena);
    }
    if (strcmp(in->what, "jobs") == 0)
        copy_statuses(core, read);
    if (strcmp(in->what, "workers") == 0)
        render_workers(core, read);
    bool slow = strcmp(in->what, "capsule") == 0;
    ff_clerk_push(slow ? core->reads->capsules.clerk : core->reads->listings.clerk, &read->event);
}

static void reply(struct ff_coordinator *core, struct read *read)
{
    struct ff_read_reply reply = {.size = read->out.size, .cursor = read->cursor};
    struct ff_bytes blocks = ff_buf_bytes(&read->out);
    struct ff_buf body = {0};
    if (read->out.size > INLINE_BYTES) {
        reply.in_object = true;
        reply.object = ff_objects_add(core->objects, blocks, true, core->now_ms + KEEP_MS);
        read->out = (struct ff_buf){0};
    }
    ff_encode_read_reply(&reply, &body);
    ff_call_reply(read->call, &body, &blocks, reply.in_object ? 0 : 1);
    ff_buf_fini(&body);
}

void ff_core_read_done(struct ff_coordinator *core, struct ff_event *event)
{
    struct read *read = (struct read *)event;
    if (core->closing)
        ff_call_free(read->call);
    else if (read->error.status)
        ff_call_fail(read->call, read->error.status, "%s", read->error.text);
    else
        reply(core, read);
    ff_buf_fini(&read->out);
    ff_arena_fini(&read->arena);
    free(read);
}

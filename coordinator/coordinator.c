/* The loop.
 *
 * One thread owns all state. Network threads decode calls and put them on its queue; the store, the loader
 * and the reader threads take work and put the answers there. The loop never touches a file: what is accepted
 * goes to the store's thread, and the caller hears of it after the commit. Once per round it serves the
 * Leases that wait. */
#include "coordinator/core.h"
#include "coordinator/spill.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/version.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { TICK_MS = 200, GAP_MS = 1000 };

/* ---- calls ---- */

void ff_call_free(struct ff_call *call)
{
    ff_arena_fini(&call->arena);
    free(call);
}

void ff_call_reply(struct ff_call *call, const struct ff_buf *body, const struct ff_bytes *blocks,
                   size_t count)
{
    ff_rpc_reply(call->rpc, body ? ff_buf_bytes(body) : (struct ff_bytes){0}, blocks, count);
    ff_call_free(call);
}

void ff_call_fail(struct ff_call *call, enum ff_status status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ff_rpc_reply_error(call->rpc, status, text);
    ff_call_free(call);
}

static enum ff_status decode(struct ff_call *call, const struct ff_rpc_request *request, struct ff_error *err)
{
    struct ff_bytes body = request->body;
    struct ff_arena *arena = &call->arena;
    switch (call->method) {
    case FF_FLEET_JOIN:
        return ff_decode_join_request(body, arena, &call->in.join, err);
    case FF_FLEET_LEASE:
        return ff_decode_lease_request(body, arena, &call->in.lease, err);
    case FF_FLEET_REPORT:
        return ff_decode_report(body, request->blocks, arena, &call->in.report, err);
    case FF_FLEET_BEAT:
        return ff_decode_beat_request(body, arena, &call->in.beat, err);
    case FF_FLEET_FETCH:
        return ff_decode_fetch_request(body, arena, &call->in.fetch, err);
    case FF_FLEET_PUT:
        return ff_decode_put_request(body, arena, &call->in.put, err);
    case FF_FLEET_LEAVE:
        return ff_decode_leave_request(body, arena, &call->in.leave, err);
    case FF_JOBS_SUBMIT:
        return ff_decode_submit_request(body, arena, &call->in.submit, err);
    case FF_JOBS_STATUS:
    case FF_JOBS_CANCEL:
    case FF_JOBS_RELEASE:
        return ff_decode_job_request(body, arena, &call->in.job, err);
    case FF_JOBS_RETRY:
        return ff_decode_retry_request(body, arena, &call->in.retry, err);
    case FF_JOBS_ACTIVATE:
        return ff_decode_activate_request(body, arena, &call->in.activate, err);
    case FF_JOBS_READ:
        return ff_decode_read_request(body, arena, &call->in.read, err);
    case FF_JOBS_PING:
        return FF_OK;
    case FF_NO_METHOD:
        break;
    }
    return ff_error_set(err, FF_UNIMPLEMENTED, "this coordinator (fitfleet %s) knows no method %.64s",
                        ff_version, request->method);
}

/* On a network thread. */
static void call_came(void *context, struct ff_rpc_call *rpc, const struct ff_rpc_request *request)
{
    struct ff_coordinator *core = context;
    struct ff_call *call = ff_xcalloc(1, sizeof *call);
    struct ff_error err = {0};
    call->event.type = FF_EVENT_CALL;
    call->rpc = rpc;
    call->method = ff_method_from_name(request->method);
    call->pipe = request->pipe;
    call->deadline_ms = request->deadline_ms;
    call->blocks = request->blocks;
    snprintf(call->version, sizeof call->version, "%s", request->version);
    if (decode(call, request, &err))
        ff_call_fail(call, err.status, "%s", err.text);
    else
        ff_queue_push(&core->queue, &call->event);
}

/* On a network thread. */
static void pipe_closed(void *context, uint32_t pipe)
{
    struct ff_coordinator *core = context;
    struct ff_pipe_closed *closed = ff_xcalloc(1, sizeof *closed);
    closed->event.type = FF_EVENT_PIPE_CLOSED;
    closed->pipe = pipe;
    ff_queue_push(&core->queue, &closed->event);
}

static void handle_call(struct ff_coordinator *core, struct ff_call *call)
{
    static void (*const handlers[])(struct ff_coordinator *, struct ff_call *) = {
        [FF_FLEET_JOIN] = ff_core_join,      [FF_FLEET_LEASE] = ff_core_lease,
        [FF_FLEET_REPORT] = ff_core_report,  [FF_FLEET_BEAT] = ff_core_beat,
        [FF_FLEET_FETCH] = ff_core_fetch,    [FF_FLEET_PUT] = ff_core_put,
        [FF_FLEET_LEAVE] = ff_core_leave,    [FF_JOBS_SUBMIT] = ff_core_submit,
        [FF_JOBS_STATUS] = ff_core_status,   [FF_JOBS_CANCEL] = ff_core_cancel,
        [FF_JOBS_RETRY] = ff_core_retry,     [FF_JOBS_READ] = ff_core_read,
        [FF_JOBS_PING] = ff_core_ping,       [FF_JOBS_ACTIVATE] = ff_core_activate,
        [FF_JOBS_RELEASE] = ff_core_release,
    };
    if (!ff_core_refuse_paused(core, call))
        handlers[call->method](core, call);
}

/* ---- the loop ---- */

void ff_core_push_write(struct ff_coordinator *core, struct ff_write *write)
{
    write->event.type = FF_EVENT_WRITTEN;
    core->writes_under_way++;
    ff_store_thread_push(core->store, write);
}

static void handle(struct ff_coordinator *core, struct ff_event *event)
{
    switch (event->type) {
    case FF_EVENT_CALL:
        if (core->closing)
            ff_call_free((struct ff_call *)event);
        else
            handle_call(core, (struct ff_call *)event);
        break;
    case FF_EVENT_PIPE_CLOSED:
        ff_core_pipe_closed(core, ((struct ff_pipe_closed *)event)->pipe);
        free(event);
        break;
    case FF_EVENT_CHECKED:
        ff_core_submission_checked(core, event);
        break;
    case FF_EVENT_LOADED:
        ff_core_loaded(core, (struct ff_load *)event);
        break;
    case FF_EVENT_WRITTEN:
        core->writes_under_way--;
        ff_core_written(core, event);
        break;
    case FF_EVENT_READ:
        ff_core_read_done(core, event);
        break;
    case FF_EVENT_STORE:
        ff_core_store_news(core, event);
        break;
    }
}

static void handle_all(struct ff_coordinator *core)
{
    struct ff_event *event = ff_queue_pop_all(&core->queue);
    while (event) {
        struct ff_event *next = event->next;
        handle(core, event);
        event = next;
    }
}

static void tick(struct ff_coordinator *core)
{
    int64_t passed = core->now_ms - core->last_tick_ms;
    if (passed < TICK_MS)
        return;
    core->last_tick_ms = core->now_ms;
    ff_core_fleet_tick(core, passed > GAP_MS ? passed : 0);
    ff_core_jobs_tick(core);
    ff_objects_expire(core->objects, core->now_ms);
}

static void *run(void *context)
{
    struct ff_coordinator *core = context;
    while (!atomic_load(&core->stop)) {
        ff_queue_wait(&core->queue, TICK_MS);
        core->now_ms = ff_clock_ms();
        handle_all(core);
        tick(core);
        ff_core_serve(core);
    }
    return NULL;
}

/* ---- life ---- */

static enum ff_status load_jobs(struct ff_coordinator *core, struct ff_store *store, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_job_record *records;
    size_t count = 0;
    enum ff_status status = ff_store_jobs(store, &arena, &records, &count, err);
    for (size_t i = 0; !status && i < count; i++)
        ff_core_add_job(core, &records[i]);
    ff_arena_fini(&arena);
    return status;
}

static void resume_jobs(struct ff_coordinator *core)
{
    for (struct ff_job *job = core->jobs; job; job = job->next)
        if (core->resume && !ff_job_state_is_final(job->record.state))
            ff_core_load(core, job);
}

/* Thousands of workers are thousands of descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void destroy(struct ff_coordinator *core)
{
    while (core->jobs) {
        struct ff_job *next = core->jobs->next;
        while (core->jobs->waiters) {
            struct ff_waiter *waiter = core->jobs->waiters;
            core->jobs->waiters = waiter->next;
            ff_call_free(waiter->call);
            free(waiter);
        }
        ff_job_destroy(core->jobs);
        core->jobs = next;
    }
    size_t count;
    struct ff_worker **workers = ff_fleet_all(core->fleet, &count);
    for (size_t i = 0; i < count; i++)
        if (workers[i]->waiting)
            ff_call_free(workers[i]->waiting);
    ff_dispatch_destroy(core->dispatch);
    ff_fleet_destroy(core->fleet);
    ff_overdue_destroy(core->overdue);
    ff_objects_destroy(core->objects);
    ff_queue_fini(&core->queue);
    ff_memfile_fini(&core->probe);
    close(core->failed_fd);
    free(core->costs);
    free(core->data_root);
    free(core->state_dir);
    free(core);
}

/* Without it rows travel, that is all. */
static void make_probe(struct ff_coordinator *core)
{
    struct ff_error err;
    core->probe = (struct ff_memfile)FF_MEMFILE_NONE;
    if (ff_memfile_create("fitfleet-probe", FF_PROBE_BYTES, &core->probe, &err))
        return;
    randombytes_buf(core->probe.data, FF_PROBE_BYTES);
    ff_memfile_seal(&core->probe);
}

static struct ff_coordinator *create(const struct ff_coordinator_options *options)
{
    struct ff_coordinator *core = ff_xcalloc(1, sizeof *core);
    ff_queue_init(&core->queue);
    core->dispatch = ff_dispatch_create();
    core->fleet = ff_fleet_create();
    core->overdue = ff_overdue_create();
    /* At random, not by epoch: a state may be removed and begun anew behind the workers' backs. */
    ff_fleet_count_from(core->fleet, (uint64_t)randombytes_random() << 32 | 1);
    core->objects = ff_objects_create();
    make_probe(core);
    core->last_job = &core->jobs;
    core->state_dir = ff_xstrdup(options->state_dir);
    core->data_root = options->data_root ? ff_xstrdup(options->data_root) : NULL;
    core->refuse_paths = options->refuse_paths;
    core->resume = options->resume;
    core->retention = options->retention;
    core->no_copies = options->no_copies;
    core->has_source = options->source != NULL;
    core->failed_fd = eventfd(0, EFD_CLOEXEC);
    core->now_ms = core->last_tick_ms = ff_clock_ms();
    return core;
}

static enum ff_status load_costs(struct ff_coordinator *core, struct ff_store *store, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_cost *costs;
    enum ff_status status = ff_store_costs(store, &arena, &costs, &core->cost_count, err);
    if (!status && core->cost_count) {
        core->costs = ff_xalloc(core->cost_count * sizeof *costs);
        memcpy(core->costs, costs, core->cost_count * sizeof *costs);
    }
    ff_arena_fini(&arena);
    return status;
}

enum ff_status ff_coordinator_start(const struct ff_coordinator_options *options, struct ff_coordinator **out,
                                    struct ff_error *err)
{
    struct ff_store *store = NULL;
    if (sodium_init() < 0)
        return ff_error_set(err, FF_INTERNAL, "libsodium does not start");
    enum ff_status status = ff_store_open(options->state_dir, &store, err);
    if (status)
        return status;
    raise_descriptor_limit();
    ff_spill_clean(options->state_dir);
    struct ff_coordinator *core = create(options);
    core->epoch = ff_store_epoch(store);
    status = load_jobs(core, store, err);
    if (!status)
        status = load_costs(core, store, err);
    core->store = ff_store_thread_start(store, &core->queue, FF_EVENT_STORE);
    struct ff_rpc_server_options server = {.url = options->url,
                                           .security = options->security,
                                           .handler = call_came,
                                           .context = core,
                                           .pipe_closed = pipe_closed};
    if (!status)
        status = ff_rpc_server_open(&server, &core->server, err);
    if (status) {
        ff_store_thread_stop(core->store);
        destroy(core);
        return status;
    }
    core->loader = ff_loader_start(&core->queue, options->source, options->source_context);
    core->reads = ff_reads_start(core, &core->queue);
    core->intake = ff_intake_start(core, &core->queue);
    resume_jobs(core);
    ff_core_forget_old(core);
    pthread_create(&core->thread, NULL, run, core);
    *out = core;
    return FF_OK;
}

const char *ff_coordinator_url(const struct ff_coordinator *core)
{
    return ff_rpc_server_url(core->server);
}

int ff_coordinator_failed_fd(const struct ff_coordinator *core)
{
    return core->failed_fd;
}

void ff_coordinator_stop(struct ff_coordinator *core)
{
    if (!core)
        return;
    atomic_store(&core->stop, true);
    eventfd_write(core->queue.fd, 1);
    pthread_join(core->thread, NULL);
    ff_rpc_server_close(core->server);
    ff_loader_stop(core->loader);
    ff_reads_stop(core->reads);
    ff_intake_stop(core->intake);
    ff_store_thread_stop(core->store); /* writes what waits */
    core->closing = true;
    handle_all(core);
    ff_rpc_server_destroy(core->server);
    destroy(core);
}

const char *ff_coordinator_failure(const struct ff_coordinator *core)
{
    return core->failure.text;
}

#include "common/wire.h"

#include "common/rpc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct ff_arena arena;
static struct ff_buf body;
static struct ff_blocks blocks;
static struct ff_error err;

static void drop(void)
{
    ff_arena_fini(&arena);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

TestSuite(wire, .fini = drop);

static struct ff_bytes text(const char *from)
{
    return (struct ff_bytes){(const uint8_t *)from, strlen(from)};
}

static struct ff_object_id object(int seed)
{
    struct ff_object_id id;
    memset(id.bytes, seed, sizeof id.bytes);
    return id;
}

/* The segments of blocks one behind the other, as they arrive; in the arena. */
static struct ff_bytes laid(void)
{
    uint8_t *whole = ff_arena_alloc(&arena, blocks.size);
    size_t at = 0;
    for (size_t i = 0; i < blocks.count; i++) {
        if (blocks.segments[i].size)
            memcpy(whole + at, blocks.segments[i].data, blocks.segments[i].size);
        at += blocks.segments[i].size;
    }
    return (struct ff_bytes){whole, at};
}

#define DECODED(name, out)                                                                                   \
    cr_assert_eq(ff_decode_##name(ff_buf_bytes(&body), &arena, (out), &err), FF_OK, "%s", err.text)

/* ---- one of each message, built into body and blocks ---- */

static const double rows[6] = {1, 2, 3, 4, 5, 6};
static const char *const metrics[] = {"cpu", "memory"};
static const struct ff_param params[] = {{"season", "24"}, {"robust", "true"}};
static const struct ff_fit_spec seasonal = {.kind = "seasonal", .params = params, .param_count = 2},
                                ewma = {.kind = "ewma"}, none = {0};

static struct ff_wire_task sample_task(uint32_t target)
{
    return (struct ff_wire_task){
        .task = {.target = target,
                 .name = "host-1",
                 .model = &seasonal,
                 .fallback = &ewma,
                 .metrics = metrics,
                 .frame = {.t0_ms = -5000, .step_ms = 1000, .steps = 3, .columns = 2, .values = rows}}};
}

static void build_chunk(void)
{
    struct ff_wire_task tasks[3] = {sample_task(7), sample_task(8), sample_task(9)};
    tasks[1].task.fallback = &none;
    tasks[2].task.model = &ewma;
    tasks[2].in_object = true;
    tasks[2].object = object(3);
    tasks[2].object_size = 1000;
    tasks[2].offset = 64;
    struct ff_chunk chunk = {.lease = {5, 6},
                             .job = 11,
                             .covers = 2,
                             .of = 7,
                             .timeout_ms = 60000,
                             .memory_bytes = 1 << 30,
                             .tasks = tasks,
                             .task_count = 3};
    ff_encode_lease_reply(&chunk, &body, &blocks);
}

static struct ff_outcome sample_outcome(uint32_t target)
{
    return (struct ff_outcome){.target = target,
                               .class = FF_FITTED,
                               .errmsg = "",
                               .kind = "seasonal",
                               .summary = "{\"n\":3}",
                               .fit_ms = 1.5,
                               .cpu_ms = 1.25,
                               .peak_rss_bytes = 1 << 20,
                               .pid = 4711,
                               .attempts = 2,
                               .model = text("MODEL")};
}

static void build_report(void)
{
    struct ff_outcome outcomes[3] = {sample_outcome(1), sample_outcome(2), sample_outcome(3)};
    outcomes[1] = (struct ff_outcome){.target = 2,
                                      .code = FF_CODE_CRASHED,
                                      .errmsg = "died",
                                      .kind = "",
                                      .summary = "",
                                      .signal = 11,
                                      .log = text("last words")};
    outcomes[2].log = text("printed");
    struct ff_report report = {.worker = 9,
                               .lease = {5, 6},
                               .job = 11,
                               .sequence = 2,
                               .outcomes = outcomes,
                               .outcome_count = 3,
                               .finished = true};
    ff_encode_report(&report, &body, &blocks);
}

static void build_join_request(void)
{
    ff_encode_join_request(&(struct ff_join_request){"host", 4711, 8, "build/blas", 77, 1ULL << 34, 8 << 20},
                           &body);
}

static void build_join_reply(void)
{
    ff_encode_join_reply(
        &(struct ff_join_reply){3, "host-1", 5, 2000, 15000, 8 << 20, {11, 12, 13, 14}, text("SECRET")},
        &body);
}

static void build_lease_request(void)
{
    ff_encode_lease_request(&(struct ff_lease_request){3, 17, 2, 1, true}, &body);
}

static void build_report_reply(void)
{
    ff_encode_report_reply(&(struct ff_report_reply){true}, &body);
}

static void build_beat_request(void)
{
    struct ff_lease_id leases[] = {{5, 6}, {5, 7}};
    struct ff_executor_state executors[] = {
        {.pid = 10, .ppid = 9, .alive = true, .age_ms = 5, .last_exit = -1},
        {.pid = 11,
         .lease = {5, 6},
         .job = 2,
         .target = 3,
         .busy = true,
         .busy_ms = 40,
         .cpu_ms = 39,
         .done = 100,
         .last_signal = 9}};
    ff_encode_beat_request(&(struct ff_beat_request){3, leases, 2, executors, 2, true}, &body);
}

static void build_beat_reply(void)
{
    struct ff_lease_id drop_these[] = {{5, 6}, {1, 0}};
    ff_encode_beat_reply(&(struct ff_beat_reply){drop_these, 2, 3000}, &body);
}

static void build_fetch_request(void)
{
    ff_encode_fetch_request(&(struct ff_fetch_request){object(1), 1 << 20, FF_OBJECT_RANGE}, &body);
}

static void build_fetch_reply(void)
{
    ff_encode_fetch_reply(123456789, &body);
}

static void build_put_request(void)
{
    ff_encode_put_request(&(struct ff_put_request){object(2), 5 << 20, 3 << 20}, &body);
}

static void build_put_reply(void)
{
    ff_encode_put_reply(true, &body);
}

static void build_leave_request(void)
{
    ff_encode_leave_request(12, &body);
}

static void build_submit_request(void)
{
    static const char *const overrides[] = {"a=1", "b=2"};
    static const struct ff_uploaded_file files[] = {{"/d/a.csv", {{1}}, 100, -5},
                                                    {"/d/b.csv", {{2}}, 200, 1LL << 60}};
    ff_encode_submit_request(&(struct ff_submit_request){.yaml = "name: x",
                                                         .file = "job.yaml",
                                                         .base_dir = "/jobs",
                                                         .overrides = overrides,
                                                         .override_count = 2,
                                                         .override_dir = "/here",
                                                         .request_id = "id",
                                                         .no_reuse = true,
                                                         .files = files,
                                                         .file_count = 2,
                                                         .upload = true},
                             &body);
}

static void build_job_request(void)
{
    ff_encode_job_request(&(struct ff_job_request){"nightly-3", 20000, 44}, &body);
}

static void build_retry_request(void)
{
    static const char *const classes[] = {"failed", "quarantined"};
    ff_encode_retry_request(&(struct ff_retry_request){"nightly-3", classes, 2}, &body);
}

static void build_job_status(void)
{
    struct ff_job_status status = {
        .id = "nightly-3",
        .name = "nightly",
        .state = "running",
        .stage = "publishing",
        .percent = 12.5,
        .eta_ms = -1,
        .loaded_bytes = 5,
        .data_bytes = 9,
        .counts = {.requested = 100, .of_class = {[FF_FITTED] = 90, [FF_CANCELLED_CLASS] = 1}},
        .code = FF_CODE_TOO_MANY_FAILED,
        .errmsg = "why",
        .version = 7,
        .set = "set",
        .generation = 4,
        .started_ms = 1,
        .finished_ms = 2,
        .all_failed = true};
    ff_encode_job_status(&status, &body);
}

static void build_read_request(void)
{
    static const char *const classes[] = {"failed"};
    ff_encode_read_request(
        &(struct ff_read_request){"results", "nightly-3", "host-1", "csv", classes, 1, "set", 99, true, 3, 4},
        &body);
}

static void build_read_reply(void)
{
    ff_encode_read_reply(&(struct ff_read_reply){1 << 24, true, object(4), 5}, &body);
}

static void build_activate_request(void)
{
    ff_encode_activate_request(&(struct ff_activate_request){"set", 7, "TX*"}, &body);
}

static void build_activate_reply(void)
{
    ff_encode_activate_reply(&(struct ff_activate_reply){7, 8, 3000}, &body);
}

static void build_ping_reply(void)
{
    ff_encode_ping_reply(&(struct ff_ping_reply){"0.1.0", 1, 4, 16}, &body);
}

static void build_stored_targets(void)
{
    static const struct ff_stored_target targets[] = {{"a", 10, 11, {{1, 2, 3}}}, {"b", 20, 21, {{0}}}};
    ff_encode_stored_targets(
        &(struct ff_stored_targets){targets, 2, 3, metrics, 2, true, 30, 31, {{[15] = 9}}}, &body);
}

static void build_stored_generation(void)
{
    static const struct ff_stored_model models[] = {{"", 5, 0, 0, {{0}}}, {"a", 3, 2, 1, {{4, 5}}}};
    ff_encode_stored_generation(&(struct ff_stored_generation){models, 2}, &body);
}

/* ---- round trips ---- */

Test(wire, method_names_lead_back_to_their_numbers)
{
    for (int i = FF_FLEET_JOIN; i <= FF_JOBS_PING; i++)
        cr_assert_eq(ff_method_from_name(ff_method_name((enum ff_method)i)), i);
    cr_assert_str_eq(ff_method_name(FF_FLEET_LEASE), "Fleet.Lease");
    cr_assert_eq(ff_method_from_name("Fleet.lease"), FF_NO_METHOD);
    cr_assert_eq(ff_method_from_name(""), FF_NO_METHOD);
}

Test(wire, join_request)
{
    struct ff_join_request out;
    build_join_request();
    DECODED(join_request, &out);
    cr_assert_str_eq(out.host, "host");
    cr_assert_str_eq(out.profile, "build/blas");
    cr_assert(out.pid == 4711 && out.slots == 8 && out.incarnation == 77);
    cr_assert(out.memory_bytes == 1ULL << 34 && out.max_message == 8 << 20);
}

Test(wire, join_reply)
{
    struct ff_join_reply out;
    build_join_reply();
    DECODED(join_reply, &out);
    cr_assert_str_eq(out.name, "host-1");
    cr_assert(out.worker == 3 && out.epoch == 5 && out.beat_ms == 2000 && out.expiry_ms == 15000);
    cr_assert(out.probe.pid == 11 && out.probe.fd == 12 && out.probe.inode == 13 && out.probe.size == 14);
    cr_assert_eq(out.secret.size, 6);
    cr_assert_eq(out.max_message, 8 << 20);
}

Test(wire, lease_request)
{
    struct ff_lease_request out;
    build_lease_request();
    DECODED(lease_request, &out);
    cr_assert(out.worker == 3 && out.sequence == 17 && out.idle == 2 && out.prefetch == 1 && out.nearby);
}

Test(wire, lease_reply_without_work)
{
    struct ff_chunk *out = (struct ff_chunk *)&arena;
    ff_encode_lease_reply(NULL, &body, &blocks);
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), 0, &arena, &out, &err), FF_OK);
    cr_assert_null(out);
}

Test(wire, lease_reply)
{
    struct ff_chunk *out;
    build_chunk();
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), blocks.size, &arena, &out, &err), FF_OK, "%s",
                 err.text);
    cr_assert(out->lease.epoch == 5 && out->lease.counter == 6 && out->job == 11 && out->covers == 2 &&
              out->of == 7);
    cr_assert(out->timeout_ms == 60000 && out->memory_bytes == 1 << 30 && out->task_count == 3);
    const struct ff_task *task = &out->tasks[0].task;
    cr_assert_eq(task->target, 7);
    cr_assert_str_eq(task->name, "host-1");
    cr_assert_str_eq(task->model->kind, "seasonal");
    cr_assert_eq(task->model->param_count, 2);
    cr_assert_str_eq(task->model->params[1].name, "robust");
    cr_assert_str_eq(task->model->params[1].text, "true");
    cr_assert_str_eq(task->fallback->kind, "ewma");
    cr_assert_str_eq(task->metrics[1], "memory");
    cr_assert(task->frame.t0_ms == -5000 && task->frame.step_ms == 1000);
    cr_assert(task->frame.steps == 3 && task->frame.columns == 2);
    cr_assert_null(task->frame.values);
}

/* One task with work to be done; whether it is decoded as it was. */
static bool work_travels(struct ff_work work)
{
    struct ff_fit_spec spec = {.kind = "pca", .work = work};
    struct ff_wire_task task = sample_task(7);
    struct ff_chunk chunk = {.timeout_ms = 1000, .tasks = &task, .task_count = 1}, *out;
    task.task.model = &spec;
    body.size = 0;
    ff_encode_lease_reply(&chunk, &body, &blocks);
    if (ff_decode_lease_reply(ff_buf_bytes(&body), blocks.size, &arena, &out, &err))
        return false;
    const struct ff_work *found = &out->tasks[0].task.model->work;
    return found->type == work.type && found->horizon == work.horizon && found->folds == work.folds &&
           found->season == work.season && found->coverage == work.coverage &&
           found->explains == work.explains && found->explained_ms == work.explained_ms;
}

Test(wire, work_of_a_task)
{
    cr_assert(work_travels((struct ff_work){.type = FF_WORK_SCORE}));
    cr_assert(work_travels((struct ff_work){.type = FF_WORK_SCORE, .explains = true}));
    cr_assert(work_travels((struct ff_work){.type = FF_WORK_SCORE, .explains = true, .explained_ms = -5}));
    cr_assert(work_travels((struct ff_work){FF_WORK_BACKTEST, 48, 3, 24, 0.9, false, 0}));
    cr_assert_not(
        work_travels((struct ff_work){.type = FF_WORK_SCORE, .explains = true, .explained_ms = INT64_MAX}));
    cr_assert_not(work_travels((struct ff_work){.type = FF_WORK_TYPES}));
    cr_assert_not(work_travels((struct ff_work){.type = FF_WORK_FORECAST, .horizon = 0, .coverage = 0.9}));
    cr_assert_not(work_travels((struct ff_work){.type = FF_WORK_FORECAST, .horizon = 5, .coverage = 1}));
}

Test(wire, tasks_of_a_chunk_share_specs_and_metrics)
{
    struct ff_chunk *out;
    build_chunk();
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), blocks.size, &arena, &out, &err), FF_OK);
    cr_assert_eq(out->tasks[0].task.model, out->tasks[1].task.model);
    cr_assert_eq(out->tasks[0].task.metrics, out->tasks[2].task.metrics);
    cr_assert_eq(out->tasks[0].task.fallback, out->tasks[2].task.model);
    cr_assert_null(out->tasks[1].task.fallback->kind);
}

Test(wire, frames_may_stay_in_memory)
{
    struct ff_chunk *out;
    struct ff_wire_task tasks[2] = {sample_task(7), sample_task(8)};
    struct ff_chunk chunk = {.tasks = tasks, .task_count = 2, .memory = {11, 12, 13, 96 + 48}};
    tasks[1].offset = 96; /* and is six numbers long */
    ff_encode_lease_reply(&chunk, &body, &blocks);
    cr_assert_eq(blocks.size, 0);
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), 0, &arena, &out, &err), FF_OK, "%s", err.text);
    cr_assert(out->memory.inode == 13 && out->memory.size == 144 && out->tasks[1].offset == 96);
    chunk.memory.size--;
    body.size = 0;
    ff_encode_lease_reply(&chunk, &body, &blocks);
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), 0, &arena, &out, &err), FF_INVALID_ARGUMENT);
}

Test(wire, frames_travel_aligned_in_the_blocks_or_as_objects)
{
    struct ff_chunk *out;
    build_chunk();
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), blocks.size, &arena, &out, &err), FF_OK);
    struct ff_bytes whole = laid();
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(out->tasks[i].offset % FF_RPC_BLOCK_ALIGN, 0);
        cr_assert_not(out->tasks[i].in_object);
        cr_assert_eq(memcmp(whole.data + out->tasks[i].offset, rows, sizeof rows), 0);
    }
    struct ff_object_id id = object(3);
    cr_assert(out->tasks[2].in_object && out->tasks[2].object_size == 1000 && out->tasks[2].offset == 64);
    cr_assert_eq(memcmp(&out->tasks[2].object, &id, sizeof id), 0);
    cr_assert_eq(whole.size, 64 + sizeof rows);
}

Test(wire, report)
{
    struct ff_report out;
    build_report();
    struct ff_bytes whole = laid();
    cr_assert_eq(ff_decode_report(ff_buf_bytes(&body), whole, &arena, &out, &err), FF_OK, "%s", err.text);
    cr_assert(out.worker == 9 && out.lease.epoch == 5 && out.lease.counter == 6 && out.job == 11);
    cr_assert(out.sequence == 2 && out.outcome_count == 3 && out.finished);
    const struct ff_outcome *fitted = &out.outcomes[0], *fault = &out.outcomes[1];
    cr_assert(fitted->target == 1 && fitted->class == FF_FITTED && fitted->code == FF_CODE_OK);
    cr_assert_str_eq(fitted->kind, "seasonal");
    cr_assert_str_eq(fitted->summary, "{\"n\":3}");
    cr_assert(fitted->fit_ms == 1.5 && fitted->cpu_ms == 1.25 && fitted->peak_rss_bytes == 1 << 20);
    cr_assert(fitted->pid == 4711 && fitted->attempts == 2 && fitted->signal == 0);
    cr_assert(fitted->model.size == 5 && fitted->model_size == 5 &&
              memcmp(fitted->model.data, "MODEL", 5) == 0);
    cr_assert(fault->class == FF_OPEN && fault->code == FF_CODE_CRASHED && fault->signal == 11);
    cr_assert_str_eq(fault->errmsg, "died");
    cr_assert(fault->model.size == 0 && fault->log.size == 10 &&
              memcmp(fault->log.data, "last words", 10) == 0);
    cr_assert(out.outcomes[2].log.size == 7 && memcmp(out.outcomes[2].log.data, "printed", 7) == 0);
}

Test(wire, a_model_that_is_an_object_does_not_travel_in_the_blocks)
{
    struct ff_outcome outcome = sample_outcome(1);
    struct ff_report out, in = {.outcomes = &outcome, .outcome_count = 1};
    outcome.model_in_object = true;
    outcome.model_object = object(6);
    outcome.log = text("printed");
    ff_encode_report(&in, &body, &blocks);
    struct ff_bytes whole = laid();
    cr_assert_eq(whole.size, 7);
    cr_assert_eq(ff_decode_report(ff_buf_bytes(&body), whole, &arena, &out, &err), FF_OK, "%s", err.text);
    cr_assert(out.outcomes[0].model_in_object && out.outcomes[0].model_size == 5 &&
              out.outcomes[0].model.size == 0);
    cr_assert_eq(memcmp(&out.outcomes[0].model_object, &outcome.model_object, sizeof outcome.model_object),
                 0);
    cr_assert(out.outcomes[0].log.size == 7 && memcmp(out.outcomes[0].log.data, "printed", 7) == 0);
}

Test(wire, report_reply)
{
    struct ff_report_reply out;
    build_report_reply();
    DECODED(report_reply, &out);
    cr_assert(out.drop_lease);
}

Test(wire, beat_request)
{
    struct ff_beat_request out;
    build_beat_request();
    DECODED(beat_request, &out);
    cr_assert(out.worker == 3 && out.lease_count == 2 && out.executor_count == 2 && out.draining);
    cr_assert(out.leases[1].epoch == 5 && out.leases[1].counter == 7);
    const struct ff_executor_state *first = &out.executors[0], *second = &out.executors[1];
    cr_assert(first->pid == 10 && first->ppid == 9 && first->alive && first->age_ms == 5 &&
              first->last_exit == -1);
    cr_assert(second->lease.counter == 6 && second->job == 2 && second->target == 3 && second->busy);
    cr_assert(second->busy_ms == 40 && second->cpu_ms == 39 && second->done == 100 &&
              second->last_signal == 9);
}

Test(wire, beat_reply)
{
    struct ff_beat_reply out;
    build_beat_reply();
    DECODED(beat_reply, &out);
    cr_assert_eq(out.beat_ms, 3000);
    cr_assert(out.drop_count == 2 && out.drop[0].counter == 6 && out.drop[1].epoch == 1);
}

Test(wire, fetch_and_put)
{
    struct ff_fetch_request fetch;
    struct ff_put_request put;
    struct ff_object_id one = object(1), two = object(2);
    uint64_t size;
    bool complete;
    build_fetch_request();
    DECODED(fetch_request, &fetch);
    cr_assert(fetch.offset == 1 << 20 && fetch.size == FF_OBJECT_RANGE &&
              !memcmp(&fetch.object, &one, sizeof one));
    body.size = 0;
    build_put_request();
    DECODED(put_request, &put);
    cr_assert(put.offset == 3 << 20 && put.size == 5 << 20 && !memcmp(&put.object, &two, sizeof two));
    body.size = 0;
    build_fetch_reply();
    DECODED(fetch_reply, &size);
    cr_assert_eq(size, 123456789);
    body.size = 0;
    build_put_reply();
    DECODED(put_reply, &complete);
    cr_assert(complete);
}

Test(wire, leave_request)
{
    uint64_t worker;
    build_leave_request();
    DECODED(leave_request, &worker);
    cr_assert_eq(worker, 12);
}

Test(wire, submit_request)
{
    struct ff_submit_request out;
    build_submit_request();
    DECODED(submit_request, &out);
    cr_assert_str_eq(out.yaml, "name: x");
    cr_assert_str_eq(out.file, "job.yaml");
    cr_assert_str_eq(out.base_dir, "/jobs");
    cr_assert_str_eq(out.override_dir, "/here");
    cr_assert_str_eq(out.request_id, "id");
    cr_assert(out.no_reuse && out.upload && out.override_count == 2 && out.file_count == 2);
    cr_assert_str_eq(out.overrides[1], "b=2");
    cr_assert_str_eq(out.files[1].path, "/d/b.csv");
    cr_assert(out.files[1].object.bytes[0] == 2 && out.files[1].size == 200 &&
              out.files[1].mtime_ns == 1LL << 60);
    cr_assert_eq(out.files[0].mtime_ns, -5);
}

Test(wire, job_and_retry_requests)
{
    struct ff_job_request job;
    struct ff_retry_request retry;
    build_job_request();
    DECODED(job_request, &job);
    cr_assert_str_eq(job.job, "nightly-3");
    cr_assert(job.wait_ms == 20000 && job.version == 44);
    body.size = 0;
    build_retry_request();
    DECODED(retry_request, &retry);
    cr_assert_str_eq(retry.job, "nightly-3");
    cr_assert_eq(retry.class_count, 2);
    cr_assert_str_eq(retry.classes[1], "quarantined");
}

Test(wire, job_status)
{
    struct ff_job_status out;
    build_job_status();
    DECODED(job_status, &out);
    cr_assert_str_eq(out.id, "nightly-3");
    cr_assert_str_eq(out.name, "nightly");
    cr_assert_str_eq(out.state, "running");
    cr_assert_str_eq(out.stage, "publishing");
    cr_assert_str_eq(out.errmsg, "why");
    cr_assert_str_eq(out.set, "set");
    cr_assert(out.loaded_bytes == 5 && out.data_bytes == 9);
    cr_assert(out.percent == 12.5 && out.eta_ms == -1 && out.code == FF_CODE_TOO_MANY_FAILED &&
              out.version == 7);
    cr_assert(out.counts.requested == 100 && out.counts.of_class[FF_FITTED] == 90);
    cr_assert(out.counts.of_class[FF_CANCELLED_CLASS] == 1 && out.counts.of_class[FF_FAILED] == 0);
    cr_assert(out.generation == 4 && out.started_ms == 1 && out.finished_ms == 2 && out.all_failed);
}

Test(wire, read_request_and_reply)
{
    struct ff_read_request request;
    struct ff_read_reply reply;
    struct ff_object_id id = object(4);
    build_read_request();
    DECODED(read_request, &request);
    cr_assert(request.full && request.before == 3 && request.after == 4);
    cr_assert_str_eq(request.what, "results");
    cr_assert_str_eq(request.target, "host-1");
    cr_assert_str_eq(request.format, "csv");
    cr_assert_str_eq(request.classes[0], "failed");
    cr_assert_str_eq(request.set, "set");
    cr_assert(request.class_count == 1 && request.cursor == 99);
    body.size = 0;
    build_read_reply();
    DECODED(read_reply, &reply);
    cr_assert(reply.size == 1 << 24 && reply.in_object && reply.cursor == 5 &&
              !memcmp(&reply.object, &id, sizeof id));
    body.size = 0;
    ff_encode_read_reply(&(struct ff_read_reply){.size = 10}, &body);
    DECODED(read_reply, &reply);
    cr_assert_not(reply.in_object);
}

Test(wire, activate_request_and_reply)
{
    struct ff_activate_request request;
    struct ff_activate_reply reply;
    build_activate_request();
    DECODED(activate_request, &request);
    cr_assert_str_eq(request.set, "set");
    cr_assert_str_eq(request.target, "TX*");
    cr_assert_eq(request.number, 7);
    body.size = 0;
    build_activate_reply();
    DECODED(activate_reply, &reply);
    cr_assert(reply.number == 7 && reply.before == 8 && reply.models == 3000);
}

Test(wire, ping_reply)
{
    struct ff_ping_reply out;
    build_ping_reply();
    DECODED(ping_reply, &out);
    cr_assert_str_eq(out.version, "0.1.0");
    cr_assert(out.protocol == 1 && out.workers == 4 && out.slots == 16);
}

Test(wire, stored_report_with_and_without_its_bytes)
{
    struct ff_outcome outcomes[2] = {sample_outcome(1), sample_outcome(2)};
    struct ff_buf models = {0}, logs = {0};
    struct ff_stored_report out,
        in = {.worker = "host-1", .profile = "profile", .outcomes = outcomes, .outcome_count = 2};
    outcomes[1].model = text("SECOND");
    outcomes[1].log = text("log");
    ff_encode_stored_report(&in, &body, &models, &logs);
    cr_assert_eq(ff_decode_stored_report(ff_buf_bytes(&body), ff_buf_bytes(&models), ff_buf_bytes(&logs),
                                         &arena, &out, &err),
                 FF_OK);
    cr_assert_str_eq(out.worker, "host-1");
    cr_assert_str_eq(out.profile, "profile");
    cr_assert(out.outcome_count == 2 && out.outcomes[1].model.size == 6 && out.outcomes[1].log.size == 3);
    cr_assert_eq(memcmp(out.outcomes[1].model.data, "SECOND", 6), 0);
    struct ff_bytes nothing = {0};
    cr_assert_eq(ff_decode_stored_report(ff_buf_bytes(&body), nothing, nothing, &arena, &out, &err), FF_OK);
    cr_assert(out.outcomes[1].model.size == 0 && out.outcomes[1].model_size == 6);
    ff_buf_fini(&models);
    ff_buf_fini(&logs);
}

/* Whether every flipped bit of bytes makes the decoder of stored reports refuse; those of the tag of the sum
 * only unsay the sum. */
static void expect_flips_are_noticed(struct ff_buf *flipped, const struct ff_buf *models,
                                     const struct ff_buf *logs, size_t except)
{
    struct ff_stored_report out;
    for (size_t bit = 0; bit < flipped->size * 8; bit++) {
        flipped->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum ff_status status = ff_decode_stored_report(ff_buf_bytes(&body), ff_buf_bytes(models),
                                                        ff_buf_bytes(logs), &arena, &out, &err);
        cr_assert(status != FF_OK || bit / 8 == except, "bit %zu", bit);
        flipped->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(wire, a_flipped_bit_of_a_stored_report_is_noticed)
{
    struct ff_outcome outcomes[2] = {sample_outcome(1), sample_outcome(2)};
    struct ff_buf models = {0}, logs = {0};
    struct ff_stored_report in = {"host-1", "profile", outcomes, 2};
    outcomes[1].model = text("SECOND");
    outcomes[1].log = text("log");
    ff_encode_stored_report(&in, &body, &models, &logs);
    expect_flips_are_noticed(&body, &models, &logs, body.size - 9);
    expect_flips_are_noticed(&models, &models, &logs, SIZE_MAX);
    cr_assert_str_eq(err.text, "its models are not as they were written");
    expect_flips_are_noticed(&logs, &models, &logs, SIZE_MAX);
    ff_buf_fini(&models);
    ff_buf_fini(&logs);
}

Test(wire, a_flipped_bit_of_stored_targets_or_a_generation_is_noticed)
{
    struct ff_stored_targets targets;
    struct ff_stored_generation generation;
    build_stored_targets();
    body.data[4] ^= 1;
    cr_assert_neq(ff_decode_stored_targets(ff_buf_bytes(&body), &arena, &targets, &err), FF_OK);
    body.size = 0;
    build_stored_generation();
    body.data[body.size - 1] ^= 1;
    cr_assert_neq(ff_decode_stored_generation(ff_buf_bytes(&body), &arena, &generation, &err), FF_OK);
}

Test(wire, stored_blobs_of_a_version_without_sums_are_read)
{
    struct ff_stored_generation generation;
    build_stored_generation();
    body.size -= 9;
    DECODED(stored_generation, &generation);
    cr_assert_eq(generation.model_count, 2);
}

Test(wire, stored_targets_and_generation)
{
    struct ff_stored_targets targets;
    struct ff_stored_generation generation;
    build_stored_targets();
    DECODED(stored_targets, &targets);
    cr_assert_str_eq(targets.targets[1].name, "b");
    cr_assert(targets.targets[1].rows == 20 && targets.targets[1].steps == 21 && targets.rows_skipped == 3);
    cr_assert(targets.target_count == 2 && targets.metric_count == 2 && targets.has_all);
    cr_assert(targets.all_rows == 30 && targets.all_steps == 31);
    cr_assert(targets.targets[0].fingerprint.bytes[2] == 3 && targets.all_fingerprint.bytes[15] == 9);
    cr_assert(!ff_fingerprint_is_known(&targets.targets[1].fingerprint));
    cr_assert_str_eq(targets.metrics[0], "cpu");
    body.size = 0;
    build_stored_generation();
    DECODED(stored_generation, &generation);
    cr_assert_eq(generation.model_count, 2);
    cr_assert_str_eq(generation.models[1].target, "a");
    cr_assert(generation.models[1].report == 3 && generation.models[1].index == 2 &&
              generation.models[1].from == 1);
    cr_assert(generation.models[1].fingerprint.bytes[1] == 5);
}

Test(wire, a_stored_outcome_says_where_a_model_is_that_it_took_over)
{
    struct ff_outcome outcomes[2] = {sample_outcome(1), sample_outcome(2)};
    struct ff_buf models = {0}, logs = {0};
    struct ff_stored_report out, in = {"host-1", "profile", outcomes, 2};
    struct ff_bytes nothing = {0};
    outcomes[1].taken = (struct ff_model_place){77, 3};
    outcomes[1].model = nothing;
    outcomes[1].model_size = 500;
    ff_encode_stored_report(&in, &body, &models, &logs);
    cr_assert_eq(ff_decode_stored_report(ff_buf_bytes(&body), ff_buf_bytes(&models), ff_buf_bytes(&logs),
                                         &arena, &out, &err),
                 FF_OK);
    cr_assert(out.outcomes[0].taken.report == 0 && out.outcomes[0].model.size);
    cr_assert(out.outcomes[1].taken.report == 77 && out.outcomes[1].taken.index == 3);
    cr_assert(out.outcomes[1].model.size == 0 && out.outcomes[1].model_size == 500);
    ff_buf_fini(&models);
    ff_buf_fini(&logs);
}

/* ---- damage: every message cut anywhere and with any bit flipped ---- */

#define PLAIN_MESSAGES(X)                                                                                    \
    X(join_request, struct ff_join_request)                                                                  \
    X(join_reply, struct ff_join_reply)                                                                      \
    X(lease_request, struct ff_lease_request)                                                                \
    X(report_reply, struct ff_report_reply)                                                                  \
    X(beat_request, struct ff_beat_request)                                                                  \
    X(beat_reply, struct ff_beat_reply)                                                                      \
    X(fetch_request, struct ff_fetch_request)                                                                \
    X(fetch_reply, uint64_t)                                                                                 \
    X(put_request, struct ff_put_request)                                                                    \
    X(put_reply, bool)                                                                                       \
    X(leave_request, uint64_t)                                                                               \
    X(submit_request, struct ff_submit_request)                                                              \
    X(job_request, struct ff_job_request)                                                                    \
    X(retry_request, struct ff_retry_request)                                                                \
    X(job_status, struct ff_job_status)                                                                      \
    X(read_request, struct ff_read_request)                                                                  \
    X(read_reply, struct ff_read_reply)                                                                      \
    X(activate_request, struct ff_activate_request)                                                          \
    X(activate_reply, struct ff_activate_reply)                                                              \
    X(ping_reply, struct ff_ping_reply)                                                                      \
    X(stored_targets, struct ff_stored_targets)                                                              \
    X(stored_generation, struct ff_stored_generation)

typedef enum ff_status decoder(struct ff_bytes bytes);

#define X(name, type)                                                                                        \
    static enum ff_status try_##name(struct ff_bytes bytes)                                                  \
    {                                                                                                        \
        type out;                                                                                            \
        return ff_decode_##name(bytes, &arena, &out, &err);                                                  \
    }
PLAIN_MESSAGES(X)
#undef X

/* Reads all that the chunk says is there. */
static enum ff_status try_chunk(struct ff_bytes bytes)
{
    struct ff_chunk *chunk;
    enum ff_status status = ff_decode_lease_reply(bytes, 4096, &arena, &chunk, &err);
    for (size_t i = 0; !status && chunk && i < chunk->task_count; i++) {
        const struct ff_wire_task *task = &chunk->tasks[i];
        uint64_t whole = task->in_object ? task->object_size : 4096;
        cr_assert_leq(task->offset, whole);
        cr_assert_leq(ff_frame_bytes(&task->task.frame), whole - task->offset);
        cr_assert_not_null(task->task.model->kind);
        for (size_t c = 0; c < task->task.frame.columns; c++)
            cr_assert_not_null(task->task.metrics[c]);
    }
    return status;
}

static enum ff_status try_report(struct ff_bytes bytes)
{
    struct ff_report report;
    uint8_t *some = calloc(1, 80); /* a little less than the sample refers to */
    enum ff_status status = ff_decode_report(bytes, (struct ff_bytes){some, 80}, &arena, &report, &err);
    unsigned sum = 0;
    for (size_t i = 0; !status && i < report.outcome_count; i++) {
        const struct ff_outcome *outcome = &report.outcomes[i];
        cr_assert_lt(outcome->class, FF_CLASS_COUNT);
        for (size_t at = 0; at < outcome->model.size; at++)
            sum += outcome->model.data[at];
        for (size_t at = 0; at < outcome->log.size; at++)
            sum += outcome->log.data[at];
    }
    cr_assert_eq(sum, 0);
    free(some);
    return status;
}

static void expect_handled(decoder *decode, const uint8_t *bytes, size_t size, const char *name)
{
    uint8_t *copy = ff_xalloc(size + 1); /* a sanitizer sees a read behind size */
    uint8_t *end_aligned = copy + 1;
    if (size)
        memcpy(end_aligned, bytes, size);
    err = (struct ff_error){0};
    enum ff_status status = decode((struct ff_bytes){end_aligned, size});
    cr_assert(status == FF_OK || (status == FF_INVALID_ARGUMENT && *err.text), "%s: %d %s", name, status,
              err.text);
    free(copy);
    ff_arena_reset(&arena);
}

static void damage(decoder *decode, void (*build)(void), const char *name)
{
    body.size = 0;
    ff_blocks_fini(&blocks);
    build();
    for (size_t size = 0; size <= body.size; size++)
        expect_handled(decode, body.data, size, name);
    for (size_t bit = 0; bit < body.size * 8; bit++) {
        body.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_handled(decode, body.data, body.size, name);
        body.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(wire, damaged_messages_are_refused_or_read_within_bounds)
{
#define X(name, type) damage(try_##name, build_##name, #name);
    PLAIN_MESSAGES(X)
#undef X
    damage(try_chunk, build_chunk, "lease_reply");
    damage(try_report, build_report, "report");
}

Test(wire, noise_is_refused_or_read_within_bounds)
{
    static decoder *const decoders[] = {
#define X(name, type) try_##name,
        PLAIN_MESSAGES(X)
#undef X
            try_chunk,
        try_report};
    uint32_t state = 1;
    for (int round = 0; round < 200; round++) {
        uint8_t noise[64];
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)((state = state * 1664525 + 1013904223) >> 24);
        for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
            expect_handled(decoders[i], noise, (size_t)round % sizeof noise, "noise");
    }
}

/* ---- hostile values ---- */

static void expect_chunk_refused(struct ff_wire_task task, size_t blocks_size, const char *why)
{
    struct ff_chunk *out, in = {.lease = {1, 1}, .tasks = &task, .task_count = 1};
    body.size = 0;
    ff_blocks_fini(&blocks);
    ff_encode_lease_reply(&in, &body, &blocks);
    err = (struct ff_error){0};
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), blocks_size, &arena, &out, &err),
                 FF_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, why), "%s", err.text);
}

Test(wire, a_frame_outside_its_blocks_is_refused)
{
    expect_chunk_refused(sample_task(1), sizeof rows - 1, "outside");
    expect_chunk_refused(sample_task(1), 0, "outside");
}

Test(wire, a_frame_outside_its_object_is_refused)
{
    struct ff_wire_task task = sample_task(1);
    task.in_object = true;
    task.object_size = sizeof rows;
    task.offset = 8;
    expect_chunk_refused(task, 1 << 20, "outside");
    task.offset = UINT64_MAX - 7;
    expect_chunk_refused(task, 1 << 20, "outside");
    task.offset = 4;
    task.object_size = 1000;
    expect_chunk_refused(task, 1 << 20, "outside");
}

Test(wire, a_frame_whose_size_would_wrap_around_is_refused)
{
    struct ff_wire_task task = sample_task(1);
    task.in_object = true;
    task.object_size = UINT64_MAX;
    task.task.frame.steps = SIZE_MAX / 8;
    expect_chunk_refused(task, 1 << 20, "impossible");
    task.task.frame.steps = 1ULL << 63;
    expect_chunk_refused(task, 1 << 20, "impossible");
}

Test(wire, a_frame_without_steps_or_with_an_impossible_step_is_refused)
{
    struct ff_wire_task task = sample_task(1);
    task.task.frame.steps = 0;
    expect_chunk_refused(task, 1 << 20, "impossible");
    task = sample_task(1);
    task.task.frame.columns = 0;
    expect_chunk_refused(task, 1 << 20, "impossible");
    task = sample_task(1);
    task.task.frame.step_ms = 0;
    expect_chunk_refused(task, 1 << 20, "impossible");
    task.task.frame.step_ms = INT64_MIN;
    expect_chunk_refused(task, 1 << 20, "impossible");
}

/* A lease reply by hand: chunk (1) of a lease (1) and one task (6) whose field is value. */
static void build_task_with_index(uint8_t field, uint8_t value)
{
    const uint8_t bytes[] = {0x0a, 8, 0x0a, 0, 0x32, 4, (uint8_t)(field << 3), value, 0x38, 1};
    body.size = 0;
    ff_buf_append(&body, bytes, sizeof bytes);
}

Test(wire, indexes_out_of_range_are_refused)
{
    struct ff_chunk *out;
    for (uint8_t field = 3; field <= 5; field++) { /* spec, fallback, metrics: the chunk has none at all */
        build_task_with_index(field, 5);
        cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), 0, &arena, &out, &err), FF_INVALID_ARGUMENT);
        cr_assert(strstr(err.text, "index out of range"), "%s", err.text);
    }
}

Test(wire, a_chunk_without_a_lease_is_refused)
{
    struct ff_chunk *out;
    ff_buf_append(&body, "\x0a\x00", 2);
    cr_assert_eq(ff_decode_lease_reply(ff_buf_bytes(&body), 0, &arena, &out, &err), FF_INVALID_ARGUMENT);
}

static void expect_report_refused(const struct ff_outcome *outcome, struct ff_bytes given)
{
    struct ff_report out, in = {.outcomes = outcome, .outcome_count = 1};
    body.size = 0;
    ff_blocks_fini(&blocks);
    ff_encode_report(&in, &body, &blocks);
    cr_assert_eq(ff_decode_report(ff_buf_bytes(&body), given, &arena, &out, &err), FF_INVALID_ARGUMENT);
}

Test(wire, unknown_classes_and_codes_are_refused)
{
    struct ff_outcome outcome = sample_outcome(1);
    outcome.class = FF_CLASS_COUNT;
    expect_report_refused(&outcome, text("MODEL"));
    outcome.class = (enum ff_class) - 1;
    expect_report_refused(&outcome, text("MODEL"));
    outcome = sample_outcome(1);
    outcome.code = (enum ff_code)99;
    expect_report_refused(&outcome, text("MODEL"));
}

Test(wire, a_model_or_a_log_outside_the_blocks_is_refused)
{
    struct ff_outcome outcome = sample_outcome(1);
    expect_report_refused(&outcome, text("MODE"));
    expect_report_refused(&outcome, text(""));
    outcome.model = (struct ff_bytes){0};
    outcome.log = text("0123456789");
    expect_report_refused(&outcome, text("012345678"));
    expect_report_refused(&outcome, text(""));
}

Test(wire, object_ids_of_another_size_are_refused)
{
    struct ff_fetch_request fetch;
    struct ff_put_request put;
    struct ff_read_reply read;
    ff_buf_append(&body, "\x0a\x03xyz", 5);
    cr_assert_eq(ff_decode_fetch_request(ff_buf_bytes(&body), &arena, &fetch, &err), FF_INVALID_ARGUMENT);
    cr_assert_eq(ff_decode_put_request(ff_buf_bytes(&body), &arena, &put, &err), FF_INVALID_ARGUMENT);
    body.size = 0;
    ff_buf_append(&body, "\x12\x03xyz", 5);
    cr_assert_eq(ff_decode_read_reply(ff_buf_bytes(&body), &arena, &read, &err), FF_INVALID_ARGUMENT);
}

Test(wire, a_fetch_of_more_than_a_range_is_refused)
{
    struct ff_fetch_request out;
    ff_encode_fetch_request(&(struct ff_fetch_request){object(1), 0, FF_OBJECT_RANGE + 1}, &body);
    cr_assert_eq(ff_decode_fetch_request(ff_buf_bytes(&body), &arena, &out, &err), FF_INVALID_ARGUMENT);
}

Test(wire, a_worker_has_between_one_and_4096_slots_and_short_names)
{
    struct ff_join_request out, in = {.host = "h", .slots = 0, .profile = ""};
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    static const uint32_t slots[] = {0, 4097, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        in.slots = slots[i];
        body.size = 0;
        ff_encode_join_request(&in, &body);
        cr_assert_eq(ff_decode_join_request(ff_buf_bytes(&body), &arena, &out, &err), FF_INVALID_ARGUMENT);
    }
    in.slots = 4096;
    in.host = longer;
    body.size = 0;
    ff_encode_join_request(&in, &body);
    cr_assert_eq(ff_decode_join_request(ff_buf_bytes(&body), &arena, &out, &err), FF_INVALID_ARGUMENT);
    in.host = "h";
    in.profile = longer;
    body.size = 0;
    ff_encode_join_request(&in, &body);
    cr_assert_eq(ff_decode_join_request(ff_buf_bytes(&body), &arena, &out, &err), FF_INVALID_ARGUMENT);
}

Test(wire, more_counts_than_there_are_classes_are_left_out)
{
    struct ff_job_status out;
    const uint8_t bytes[] = {0x3a, 14, 0x12, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* counts.of_class */
    ff_buf_append(&body, bytes, sizeof bytes);
    DECODED(job_status, &out);
    cr_assert_eq(out.counts.of_class[FF_CLASS_COUNT - 1], FF_CLASS_COUNT);
}

/* ---- small bytes that unfold ---- */

enum { WIRE_BYTES = 4 << 20, MOST = 64 << 20 };

/* WIRE_BYTES of empty submessages (field, length 0). */
static void build_empties(uint8_t tag)
{
    uint8_t *at = ff_buf_reserve(&body, WIRE_BYTES);
    for (size_t i = 0; i < WIRE_BYTES; i += 2) {
        at[i] = tag;
        at[i + 1] = 0;
    }
    body.size = WIRE_BYTES;
}

Test(wire, a_body_of_empty_submessages_cannot_bloat_memory)
{
    struct ff_report report;
    struct ff_beat_request beat;
    struct ff_submit_request submit;
    size_t most = (size_t)WIRE_BYTES * 24 > MOST ? (size_t)WIRE_BYTES * 24 : MOST;
    build_empties(0x2a); /* outcomes */
    cr_assert_eq(ff_decode_report(ff_buf_bytes(&body), (struct ff_bytes){0}, &arena, &report, &err),
                 FF_INVALID_ARGUMENT);
    cr_assert_leq(arena.used, most);
    ff_arena_fini(&arena);
    body.size = 0;
    build_empties(0x1a); /* executors */
    cr_assert_eq(ff_decode_beat_request(ff_buf_bytes(&body), &arena, &beat, &err), FF_INVALID_ARGUMENT);
    cr_assert_leq(arena.used, most);
    ff_arena_fini(&arena);
    body.size = 0;
    build_empties(0x4a); /* files */
    cr_assert_eq(ff_decode_submit_request(ff_buf_bytes(&body), &arena, &submit, &err), FF_INVALID_ARGUMENT);
    cr_assert_leq(arena.used, most);
}

Test(wire, the_limit_counts_what_an_arena_holds_already_and_is_put_back)
{
    struct ff_lease_request out;
    ff_arena_alloc(&arena, 100 << 20);
    build_lease_request();
    DECODED(lease_request, &out);
    cr_assert_eq(arena.limit, 0);
}

/* ---- blocks ---- */

Test(wire, blocks_begin_on_aligned_offsets)
{
    cr_assert_eq(ff_blocks_add(&blocks, text("a")), 0);
    cr_assert_eq(ff_blocks_add(&blocks, text("0123456789")), 64);
    cr_assert_eq(ff_blocks_add(&blocks, text("")), 128);
    cr_assert_eq(ff_blocks_add(&blocks, text("b")), 128);
    struct ff_bytes whole = laid();
    cr_assert_eq(whole.size, 129);
    cr_assert_eq(memcmp(whole.data + 64, "0123456789", 10), 0);
    cr_assert_eq(whole.data[63], 0);
    cr_assert_eq(whole.data[128], 'b');
}

/* ---- from a newer program ---- */

/* Fields that this version does not know: 2000, a number; 2001, bytes; 2002, a double. */
static const char unknown_fields[] = "\x80\x7d\x05\x8a\x7d\x03"
                                     "abc\x91\x7d\0\0\0\0\0\0\xf0\x3f";

static void add_unknown_fields(void)
{
    ff_buf_append(&body, unknown_fields, sizeof unknown_fields - 1);
}

Test(wire, fields_of_a_newer_version_are_ignored_in_requests)
{
    struct ff_join_request join = {.host = "host", .pid = 7, .slots = 2, .profile = "p"}, got;
    ff_encode_join_request(&join, &body);
    add_unknown_fields();
    DECODED(join_request, &got);
    cr_assert_str_eq(got.host, "host");
    cr_assert_eq(got.slots, 2);
    body.size = 0;
    struct ff_beat_request beat = {.worker = 5, .draining = true}, beaten;
    ff_encode_beat_request(&beat, &body);
    add_unknown_fields();
    DECODED(beat_request, &beaten);
    cr_assert(beaten.worker == 5 && beaten.draining);
}

Test(wire, fields_of_a_newer_version_are_ignored_in_replies_and_reports)
{
    struct ff_lease_request lease = {1, 2, 3, 4, false}, leased;
    ff_encode_lease_request(&lease, &body);
    add_unknown_fields();
    DECODED(lease_request, &leased);
    cr_assert_eq(leased.prefetch, 4);
    body.size = 0;
    struct ff_outcome outcome = {.target = 3, .class = FF_FAILED, .code = FF_CODE_CONSTANT, .errmsg = "x"};
    struct ff_report report = {.worker = 1, .sequence = 1, .outcomes = &outcome, .outcome_count = 1}, got;
    ff_encode_report(&report, &body, &blocks);
    add_unknown_fields();
    cr_assert_eq(ff_decode_report(ff_buf_bytes(&body), laid(), &arena, &got, &err), FF_OK, "%s", err.text);
    cr_assert_eq(got.outcomes[0].code, FF_CODE_CONSTANT);
    body.size = 0;
    struct ff_report_reply reply = {true}, replied;
    ff_encode_report_reply(&reply, &body);
    add_unknown_fields();
    DECODED(report_reply, &replied);
    cr_assert(replied.drop_lease);
}

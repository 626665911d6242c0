#include "coordinator/job.h"

#include "stored.h"

enum { WAIT_MS = 20000 };

static struct ff_job *running;
static struct ff_arena arena;
static struct ff_queue back;

#define BASE                                                                                                 \
    "data: {files: [\"*.csv\"], target: host}\n"                                                             \
    "targets: {min_rows: 2}\n"                                                                               \
    "models:\n"                                                                                              \
    "  top: [{match: \"a*\", metrics: [memory], kind: ewma}, {match: \"*\", kind: seasonal}]\n"              \
    "  fallback: {kind: ewma}\n"                                                                             \
    "limits: {target_timeout: 5s, target_memory: 1MiB, max_failed: 40%}\n"

/* Three hosts with two metrics, one of them with too few rows. */
static void make(void)
{
    make_folder();
    ff_queue_init(&back);
    must(ff_store_open(path_in_folder("state"), &store, &failure));
    write_text("data.csv", "time,host,cpu,memory\n"
                           "2024-01-01 00:00:00,a1,1,10\n2024-01-01 00:01:00,a1,2,20\n"
                           "2024-01-01 00:02:00,a1,3,30\n"
                           "2024-01-01 00:00:00,b,4,40\n2024-01-01 00:01:00,b,5,50\n"
                           "2024-01-01 00:00:00,c,6,60\n");
}

static void drop(void)
{
    ff_job_destroy(running);
    ff_arena_fini(&arena);
    ff_queue_fini(&back);
    ff_store_close(store);
    remove_folder();
}

TestSuite(job, .init = make, .fini = drop);

static void load(const char *yaml)
{
    struct ff_load request = {.source = {.text = yaml,
                                         .size = strlen(yaml),
                                         .file = "demo.yaml",
                                         .base_dir = test_folder,
                                         .override_dir = test_folder},
                              .state_dir = path_in_folder("state"),
                              .retry_classes = ""};
    struct ff_loader *loader = ff_loader_start(&back, NULL, NULL);
    ff_loader_push(loader, &request);
    ff_queue_wait(&back, WAIT_MS);
    cr_assert_eq(ff_queue_pop_all(&back), &request.event);
    ff_loader_stop(loader);
    cr_assert_not_null(request.loaded, "%s", request.error.text);
    struct ff_job_record record = {
        .id = 7, .name = "demo", .number = 3, .set = "demo", .state = FF_JOB_RUNNING};
    running = ff_job_create(&record);
    running->loaded = request.loaded;
    running->total = request.loaded->set->target_count + (request.loaded->all.kind != NULL);
    running->record.counts.requested = request.loaded->set->target_count;
}

static void count(uint32_t target, enum ff_class class)
{
    struct ff_outcome outcome = without_model(target, class, FF_CODE_OK, "");
    outcome.fit_ms = 2;
    ff_job_count(running, &outcome);
}

Test(job, is_named_by_name_and_number_and_keeps_copies)
{
    char name[] = "nightly";
    running = ff_job_create(&(struct ff_job_record){.id = 1, .name = name, .number = 12});
    name[0] = 'x';
    cr_assert_str_eq(running->id, "nightly-12");
    cr_assert_str_eq(running->record.name, "nightly");
    cr_assert_str_eq(running->record.errmsg, "");
    running->record.number = 13;
    ff_job_name(running);
    cr_assert_str_eq(running->id, "nightly-13");
}

Test(job, tasks_have_the_rule_the_metrics_and_the_frame_of_their_target)
{
    struct ff_wire_task task;
    load(BASE);
    ff_job_task(running, 0, &task);
    cr_assert_str_eq(task.task.name, "a1");
    cr_assert_str_eq(task.task.model->kind, "ewma");
    cr_assert_str_eq(task.task.fallback->kind, "ewma");
    cr_assert_str_eq(task.task.metrics[0], "memory");
    cr_assert(task.task.frame.columns == 1 && task.task.frame.steps == 3 && task.task.frame.values[2] == 30);
    ff_job_task(running, 1, &task);
    cr_assert_str_eq(task.task.model->kind, "seasonal");
    cr_assert_str_eq(task.task.metrics[1], "memory");
    cr_assert(task.task.frame.columns == 2 && task.task.frame.steps == 2 && !task.in_object);
    cr_assert_not(ff_job_is_all(running, 2));
    cr_assert(ff_job_is_all(running, 3));
}

Test(job, the_frame_of_all_is_a_task_with_limits_of_its_own)
{
    struct ff_wire_task task;
    load("data: {files: [\"*.csv\"], target: host}\ntargets: {min_rows: 2}\nmodels: {all: {kind: pca}}\n"
         "limits: {all_timeout: 1m, all_memory: 2MiB}\n");
    cr_assert_eq(running->total, 4);
    ff_job_task(running, 3, &task);
    cr_assert_str_eq(task.task.name, "all");
    cr_assert_str_eq(task.task.model->kind, "pca");
    cr_assert_null(task.task.fallback->kind);
    cr_assert_str_eq(task.task.metrics[3], "b/memory");
    cr_assert(task.task.frame.columns == 4 && task.task.frame.steps == 3);
    cr_assert(ff_job_timeout_ms(running, 3) == 60000 && ff_job_memory_bytes(running, 3) == 2 << 20);
    struct ff_dispatch_item *items = ff_job_items(running);
    cr_assert(items[3].alone && items[3].cells == 12 && items[3].group == 1 && !items[3].closed);
    free(items);
    struct ff_stored_targets targets = ff_job_stored_targets(running, &arena);
    cr_assert(targets.has_all && targets.all_steps == 3);
}

Test(job, limits_are_those_of_the_specification)
{
    load(BASE);
    cr_assert_eq(ff_job_timeout_ms(running, 0), 5000);
    cr_assert_eq(ff_job_memory_bytes(running, 0), 1 << 20);
}

Test(job, items_for_dispatch_say_what_is_closed_already)
{
    load(BASE);
    struct ff_dispatch_item *items = ff_job_items(running);
    cr_assert(items[0].cells == 3 && items[0].group == 0 && !items[0].closed && !items[0].alone);
    cr_assert(items[1].cells == 4 && items[1].group == 1 && !items[1].closed);
    cr_assert(items[2].closed);
    free(items);
}

Test(job, targets_are_stored_in_their_order)
{
    load(BASE);
    struct ff_stored_targets targets = ff_job_stored_targets(running, &arena);
    cr_assert(targets.target_count == 3 && targets.metric_count == 2 && !targets.has_all);
    cr_assert_str_eq(targets.targets[2].name, "c");
    cr_assert(targets.targets[0].rows == 3 && targets.targets[0].steps == 3);
    cr_assert_str_eq(targets.metrics[0], "cpu");
}

Test(job, committed_outcomes_are_counted_and_raise_the_version)
{
    load(BASE);
    uint64_t version = running->version;
    count(0, FF_FITTED);
    count(1, FF_FITTED);
    count(2, FF_SKIPPED);
    cr_assert_eq(running->committed, 3);
    cr_assert_eq(running->record.counts.of_class[FF_FITTED], 2);
    cr_assert_eq(running->record.counts.of_class[FF_SKIPPED], 1);
    cr_assert_gt(running->version, version);
}

Test(job, the_model_of_all_is_not_among_the_counts)
{
    load(BASE);
    running->total++;
    count(3, FF_QUARANTINED);
    cr_assert_eq(running->record.counts.of_class[FF_QUARANTINED], 0);
    cr_assert_eq(running->all_class, FF_QUARANTINED);
    cr_assert(running->record.all_failed && running->committed == 1);
}

Test(job, too_many_failed_is_more_than_the_share_allowed)
{
    load(BASE);
    count(0, FF_FAILED);
    cr_assert_not(ff_job_failed_too_many(running));
    count(1, FF_QUARANTINED);
    cr_assert(ff_job_failed_too_many(running));
}

Test(job, skipped_targets_are_no_failures)
{
    load(BASE);
    for (uint32_t i = 0; i < 3; i++)
        count(i, FF_SKIPPED);
    cr_assert_not(ff_job_failed_too_many(running));
}

Test(job, times_are_a_json_object_in_milliseconds)
{
    load(BASE);
    running->accepted_us = 1000;
    running->running_us = 2000;
    running->last_result_us = 5500;
    count(0, FF_FITTED);
    ff_job_set_times(running, 7000);
    assert_shows(running->record.times, "\"wire\":3.5");
    assert_shows(running->record.times, "\"commit\":1.5");
    assert_shows(running->record.times, "\"total\":6");
    assert_shows(running->record.times, "\"fit_sum\":2");
}

Test(job, a_running_job_shows_progress_and_what_remains)
{
    struct ff_job_status status;
    load(BASE);
    count(0, FF_FITTED);
    ff_job_status(running, 3000, &status);
    cr_assert_str_eq(status.id, "demo-3");
    cr_assert_str_eq(status.state, "running");
    cr_assert_str_eq(status.stage, "running");
    cr_assert_float_eq(status.percent, 100.0 / 3, 1e-9);
    cr_assert_float_eq(status.eta_ms, 3000, 1e-9);
    cr_assert_eq(status.counts.of_class[FF_FITTED], 1);
    running->finishing = true;
    ff_job_status(running, -1, &status);
    cr_assert_str_eq(status.stage, "publishing");
    cr_assert_lt(status.eta_ms, 0);
}

Test(job, a_loading_job_shows_how_much_was_read)
{
    struct ff_job_status status;
    struct ff_load_progress progress = {0};
    running = ff_job_create(&(struct ff_job_record){.name = "x", .number = 1, .state = FF_JOB_LOADING});
    running->progress = &progress;
    atomic_store(&progress.bytes_total, 200);
    atomic_store(&progress.bytes_done, 50);
    ff_job_status(running, -1, &status);
    cr_assert_float_eq(status.percent, 25, 1e-9);
    cr_assert(status.loaded_bytes == 50 && status.data_bytes == 200);
    cr_assert_str_eq(status.stage, "loading");
}

Test(job, a_finished_job_is_at_a_hundred_percent)
{
    struct ff_job_status status;
    struct ff_job_record record = {
        .id = 1, .name = "x", .number = 1, .state = FF_JOB_FAILED, .code = FF_CODE_BAD_DATA, .errmsg = "why"};
    running = ff_job_create(&record);
    ff_job_status(running, -1, &status);
    cr_assert_float_eq(status.percent, 100, 1e-9);
    cr_assert_str_eq(status.state, "failed");
    cr_assert_str_eq(status.errmsg, "why");
    cr_assert_eq(status.code, FF_CODE_BAD_DATA);
}

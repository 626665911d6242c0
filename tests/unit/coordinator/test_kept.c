#include "coordinator/kept.h"
#include "coordinator/targetset_prepare.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A running job of three targets and the frame of all. */
static struct ff_loaded loaded;
static struct ff_jobspec spec;
static struct ff_job job;
static struct ff_arena arena;
static struct ff_error failure;
static struct ff_outcome outcomes[4];
static struct ff_stored_report report;

/* a, b and c; b has a frame of its own. */
static struct ff_targetset *make_targets(const struct ff_frame *frame, const struct ff_frame *of_b)
{
    static const char *metrics[] = {"value"};
    struct ff_targetset *set;
    cr_assert_eq(ff_targetset_create(metrics, 1, 3, ff_frame_bytes(of_b), &set, &failure), FF_OK);
    ff_targetset_add(set, "a", 3, frame);
    ff_targetset_add(set, "b", 3, of_b);
    ff_targetset_add(set, "c", 3, frame);
    return set;
}

static void setup(void)
{
    static const char *metrics[] = {"value"}, *columns[] = {"a/value"};
    static const char **metrics_of_rule[] = {metrics};
    static struct ff_fit_spec rule = {.kind = "busy"};
    static double values[] = {1, 2, 3};
    static char id[] = "job-1";
    struct ff_frame frame = {.step_ms = 1000, .steps = 3, .columns = 1, .values = values};
    spec = (struct ff_jobspec){.limits = {.target_timeout_ms = 60000, .all_timeout_ms = 90000}};
    loaded = (struct ff_loaded){.spec = &spec, .rules = &rule, .metrics = metrics_of_rule};
    loaded.set = make_targets(&frame, &frame);
    loaded.set->all = frame;
    struct ff_targetset_storage *storage = loaded.set->storage;
    cr_assert_eq(ff_framestore_create(4096, &storage->all, &failure), FF_OK);
    loaded.set->all.values = memcpy(ff_framestore_add(storage->all, sizeof values), values, sizeof values);
    loaded.set->all_columns = columns;
    job = (struct ff_job){.id = id, .record = {.set = "job"}, .loaded = &loaded, .total = 4};
    for (uint32_t i = 0; i < 4; i++)
        outcomes[i] = (struct ff_outcome){.target = i, .class = FF_QUARANTINED, .code = FF_CODE_CRASHED};
    report =
        (struct ff_stored_report){.worker = "w", .profile = "p", .outcomes = outcomes, .outcome_count = 4};
}

static void teardown(void)
{
    ff_targetset_destroy(loaded.set);
    ff_arena_fini(&arena);
}

TestSuite(kept, .init = setup, .fini = teardown);

static bool has_rows(size_t target)
{
    return loaded.set->targets[target].frame.values != NULL;
}

Test(kept, a_report_releases_the_rows_of_its_targets_and_not_the_frame_of_all)
{
    outcomes[1].class = FF_FITTED;
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 3);
    cr_assert(has_rows(0) && has_rows(1) && has_rows(2));
    report.outcomes++;
    report.outcome_count--;
    ff_kept_release(&job, &report);
    cr_assert(has_rows(0) && !has_rows(1) && !has_rows(2) && loaded.set->all.values);
}

Test(kept, an_errand_has_nothing_to_refit)
{
    job.record.set = "";
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 0);
}

Test(kept, a_capsule_has_the_task_the_limits_and_the_outcome)
{
    ff_kept_choose(&job, &report, &arena);
    const struct ff_capsule *first = &report.capsules[0], *all = &report.capsules[3];
    cr_assert_str_eq(first->job, "job-1");
    cr_assert_str_eq(first->task.name, "a");
    cr_assert_str_eq(first->task.model->kind, "busy");
    cr_assert_eq(first->task.frame.values, loaded.set->targets[0].frame.values);
    cr_assert_eq(first->timeout_ms, 60000);
    cr_assert_eq(first->outcome.code, FF_CODE_CRASHED);
    cr_assert_str_eq(all->task.name, "all");
    cr_assert_eq(all->timeout_ms, 90000);
}

Test(kept, a_large_frame_is_not_kept)
{
    struct ff_targetset *small = loaded.set;
    struct ff_frame large = {
        .step_ms = 1000, .steps = FF_KEPT_FRAME_BYTES / sizeof(double) + 1, .columns = 1};
    double *values = calloc(large.steps, sizeof *values);
    large.values = values;
    loaded.set = make_targets(&small->targets[0].frame, &large);
    outcomes[3].class = FF_FITTED;
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 2);
    cr_assert_eq(report.capsules[1].task.target, 2);
    ff_targetset_destroy(small);
    free(values);
}

Test(kept, a_job_keeps_so_much_and_no_more)
{
    job.kept_bytes = FF_KEPT_JOB_BYTES - 2 * ff_frame_bytes(&loaded.set->targets[0].frame);
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 2);
    cr_assert_eq(job.kept_bytes, FF_KEPT_JOB_BYTES);
}

Test(kept, rows_that_are_gone_are_not_kept)
{
    ff_targetset_release_rows(loaded.set, 0);
    ff_targetset_release_rows(loaded.set, 3);
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 2);
}

Test(kept, a_report_without_a_quarantined_target_has_none)
{
    for (int i = 0; i < 4; i++)
        outcomes[i].class = FF_FITTED;
    ff_kept_choose(&job, &report, &arena);
    cr_assert_eq(report.capsule_count, 0);
    cr_assert_null(report.capsules);
}

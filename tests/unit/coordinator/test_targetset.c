#include "coordinator/targetset.h"
#include "files.h"

#include <math.h>

static struct ff_jobspec *spec;
static struct ff_targetset *set;
static struct ff_error failure;

static void drop(void)
{
    ff_targetset_destroy(set);
    ff_jobspec_destroy(spec);
    remove_folder();
}

TestSuite(targetset, .init = make_folder, .fini = drop);

static enum ff_status load(const char *job)
{
    struct ff_jobspec_source source = {
        .text = job, .size = strlen(job), .file = "job.yaml", .base_dir = test_folder, .override_dir = "/"};
    cr_assert_eq(ff_jobspec_parse(&source, &spec, &failure), FF_OK, "%s", failure.text);
    return ff_targetset_load(spec, NULL, &set, &failure);
}

static void assert_loads(const char *job)
{
    cr_assert_eq(load(job), FF_OK, "%s", failure.text);
}

static const struct ff_target *target(const char *name)
{
    for (size_t i = 0; i < set->target_count; i++)
        if (strcmp(set->targets[i].name, name) == 0)
            return &set->targets[i];
    cr_assert_fail("target %s is not there", name);
    return NULL;
}

#define JOB "data: {files: [a.csv], target: t}\ntargets: {min_rows: 2}\n"

Test(targetset, every_target_has_a_frame_or_a_reason)
{
    write_text("a.csv",
               "time,t,v\n60,ok,1\n120,ok,2\n180,few,1\n60,none,\n120,none,nan\n60,same,1\n60,same,2\n"
               "60,nomodel,1\n120,nomodel,1\n0,old,1\n1,old,1\n2,old,1\n1700000000,old,1\n");
    assert_loads(JOB "models: {top: [{match: nomodel, kind: null}, {kind: ewma}], all: {kind: pca}}\n");
    cr_assert_eq(set->target_count, 6);
    cr_assert_str_eq(set->targets[0].name, "few");
    cr_assert_eq(target("ok")->code, FF_CODE_OK);
    cr_assert_eq(target("ok")->rule, 1);
    cr_assert_eq(target("ok")->frame.t0_ms, 60000);
    cr_assert_eq(target("ok")->frame.steps, 2);
    cr_assert_eq(target("ok")->frame.values[1], 2);
    cr_assert_eq((uintptr_t)target("ok")->frame.values % 64, 0);
    cr_assert_eq(target("few")->code, FF_CODE_TOO_FEW_ROWS);
    cr_assert_str_eq(target("few")->errmsg, "1 rows, targets.min_rows is 2");
    cr_assert_eq(target("none")->code, FF_CODE_ALL_MISSING);
    cr_assert_eq(target("same")->code, FF_CODE_TOO_FEW_ROWS);
    cr_assert_eq(target("nomodel")->code, FF_CODE_NO_MODEL);
    cr_assert_eq(target("old")->code, FF_CODE_TOO_MANY_STEPS);
    cr_assert_null(target("old")->frame.values);
    cr_assert_eq(set->all_code, FF_CODE_TOO_MANY_STEPS);
    cr_assert_null(set->all.values);
}

Test(targetset, the_frame_of_all_has_the_targets_that_are_not_skipped)
{
    write_text("a.csv", "time,t,v,w\n60,b,1,10\n120,b,2,20\n60,a,3,\n240,a,6,\n300,few,1,1\n");
    assert_loads(JOB "prepare: {step: 60s, max_gap: 0}\nmodels: {all: {kind: pca}}\n");
    cr_assert_eq(set->all_code, FF_CODE_OK);
    cr_assert_eq(set->all.columns, 4);
    cr_assert_eq(set->all.steps, 4);
    cr_assert_str_eq(set->all_columns[0], "a/v");
    cr_assert_str_eq(set->all_columns[3], "b/w");
    const double *a = ff_frame_column(&set->all, 0), *b = ff_frame_column(&set->all, 3);
    cr_assert(a[0] == 3 && a[1] == 4 && a[2] == 5 && a[3] == 6);
    cr_assert(b[0] == 10 && b[1] == 20 && isnan(b[2]) && isnan(b[3]));
    cr_assert(isnan(target("a")->frame.values[1]));
}

Test(targetset, a_frame_of_all_beyond_its_memory_is_refused)
{
    write_text("a.csv", "time,t,v\n60,b,1\n120,b,2\n180,b,2\n");
    assert_loads(JOB "models: {all: {kind: pca}}\nlimits: {all_memory: 16}\n");
    cr_assert_eq(set->all_code, FF_CODE_OUT_OF_MEMORY);
    cr_assert_eq(target("b")->code, FF_CODE_OK);
}

Test(targetset, rows_outside_the_window_do_not_count)
{
    write_text("a.csv", "time,t,v\n0,a,1\n60,a,1\n120,a,1\n0,b,1\n60,b,1\n");
    assert_loads(JOB "prepare: {window: 1m}\n");
    cr_assert_eq(target("a")->rows, 1);
    cr_assert_eq(target("a")->code, FF_CODE_TOO_FEW_ROWS);
    cr_assert_eq(target("b")->rows, 0);
    cr_assert_eq(target("b")->code, FF_CODE_TOO_FEW_ROWS);
}

Test(targetset, a_rule_for_a_metric_that_is_not_there_is_refused)
{
    write_text("a.csv", "time,t,count\n0,a,1\n");
    cr_assert_eq(load(JOB "models: {top: [{metrics: [cuont], kind: ewma}]}\n"), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(failure.text,
                     "models.top[0].metrics: the data have no metric 'cuont', did you mean 'count'?");
}

Test(targetset, rows_can_be_released_one_target_at_a_time)
{
    write_text("a.csv", "time,t,v\n60,a,1\n120,a,2\n");
    assert_loads(JOB);
    ff_targetset_release_rows(set, 0);
    cr_assert_null(set->targets[0].frame.values);
    cr_assert_eq(set->targets[0].frame.steps, 2);
    cr_assert_eq(set->file_count, 1);
    cr_assert_eq(set->data_bytes, 24);
}

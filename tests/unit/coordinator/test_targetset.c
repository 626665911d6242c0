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
    return ff_targetset_load(spec, test_folder, NULL, NULL, &set, &failure);
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
    cr_assert_str_eq(target("few")->errmsg, "1 row, targets.min_rows is 2");
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

/* Rows that are not in time's order, with gaps, of targets with two metrics. */
static void write_rows(size_t targets, size_t rows)
{
    FILE *file = fopen(path_in_folder("a.csv"), "w");
    fprintf(file, "time,t,v,w\n");
    for (size_t i = 0; i < targets * rows; i++) {
        size_t step = i / targets;
        if (i % 7 != 3)
            fprintf(file, "%zu,T%zu,%zu,%s\n", 60 * (step ^ 1), i % targets, i * i % 101, i % 5 ? "1.5" : "");
    }
    fclose(file);
}

static void *copy_rows(size_t index, const struct ff_frame *frame)
{
    void *rows = malloc(ff_frame_bytes(frame));
    cr_assert(ff_targetset_has_rows(set, index));
    cr_assert_eq(ff_targetset_read(set, index, 0, rows, ff_frame_bytes(frame), &failure), FF_OK);
    return rows;
}

static void assert_same_rows(const struct ff_targetset *other, size_t index, const struct ff_frame *mine,
                             const struct ff_frame *theirs)
{
    void *rows = copy_rows(index, mine);
    cr_assert_null(mine->values);
    cr_assert(mine->t0_ms == theirs->t0_ms && mine->step_ms == theirs->step_ms);
    cr_assert(mine->steps == theirs->steps && mine->columns == theirs->columns);
    cr_assert_not_null(theirs->values);
    cr_assert_eq(memcmp(rows, theirs->values, ff_frame_bytes(theirs)), 0, "%zu of %zu", index,
                 other->target_count);
    free(rows);
}

#define ALL "models: {top: [{match: T1, metrics: [w], kind: ewma}, {kind: ewma}], all: {kind: pca}}\n"

Test(targetset, rows_beyond_its_memory_are_in_a_file_and_the_same)
{
    write_rows(20, 2000);
    assert_loads(JOB ALL);
    struct ff_targetset *in_memory = set;
    ff_jobspec_destroy(spec);
    assert_loads("data: {files: [a.csv], target: t, memory: 1MiB}\ntargets: {min_rows: 2}\n" ALL);
    cr_assert_eq(set->target_count, 20);
    for (size_t i = 0; i < 20; i++)
        assert_same_rows(in_memory, i, &set->targets[i].frame, &in_memory->targets[i].frame);
    cr_assert_eq(set->targets[1].frame.columns, 1);
    assert_same_rows(in_memory, 20, &set->all, &in_memory->all);
    ff_targetset_destroy(in_memory);
}

Test(targetset, rows_in_a_file_are_released_copied_and_handed_over_too)
{
    write_rows(3, 20000);
    assert_loads("data: {files: [a.csv], target: t, memory: 6MiB}\n" ALL);
    struct ff_targetset *other;
    cr_assert_eq(ff_targetset_create(set->metrics, set->metric_count, 1,
                                     ff_frame_bytes(&set->targets[2].frame), &other, &failure),
                 FF_OK);
    void *rows = copy_rows(2, &set->targets[2].frame), *all = copy_rows(3, &set->all);
    cr_assert_eq(ff_targetset_copy(other, set, 2, &failure), FF_OK);
    cr_assert_eq(memcmp(other->targets[0].frame.values, rows, ff_frame_bytes(&set->targets[2].frame)), 0);
    ff_targetset_release_rows(set, 2);
    cr_assert_not(ff_targetset_has_rows(set, 2));
    ff_targetset_move_all(set, other);
    cr_assert(!ff_targetset_has_rows(set, 3) && !ff_targetset_has_rows(set, 0));
    cr_assert_eq(set->all.steps, other->all.steps);
    size_t size = ff_frame_bytes(&other->all);
    void *moved = malloc(size);
    cr_assert_eq(ff_targetset_read(other, 1, 0, moved, size, &failure), FF_OK);
    cr_assert_eq(memcmp(moved, all, size), 0);
    free(rows), free(all), free(moved);
    ff_targetset_destroy(other);
}

Test(targetset, a_target_that_alone_exceeds_its_memory_is_refused_with_what_it_needs)
{
    write_rows(1, 50000);
    cr_assert_eq(load("data: {files: [a.csv], target: t, memory: 1MiB}\n"), FF_RESOURCE_EXHAUSTED);
    cr_assert(strstr(failure.text, "target 'T0' has 42857 rows"), "%s", failure.text);
    cr_assert(strstr(failure.text, "data.memory is 1 MiB, give it"), "%s", failure.text);
}

Test(targetset, gaps_of_any_length_are_filled_in_the_frame_of_all_only)
{
    write_text("a.csv", "time,t,v,w\n10,a,0,5\n20,a,1,\n30,a,2,\n310,a,30,7\n");
    assert_loads("data: {files: [a.csv], target: t}\nprepare: {max_gap: 3}\ntargets: {min_rows: 2}\n" ALL);
    const double *v = set->all.values, *own = set->targets[0].frame.values;
    const double *w = ff_frame_column(&set->all, 1);
    cr_assert_eq(set->all.steps, 31);
    cr_assert(v[0] == 0 && v[16] == 16 && v[30] == 30 && isnan(own[16]));
    cr_assert(w[0] == 5 && w[15] == 6 && w[30] == 7);
}

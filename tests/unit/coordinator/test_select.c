#include "coordinator/select.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A target with a row at each of the times 0, 1, 2 …; NAN in the values is a missing cell beside another
 * metric. */
struct target {
    const char *name;
    union ff_cell cells[3 * 4];
    struct ff_rows rows;
};

static struct target targets[8];
static size_t target_count;
static struct ff_candidate candidates[8];
static size_t found;
static size_t kept;

static void drop(void)
{
    target_count = 0;
}

TestSuite(select, .fini = drop);

static void add(const char *name, size_t rows, const double *values)
{
    struct target *one = &targets[target_count++];
    *one = (struct target){.name = name};
    one->rows = (struct ff_rows){one->cells, rows, 2};
    for (size_t i = 0; i < rows; i++) {
        one->cells[3 * i].time_ms = (int64_t)i;
        one->cells[3 * i + 1].value = values[i];
        one->cells[3 * i + 2].value = 1;
    }
}

/* As surveys do. */
static void run(const struct ff_jobspec *spec, int64_t newest)
{
    const char *names[] = {"count", "other"};
    struct ff_strings metrics = {names, 2};
    struct ff_error err = {0};
    size_t metric;
    found = 0;
    cr_assert_eq(ff_select_metric(spec, &metrics, &metric, &err), FF_OK, "%s", err.text);
    for (size_t i = 0; i < target_count; i++) {
        struct ff_rows rows = ff_select_window(spec, &targets[i].rows, newest);
        if (ff_select_includes(spec, targets[i].name))
            candidates[found++] =
                (struct ff_candidate){targets[i].name, ff_select_rank(spec, &rows, metric), i};
    }
    kept = ff_select_best(spec, candidates, found);
}

static void assert_names(const char *expected)
{
    char names[256] = "";
    for (size_t i = 0; i < kept; i++) {
        strcat(names, i ? " " : "");
        strcat(names, targets[candidates[i].series].name);
    }
    cr_assert_str_eq(names, expected);
}

static void add_four(void)
{
    add("d", 2, (const double[]){9, NAN});
    add("b", 3, (const double[]){1, 1, 1});
    add("a", 3, (const double[]){2, 2, -8});
    add("c", 1, (const double[]){4});
}

Test(select, all_targets_come_in_order_of_name_bytes)
{
    add_four();
    add("Z", 0, NULL);
    struct ff_jobspec spec = {0};
    run(&spec, 2);
    assert_names("Z a b c d");
}

Test(select, the_most_rows_stay_and_ties_go_by_name)
{
    add_four();
    struct ff_jobspec spec = {.targets.top = 1};
    run(&spec, 2);
    assert_names("a");
}

Test(select, ranks_of_metrics_ignore_missing_cells)
{
    add_four();
    struct ff_jobspec spec = {.targets = {.top = 2, .rank = FF_RANK_MEAN, .rank_metric = "count"}};
    run(&spec, 2);
    assert_names("c d"); /* means 4 and 9; b 1, a -4/3 */
}

Test(select, sums_and_maxima_rank_too)
{
    add_four();
    struct ff_jobspec spec = {.targets = {.top = 3, .rank = FF_RANK_SUM, .rank_metric = "count"}};
    run(&spec, 2);
    assert_names("b c d"); /* 3 4 9 */
    spec.targets.rank = FF_RANK_MAX;
    run(&spec, 2);
    assert_names("a c d"); /* 2 4 9 */
}

Test(select, a_target_without_a_value_ranks_last)
{
    add("a", 1, (const double[]){NAN});
    add("b", 1, (const double[]){-1e300});
    struct ff_jobspec spec = {.targets = {.top = 1, .rank = FF_RANK_MAX, .rank_metric = "count"}};
    run(&spec, 2);
    assert_names("b");
}

Test(select, include_and_exclude_are_globs_and_come_before_the_rank)
{
    add_four();
    const char *include[] = {"[abc]"}, *exclude[] = {"a*", "x"};
    struct ff_jobspec spec = {.targets = {.include = {include, 1}, .exclude = {exclude, 2}, .top = 1}};
    run(&spec, 2);
    assert_names("b");
}

Test(select, the_window_ends_at_the_newest_time_and_leaves_out_its_first_instant)
{
    struct ff_jobspec spec = {.prepare.window_ms = 2};
    const size_t counts[] = {0, 1, 1, 0}; /* d b a c: time > 1 */
    add_four();
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(ff_select_window(&spec, &targets[i].rows, 3).count, counts[i], "%zu", i);
    struct ff_rows inside = ff_select_window(&spec, &targets[2].rows, 3);
    cr_assert_eq(ff_rows_value(&inside, 0, 0), -8);
}

Test(select, an_unknown_metric_is_refused_with_a_suggestion)
{
    const char *names[] = {"count"};
    struct ff_strings metrics = {names, 1};
    struct ff_jobspec spec = {.targets = {.rank = FF_RANK_SUM, .rank_metric = "cuont"}};
    struct ff_error err = {0};
    size_t metric;
    cr_assert_eq(ff_select_metric(&spec, &metrics, &metric, &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "targets.rank_by: the data have no metric 'cuont', did you mean 'count'?");
}

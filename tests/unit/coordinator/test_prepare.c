#include "coordinator/prepare.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>

#define M NAN

struct pair {
    int64_t time_ms;
    double value;
};

/* Rows of one metric; good until the next call. */
static struct ff_rows rows_of(const struct pair *pairs, size_t count)
{
    static union ff_cell cells[64];
    for (size_t i = 0; i < count; i++) {
        cells[2 * i].time_ms = pairs[i].time_ms;
        cells[2 * i + 1].value = pairs[i].value;
    }
    return (struct ff_rows){cells, count, 1};
}

#define ROWS(...)                                                                                            \
    rows_of((const struct pair[]){__VA_ARGS__},                                                              \
            sizeof((const struct pair[]){__VA_ARGS__}) / sizeof(struct pair))

static void assert_values(const double *y, size_t count, const double *expected)
{
    for (size_t i = 0; i < count; i++)
        cr_assert(y[i] == expected[i] || (isnan(y[i]) && isnan(expected[i])), "y[%zu] = %g, expected %g", i,
                  y[i], expected[i]);
}

static void assert_aggregate(enum ff_aggregate how, const double *expected)
{
    /* Steps of 10: two values, one missing and one value, only a missing one, no row, one value. */
    struct ff_rows rows = ROWS({0, 4}, {3, 1}, {10, M}, {19, 7}, {25, M}, {45, -2});
    struct ff_axis axis;
    double y[5];
    cr_assert_eq(ff_axis_find(&rows, 10, &axis), FF_CODE_OK);
    cr_assert_eq(axis.steps, 5);
    ff_prepare_aggregate(&rows, 0, &axis, how, y);
    assert_values(y, 5, expected);
}

Test(prepare, aggregates_take_the_values_that_are_there)
{
    assert_aggregate(FF_AGG_MEAN, (const double[]){2.5, 7, M, M, -2});
    assert_aggregate(FF_AGG_SUM, (const double[]){5, 7, M, M, -2});
    assert_aggregate(FF_AGG_MIN, (const double[]){1, 7, M, M, -2});
    assert_aggregate(FF_AGG_MAX, (const double[]){4, 7, M, M, -2});
    assert_aggregate(FF_AGG_LAST, (const double[]){1, 7, M, M, -2});
    assert_aggregate(FF_AGG_COUNT, (const double[]){2, 1, 0, 0, 1});
}

Test(prepare, an_automatic_step_is_the_median_of_positive_gaps)
{
    struct ff_axis axis;
    struct ff_rows rows = ROWS({0, 1}, {0, 1}, {10, 1}, {20, 1}, {45, 1}); /* 10 10 25 */
    cr_assert_eq(ff_axis_find(&rows, 0, &axis), FF_CODE_OK);
    cr_assert_eq(axis.step_ms, 10);
    rows = ROWS({0, 1}, {10, 1}, {25, 1}); /* 10 15: floor(12.5) */
    cr_assert_eq(ff_axis_find(&rows, 0, &axis), FF_CODE_OK);
    cr_assert_eq(axis.step_ms, 12);
}

Test(prepare, one_distinct_time_is_too_few_for_an_automatic_step)
{
    struct ff_axis axis = {.steps = 42};
    struct ff_rows rows = ROWS({5, 1}, {5, 2});
    cr_assert_eq(ff_axis_find(&rows, 0, &axis), FF_CODE_TOO_FEW_ROWS);
    cr_assert_eq(axis.steps, 42);
    cr_assert_eq(ff_axis_find(&rows, 10, &axis), FF_CODE_OK);
    cr_assert_eq(axis.steps, 1);
}

Test(prepare, the_axis_begins_at_a_multiple_of_the_step_before_1970_too)
{
    struct ff_axis axis;
    cr_assert_eq(ff_axis_make(-25, 31, 10, &axis), FF_CODE_OK);
    cr_assert_eq(axis.t0_ms, -30);
    cr_assert_eq(axis.steps, 7);
    cr_assert_eq(ff_axis_make(-30, -30, 10, &axis), FF_CODE_OK);
    cr_assert_eq(axis.t0_ms, -30);
    cr_assert_eq(axis.steps, 1);
}

Test(prepare, ten_million_steps_are_accepted_and_one_more_is_not)
{
    struct ff_axis axis;
    cr_assert_eq(ff_axis_make(0, 10000000LL * 1000 - 1, 1000, &axis), FF_CODE_OK);
    cr_assert_eq(axis.steps, 10000000);
    cr_assert_eq(ff_axis_make(0, 10000000LL * 1000, 1000, &axis), FF_CODE_TOO_MANY_STEPS);
    cr_assert_eq(axis.steps, 10000001);
    cr_assert_eq(axis.step_ms, 1000);
}

Test(prepare, gaps_up_to_max_gap_are_filled_on_a_line)
{
    double y[] = {M, 1, M, M, M, 3, M, 4, M};
    ff_prepare_interpolate(y, 9, FF_INTERPOLATE_LINEAR, 10);
    assert_values(y, 9, (const double[]){M, 1, 1.5, 2, 2.5, 3, 3.5, 4, M});
}

Test(prepare, a_gap_longer_than_max_gap_stays_missing)
{
    double y[] = {1, M, M, M, 3, M, M, 6};
    ff_prepare_interpolate(y, 8, FF_INTERPOLATE_LINEAR, 2);
    assert_values(y, 8, (const double[]){1, M, M, M, 3, 4, 5, 6});
}

Test(prepare, previous_repeats_the_value_before_but_not_at_the_end)
{
    double y[] = {M, 1, M, M, 3, M};
    ff_prepare_interpolate(y, 6, FF_INTERPOLATE_PREVIOUS, 10);
    assert_values(y, 6, (const double[]){M, 1, 1, 1, 3, M});
}

Test(prepare, none_fills_nothing)
{
    double y[] = {1, M, 3};
    ff_prepare_interpolate(y, 3, FF_INTERPOLATE_NONE, 10);
    assert_values(y, 3, (const double[]){1, M, 3});
}

Test(prepare, what_overflows_is_missing)
{
    struct ff_rows rows = ROWS({0, 1e308}, {1, 1e308}, {10, 1});
    struct ff_axis axis;
    double y[2];
    cr_assert_eq(ff_axis_find(&rows, 10, &axis), FF_CODE_OK);
    ff_prepare_aggregate(&rows, 0, &axis, FF_AGG_SUM, y);
    assert_values(y, 2, (const double[]){M, 1});
}

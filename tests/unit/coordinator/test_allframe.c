#include "coordinator/allframe.h"

#include <criterion/criterion.h>
#include <math.h>

Test(allframe, the_step_is_the_lower_median_and_the_axis_spans_all)
{
    const struct ff_allframe_member members[] = {{105, 900, 60}, {0, 500, 10}, {30, 1234, 30}, {40, 50, 20}};
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(members, 4, &axis), FF_CODE_OK);
    cr_assert_eq(axis.step_ms, 20);
    cr_assert_eq(axis.t0_ms, 0);
    cr_assert_eq(axis.steps, 62);
}

Test(allframe, one_row_of_1970_among_rows_of_today_is_too_many_steps)
{
    const struct ff_allframe_member members[] = {{0, 1700000000000, 60000},
                                                 {1699990000000, 1700000000000, 60000}};
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(members, 2, &axis), FF_CODE_TOO_MANY_STEPS);
}

Test(allframe, without_members_all_is_missing)
{
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(NULL, 0, &axis), FF_CODE_ALL_MISSING);
}

Test(allframe, gaps_of_any_length_are_filled_column_by_column)
{
    union ff_cell cells[9];
    const int64_t times[] = {10, 20, 310};
    const double values[][2] = {{0, 5}, {1, NAN}, {30, 7}};
    for (size_t i = 0; i < 3; i++) {
        cells[3 * i].time_ms = times[i];
        cells[3 * i + 1].value = values[i][0];
        cells[3 * i + 2].value = values[i][1];
    }
    struct ff_rows rows = {cells, 3, 2};
    struct ff_axis axis = {0, 10, 33};
    double y[66];
    ff_allframe_fill(&rows, &axis, FF_AGG_MEAN, FF_INTERPOLATE_LINEAR, y);
    cr_assert(isnan(y[0]) && isnan(y[32]) && isnan(y[33]) && isnan(y[65]));
    for (size_t i = 1; i <= 31; i++)
        cr_assert_float_eq(y[i], (double)(i - 1), 1e-12);
    cr_assert_eq(y[33 + 1], 5);
    cr_assert_eq(y[33 + 16], 6);
    cr_assert_eq(y[33 + 31], 7);
}

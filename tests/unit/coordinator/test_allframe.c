#include "coordinator/allframe.h"

#include <criterion/criterion.h>

Test(allframe, the_step_is_the_lower_median_and_the_axis_spans_all)
{
    const struct ff_allframe_member members[] = {{105, 900, 60}, {0, 500, 10}, {30, 1234, 30}, {40, 50, 20}};
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(members, 4, 0, &axis), FF_CODE_OK);
    cr_assert_eq(axis.step_ms, 20);
    cr_assert_eq(axis.t0_ms, 0);
    cr_assert_eq(axis.steps, 62);
}

Test(allframe, one_row_of_1970_among_rows_of_today_is_too_many_steps)
{
    const struct ff_allframe_member members[] = {{0, 1700000000000, 60000},
                                                 {1699990000000, 1700000000000, 60000}};
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(members, 2, 0, &axis), FF_CODE_TOO_MANY_STEPS);
}

Test(allframe, without_members_all_is_missing)
{
    struct ff_axis axis;
    cr_assert_eq(ff_allframe_axis(NULL, 0, 0, &axis), FF_CODE_ALL_MISSING);
}

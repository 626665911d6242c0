#include "coordinator/costs.h"

#include <criterion/criterion.h>

static struct ff_cost_sums sums;

static void clear(void)
{
    sums = (struct ff_cost_sums){0};
}

TestSuite(costs, .init = clear);

static void expect_line(double us, double us_per_cell)
{
    struct ff_cost_line line = ff_cost_line_fit(&sums);
    cr_assert(line.us > us - 1e-3 && line.us < us + 1e-3, "%g", line.us);
    cr_assert(line.us_per_cell > us_per_cell - 1e-6 && line.us_per_cell < us_per_cell + 1e-6, "%g",
              line.us_per_cell);
}

Test(costs, of_nothing_nothing_is_known)
{
    struct ff_cost_line line = ff_cost_line_fit(&sums);
    cr_assert_not(ff_cost_line_known(&line));
    cr_assert_eq(ff_cost_line_us(&line, 10, 1000), 0);
}

Test(costs, a_line_is_found_again)
{
    ff_cost_sums_add(&sums, 100, 500);
    ff_cost_sums_add(&sums, 200, 700);
    ff_cost_sums_add(&sums, 400, 1100);
    expect_line(300, 2);
    struct ff_cost_line line = ff_cost_line_fit(&sums);
    cr_assert_float_eq(ff_cost_line_us(&line, 2, 1000), 2600, 1e-6);
}

Test(costs, what_is_the_same_for_all_has_no_slope)
{
    ff_cost_sums_add(&sums, 100, 500);
    ff_cost_sums_add(&sums, 4000, 500);
    expect_line(500, 0);
}

Test(costs, targets_of_one_size_cost_by_their_cells)
{
    ff_cost_sums_add(&sums, 100, 400);
    ff_cost_sums_add(&sums, 101, 406);
    expect_line(0, 806.0 / 201);
}

Test(costs, larger_ones_are_never_predicted_to_be_cheaper)
{
    ff_cost_sums_add(&sums, 100, 900);
    ff_cost_sums_add(&sums, 1000, 100);
    expect_line(500, 0);
}

Test(costs, small_ones_are_never_predicted_to_be_free)
{
    ff_cost_sums_add(&sums, 100, 10);
    ff_cost_sums_add(&sums, 1000, 1090);
    expect_line(0, 1);
}

Test(costs, measured_as_nothing_is_known)
{
    ff_cost_sums_add(&sums, 100, 0);
    struct ff_cost_line line = ff_cost_line_fit(&sums);
    cr_assert(ff_cost_line_known(&line));
    cr_assert_float_eq(ff_cost_line_us(&line, 1, 100), 0, 1e-6);
}

Test(costs, the_mean_of_what_was_measured_is_kept)
{
    for (int i = 1; i <= 50; i++)
        ff_cost_sums_add(&sums, i * 10, (double)(i * i));
    struct ff_cost_line line = ff_cost_line_fit(&sums);
    cr_assert_float_eq(ff_cost_line_us(&line, sums.count, sums.cells), sums.us, 1e-6 * sums.us);
}

#include "worker/models/stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_by_sorting(const double *values, size_t n)
{
    double *sorted = malloc(n * sizeof *sorted);
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    double median = n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    free(sorted);
    return median;
}

Test(stats, median_is_that_of_sorting_for_every_shape)
{
    static double values[1000];
    for (size_t n = 1; n <= 1000; n += n < 40 ? 1 : 37) {
        for (int shape = 0; shape < 5; shape++) {
            for (size_t i = 0; i < n; i++) {
                double shapes[] = {(double)i, -(double)i, (double)(i * 7919 % 1009), (double)(i % 3),
                                   (double)(i < n / 2 ? i : n - i)};
                values[i] = shapes[shape];
            }
            double wanted = median_by_sorting(values, n);
            cr_assert_eq(ff_median(values, n), wanted, "n %zu shape %d", n, shape);
        }
    }
}

Test(stats, median_of_a_long_ramp_up_and_down_is_fast)
{
    size_t n = 1000000;
    double *values = malloc(n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = (double)(i < n / 2 ? i : n - i);
    cr_expect_eq(ff_median(values, n), (double)n / 4);
    free(values);
}

Test(stats, scale_estimates_the_deviation_by_the_median)
{
    double residuals[] = {-2, -1, 0, 1, 2}, scratch[5];
    cr_expect_eq(ff_robust_scale(residuals, 5, 0, scratch), 1.4826);
}

Test(stats, scale_falls_back_to_the_mean_deviation)
{
    double residuals[] = {0, 0, 0, 0, 5}, scratch[5];
    cr_expect_eq(ff_robust_scale(residuals, 5, 0, scratch), 1.2533);
}

Test(stats, scale_is_never_below_a_billionth_of_the_typical_value)
{
    double residuals[] = {0, 0}, scratch[2];
    cr_expect_eq(ff_robust_scale(residuals, 2, 0, scratch), 1e-9);
    cr_expect_eq(ff_robust_scale(residuals, 2, -5000, scratch), 1e-9 * 5000);
}

Test(stats, scale_of_errors_is_that_of_the_median_unless_their_mean_is_larger)
{
    double spread[] = {-2, -1, 0, 1, 2}, alike[] = {1e-9, -1e-9, 2e-9, 0, 5}, aside[] = {3, 3, 3, 3, 3},
           scratch[5];
    cr_expect_eq(ff_error_scale(spread, 5, 0, scratch), 1.4826);
    cr_expect_float_eq(ff_error_scale(alike, 5, 0, scratch), 1, 1e-8, "one of five is not as the others");
    cr_expect_float_eq(ff_error_scale(aside, 5, 0, scratch), 1.2533 * 3, 1e-12,
                       "all are beside what was expected");
    cr_expect_eq(ff_error_scale((double[]){0, 0}, 2, -5000, scratch), 1e-9 * 5000);
}

Test(stats, missing_values_are_left_out_in_order)
{
    double values[] = {NAN, 3, NAN, 1}, out[4];
    cr_assert_eq(ff_finite_values(values, 4, out), 2);
    cr_expect_eq(out[0], 3);
    cr_expect_eq(out[1], 1);
}

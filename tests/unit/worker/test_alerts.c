#include "worker/alerts.h"

#include <criterion/criterion.h>
#include <math.h>

enum { COUNT = 2000 };
static double peaks[COUNT];

/* Exponential quantiles: exactly `wanted` of COUNT lie above log(COUNT / wanted). */
static void fill(void)
{
    for (int i = 0; i < COUNT; i++)
        peaks[(i * 7) % COUNT] = -log((i + 0.5) / COUNT);
}

Test(alerts, level_within_the_rows_lies_between_two_peaks)
{
    fill();
    double level = ff_alerts_level(peaks, COUNT, 50);
    cr_expect(fabs(level - log(COUNT / 50.0)) < 0.02, "%g", level);
    cr_expect_eq(peaks[0], -log(0.5 / COUNT), "sorted, the largest first");
}

Test(alerts, level_beyond_the_rows_follows_the_tail)
{
    for (double wanted = 1; wanted > 0.01; wanted /= 2) {
        fill();
        double level = ff_alerts_level(peaks, COUNT, wanted);
        cr_expect(fabs(level / log(COUNT / wanted) - 1) < 0.05, "%g: %g instead of %g", wanted, level,
                  log(COUNT / wanted));
    }
}

Test(alerts, fewer_alerts_ask_for_a_higher_level)
{
    double before = 0;
    for (double wanted = 500; wanted > 0.001; wanted /= 1.7) {
        fill();
        double level = ff_alerts_level(peaks, COUNT, wanted);
        cr_expect_geq(level, before - 0.1, "%g", wanted);
        before = level;
    }
}

Test(alerts, a_handful_of_peaks_is_enough_for_a_guess)
{
    double few[] = {1, 3, 2, 5, 4};
    cr_expect_eq(ff_alerts_level(few, 5, 100), 1);
    cr_expect_eq(ff_alerts_level(few, 5, 2), 3);
    cr_expect_gt(ff_alerts_level(few, 5, 0.1), 5);
    double equal[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
    cr_expect_eq(ff_alerts_level(equal, 14, 0.5), 2);
}

Test(alerts, a_score_of_the_kinds_own_counts_where_the_value_is_the_expected_one)
{
    double values[] = {5, 6, 4}, expected[] = {5, 5, 5}, lower[] = {-INFINITY, -INFINITY, -INFINITY},
           upper[] = {INFINITY, INFINITY, INFINITY}, score[] = {3, 2, 2};
    struct ff_kind_scores scores = {expected, lower, upper, score, NULL};
    struct ff_kind_frame frame = {.step_ms = 1, .steps = 3, .columns = 1, .values = values};
    struct ff_alert_rule rule = {.threshold = 1};
    ff_alerts_apply(&rule, &frame, &scores);
    cr_expect_eq(score[0], 3);
    rule.direction = FF_ALERT_ABOVE;
    ff_alerts_apply(&rule, &frame, &scores);
    cr_expect_eq(score[0], 0, "of those above only");
    cr_expect_eq(score[1], 2);
    cr_expect_eq(score[2], 0);
}

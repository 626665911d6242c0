#include "common/alert_rule.h"

#include <criterion/criterion.h>
#include <math.h>

static struct ff_score band(void)
{
    return (struct ff_score){10, 8, 12, NAN};
}

Test(alert_rule, what_a_model_says_is_read)
{
    struct ff_model_param params[] = {
        {.name = "alert_threshold", .type = FF_VALUE_NUMBER, .number = 2.5},
        {.name = "alert_direction", .type = FF_VALUE_TEXT, .text = "below"},
        {.name = "alert_min_deviation", .type = FF_VALUE_NUMBER, .number = 7},
        {.name = "alert_min_steps", .type = FF_VALUE_INTEGER, .integer = 3},
    };
    struct ff_model_part part = {.metric = "value", .params = params, .param_count = 4};
    struct ff_alert_rule rule = ff_alert_rule_of(&part);
    cr_expect_eq(rule.threshold, 2.5);
    cr_expect_eq(rule.direction, FF_ALERT_BELOW);
    cr_expect_eq(rule.least_deviation, 7);
    cr_expect_eq(rule.least_length, 3);
    part.param_count = 0;
    rule = ff_alert_rule_of(&part);
    cr_expect_eq(rule.threshold, 1);
    cr_expect_eq(rule.direction, FF_ALERT_BOTH);
    cr_expect_eq(rule.least_deviation, 0);
    cr_expect_eq(rule.least_length, 0);
}

Test(alert_rule, numbers_that_no_fit_writes_say_nothing)
{
    struct ff_model_param params[] = {
        {.name = "alert_threshold", .type = FF_VALUE_NUMBER, .number = NAN},
        {.name = "alert_direction", .type = FF_VALUE_TEXT, .text = "up"},
        {.name = "alert_min_deviation", .type = FF_VALUE_NUMBER, .number = -1},
        {.name = "alert_min_steps", .type = FF_VALUE_INTEGER, .integer = INT64_MIN},
    };
    struct ff_model_part part = {.metric = "value", .params = params, .param_count = 4};
    struct ff_alert_rule rule = ff_alert_rule_of(&part);
    cr_expect_eq(rule.threshold, 1);
    cr_expect_eq(rule.direction, FF_ALERT_BOTH);
    cr_expect_eq(rule.least_deviation, 0);
    cr_expect_eq(rule.least_length, 0);
}

Test(alert_rule, a_duration_is_rounded_up_to_steps)
{
    cr_expect_eq(ff_alert_least_steps(0, 60), 0);
    cr_expect_eq(ff_alert_least_steps(60, 60), 0, "a step lasts so long");
    cr_expect_eq(ff_alert_least_steps(61, 60), 2);
    cr_expect_eq(ff_alert_least_steps(180, 60), 3);
    cr_expect_eq(ff_alert_least_steps(INT64_MAX, 1), INT64_MAX);
}

Test(alert_rule, a_threshold_moves_the_band_and_divides_the_score)
{
    struct ff_alert_rule rule = {.threshold = 2};
    struct ff_score score = {10, 8, 12, 3};
    ff_alert_rule_bend(&rule, 15, &score);
    cr_expect_eq(score.lower, 6);
    cr_expect_eq(score.upper, 14);
    cr_expect_eq(score.score, 1.5);
}

Test(alert_rule, the_side_that_does_not_count_has_no_bound)
{
    struct ff_alert_rule rule = {.threshold = 1, .direction = FF_ALERT_ABOVE};
    struct ff_score score = band();
    ff_alert_rule_bend(&rule, 0, &score);
    cr_expect_eq(score.lower, -INFINITY);
    cr_expect_eq(score.upper, 12);
    cr_expect_eq(ff_alert_score(rule.direction, 0, &score), 0);
    cr_expect_eq(ff_alert_score(rule.direction, 14, &score), 2);
    score = (struct ff_score){10, 8, 12, 3};
    rule.direction = FF_ALERT_BELOW;
    ff_alert_rule_bend(&rule, 14, &score);
    cr_expect_eq(score.upper, INFINITY);
    cr_expect_eq(score.score, 0);
}

Test(alert_rule, what_deviates_less_is_no_alert_whatever_the_threshold_and_the_kinds_score)
{
    static const double thresholds[] = {0.1, 1, 4};
    for (int i = 0; i < 3; i++) {
        struct ff_alert_rule rule = {.threshold = thresholds[i], .least_deviation = 20};
        struct ff_score by_band = band(), own = {10, 8, 12, 50};
        ff_alert_rule_bend(&rule, 29, &by_band);
        cr_expect_eq(by_band.lower, -10);
        cr_expect_eq(by_band.upper, 30);
        cr_expect_lt(ff_alert_score(rule.direction, 29, &by_band), 1);
        cr_expect_gt(ff_alert_score(rule.direction, 31, &by_band), 1);
        ff_alert_rule_bend(&rule, 29, &own);
        cr_expect_eq(own.score, 0);
        own = (struct ff_score){10, 8, 12, 50};
        ff_alert_rule_bend(&rule, 31, &own);
        cr_expect_eq(own.score, 50 / thresholds[i]);
    }
}

/* Whether a value is an anomaly, behind those before it. */
static bool alerts(const struct ff_alert_rule *rule, double value, int64_t lasts,
                   struct ff_alert_stretch *stretch)
{
    struct ff_score score = band();
    ff_alert_rule_bend(rule, value, &score);
    ff_alert_rule_wait(rule, value, lasts, stretch, &score);
    return ff_alert_score(rule->direction, value, &score) > 1;
}

Test(alert_rule, a_stretch_is_an_alert_once_it_is_long_enough)
{
    struct ff_alert_rule rule = {.threshold = 1, .least_length = 3};
    static const double values[] = {20, 20, 10, 20, 20, NAN, 20, 20, 10, 20};
    static const bool wanted[] = {0, 0, 0, 0, 0, 0, 1, 1, 0, 0};
    struct ff_alert_stretch stretch = {0};
    for (int i = 0; i < 10; i++)
        cr_expect_eq(alerts(&rule, values[i], 1, &stretch), wanted[i], "%d", i);
}

Test(alert_rule, lengths_of_any_unit_do_not_overflow)
{
    struct ff_alert_rule rule = {.threshold = 1, .least_length = INT64_MAX};
    struct ff_alert_stretch stretch = {0};
    cr_expect_not(alerts(&rule, 20, 0, &stretch));
    cr_expect_not(alerts(&rule, 20, INT64_MAX - 1, &stretch));
    cr_expect(alerts(&rule, 20, INT64_MAX, &stretch));
    cr_expect(alerts(&rule, 20, INT64_MAX, &stretch));
}

/* A kind that is surprised once, and learns: its band follows the values. */
static double surprised(const struct ff_alert_rule *rule, double value, double own,
                        struct ff_alert_stretch *stretch)
{
    struct ff_score score = {10, 8, own > 1 ? 12 : 60, own};
    ff_alert_rule_bend(rule, value, &score);
    ff_alert_rule_wait(rule, value, 1, stretch, &score);
    return score.score;
}

Test(alert_rule, what_is_surprising_once_lasts_while_values_stay_outside_of_the_band_before)
{
    struct ff_alert_rule rule = {.threshold = 1, .least_length = 3};
    struct ff_alert_stretch stretch = {0};
    cr_expect_eq(surprised(&rule, 50, 4, &stretch), 1);
    cr_expect_eq(surprised(&rule, 50, 0.5, &stretch), 0.5);
    cr_expect_eq(surprised(&rule, 50, 0.5, &stretch), 4, "now it has lasted");
    cr_expect_eq(surprised(&rule, 50, 0.5, &stretch), 0.5, "once");
    cr_expect_eq(surprised(&rule, 11, 0.1, &stretch), 0.1);
    cr_expect_eq(surprised(&rule, 50, 0.5, &stretch), 0.5, "nothing new");
}

Test(alert_rule, what_goes_back_into_the_band_has_not_lasted)
{
    struct ff_alert_rule rule = {.threshold = 1, .least_length = 3};
    struct ff_alert_stretch stretch = {0};
    static const double values[] = {50, 50, 11, 50, 50};
    for (int i = 0; i < 5; i++)
        cr_expect_leq(surprised(&rule, values[i], i ? 0.5 : 4, &stretch), 1);
}

Test(alert_rule, what_lasts_on_the_other_side_does_not_count)
{
    struct ff_alert_rule rule = {.threshold = 1, .direction = FF_ALERT_ABOVE, .least_length = 2};
    struct ff_alert_stretch stretch = {0};
    cr_expect_eq(surprised(&rule, 50, 4, &stretch), 1);
    cr_expect_eq(surprised(&rule, -50, 0.5, &stretch), 0);
    cr_expect_eq(surprised(&rule, 50, 0.5, &stretch), 0.5);
}

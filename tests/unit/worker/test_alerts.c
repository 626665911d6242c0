#include "worker/alerts.h"

#include "support/kind_case.h"

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

/* ---- of a fit that allows one alert a week ---- */

enum { HOUR_MS = 3600000, MONTH = 672 };

static struct kind_case fitted;
static double rows[MONTH];

static double noise(size_t i)
{
    uint32_t mixed = (uint32_t)(i + 1) * 2654435761U;
    mixed = (mixed ^ mixed >> 15) * 2246822519U;
    return (double)((mixed ^ mixed >> 13) >> 8) / (1 << 23) - 1;
}

static double threshold_of(const char *kind, const struct ff_param *params, size_t param_count, size_t steps)
{
    const char *metric = "value";
    struct ff_fit_spec spec = {
        .kind = kind, .params = params, .param_count = param_count, .alerts = {.per_week = 1}};
    struct ff_frame frame = {0, HOUR_MS, steps, 1, rows};
    kind_case_open(&fitted);
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", kind, fitted.outcome.errmsg);
    return kind_case_param(&fitted, "alert_threshold")->number;
}

static void close_case(void)
{
    kind_case_close(&fitted);
}

Test(alerts, few_peaks_are_enough_not_to_alert_more, .fini = close_case)
{
    static const struct ff_param day = {"window", "48"};
    for (size_t i = 0; i < MONTH; i++)
        rows[i] = (double)(i % 24) + 0.1 * noise(i) + (i >= 500 && i % 60 < 4 ? 30 : 0);
    cr_expect_gt(threshold_of("sub_pca", &day, 1, MONTH), 1, "the last third has four odd windows");
}

Test(alerts, scores_that_are_all_alike_leave_the_band_as_it_is, .fini = close_case)
{
    for (size_t i = 0; i < MONTH; i++)
        rows[i] = i == 200 ? 50 : 0;
    cr_expect_eq(threshold_of("ewma", NULL, 0, MONTH), 1);
}

Test(alerts, a_threshold_that_cannot_be_told_is_there_without_a_value, .fini = close_case)
{
    for (size_t i = 0; i < 59; i++)
        rows[i] = noise(i);
    cr_expect(isnan(threshold_of("ewma", NULL, 0, 59)));
    for (size_t i = 59; i < MONTH; i++)
        rows[i] = NAN;
    cr_expect(isnan(threshold_of("seasonal", NULL, 0, MONTH)), "nothing to judge in the last third");
}

Test(alerts, an_odd_value_in_one_part_of_the_rows_does_not_move_the_threshold, .fini = close_case)
{
    double edges[2];
    for (size_t spiked = 0; spiked < 2; spiked++) {
        for (size_t i = 0; i < MONTH; i++)
            rows[i] = 10 + noise(i);
        if (spiked)
            rows[100] = 5000;
        double threshold = threshold_of("naive", NULL, 0, MONTH);
        edges[spiked] = threshold * 4 * kind_case_param(&fitted, "scale")->number;
        kind_case_close(&fitted);
    }
    kind_case_open(&fitted);
    cr_expect(fabs(edges[1] / edges[0] - 1) < 0.05, "%g instead of %g", edges[1], edges[0]);
}

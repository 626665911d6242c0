#include "coordinator/evaluation.h"

#include "support/golden.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 400, SERIES = 4, BUFFER = 40 };

static double scores[SERIES][ROWS];
static struct ff_event events[SERIES][8];
static int64_t times[ROWS];
static struct ff_judged series[SERIES];

static void expect_near(double found, double wanted, const char *what)
{
    cr_expect(fabs(found - wanted) <= 1e-9 * fmax(1, fabs(wanted)), "%s: %.17g instead of %.17g", what, found,
              wanted);
}

static void begin_series(struct golden *golden, struct ff_judged *out, size_t index)
{
    golden_word(golden);
    size_t rows = (size_t)golden_integer(golden), count = (size_t)golden_integer(golden);
    *out = (struct ff_judged){.rows = rows,
                              .event_count = count,
                              .scores = scores[index],
                              .events = events[index],
                              .times_ms = times};
    cr_assert(out->rows == ROWS && out->event_count <= 8);
}

Test(evaluation, agrees_with_the_authors_of_vus_and_with_nab)
{
    struct golden golden = golden_open("evaluation.txt");
    size_t count = 0, checked = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "series") == 0) {
            cr_assert_lt(count, SERIES);
            begin_series(&golden, &series[count], count);
            count++;
        } else if (strcmp(word, "events") == 0) {
            for (size_t i = 0; i < series[count - 1].event_count; i++) {
                events[count - 1][i].first = (size_t)golden_integer(&golden);
                events[count - 1][i].last = (size_t)golden_integer(&golden);
            }
        } else if (strcmp(word, "scores") == 0) {
            golden_numbers(&golden, scores[count - 1], ROWS);
        } else if (strcmp(word, "vus") == 0) {
            struct ff_vus vus = ff_vus_score(&series[count - 1], BUFFER);
            expect_near(vus.roc, golden_number(&golden), "VUS-ROC");
            expect_near(vus.pr, golden_number(&golden), "VUS-PR");
            checked++;
        } else {
            for (int profile = 0; profile < FF_NAB_PROFILES; profile++)
                expect_near(ff_nab_score(series, count, (enum ff_nab_profile)profile, 1).best,
                            golden_number(&golden), "NAB");
            checked++;
        }
    }
    cr_expect_eq(checked, SERIES + 1);
    golden_close(&golden);
}

/* Rows 10 s apart; alarms where the digit is above 5. */
static struct ff_judged of_text(const char *digits, const struct ff_event *known, size_t count)
{
    static double values[64];
    size_t rows = strlen(digits);
    for (size_t i = 0; i < rows; i++) {
        values[i] = digits[i] == '-' ? NAN : digits[i] - '0';
        times[i] = 10000 * (int64_t)i;
    }
    return (struct ff_judged){
        .times_ms = times, .scores = values, .events = known, .event_count = count, .rows = rows};
}

Test(evaluation, alarms_and_events_at_a_threshold)
{
    static const struct ff_event known[] = {{2, 4}, {8, 9}};
    struct ff_detection sum = {0};
    struct ff_judged judged = of_text("0009-0900012", known, 2);
    ff_detection_add(&sum, &judged, 5);
    cr_expect_eq(sum.events, 2);
    cr_expect_eq(sum.detected, 1);
    cr_expect_eq(sum.alarms, 2);
    cr_expect_eq(sum.true_alarms, 1);
    cr_expect_eq(sum.delay_ms, 10000);
    cr_expect_eq(sum.delay_rows, 1);
    expect_near(sum.days, 110.0 / 86400, "days");
    expect_near(ff_detection_by_event(&sum).f1, 0.5, "F1 by event");
    expect_near(ff_detection_by_row(&sum).precision, 0.5, "precision by row");
    expect_near(ff_detection_by_row(&sum).recall, 0.2, "recall by row");
}

Test(evaluation, an_alarm_over_two_events_is_one_and_finds_both)
{
    static const struct ff_event known[] = {{1, 2}, {5, 6}};
    struct ff_detection sum = {0};
    struct ff_judged judged = of_text("0099999900", known, 2);
    ff_detection_add(&sum, &judged, 5);
    cr_expect_eq(sum.alarms, 1);
    cr_expect_eq(sum.true_alarms, 1);
    cr_expect_eq(sum.detected, 2);
}

Test(evaluation, nothing_to_divide_by_has_no_value)
{
    struct ff_detection sum = {0};
    struct ff_judged judged = of_text("0000", NULL, 0);
    ff_detection_add(&sum, &judged, 5);
    cr_expect(isnan(ff_detection_by_event(&sum).precision));
    cr_expect(isnan(ff_detection_by_row(&sum).recall));
    cr_expect(isnan(ff_vus_score(&judged, 10).pr));
    cr_expect(isnan(ff_nab_score(&judged, 1, FF_NAB_STANDARD, 1).best));
    static const struct ff_event everything[] = {{0, 3}};
    judged = of_text("0000", everything, 1);
    cr_expect(isnan(ff_vus_score(&judged, 10).roc));
}

Test(evaluation, perfect_scores_are_not_more_than_perfect)
{
    for (size_t width = 1; width < 12; width++) {
        const struct ff_event known[] = {{12, 12 + width - 1}, {30, 30 + width - 1}, {45, 45 + width - 1}};
        char digits[61];
        for (size_t i = 0; i < 60; i++)
            digits[i] =
                (i >= 12 && i < 12 + width) || (i >= 30 && i < 30 + width) || (i >= 45 && i < 45 + width)
                    ? '9'
                    : '0';
        digits[60] = '\0';
        struct ff_judged judged = of_text(digits, known, 3);
        for (size_t buffer = 0; buffer < 60; buffer++) {
            struct ff_vus vus = ff_vus_score(&judged, buffer);
            cr_expect(vus.roc <= 1 && vus.pr <= 1, "%zu %zu: %.17g %.17g", width, buffer, vus.roc, vus.pr);
        }
        for (int profile = 0; profile < FF_NAB_PROFILES; profile++) {
            struct ff_nab nab = ff_nab_score(&judged, 1, (enum ff_nab_profile)profile, 5);
            cr_expect(nab.best <= 100 && nab.at_threshold <= 100, "%zu: %.17g", width, nab.best);
            expect_near(nab.best, 100, "NAB");
        }
    }
}

Test(evaluation, missing_scores_are_no_alarms)
{
    static const struct ff_event known[] = {{1, 2}};
    struct ff_detection sum = {0};
    struct ff_judged judged = of_text("-----", known, 1);
    ff_detection_add(&sum, &judged, 0);
    cr_expect_eq(sum.alarms, 0);
    cr_expect_eq(sum.detected, 0);
}

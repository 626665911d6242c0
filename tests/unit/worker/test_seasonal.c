#include "support/golden.h"
#include "support/kind_case.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(seasonal, .init = setup, .fini = teardown);

static void expect_seasonal(struct golden *golden, const char *name)
{
    long long season = golden_integer(golden);
    cr_assert_eq(kind_case_param(&fitted, "season")->integer, season, "%s", name);
    cr_expect_eq(kind_case_param(&fitted, "constant")->integer, golden_integer(golden), "%s", name);
    cr_expect_eq(kind_case_param(&fitted, "missing")->integer, golden_integer(golden), "%s", name);
    expect_near(kind_case_param(&fitted, "scale")->number, golden_number(golden), 1e-12, name);
    cr_assert_str_eq(golden_next(golden), "level");
    cr_assert_eq(kind_case_param(&fitted, "level")->count, (size_t)season);
    for (long long k = 0; k < season; k++)
        expect_near(kind_case_param(&fitted, "level")->numbers[k], golden_number(golden), 1e-12, name);
}

Test(seasonal, agrees_with_the_golden_file)
{
    struct golden golden = golden_open("seasonal.txt");
    size_t cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") != 0)
            continue;
        char name[64], season[32];
        struct ff_frame frame = {.columns = 1};
        snprintf(name, sizeof name, "%s", golden_word(&golden));
        frame.t0_ms = golden_integer(&golden);
        frame.step_ms = golden_integer(&golden);
        snprintf(season, sizeof season, "%s", golden_word(&golden));
        frame.steps = (size_t)golden_integer(&golden);
        double *values = malloc(frame.steps * sizeof *values);
        cr_assert_str_eq(golden_next(&golden), "values");
        golden_numbers(&golden, values, frame.steps);
        frame.values = values;
        kind_case_series(&fitted, "seasonal", &(struct ff_param){"season", season}, frame);
        cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", name, fitted.outcome.errmsg);
        cr_assert_str_eq(golden_next(&golden), "seasonal");
        expect_seasonal(&golden, name);
        free(values);
        cases++;
    }
    cr_expect_gt(cases, 20);
    golden_close(&golden);
}

static void fit_pattern(size_t steps, size_t period)
{
    double *values = malloc(steps * sizeof *values);
    for (size_t i = 0; i < steps; i++)
        values[i] = (double)(i % period) + (double)(i * 7919 % 101) * 0.001;
    kind_case_series(&fitted, "seasonal", NULL, (struct ff_frame){0, 60000, steps, 1, values});
    free(values);
}

Test(seasonal, finds_the_same_season_by_direct_sums_and_by_fft)
{
    fit_pattern(120, 12);
    cr_expect_eq(kind_case_param(&fitted, "season")->integer, 12);
    fit_pattern(144, 12);
    cr_expect_eq(kind_case_param(&fitted, "season")->integer, 12);
    fit_pattern(100000, 1440);
    cr_expect_eq(kind_case_param(&fitted, "season")->integer, 1440);
}

Test(seasonal, summary_is_what_the_contract_says)
{
    double values[] = {8, 8, NAN, 8};
    kind_case_series(&fitted, "seasonal", NULL, (struct ff_frame){0, 60000, 4, 1, values});
    cr_expect_str_eq(
        fitted.outcome.summary,
        "{\"metrics\":{\"value\":{\"season\":1,\"n\":4,\"missing\":1,\"scale\":8e-09,\"constant\":true}}}");
}

Test(seasonal, export_holds_what_scoring_needs)
{
    double values[] = {1, 2, 3, 4};
    kind_case_series(&fitted, "seasonal", &(struct ff_param){"season", "2m"},
                     (struct ff_frame){0, 60000, 4, 1, values});
    cr_expect_eq(kind_case_param(&fitted, "season_ms")->integer, 120000);
    cr_expect_eq(kind_case_param(&fitted, "step_ms")->integer, 60000);
    cr_expect_eq(kind_case_param(&fitted, "level")->numbers[0], 2);
    cr_expect_eq(kind_case_param(&fitted, "level")->numbers[1], 3);
}

Test(seasonal, series_without_a_value_is_not_enough_data)
{
    double values[] = {NAN, NAN};
    kind_case_series(&fitted, "seasonal", NULL, (struct ff_frame){0, 60000, 2, 1, values});
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "all 2 values are missing");
}

Test(seasonal, absurdly_long_season_is_a_bad_parameter)
{
    double values[] = {1, 2};
    kind_case_series(&fitted, "seasonal", &(struct ff_param){"season", "1000d"},
                     (struct ff_frame){0, 1, 2, 1, values});
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
}

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

TestSuite(ewma, .init = setup, .fini = teardown);

static void fit(const double *values, size_t n, const struct ff_param *param)
{
    kind_case_series(&fitted, "ewma", param, (struct ff_frame){0, 60000, n, 1, values});
}

Test(ewma, agrees_with_the_golden_file)
{
    struct golden golden = golden_open("seasonal.txt");
    static double values[4096];
    size_t n = 0, cases = 0;
    char name[64] = "";
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            for (int i = 0; i < 3; i++)
                golden_word(&golden);
            n = (size_t)golden_integer(&golden);
            cr_assert_leq(n, 4096);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
        } else if (strcmp(word, "ewma") == 0) {
            fit(values, n, NULL);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", name);
            expect_near(kind_case_param(&fitted, "level")->number, golden_number(&golden), 1e-12, name);
            expect_near(kind_case_param(&fitted, "scale")->number, golden_number(&golden), 1e-11, name);
            cases++;
        }
    }
    cr_expect_gt(cases, 20);
    golden_close(&golden);
}

Test(ewma, alpha_of_one_follows_the_last_value)
{
    double values[] = {1, 5, 2, 9};
    fit(values, 4, &(struct ff_param){"alpha", "1"});
    cr_expect_eq(kind_case_param(&fitted, "level")->number, 9);
}

Test(ewma, missing_values_leave_the_level_alone)
{
    double whole[] = {1, 5, 2, 9}, holes[] = {NAN, 1, 5, NAN, NAN, 2, 9, NAN};
    fit(whole, 4, NULL);
    double level = kind_case_param(&fitted, "level")->number,
           scale = kind_case_param(&fitted, "scale")->number;
    fit(holes, 8, NULL);
    cr_expect_eq(kind_case_param(&fitted, "level")->number, level);
    cr_expect_eq(kind_case_param(&fitted, "scale")->number, scale);
    cr_expect_eq(kind_case_param(&fitted, "missing")->integer, 4);
}

static const double *scores(const char *name)
{
    return kind_case_param(&fitted, name)->numbers;
}

Test(ewma, score_goes_one_step_ahead_from_where_the_training_began_or_ended)
{
    double values[] = {1, 5, 2, 9}, later[] = {10, NAN, 10};
    fit(values, 4, &(struct ff_param){"alpha", "0.5"});
    double level = kind_case_param(&fitted, "level")->number,
           scale = kind_case_param(&fitted, "scale")->number;
    kind_case_score(&fitted, (struct ff_frame){4 * 60000, 60000, 3, 1, later});
    cr_expect_eq(scores("expected")[0], level);
    cr_expect_eq(scores("upper")[0], level + 4 * scale);
    cr_expect_eq(scores("expected")[1], level + (10 - level) / 2);
    cr_expect_eq(scores("expected")[2], scores("expected")[1], "a missing value leaves the level alone");
    fit(values, 4, &(struct ff_param){"alpha", "0.5"});
    kind_case_score(&fitted, (struct ff_frame){0, 60000, 4, 1, values});
    const double start[] = {3.5, 2.25, 3.625, 2.8125};
    for (int i = 0; i < 4; i++)
        cr_expect_eq(scores("expected")[i], start[i], "as it was fitted");
}

Test(ewma, a_value_outside_the_band_moves_the_level_as_if_at_its_edge)
{
    double values[] = {1, 2, 1, 2}, later[] = {1000, 1};
    fit(values, 4, NULL);
    double level = kind_case_param(&fitted, "level")->number,
           scale = kind_case_param(&fitted, "scale")->number;
    kind_case_score(&fitted, (struct ff_frame){4 * 60000, 60000, 2, 1, later});
    cr_expect_float_eq(scores("expected")[1], level + 0.1 * 4 * scale, 1e-12);
}

Test(ewma, a_level_that_drifts_is_followed_and_rarely_outside)
{
    enum { N = 600 };
    static double values[2 * N];
    double drift = 100;
    uint32_t state = 7;
    for (int i = 0; i < 2 * N; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = drift += (double)(state >> 8) / (1 << 23) - 1;
    }
    for (int part = 0; part < 2; part++) {
        size_t outside = 0;
        fit(values, N, NULL);
        kind_case_score(&fitted, (struct ff_frame){part * N * 60000, 60000, N, 1, values + part * N});
        for (size_t i = 0; i < N; i++)
            outside += values[part * N + (int)i] < scores("lower")[i] ||
                       values[part * N + (int)i] > scores("upper")[i];
        cr_expect_lt(outside, N / 50, "part %d: %zu of %d", part, outside, N);
    }
}

Test(ewma, constant_series_is_fitted)
{
    double values[] = {-3, -3, -3};
    fit(values, 3, NULL);
    cr_expect_eq(kind_case_param(&fitted, "level")->number, -3);
    cr_expect_eq(kind_case_param(&fitted, "constant")->integer, 1);
    cr_expect_eq(kind_case_param(&fitted, "scale")->number, 1e-9 * 3);
}

Test(ewma, fewer_than_two_values_are_not_enough)
{
    double values[] = {NAN, 4, NAN};
    fit(values, 3, NULL);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "1 of 3 values are there, at least 2 are needed");
}

#include "support/golden.h"
#include "support/kind_case.h"

enum { MOST = 1024, STEP_MS = 60000 };

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(holt_winters, .init = setup, .fini = teardown);

static void fit(const double *values, size_t n, const char *seasonal, const char *damped, const char *season)
{
    const char *metric = "value";
    const struct ff_param params[] = {{"seasonal", seasonal}, {"damped", damped}, {"season", season}};
    struct ff_fit_spec spec = {.kind = "holt_winters", .params = params, .param_count = 3};
    struct ff_frame frame = {0, STEP_MS, n, 1, values};
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame});
}

Test(holt_winters, squared_errors_are_no_worse_than_the_golden_file)
{
    struct golden golden = golden_open("holt_winters.txt");
    static double values[MOST];
    char name[64] = "", seasonal[32] = "", damped[8] = "", season[8] = "";
    size_t n = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            snprintf(seasonal, sizeof seasonal, "%s", golden_word(&golden));
            snprintf(damped, sizeof damped, "%s", golden_word(&golden));
            snprintf(season, sizeof season, "%s", golden_word(&golden));
            n = (size_t)golden_integer(&golden);
            cr_assert_leq(n, MOST);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
        } else if (strcmp(word, "sse") == 0) {
            fit(values, n, seasonal, damped, season);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", name);
            double wanted = golden_number(&golden), found = kind_case_param(&fitted, "sse")->number;
            cr_expect_leq(found, wanted * 1.005, "%s %s %s: %.9g, %.9g", name, seasonal, damped, found,
                          wanted);
            cases++;
        }
    }
    cr_expect_eq(cases, 8);
    golden_close(&golden);
}

Test(holt_winters, season_and_trend_are_continued)
{
    double values[80];
    for (size_t i = 0; i < 80; i++)
        values[i] = 10 + 0.5 * (double)i + (i % 4 == 1 ? 6 : 0) + (i % 7 == 3 ? 0.1 : 0);
    fit(values, 80, "additive", "false", "4");
    kind_case_forecast(&fitted, 8, 0.9);
    for (size_t h = 0; h < 8; h++)
        cr_expect_lt(fabs(kind_case_param(&fitted, "expected")->numbers[h] -
                          (50 + 0.5 * (double)h + (h % 4 == 1 ? 6 : 0))),
                     0.2);
}

Test(holt_winters, multiplicative_season_needs_values_above_0)
{
    double values[20] = {1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 1};
    fit(values, 20, "multiplicative", "false", "4");
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "a multiplicative season needs values above 0, step 3 has none");
}

Test(holt_winters, constant_series_is_fitted)
{
    double values[8] = {2, 2, 2, 2, 2, 2, 2, 2};
    fit(values, 8, "additive", "true", "auto");
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_eq(kind_case_param(&fitted, "level")->number, 2);
}

Test(holt_winters, zeros_are_fitted_like_any_constant)
{
    double values[8] = {0};
    fit(values, 8, "additive", "false", "auto");
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    cr_expect_eq(kind_case_param(&fitted, "level")->number, 0);
    kind_case_forecast(&fitted, 3, 0.9);
    cr_expect_eq(kind_case_param(&fitted, "expected")->numbers[2], 0);
}

Test(holt_winters, two_seasons_and_five_values_are_needed)
{
    double values[12] = {1, 2, 3, 4, 1, 2, 3, 4, 1, 2, NAN, 4};
    fit(values, 12, "additive", "false", "4");
    cr_expect_str_eq(fitted.outcome.errmsg,
                     "11 of 12 values are there, at least 13 are needed for a season of 4 steps");
}

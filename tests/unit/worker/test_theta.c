#include "support/golden.h"
#include "support/kind_case.h"

enum { MOST = 1024, STEP_MS = 60000, HORIZON = 24 };

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(theta, .init = setup, .fini = teardown);

static void fit(const double *values, size_t n, const char *variant, const char *season)
{
    const char *metric = "value";
    const struct ff_param params[] = {{"variant", variant}, {"season", season}};
    struct ff_fit_spec spec = {.kind = "theta", .params = params, .param_count = 2};
    struct ff_frame frame = {0, STEP_MS, n, 1, values};
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame});
}

static const double *numbers(const char *name)
{
    return kind_case_param(&fitted, name)->numbers;
}

/* A season of 6 on a slope. */
static void fill_wave(double *values, size_t n)
{
    static const double season[] = {0, 3, 7, 2, -4, -9};
    uint32_t state = 7;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = 60 + 0.05 * (double)i + season[i % 6] + (double)(state >> 8) / (1 << 24);
    }
}

Test(theta, forecasts_agree_with_the_golden_file)
{
    struct golden golden = golden_open("theta.txt");
    static double values[MOST];
    char name[64] = "", variant[32] = "", season[8] = "";
    size_t n = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            snprintf(variant, sizeof variant, "%s", golden_word(&golden));
            snprintf(season, sizeof season, "%s", golden_word(&golden));
            n = (size_t)golden_integer(&golden);
            cr_assert_leq(n, MOST);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
        } else if (strcmp(word, "forecast") == 0) {
            fit(values, n, variant, season);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", name);
            kind_case_forecast(&fitted, HORIZON, 0.95);
            /* The reference stops its search for theta early: 1e-2 where it is estimated. */
            double tolerance = strstr(variant, "optimized") ? 1e-2 : 1e-4;
            for (size_t h = 0; h < HORIZON; h++)
                expect_near(numbers("expected")[h], golden_number(&golden), tolerance, name);
            cases++;
        }
    }
    cr_expect_eq(cases, 12);
    golden_close(&golden);
}

Test(theta, score_goes_on_behind_the_training_data)
{
    double values[200], whole[40];
    fill_wave(values, 200);
    fit(values, 160, "dynamic", "6");
    kind_case_score(&fitted, (struct ff_frame){0, STEP_MS, 200, 1, values});
    memcpy(whole, numbers("expected") + 160, sizeof whole);
    cr_expect(isnan(numbers("expected")[2]));
    fit(values, 160, "dynamic", "6");
    kind_case_score(&fitted, (struct ff_frame){160 * STEP_MS, STEP_MS, 40, 1, values + 160});
    for (size_t i = 0; i < 40; i++) {
        expect_near(numbers("expected")[i], whole[i], 1e-6, "expected");
        cr_expect_lt(numbers("lower")[i], values[160 + i]);
        cr_expect_gt(numbers("upper")[i], values[160 + i]);
    }
}

Test(theta, an_incident_is_not_learned)
{
    double values[200];
    fill_wave(values, 200);
    values[170] = 1e7;
    values[171] = NAN;
    fit(values, 160, "standard", "6");
    kind_case_score(&fitted, (struct ff_frame){160 * STEP_MS, STEP_MS, 40, 1, values + 160});
    cr_expect_lt(fabs(numbers("expected")[12] - values[172]), 8);
}

Test(theta, missing_values_are_filled)
{
    double values[160];
    fill_wave(values, 160);
    values[0] = values[1] = values[50] = values[159] = NAN;
    fit(values, 160, "dynamic_optimized", "6");
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_eq(kind_case_param(&fitted, "missing")->integer, 4);
}

Test(theta, constant_and_extreme_series_are_fitted)
{
    double values[60];
    static const double factors[] = {1e-300, 1e12, 1e290};
    for (size_t f = 0; f < 3; f++) {
        fill_wave(values, 60);
        for (size_t i = 0; i < 60; i++)
            values[i] *= factors[f];
        fit(values, 60, "optimized", "6");
        cr_assert_eq(fitted.outcome.class, FF_FITTED);
        cr_expect(isfinite(kind_case_param(&fitted, "level")->number));
        cr_expect(isfinite(kind_case_param(&fitted, "scale")->number));
    }
    for (size_t i = 0; i < 60; i++)
        values[i] = 5;
    fit(values, 60, "standard", "auto");
    kind_case_forecast(&fitted, 2, 0.9);
    expect_near(numbers("expected")[1], 5, 1e-9, "constant");
}

Test(theta, five_values_are_needed)
{
    double values[] = {1, 2, NAN, 3, 4};
    fit(values, 5, "standard", "auto");
    cr_expect_str_eq(fitted.outcome.errmsg, "4 of 5 values are there, at least 5 are needed");
}

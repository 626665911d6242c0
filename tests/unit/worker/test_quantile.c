#include "support/judge_case.h"
#include "worker/models/stats.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(quantile, .init = setup, .fini = teardown);

static const struct ff_param season = {"season", "12"};

Test(quantile, an_incident_stands_out)
{
    judge_expect_use(&fitted, "quantile", &season);
}

Test(quantile, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "quantile", &season);
}

Test(quantile, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "quantile", &season);
}

Test(quantile, of_a_share_lies_between_two_values)
{
    double values[] = {5, 1, 4, 2, 3};
    cr_expect_eq(ff_quantile(values, 5, 0), 1);
    cr_expect_eq(ff_quantile(values, 5, 1), 5);
    cr_expect_eq(ff_quantile(values, 5, 0.5), 3);
    cr_expect_lt(fabs(ff_quantile(values, 5, 0.3) - 2.2), 1e-12);
    cr_expect_eq(ff_quantile(values, 1, 0.7), values[0]);
}

static void fit(const double *values, size_t n, const struct ff_param params[4])
{
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = "quantile", .params = params, .param_count = 4};
    kind_case_run(&fitted, &(struct ff_task){.name = "t",
                                             .model = &spec,
                                             .metrics = &metric,
                                             .frame = {0, JUDGE_STEP_MS, n, 1, values}});
}

Test(quantile, agrees_with_the_golden_file)
{
    enum { MOST = 480, TEXT = 16 };
    struct golden golden = golden_open("quantile.txt");
    double values[MOST];
    char texts[4][TEXT] = {"", "", "", ""}, name[TEXT] = "";
    const struct ff_param params[] = {
        {"season", texts[0]}, {"lower", texts[1]}, {"upper", texts[2]}, {"reach", texts[3]}};
    size_t cases = 0, n = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, TEXT, "%s", golden_word(&golden));
            for (size_t i = 0; i < 4; i++)
                snprintf(texts[i], TEXT, "%s", golden_word(&golden));
            n = (size_t)golden_integer(&golden);
            cases++;
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
            fit(values, n, params);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", name, fitted.outcome.errmsg);
        } else {
            const struct ff_model_param *found = kind_case_param(&fitted, word);
            cr_assert_eq(found->count, strtoul(texts[0], NULL, 10));
            for (size_t i = 0; i < found->count; i++)
                expect_near(found->numbers[i], golden_number(&golden), 1e-12, name);
        }
    }
    cr_expect_eq(cases, 4);
    golden_close(&golden);
}

Test(quantile, band_is_lopsided_where_the_values_are)
{
    double values[400];
    for (size_t i = 0; i < 400; i++)
        values[i] = i % 5 == 3 ? 50 : (double)(i * 7 % 5) / 10;
    judge_fit(&fitted, "quantile", &(struct ff_param){"season", "1"}, values, 400);
    double level = kind_case_param(&fitted, "level")->numbers[0];
    cr_expect_eq(kind_case_param(&fitted, "high")->numbers[0], level + 3 * (50 - level));
    cr_expect_gt(kind_case_param(&fitted, "low")->numbers[0], level - 1);
}

Test(quantile, forecast_holds_the_share_asked_for)
{
    double values[480];
    judge_wave(values, 480);
    judge_fit(&fitted, "quantile", &season, values, 470);
    double low = kind_case_param(&fitted, "low")->numbers[470 % 12];
    kind_case_forecast(&fitted, 10, 0.8);
    double level = kind_case_param(&fitted, "expected")->numbers[0];
    expect_near(kind_case_param(&fitted, "lower")->numbers[0], level + (low - level) / 3, 1e-9, "quantiles");
    judge_fit(&fitted, "quantile", &season, values, 470);
    kind_case_forecast(&fitted, 10, 0.99);
    cr_expect_lt(kind_case_param(&fitted, "lower")->numbers[0], level + (low - level) / 3);
    cr_expect_gt(kind_case_param(&fitted, "lower")->numbers[0], low);
}

Test(quantile, constant_series_is_fitted)
{
    double values[50];
    for (size_t i = 0; i < 50; i++)
        values[i] = 3;
    judge_fit(&fitted, "quantile", &season, values, 50);
    cr_expect_eq(kind_case_param(&fitted, "high")->numbers[0], 3 + 3e-9);
}

Test(quantile, bounds_that_meet_are_refused)
{
    double values[50];
    judge_wave(values, 50);
    fit(values, 50,
        (const struct ff_param[]){{"season", "1"}, {"lower", "0.5"}, {"upper", "0.5"}, {"reach", "1"}});
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
}

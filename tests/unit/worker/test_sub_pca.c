#include "support/golden.h"
#include "support/judge_case.h"

static struct kind_case fitted;

static void setup(void)
{
    ff_fit_warm_up();
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(sub_pca, .init = setup, .fini = teardown);

static const struct ff_param window = {"window", "12"};

Test(sub_pca, an_incident_stands_out)
{
    judge_expect_use(&fitted, "sub_pca", &window);
}

Test(sub_pca, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "sub_pca", &window);
}

Test(sub_pca, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "sub_pca", &window);
}

static void fit(const double *values, size_t n, const char *length, const char *variance)
{
    const char *metric = "value";
    const struct ff_param params[] = {{"window", length}, {"variance", variance}};
    struct ff_fit_spec spec = {.kind = "sub_pca", .params = params, .param_count = 2};
    kind_case_run(&fitted, &(struct ff_task){.name = "t",
                                             .model = &spec,
                                             .metrics = &metric,
                                             .frame = {0, JUDGE_STEP_MS, n, 1, values}});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
}

Test(sub_pca, agrees_with_the_golden_file)
{
    enum { MOST = 300 };
    struct golden golden = golden_open("sub_pca.txt");
    double values[MOST], scores[MOST];
    char name[16] = "", length[16] = "", variance[16] = "";
    size_t cases = 0, n = 0;
    long long components = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            snprintf(length, sizeof length, "%s", golden_word(&golden));
            snprintf(variance, sizeof variance, "%s", golden_word(&golden));
            components = golden_integer(&golden);
            n = (size_t)golden_integer(&golden);
            cases++;
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
            fit(values, n, length, variance);
            cr_expect_eq(kind_case_param(&fitted, "components")->integer, components);
        } else if (strcmp(word, "limits") == 0) {
            expect_near(kind_case_param(&fitted, "low")->number, golden_number(&golden), 1e-9, name);
            expect_near(kind_case_param(&fitted, "limit")->number, golden_number(&golden), 1e-9, name);
        } else {
            size_t first = (size_t)strtoul(length, NULL, 10) - 1;
            judge_score(&fitted, values, 0, n, scores);
            for (size_t i = first; i < n; i++)
                cr_expect_lt(fabs(scores[i] - golden_number(&golden)), 1e-9, "%s %zu", name, i);
        }
    }
    cr_expect_eq(cases, 3);
    golden_close(&golden);
}

Test(sub_pca, a_smooth_series_is_not_judged_by_its_rounding)
{
    double values[400], scores[100];
    for (size_t i = 0; i < 400; i++)
        values[i] = sin(2 * 3.14159265358979 * (double)i / 12);
    judge_fit(&fitted, "sub_pca", &window, values, 300);
    cr_expect_leq(kind_case_param(&fitted, "components")->integer, 2);
    values[350] += 0.5;
    judge_score(&fitted, values, 300, 100, scores);
    for (size_t i = 0; i < 100; i++)
        cr_expect_eq(scores[i] > 1, i >= 50 && i < 62, "%zu: %g", i, scores[i]);
}

Test(sub_pca, other_values_than_the_constant_are_anomalies)
{
    double values[100], scores[50];
    for (size_t i = 0; i < 100; i++)
        values[i] = -3;
    judge_fit(&fitted, "sub_pca", &window, values, 50);
    values[70] = -3.1;
    judge_score(&fitted, values, 50, 50, scores);
    for (size_t i = 0; i < 50; i++)
        cr_expect_eq(scores[i] > 1, i == 20);
}

Test(sub_pca, fewer_windows_than_twice_their_length_are_refused)
{
    double values[60];
    judge_wave(values, 60);
    judge_fit(&fitted, "sub_pca", &(struct ff_param){"window", "24"}, values, 60);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "37 windows of 24 steps with enough values in 60 steps, at least "
                                            "48 are needed");
}

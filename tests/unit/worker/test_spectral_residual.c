#include "support/judge_case.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(spectral_residual, .init = setup, .fini = teardown);

static const struct ff_param window = {"window", "27"};

Test(spectral_residual, an_incident_stands_out)
{
    judge_expect_use(&fitted, "spectral_residual", &(struct ff_param){"window", "123"});
}

Test(spectral_residual, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "spectral_residual", &window);
}

Test(spectral_residual, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "spectral_residual", &window);
}

Test(spectral_residual, agrees_with_the_golden_file)
{
    judge_expect_golden(&fitted, "spectral_residual", "spectral_residual.txt", 3);
}

static long long window_of(const char *text, const double *values, size_t n)
{
    judge_fit(&fitted, "spectral_residual", &(struct ff_param){"window", text}, values, n);
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    return kind_case_param(&fitted, "window")->integer;
}

Test(spectral_residual, window_and_five_steps_are_a_power_of_two)
{
    double values[2000];
    judge_wave(values, 2000);
    cr_expect_eq(window_of("100", values, 2000), 123);
    cr_expect_eq(window_of("123", values, 2000), 123);
    cr_expect_eq(window_of("124", values, 2000), 251);
    cr_expect_eq(window_of("auto", values, 2000), 251);
    cr_expect_eq(window_of("auto", values, 200), 27);
}

Test(spectral_residual, level_and_unit_do_not_matter)
{
    double values[300], scores[300], others[300];
    judge_wave(values, 300);
    values[200] += 30;
    judge_fit(&fitted, "spectral_residual", &window, values, 300);
    judge_score(&fitted, values, 0, 300, scores);
    for (size_t i = 0; i < 300; i++)
        values[i] = 1e6 * (values[i] - 70);
    judge_fit(&fitted, "spectral_residual", &window, values, 300);
    judge_score(&fitted, values, 0, 300, others);
    for (size_t i = 26; i < 300; i++)
        cr_expect_lt(fabs(scores[i] - others[i]), 1e-6);
}

Test(spectral_residual, a_step_of_a_constant_series_stands_out)
{
    double values[100], scores[50];
    for (size_t i = 0; i < 100; i++)
        values[i] = 3;
    judge_fit(&fitted, "spectral_residual", &window, values, 50);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    values[80] = 4;
    judge_score(&fitted, values, 50, 50, scores);
    for (size_t i = 0; i <= 30; i++)
        cr_expect_eq(scores[i] > 1, i == 30, "%zu: %g", i, scores[i]);
}

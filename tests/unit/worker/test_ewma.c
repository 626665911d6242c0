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

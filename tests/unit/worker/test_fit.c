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

TestSuite(fit, .init = setup, .fini = teardown);

static const double two_metrics[] = {1, 2, 3, NAN, NAN, NAN};
static const char *const metrics[] = {"count", "elapsed"};
static const struct ff_fit_spec seasonal = {.kind = "seasonal"}, ewma = {.kind = "ewma"}, none = {0};

static struct ff_task task(const double *values, size_t steps, size_t columns)
{
    return (struct ff_task){.target = 7,
                            .name = "TX1",
                            .model = &seasonal,
                            .fallback = &none,
                            .metrics = metrics,
                            .frame = {0, 60000, steps, columns, values}};
}

Test(fit, target_is_fitted_if_one_metric_is)
{
    struct ff_task given = task(two_metrics, 3, 2);
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_eq(fitted.outcome.code, FF_CODE_OK);
    cr_expect_eq(fitted.outcome.target, 7);
    cr_expect_str_eq(fitted.outcome.kind, "seasonal");
    cr_expect_str_eq(fitted.outcome.errmsg, "");
    cr_expect_not_null(
        strstr(fitted.outcome.summary,
               "\"elapsed\":{\"error\":\"NOT_ENOUGH_DATA\",\"errmsg\":\"all 3 values are missing\"}"));
    cr_expect_eq(fitted.model.part_count, 2);
}

Test(fit, error_of_the_first_metric_counts_if_none_is_fitted)
{
    double values[] = {1, NAN, NAN, NAN};
    struct ff_task given = task(values, 2, 2);
    given.model = &ewma;
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_str_eq(fitted.outcome.errmsg, "1 of 2 values are there, at least 2 are needed");
    cr_expect_str_eq(fitted.outcome.kind, "");
    cr_expect_str_eq(fitted.outcome.summary, "");
    cr_expect_eq(fitted.outcome.model.size, 0);
}

Test(fit, fallback_keeps_the_error_of_the_first_kind)
{
    double values[] = {1, NAN};
    struct ff_task given = task(values, 2, 1);
    given.model = &ewma;
    given.fallback = &seasonal;
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FALLBACK);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "1 of 2 values are there, at least 2 are needed");
    cr_expect_str_eq(fitted.outcome.kind, "seasonal");
    cr_expect_str_eq(fitted.model.kind, "seasonal");
}

Test(fit, fallback_that_fails_too_leaves_the_first_error)
{
    double values[] = {NAN, NAN};
    struct ff_task given = task(values, 2, 1);
    given.fallback = &ewma;
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_str_eq(fitted.outcome.errmsg, "all 2 values are missing");
}

static void expect_bad_parameter(const struct ff_fit_spec *spec, const char *message)
{
    struct ff_task given = task(two_metrics, 3, 1);
    given.model = spec;
    given.fallback = &ewma;
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
    cr_expect_str_eq(fitted.outcome.errmsg, message);
}

Test(fit, what_the_job_should_not_have_said_is_a_bad_parameter_without_fallback)
{
    struct ff_param unknown = {"seson", "7"}, wrong = {"alpha", "2"};
    expect_bad_parameter(&(struct ff_fit_spec){.kind = "prophet"}, "prophet: no such kind");
    expect_bad_parameter(&none, ": no such kind");
    expect_bad_parameter(&(struct ff_fit_spec){.kind = "seasonal", .params = &unknown, .param_count = 1},
                         "seson: no such parameter");
    expect_bad_parameter(&(struct ff_fit_spec){.kind = "ewma", .params = &wrong, .param_count = 1},
                         "alpha: expected a number from 1e-06 to 1, found '2'");
}

Test(fit, same_frame_gives_the_same_bytes_whatever_came_before)
{
    static double values[500];
    for (size_t i = 0; i < 500; i++)
        values[i] = (double)(i % 24) + (double)(i * 7919 % 101) * 0.01;
    struct ff_task given = task(values, 500, 1), other = task(two_metrics, 3, 2);
    kind_case_run(&fitted, &given);
    struct ff_buf first = {0};
    ff_buf_append(&first, fitted.outcome.model.data, fitted.outcome.model.size);
    kind_case_run(&fitted, &other);
    kind_case_run(&fitted, &given);
    cr_assert_eq(fitted.outcome.model.size, first.size);
    cr_expect_arr_eq(fitted.outcome.model.data, first.data, first.size);
    ff_buf_fini(&first);
}

Test(fit, a_frame_without_columns_is_refused)
{
    struct ff_task given = task(two_metrics, 3, 0);
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
}

Test(fit, memory_that_cannot_be_had_leaves_the_class_open)
{
    struct ff_task given = task(two_metrics, (size_t)1 << 46, 1);
    struct ff_fit_spec pca = {.kind = "pca"};
    given.model = &pca;
    given.fallback = &seasonal;
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_OPEN);
    cr_expect_eq(fitted.outcome.code, FF_CODE_OUT_OF_MEMORY);
    cr_expect_str_neq(fitted.outcome.errmsg, "");
    given = task(two_metrics, 3, 1);
    kind_case_run(&fitted, &given);
    cr_expect_eq(fitted.outcome.class, FF_FITTED);
}

Test(fit, profile_names_build_blas_core_and_libm)
{
    const char *profile = ff_fit_profile();
    cr_expect_not_null(strstr(profile, "OpenBLAS"), "%s", profile);
    cr_expect_not_null(strstr(profile, "/glibc-"), "%s", profile);
    cr_expect_null(strchr(profile, ' '));
}

Test(fit, destroying_no_fitter_is_allowed)
{
    ff_fitter_destroy(NULL);
}

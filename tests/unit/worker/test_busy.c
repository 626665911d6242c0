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

TestSuite(busy, .init = setup, .fini = teardown);

static void fit(const char *cpu_ms)
{
    static const double values[] = {1, 2, 3};
    kind_case_series(&fitted, "busy", &(struct ff_param){"cpu_ms", cpu_ms},
                     (struct ff_frame){0, 1000, 3, 1, values});
}

Test(busy, burns_the_cpu_time_asked_for)
{
    fit("20");
    cr_expect_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_geq(fitted.outcome.cpu_ms, 20);
    cr_expect_lt(fitted.outcome.cpu_ms, 25);
    cr_expect_geq(fitted.outcome.fit_ms, 19.9);
}

Test(busy, burns_fractions_of_a_millisecond)
{
    fit("0.5");
    cr_expect_geq(fitted.outcome.cpu_ms, 0.5);
}

Test(busy, burns_nothing_for_nothing)
{
    fit("0");
    cr_expect_lt(fitted.outcome.cpu_ms, 5);
}

Test(busy, model_is_tiny_and_says_what_was_asked)
{
    fit("0.25");
    cr_expect_lt(fitted.outcome.model.size, 100);
    cr_expect_str_eq(fitted.outcome.summary, "{\"metrics\":{\"value\":{\"n\":3,\"cpu_ms\":0.25}}}");
}

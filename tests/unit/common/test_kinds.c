#include "common/kinds.h"

#include <criterion/criterion.h>
#include <string.h>

static bool accepts(const char *kind, const char *param, const char *text)
{
    const struct ff_kind_schema *schema = ff_kind_schema(kind);
    cr_assert_not_null(schema);
    struct ff_error err = {0};
    return ff_param_check(ff_kind_param(schema, param), text, &err) == FF_OK;
}

Test(kinds, those_that_use_blas_libm_or_foreign_code_are_profiled)
{
    cr_assert(ff_kind_schema("pca")->multivariate);
    cr_assert(ff_kind_schema("pca")->profiled);
    cr_assert(ff_kind_schema("plugin")->profiled);
    cr_assert_not(ff_kind_schema("seasonal")->profiled);
    cr_assert_not(ff_kind_schema("ewma")->profiled);
    cr_assert_not(ff_kind_schema("seasonal")->multivariate);
}

Test(kinds, only_kinds_of_ones_own_take_parameters_of_any_name)
{
    size_t count;
    const struct ff_kind_schema *all = ff_kind_schemas(&count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(ff_kind_is_open(&all[i]),
                     strcmp(all[i].name, "plugin") == 0 || strcmp(all[i].name, "command") == 0);
    cr_assert(accepts("plugin", "whatever", ""));
    cr_assert(accepts("plugin", "path", "./x.so"));
    cr_assert_not(accepts("plugin", "path", ""));
}

Test(kinds, a_command_has_a_list_of_arguments)
{
    cr_assert(accepts("command", "argv", "[\"python3\",\"fit.py\"]"));
    cr_assert_not(accepts("command", "argv", "[]"));
    cr_assert_not(accepts("command", "argv", "python3"));
    cr_assert(accepts("command", "shared", "[]"));
    cr_assert(accepts("command", "trees", "100"));
    cr_assert(ff_kind_schema("command")->profiled);
}

Test(kinds, every_default_is_a_valid_value)
{
    size_t count;
    const struct ff_kind_schema *all = ff_kind_schemas(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < all[i].param_count; p++)
            cr_assert(!all[i].params[p].default_text ||
                      accepts(all[i].name, all[i].params[p].name, all[i].params[p].default_text));
}

Test(kinds, a_season_is_auto_steps_or_a_duration)
{
    cr_assert(accepts("seasonal", "season", "auto"));
    cr_assert(accepts("seasonal", "season", "24"));
    cr_assert(accepts("seasonal", "season", "1d"));
    cr_assert_not(accepts("seasonal", "season", "0"));
    cr_assert_not(accepts("seasonal", "season", "1.5"));
    cr_assert_not(accepts("seasonal", "season", "daily"));
}

Test(kinds, numbers_are_checked_against_their_range)
{
    cr_assert(accepts("ewma", "alpha", "1"));
    cr_assert_not(accepts("ewma", "alpha", "0"));
    cr_assert_not(accepts("ewma", "alpha", "1.01"));
    cr_assert_not(accepts("pca", "variance", "0"));
    cr_assert(accepts("busy", "cpu_ms", "3600000"));
    cr_assert_not(accepts("busy", "cpu_ms", "-1"));
}

Test(kinds, a_word_is_one_of_those_listed)
{
    cr_assert(accepts("busy", "fault", "none"));
    cr_assert(accepts("busy", "fault", "wrong_target"));
    cr_assert_not(accepts("busy", "fault", "target"));
    cr_assert_not(accepts("busy", "fault", ""));
    cr_assert_not(accepts("busy", "fault", "none segv"));
}

Test(kinds, a_refusal_says_what_was_expected_and_found)
{
    struct ff_error err = {0};
    const struct ff_kind_schema *busy = ff_kind_schema("busy");
    cr_assert_eq(ff_param_check(&busy->params[0], "x", &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "expected a number from 0 to 3600000, found 'x'");
    const struct ff_kind_schema *seasonal = ff_kind_schema("seasonal");
    cr_assert_eq(ff_param_check(&seasonal->params[0], "0", &err), FF_INVALID_ARGUMENT);
    cr_assert_str_eq(err.text, "expected auto, 1 to 1000000000 steps or a duration such as 1d, found '0'");
}

Test(kinds, an_unknown_name_gives_null)
{
    cr_assert_null(ff_kind_schema("arima"));
    cr_assert_null(ff_kind_param(ff_kind_schema("pca"), "season"));
}

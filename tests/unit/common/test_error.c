#include "common/error.h"

#include <criterion/criterion.h>
#include <string.h>

Test(error, set_keeps_code_and_text_and_returns_the_code)
{
    struct ff_error err = {0};
    cr_assert_eq(ff_error_set(&err, FF_NOT_FOUND, "no job '%s'", "x"), FF_NOT_FOUND);
    cr_assert_eq(err.status, FF_NOT_FOUND);
    cr_assert_str_eq(err.text, "no job 'x'");
}

Test(error, without_a_place_for_it_the_code_still_comes_back)
{
    cr_assert_eq(ff_error_set(NULL, FF_ABORTED, "lost"), FF_ABORTED);
    cr_assert_eq(ff_error_wrap(NULL, "outer"), FF_UNKNOWN);
}

Test(error, wrap_puts_the_outer_text_first)
{
    struct ff_error err = {0};
    ff_error_set(&err, FF_DATA_LOSS, "inner");
    cr_assert_eq(ff_error_wrap(&err, "outer %d", 1), FF_DATA_LOSS);
    cr_assert_str_eq(err.text, "outer 1: inner");
}

Test(error, a_long_text_is_cut_and_stays_a_string)
{
    char longer[3000];
    struct ff_error err = {0};
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ff_error_set(&err, FF_INTERNAL, "%s", longer);
    cr_assert_eq(strlen(err.text), sizeof err.text - 1);
    ff_error_wrap(&err, "%s", longer);
    cr_assert_eq(strlen(err.text), sizeof err.text - 1);
    cr_assert_eq(strncmp(err.text + 255, ": a", 3), 0);
}

Test(error, every_status_has_its_canonical_name)
{
    cr_assert_str_eq(ff_status_name(FF_OK), "OK");
    cr_assert_str_eq(ff_status_name(FF_UNAUTHENTICATED), "UNAUTHENTICATED");
    cr_assert_str_eq(ff_status_name((enum ff_status)17), "UNKNOWN");
    cr_assert_str_eq(ff_status_name((enum ff_status) - 1), "UNKNOWN");
}

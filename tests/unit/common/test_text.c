#include "common/text.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double parsed(const char *text)
{
    double value = NAN;
    cr_assert(ff_parse_double(text, strlen(text), &value), "'%s' is a number", text);
    return value;
}

static bool is_double(const char *text)
{
    double value = 42;
    bool ok = ff_parse_double(text, strlen(text), &value);
    cr_assert(ok || value == 42, "'%s' writes nothing", text);
    return ok;
}

Test(text, doubles_have_decimal_syntax)
{
    cr_assert_eq(parsed("0"), 0.0);
    cr_assert_eq(parsed("-12.5"), -12.5);
    cr_assert_eq(parsed("+.5"), 0.5);
    cr_assert_eq(parsed("5."), 5.0);
    cr_assert_eq(parsed("1.5e3"), 1500.0);
    cr_assert_eq(parsed("25E-2"), 0.25);
    cr_assert(signbit(parsed("-0.0")));
}

Test(text, what_is_not_a_finite_decimal_number_is_refused)
{
    const char *bad[] = {"",         "-",  ".",  "e5",  "1e",  "1e+",   "0x10",   "inf", "nan",
                         "Infinity", "1 ", " 1", "1,5", "1_0", "1e999", "-1e400", "--1", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(is_double(bad[i]), "'%s'", bad[i]);
}

Test(text, a_decimal_too_large_is_still_a_decimal)
{
    cr_assert(ff_is_decimal("1e999", 5));
    cr_assert_not(ff_is_decimal("inf", 3));
}

Test(text, doubles_use_only_the_given_bytes)
{
    double value = 0;
    cr_assert(ff_parse_double("12345", 2, &value));
    cr_assert_eq(value, 12.0);
}

Test(text, a_million_random_doubles_agree_with_strtod)
{
    const char *formats[] = {"%.17g", "%.15g", "%.6f", "%.3e", "%.20g", "%g", "%.1f", "%.12g"};
    srand48(7);
    for (int i = 0; i < 1000000; i++) {
        double value = (drand48() - 0.5) * pow(10, (double)(lrand48() % 60 - 30));
        char text[400];
        snprintf(text, sizeof text, formats[i % 8], value);
        cr_assert_eq(parsed(text), strtod(text, NULL), "%s", text);
    }
}

Test(text, short_texts_are_numbers_where_strtod_says_so)
{
    const char alphabet[] = "0123456789012345678901234567890123456789.-/:";
    srand48(8);
    for (int i = 0; i < 2000000; i++) {
        char text[24] = "", *end;
        size_t size = (size_t)(lrand48() % 19) + 1;
        for (size_t at = 0; at < size; at++)
            text[at] = alphabet[(size_t)lrand48() % (sizeof alphabet - (at ? 1 : 3))];
        double expected = strtod(text, &end), value = 0;
        cr_assert_eq(ff_parse_double(text, size, &value), *end == '\0', "%s", text);
        if (*end == '\0')
            cr_assert(memcmp(&value, &expected, sizeof value) == 0, "%s", text);
    }
}

Test(text, extreme_doubles_agree_with_strtod)
{
    const char *texts[] = {
        "1.7976931348623157e308",
        "4.9e-324",
        "2.2250738585072011e-308",
        "1e-999",
        "9007199254740993",
        "9007199254740992",
        "123456789012345678901234567890",
        "0.000000000000000000000000000000000001",
        "1e22",
        "1e23",
        "00000000000000000000000001.5",
        "0.30000000000000000000000000000000000000000000000000000000000000000000000000000000000001"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(parsed(texts[i]), strtod(texts[i], NULL), "%s", texts[i]);
}

Test(text, integers_are_checked_for_range)
{
    int64_t value = 0;
    cr_assert(ff_parse_integer("-9223372036854775808", &value));
    cr_assert_eq(value, INT64_MIN);
    cr_assert(ff_parse_integer("9223372036854775807", &value));
    cr_assert_eq(value, INT64_MAX);
    cr_assert_not(ff_parse_integer("9223372036854775808", &value));
    cr_assert_not(ff_parse_integer("1.5", &value));
    cr_assert_not(ff_parse_integer("", &value));
}

Test(text, durations_are_a_whole_number_and_a_unit)
{
    int64_t ms = 0;
    cr_assert(ff_parse_duration("500ms", &ms) && ms == 500);
    cr_assert(ff_parse_duration("30s", &ms) && ms == 30000);
    cr_assert(ff_parse_duration("5m", &ms) && ms == 300000);
    cr_assert(ff_parse_duration("7d", &ms) && ms == 604800000);
    cr_assert_not(ff_parse_duration("0s", &ms));
    cr_assert_not(ff_parse_duration("5", &ms));
    cr_assert_not(ff_parse_duration("5 m", &ms));
    cr_assert_not(ff_parse_duration("-5m", &ms));
    cr_assert_not(ff_parse_duration("4000000d", &ms));
    cr_assert_not(ff_parse_duration("99999999999999999999d", &ms));
}

Test(text, sizes_are_bytes_or_binary_units)
{
    uint64_t bytes = 0;
    cr_assert(ff_parse_size("123", &bytes) && bytes == 123);
    cr_assert(ff_parse_size("64KiB", &bytes) && bytes == 65536);
    cr_assert(ff_parse_size("1TiB", &bytes) && bytes == 1ULL << 40);
    cr_assert_not(ff_parse_size("64KB", &bytes));
    cr_assert_not(ff_parse_size("9999999999TiB", &bytes));
}

Test(text, percents_run_from_0_to_100)
{
    double fraction = 0;
    cr_assert(ff_parse_percent("5%", &fraction));
    cr_assert_eq(fraction, 0.05);
    cr_assert(ff_parse_percent("100%", &fraction));
    cr_assert_eq(fraction, 1.0);
    cr_assert_not(ff_parse_percent("101%", &fraction));
    cr_assert_not(ff_parse_percent("5", &fraction));
    cr_assert_not(ff_parse_percent("%", &fraction));
}

Test(text, globs_match_bytes)
{
    cr_assert(ff_glob_match("TX*", "TX00001"));
    cr_assert(ff_glob_match("*", ""));
    cr_assert(ff_glob_match("a*c", "a/b/c"));
    cr_assert(ff_glob_match("h?st-[0-9]", "host-7"));
    cr_assert(ff_glob_match("[!ab]x", "cx"));
    cr_assert(ff_glob_match("[]x]", "]"));
    cr_assert(ff_glob_match("\\*", "*"));
    cr_assert(ff_glob_match("*.b*r", "foo.baz.bar"));
    cr_assert_not(ff_glob_match("TX*", "tx1"));
    cr_assert_not(ff_glob_match("[!ab]x", "ax"));
    cr_assert_not(ff_glob_match("a?", "a"));
    cr_assert_not(ff_glob_match("\\*", "x"));
    cr_assert_not(ff_glob_match("", "x"));
    cr_assert(ff_glob_match("[x", "[x"));
}

Test(text, a_glob_of_many_stars_ends_soon)
{
    char text[4001];
    memset(text, 'a', 4000);
    text[4000] = '\0';
    cr_assert_not(ff_glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

Test(text, a_near_word_is_suggested_and_a_far_one_is_not)
{
    const char *keys[] = {"files", "layout", "time", "target", "values"};
    cr_assert_str_eq(ff_suggest("taget", keys, 5), "target");
    cr_assert_str_eq(ff_suggest("tiem", keys, 5), "time");
    cr_assert_str_eq(ff_suggest("Values", keys, 5), "values");
    cr_assert_null(ff_suggest("colour", keys, 5));
    cr_assert_null(ff_suggest("x", keys, 5));
}

Test(text, one_thing_is_singular)
{
    cr_assert_str_eq(ff_plural(0), "s");
    cr_assert_str_eq(ff_plural(1), "");
    cr_assert_str_eq(ff_plural(2), "s");
}

#include "coordinator/timeparse.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ff_timeparse *parser;

static void drop(void)
{
    ff_timeparse_destroy(parser);
    parser = NULL;
}

TestSuite(timeparse, .fini = drop);

static void use(const char *format, const char *zone, int64_t step_ms)
{
    struct ff_error err = {0};
    drop();
    cr_assert_eq(ff_timeparse_create(format, zone, step_ms, &parser, &err), FF_OK, "%s", err.text);
}

static void assert_time(const char *text, int64_t expected)
{
    int64_t ms = -42;
    cr_assert(ff_timeparse(parser, text, strlen(text), &ms), "'%s' is a time", text);
    cr_assert_eq(ms, expected, "'%s': %lld, expected %lld", text, (long long)ms, (long long)expected);
}

static void assert_no_time(const char *text)
{
    int64_t ms = -42;
    cr_assert_not(ff_timeparse(parser, text, strlen(text), &ms), "'%s' is no time", text);
    cr_assert_eq(ms, -42);
}

Test(timeparse, iso_8601_in_its_forms)
{
    use("auto", "UTC", 0);
    assert_time("2018-07-03T14:00:00", 1530626400000);
    assert_time("2018-07-03 14:00:00", 1530626400000);
    assert_time("2018-07-03T14:00Z", 1530626400000);
    assert_time("2018-07-03t16:00:00.250+02:00", 1530626400250);
    assert_time("2018-07-03 16:00:00,25 +0200", 1530626400250);
    assert_time("2018-07-03T10:00:00-04", 1530626400000);
    assert_time("20180703T140000Z", 1530626400000);
    assert_time("2018-07-03", 1530576000000);
    assert_time("2018-07-02T24:00:00", 1530576000000);
    assert_time("2016-12-31T23:59:60Z", 1483228800000);
    assert_time("2020-02-29", 1582934400000);
    assert_time("  2018-07-03 14:00:00 ", 1530626400000);
}

Test(timeparse, what_is_no_time_is_refused)
{
    use("auto", "UTC", 0);
    const char *bad[] = {"",
                         " ",
                         "x",
                         "2018-13-01",
                         "2018-02-29",
                         "2018-07-03T25:00:00",
                         "2018-07-03T14:60:00",
                         "2018-07-03T14:00:00+",
                         "2018-07-03T14:00:00Zx",
                         "2018-07-03T14",
                         "2018-7-3",
                         "nan",
                         "-",
                         "1e30",
                         "2018-07-03T14:00:00.",
                         "99999999999999999999999999",
                         "2018-07-03T14:00:00+24:00"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_no_time(bad[i]);
}

Test(timeparse, epoch_numbers_are_told_apart_by_size)
{
    use("auto", "UTC", 0);
    assert_time("0", 0);
    assert_time("1530626400", 1530626400000);
    assert_time("99999999999", 99999999999000);
    assert_time("100000000000", 100000000000);
    assert_time("1530626400123", 1530626400123);
    assert_time("99999999999999", 99999999999999);
    assert_time("100000000000000", 100000000000);
    assert_time("1530626400123999", 1530626400123);
    assert_time("100000000000000000", 100000000000);
    assert_time("1530626400123999999", 1530626400123);
    assert_time("1530626400.25", 1530626400250);
    assert_time("1530626400123.9", 1530626400123);
    assert_time("1.5306264e9", 1530626400000);
}

Test(timeparse, milliseconds_are_floored_before_1970_too)
{
    use("auto", "UTC", 0);
    assert_time("-1", -1000);
    assert_time("-0.0005", -1);
    assert_time("-1.2345", -1235);
    assert_time("-1.2340", -1234);
    assert_time("-1530626400123001", -1530626400124);
    assert_time("1969-12-31T23:59:59.9995Z", -1);
    assert_time("1900-01-01", -2208988800000);
}

Test(timeparse, index_counts_steps_from_the_epoch)
{
    use("index", "UTC", 3600000);
    assert_time("0", 0);
    assert_time("48", 172800000);
    assert_time("-1", -3600000);
    assert_no_time("1.5");
    assert_no_time("9223372036854775807");
    assert_no_time("2018-07-03");
}

Test(timeparse, strptime_formats_know_fractions_and_offsets)
{
    use("%d.%m.%Y %H:%M", "UTC", 0);
    assert_time("03.07.2018 14:00", 1530626400000);
    assert_no_time("2018-07-03 14:00");
    assert_no_time("03.07.2018 14:00:00");
    assert_no_time("31.02.2018 14:00");
    use("%Y%m%d %H:%M:%S.%f", "UTC", 0);
    assert_time("20180703 14:00:00.5", 1530626400500);
    use("%Y-%m-%d %H:%M:%S%z", "Europe/Berlin", 0);
    assert_time("2018-07-03 10:00:00-0400", 1530626400000);
    use("%b %d %Y", "UTC", 0);
    assert_time("Jul 03 2018", 1530576000000);
}

Test(timeparse, times_without_zone_are_in_the_given_one)
{
    use("auto", "Europe/Berlin", 0);
    assert_time("2018-07-03T16:00:00", 1530626400000);
    assert_time("2018-01-01T01:00:00", 1514764800000);
    assert_time("2018-07-03T14:00:00Z", 1530626400000);
    assert_time("1530626400", 1530626400000);
}

Test(timeparse, the_earlier_of_two_and_a_skipped_time_moves_forward)
{
    use("auto", "Europe/Berlin", 0);
    assert_time("2018-10-28T02:30:00", 1540686600000); /* 00:30Z, still summer time */
    assert_time("2018-10-28T03:00:00", 1540692000000);
    assert_time("2018-03-25T02:30:00", 1521941400000); /* 01:30Z = 03:30 summer time */
    assert_time("2018-03-25T03:30:00", 1521941400000);
    use("auto", "America/New_York", 0);
    assert_time("2018-11-04T01:30:00", 1541309400000); /* 05:30Z */
}

Test(timeparse, the_zones_rule_holds_beyond_its_table)
{
    use("auto", "Europe/Berlin", 0);
    assert_time("2060-07-01T02:00:00", 2855865600000);
    assert_time("2060-01-01T01:00:00", 2840140800000);
    use("auto", "Australia/Sydney", 0);
    assert_time("2060-01-01T11:00:00", 2840140800000);
}

Test(timeparse, an_unknown_zone_is_refused)
{
    const char *bad[] = {"Europe/Berlim", "../passwd", "/etc/passwd", "", "tzdata.zi"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ff_error err = {0};
        cr_assert_eq(ff_timeparse_create("auto", bad[i], 0, &parser, &err), FF_INVALID_ARGUMENT, "%s",
                     bad[i]);
        cr_assert(strstr(err.text, "data.timezone: expected a name of the tz database"));
    }
}

Test(timeparse, a_repeated_text_gives_the_same_time)
{
    use("auto", "UTC", 0);
    assert_time("2018-07-03", 1530576000000);
    assert_no_time("2018-07-0x");
    assert_time("2018-07-03", 1530576000000);
}

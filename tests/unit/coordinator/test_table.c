#include "coordinator/csvout.h"
#include "coordinator/show.h"
#include "coordinator/summary.h"
#include "coordinator/table.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct ff_buf out;

static void setup(void)
{
    out = (struct ff_buf){0};
}

static void teardown(void)
{
    ff_buf_fini(&out);
}

TestSuite(table, .init = setup, .fini = teardown);

static const struct ff_table_column columns[] = {
    {.title = "name"}, {.title = "rows", .right = true}, {.title = "note", .optional = true, .width = 6}};

static const char *table_of(const char *const *cells, size_t count)
{
    struct ff_table table;
    ff_table_init(&table, columns, 3);
    for (size_t i = 0; i < count; i++)
        ff_table_text(&table, cells[i]);
    ff_table_write(&table, &out);
    ff_table_fini(&table);
    return ff_buf_text(&out);
}

Test(table, aligns_numbers_to_the_right_and_writes_no_trailing_blanks)
{
    const char *cells[] = {"a", "1", "", "long-name", "12,345", "x"};
    cr_assert_str_eq(table_of(cells, 6), "name         rows  note\n"
                                         "a               1\n"
                                         "long-name  12,345  x\n");
}

Test(table, leaves_out_an_optional_column_without_cells)
{
    const char *cells[] = {"a", "1", ""};
    cr_assert_str_eq(table_of(cells, 3), "name  rows\na        1\n");
}

Test(table, cuts_a_cell_at_the_width_given)
{
    const char *cells[] = {"a", "1", "1234567", "b", "2", "123456"};
    cr_assert_str_eq(table_of(cells, 6), "name  rows  note\na        1  12345…\nb        2  123456\n");
}

Test(table, measures_characters_not_bytes)
{
    const char *cells[] = {"日本", "1", "äöü", "e\xCC\x81tat", "2", ""};
    cr_assert_str_eq(table_of(cells, 6), "name  rows  note\n日本     1  äöü\ne\xCC\x81tat     2\n");
}

Test(table, replaces_what_a_terminal_would_obey)
{
    const char *cells[] = {"a\x1b[31m\n", "1", "\xFF\xC2\x9B\xE2\x80\xAE"};
    cr_assert_str_eq(table_of(cells, 3), "name     rows  note\na?[31m?     1  ???\n");
}

Test(table, without_rows_has_its_titles)
{
    cr_assert_str_eq(table_of(NULL, 0), "name  rows\n");
}

Test(table, a_csv_cell_is_quoted_where_needed)
{
    struct ff_csvout line = ff_csvout_start(&out);
    ff_csvout_text(&line, "plain \xFF");
    ff_csvout_text(&line, "");
    ff_csvout_text(&line, "a,\"b\"\nc");
    ff_csvout_text(&line, " x");
    ff_csvout_double(&line, 0.1);
    ff_csvout_double(&line, NAN);
    ff_csvout_int(&line, -3);
    ff_csvout_end(&line);
    cr_assert_str_eq(ff_buf_text(&out), "plain \xFF,,\"a,\"\"b\"\"\nc\",\" x\",0.1,,-3\n");
}

Test(table, durations_have_two_units_at_most)
{
    cr_assert_str_eq(ff_show_duration(0).text, "0 ms");
    cr_assert_str_eq(ff_show_duration(0.04).text, "0 ms");
    cr_assert_str_eq(ff_show_duration(0.42).text, "0.4 ms");
    cr_assert_str_eq(ff_show_duration(999.4).text, "999 ms");
    cr_assert_str_eq(ff_show_duration(999.6).text, "1.0 s");
    cr_assert_str_eq(ff_show_duration(59949).text, "59.9 s");
    cr_assert_str_eq(ff_show_duration(59951).text, "1 min 0 s");
    cr_assert_str_eq(ff_show_duration(11040e3).text, "3 h 4 min");
    cr_assert_str_eq(ff_show_duration(183600e3).text, "2 d 3 h");
}

Test(table, times_are_utc_with_milliseconds_also_before_1970)
{
    cr_assert_str_eq(ff_show_time(1704164645678).text, "2024-01-02T03:04:05.678Z");
    cr_assert_str_eq(ff_show_time(-1).text, "1969-12-31T23:59:59.999Z");
}

Test(table, counts_and_sizes_are_short)
{
    cr_assert_str_eq(ff_show_count(0).text, "0");
    cr_assert_str_eq(ff_show_count(999).text, "999");
    cr_assert_str_eq(ff_show_count(1234567).text, "1,234,567");
    cr_assert_str_eq(ff_show_size(812).text, "812 B");
    cr_assert_str_eq(ff_show_size(5939).text, "5.8 KiB");
}

static const char *words(const char *json)
{
    out.size = 0;
    ff_summary_words(json, &out);
    return ff_buf_text(&out);
}

Test(table, a_summary_of_one_metric_shows_its_numbers)
{
    cr_assert_str_eq(
        words("{\"metrics\":{\"cpu\":{\"season\":10080,\"n\":48,\"missing\":0,\"scale\":0.51239987,"
              "\"constant\":false}}}"),
        "season 10080, scale 0.5124");
    cr_assert_str_eq(words("{\"metrics\":{\"cpu\":{\"season\":1,\"missing\":3,\"constant\":true}}}"),
                     "season 1, missing 3, constant");
}

Test(table, a_summary_of_several_metrics_names_them_and_their_errors)
{
    cr_assert_str_eq(words("{\"metrics\":{\"cpu\":{\"season\":24},\"a,\\\"b\":{\"error\":\"NOT_ENOUGH_DATA\","
                           "\"errmsg\":\"all {missing}, \\\"x\"}}}"),
                     "cpu: season 24; a,\\\"b: NOT_ENOUGH_DATA");
}

Test(table, a_summary_of_a_multivariate_model_has_no_metrics)
{
    cr_assert_str_eq(
        words("{\"n\":50,\"components\":3,\"names\":[\"a\",\"}\"],\"explained\":null,\"limit_q\":1e+30}"),
        "components 3, limit_q 1e+30");
}

Test(table, what_is_no_summary_gives_no_words)
{
    cr_assert_str_eq(words(""), "");
    cr_assert_str_eq(words("{}"), "");
    cr_assert_str_eq(words("{\"metrics\":{}}"), "");
    cr_assert_str_eq(words("{\"open"), "");
}

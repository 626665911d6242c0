#include "common/json.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct ff_buf out;
static struct ff_json json;

static void setup(void)
{
    out = (struct ff_buf){0};
    json = ff_json_start(&out);
}

static void teardown(void)
{
    ff_buf_fini(&out);
}

TestSuite(json, .init = setup, .fini = teardown);

static void expect(const char *text)
{
    cr_expect_str_eq(ff_buf_text(&out), text);
}

Test(json, commas_stand_between_values_and_nowhere_else)
{
    ff_json_object_begin(&json);
    ff_json_key(&json, "a");
    ff_json_array_begin(&json);
    ff_json_int(&json, 1);
    ff_json_array_begin(&json);
    ff_json_array_end(&json);
    ff_json_object_begin(&json);
    ff_json_object_end(&json);
    ff_json_bool(&json, false);
    ff_json_array_end(&json);
    ff_json_put_null(&json, "b");
    ff_json_object_end(&json);
    expect("{\"a\":[1,[],{},false],\"b\":null}");
}

Test(json, a_key_and_its_value_go_in_one_call)
{
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "s", "x");
    ff_json_put_double(&json, "d", 0.5);
    ff_json_put_int(&json, "i", INT64_MIN);
    ff_json_put_uint(&json, "u", UINT64_MAX);
    ff_json_put_bool(&json, "t", true);
    ff_json_put_raw(&json, "r", "{\"k\": 1}");
    ff_json_object_end(&json);
    expect("{\"s\":\"x\",\"d\":0.5,\"i\":-9223372036854775808,\"u\":18446744073709551615,\"t\":true,\"r\":{"
           "\"k\": 1}}");
}

Test(json, quotes_backslashes_and_control_characters_are_escaped)
{
    ff_json_string(&json, "\"\\\n\r\t\x01\x7f/");
    expect("\"\\\"\\\\\\n\\r\\t\\u0001\\u007f/\"");
}

Test(json, well_formed_utf8_is_kept)
{
    ff_json_string(&json, "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80");
    expect("\"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80\"");
}

Test(json, each_byte_that_is_not_utf8_is_replaced)
{
    ff_json_string(&json, "a\xFF\xC0\x80\xED\xA0\x80\xE2\x82");
#define R "\xEF\xBF\xBD"
    expect("\"a" R R R R R R R R "\"");
#undef R
}

Test(json, bytes_may_hold_a_nul)
{
    ff_json_bytes(&json, (struct ff_bytes){(const uint8_t *)"a\0b", 3});
    expect("\"a\\u0000b\"");
}

Test(json, no_string_is_null)
{
    ff_json_string(&json, NULL);
    expect("null");
}

static void expect_double(double value, const char *text)
{
    out.size = 0;
    json = ff_json_start(&out);
    ff_json_double(&json, value);
    expect(text);
}

Test(json, doubles_are_as_short_as_reads_back)
{
    expect_double(0.1, "0.1");
    expect_double(4.2, "4.2");
    expect_double(1440, "1440");
    expect_double(1e22, "1e+22");
    expect_double(0.1 + 0.2, "0.30000000000000004");
    expect_double(5e-324, "4.94065645841247e-324");
    expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
}

Test(json, nan_and_infinities_are_null)
{
    expect_double(NAN, "null");
    expect_double(INFINITY, "null");
    expect_double(-INFINITY, "null");
}

Test(json, every_double_reads_back)
{
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double value;
        memcpy(&value, &state, sizeof value);
        if (!isfinite(value))
            continue;
        out.size = 0;
        json = ff_json_start(&out);
        ff_json_double(&json, value);
        cr_assert_eq(strtod(ff_buf_text(&out), NULL), value, "%s", ff_buf_text(&out));
    }
}

#include "common/model.h"

#include <criterion/criterion.h>
#include <math.h>

static const double level[] = {1.5, NAN, -2};
static const char *const names[] = {"a", "b\"c"};
static const struct ff_model_param params[] = {
    {.name = "season", .type = FF_VALUE_INTEGER, .in_summary = true, .integer = -1440},
    {.name = "scale", .type = FF_VALUE_NUMBER, .in_summary = true, .number = 4.2},
    {.name = "constant", .type = FF_VALUE_BOOLEAN, .in_summary = true, .integer = 1},
    {.name = "note", .type = FF_VALUE_TEXT, .text = "x"},
    {.name = "level", .type = FF_VALUE_NUMBERS, .numbers = level, .count = 3},
    {.name = "names", .type = FF_VALUE_TEXTS, .texts = names, .count = 2},
};
static const struct ff_model_part parts[] = {
    {"count", FF_CODE_OK, "", params, 6},
    {"elapsed", FF_CODE_NOT_ENOUGH_DATA, "all 3 values are missing", NULL, 0},
};
static const struct ff_model univariate = {"seasonal", 1, parts, 2};
static const struct ff_model_part whole = {"", FF_CODE_OK, "", params, 3};
static const struct ff_model multivariate = {"pca", 2, &whole, 1};

static struct ff_buf out;
static struct ff_arena arena;

static void setup(void)
{
    out = (struct ff_buf){0};
    arena = (struct ff_arena){0};
}

static void teardown(void)
{
    ff_buf_fini(&out);
    ff_arena_fini(&arena);
}

TestSuite(model, .init = setup, .fini = teardown);

static const char *json(const struct ff_model *model, bool all)
{
    out.size = 0;
    ff_model_json(model, all, &out);
    return ff_buf_text(&out);
}

Test(model, summary_has_what_is_in_summary_and_the_error_of_a_metric)
{
    cr_assert_str_eq(json(&univariate, false),
                     "{\"metrics\":{\"count\":{\"season\":-1440,\"scale\":4.2,\"constant\":true},"
                     "\"elapsed\":{\"error\":\"NOT_ENOUGH_DATA\",\"errmsg\":\"all 3 values are missing\"}}}");
}

Test(model, export_has_every_parameter)
{
    cr_assert_str_eq(
        json(&univariate, true),
        "{\"metrics\":{\"count\":{\"season\":-1440,\"scale\":4.2,\"constant\":true,\"note\":\"x\","
        "\"level\":[1.5,null,-2],\"names\":[\"a\",\"b\\\"c\"]},"
        "\"elapsed\":{\"error\":\"NOT_ENOUGH_DATA\",\"errmsg\":\"all 3 values are missing\"}}}");
}

Test(model, multivariate_model_has_no_metrics)
{
    cr_assert_str_eq(json(&multivariate, true), "{\"season\":-1440,\"scale\":4.2,\"constant\":true}");
}

static struct ff_model decoded(const struct ff_model *model)
{
    struct ff_model read = {0};
    struct ff_error err = {0};
    out.size = 0;
    ff_model_encode(model, &out);
    cr_assert_eq(ff_model_decode(ff_buf_bytes(&out), &arena, &read, &err), FF_OK, "%s", err.text);
    return read;
}

Test(model, decoding_gives_what_was_encoded)
{
    struct ff_model read = decoded(&univariate);
    cr_expect_str_eq(read.kind, "seasonal");
    cr_expect_eq(read.format_version, 1);
    cr_assert_eq(read.part_count, 2);
    cr_expect_eq(read.parts[1].code, FF_CODE_NOT_ENOUGH_DATA);
    struct ff_buf want = {0};
    ff_model_json(&univariate, true, &want);
    cr_expect_str_eq(json(&read, true), ff_buf_text(&want));
    ff_buf_fini(&want);
}

Test(model, same_model_gives_same_bytes)
{
    struct ff_buf again = {0};
    struct ff_model read = decoded(&univariate);
    ff_model_encode(&read, &again);
    cr_assert_eq(again.size, out.size);
    cr_expect_arr_eq(again.data, out.data, out.size);
    ff_buf_fini(&again);
}

Test(model, encoding_appends)
{
    ff_buf_append(&out, "head", 4);
    ff_model_encode(&multivariate, &out);
    cr_expect_arr_eq(out.data, "head", 4);
    cr_expect_gt(out.size, 4);
}

Test(model, model_without_parts_is_a_model)
{
    struct ff_model empty = {.kind = "busy", .format_version = 1};
    cr_expect_eq(decoded(&empty).part_count, 0);
}

Test(model, bytes_that_are_no_model_are_refused)
{
    struct ff_model read = {0};
    struct ff_error err = {0};
    struct ff_bytes junk = {(const uint8_t *)"\xFF\xFF\xFF junk", 8};
    cr_expect_eq(ff_model_decode(junk, &arena, &read, &err), FF_INVALID_ARGUMENT);
    cr_expect_null(read.kind);
}

Test(model, every_cut_model_is_refused_or_read_without_harm)
{
    ff_model_encode(&univariate, &out);
    for (size_t size = 0; size < out.size; size++) {
        struct ff_model read = {0};
        struct ff_buf text = {0};
        uint8_t *cut = malloc(size ? size : 1);
        memcpy(cut, out.data, size);
        if (ff_model_decode((struct ff_bytes){cut, size}, &arena, &read, NULL) == FF_OK)
            ff_model_json(&read, true, &text);
        ff_buf_fini(&text);
        free(cut);
        ff_arena_reset(&arena);
    }
}

Test(model, an_unknown_type_of_value_is_refused)
{
    struct ff_model_param odd = {.name = "x", .type = (enum ff_value_type)9};
    struct ff_model_part part = {"m", FF_CODE_OK, "", &odd, 1};
    struct ff_model model = {"seasonal", 1, &part, 1}, read;
    ff_model_encode(&model, &out);
    cr_expect_eq(ff_model_decode(ff_buf_bytes(&out), &arena, &read, NULL), FF_INVALID_ARGUMENT);
}

Test(model, limit_of_the_arena_holds)
{
    struct ff_model read;
    arena.limit = 256;
    ff_model_encode(&univariate, &out);
    cr_expect_eq(ff_model_decode(ff_buf_bytes(&out), &arena, &read, NULL), FF_INVALID_ARGUMENT);
}

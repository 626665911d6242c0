#include "common/texts.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ff_arena arena;

static bool reads(const char *text, size_t expected)
{
    const char *const *items;
    size_t count = 99;
    return ff_texts_read(text, &arena, &items, &count) && count == expected;
}

Test(texts, what_is_written_is_read_again)
{
    const char *items[] = {"python3", "fit.py", "", "a \"b\" \\ \n\t\x01 ü 漢 \xf0\x9f\x8e\x84", "-x"};
    const char *const *found;
    struct ff_buf text = {0};
    size_t count;
    ff_texts_write(items, 5, &text);
    cr_assert(ff_texts_read(ff_buf_text(&text), &arena, &found, &count));
    cr_assert_eq(count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_str_eq(found[i], items[i]);
    ff_buf_fini(&text);
    ff_arena_fini(&arena);
}

Test(texts, any_json_array_of_strings_is_read)
{
    const char *const *found;
    size_t count;
    cr_assert(reads("[]", 0) && reads(" [ ] ", 0) && reads("[\"a\" , \"b\"]\n", 2));
    cr_assert(ff_texts_read("[\"\\u00e4\\u6f22\\ud83c\\udf84\\/\\b\"]", &arena, &found, &count));
    cr_assert_str_eq(found[0], "ä漢\xf0\x9f\x8e\x84/\b");
    ff_arena_fini(&arena);
}

Test(texts, everything_else_is_refused)
{
    const char *wrong[] = {"",
                           "[",
                           "]",
                           "a",
                           "[1]",
                           "[\"a\"",
                           "[\"a]",
                           "[\"a\"] x",
                           "[\"a\",]",
                           "[,\"a\"]",
                           "[\"\\x\"]",
                           "[\"\\u12\"]",
                           "[\"a\n\"]",
                           "[\"\\u0000\"]",
                           "[\"\\ud83c\"]",
                           "[\"\\udf84\"]",
                           "[\"a\" \"b\"]",
                           "[[]]",
                           "[\"\\"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(reads(wrong[i], 0) || reads(wrong[i], 1) || reads(wrong[i], 2), "%s", wrong[i]);
    ff_arena_fini(&arena);
}

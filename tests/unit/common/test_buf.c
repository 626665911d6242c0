#include "common/buf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(buf, grows_with_what_is_appended)
{
    struct ff_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        ff_buf_append(&buf, "0123456789", 10);
    cr_assert_eq(buf.size, 10000);
    cr_assert_geq(buf.capacity, buf.size);
    cr_assert_eq(memcmp(buf.data + 9990, "0123456789", 10), 0);
    ff_buf_fini(&buf);
    cr_assert_null(buf.data);
    cr_assert_eq(buf.size, 0);
}

Test(buf, appending_nothing_needs_no_memory)
{
    struct ff_buf buf = {0};
    ff_buf_append(&buf, NULL, 0);
    cr_assert_null(buf.data);
    ff_buf_fini(&buf);
}

Test(buf, reserve_makes_room_and_leaves_the_size)
{
    struct ff_buf buf = {0};
    ff_buf_append(&buf, "x", 1);
    char *at = ff_buf_reserve(&buf, 100000);
    at[99999] = 'y';
    cr_assert_eq(buf.size, 1);
    cr_assert_eq((uint8_t *)at, buf.data + 1);
    ff_buf_fini(&buf);
}

Test(buf, printf_appends_text_without_its_end)
{
    struct ff_buf buf = {0};
    ff_buf_printf(&buf, "%d-", 12);
    ff_buf_printf(&buf, "%s", "");
    ff_buf_printf(&buf, "%s", "ab");
    cr_assert_eq(buf.size, 5);
    cr_assert_str_eq(ff_buf_text(&buf), "12-ab");
    cr_assert_eq(buf.size, 5);
    ff_buf_fini(&buf);
}

Test(buf, text_of_an_empty_buffer_is_empty)
{
    struct ff_buf buf = {0};
    cr_assert_str_eq(ff_buf_text(&buf), "");
    ff_buf_fini(&buf);
}

Test(buf, drop_moves_the_rest_to_the_front)
{
    struct ff_buf buf = {0};
    ff_buf_append(&buf, "abcdef", 6);
    ff_buf_drop(&buf, 4);
    cr_assert_str_eq(ff_buf_text(&buf), "ef");
    ff_buf_drop(&buf, 2);
    cr_assert_eq(buf.size, 0);
    ff_buf_fini(&buf);
}

Test(buf, dropping_nothing_of_an_empty_buffer_is_allowed)
{
    struct ff_buf buf = {0};
    ff_buf_drop(&buf, 0);
    cr_assert_eq(buf.size, 0);
}

Test(buf, copies_of_text_are_whole)
{
    char *whole = ff_xstrdup("abc"), *part = ff_xstrndup("abc", 2), *made = ff_xasprintf("%s%d", "n", 7);
    cr_assert_str_eq(whole, "abc");
    cr_assert_str_eq(part, "ab");
    cr_assert_str_eq(made, "n7");
    free(whole);
    free(part);
    free(made);
}

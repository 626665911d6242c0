#include "common/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static struct ff_arena arena;

static void drop(void)
{
    ff_arena_fini(&arena);
}

TestSuite(arena, .fini = drop);

Test(arena, blocks_are_aligned_and_apart)
{
    char *last = NULL;
    for (size_t size = 0; size < 300; size++) {
        char *block = ff_arena_alloc(&arena, size);
        cr_assert_eq((uintptr_t)block % 16, 0);
        cr_assert_neq(block, last);
        memset(block, (int)size, size);
        last = block;
    }
}

Test(arena, strings_are_copied)
{
    char text[] = "abc";
    char *copy = ff_arena_strdup(&arena, text), *part = ff_arena_strndup(&arena, text, 1);
    text[0] = 'x';
    cr_assert_str_eq(copy, "abc");
    cr_assert_str_eq(part, "a");
    cr_assert_str_eq(ff_arena_printf(&arena, "%s-%d", copy, 5), "abc-5");
}

Test(arena, zalloc_is_zero_also_in_memory_used_before)
{
    memset(ff_arena_alloc(&arena, 1000), 255, 1000);
    ff_arena_reset(&arena);
    char *zero = ff_arena_zalloc(&arena, 1000);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(zero[i], 0);
}

Test(arena, past_its_limit_it_gives_nothing_and_stays_usable)
{
    arena.limit = 1000;
    cr_assert_not_null(ff_arena_try(&arena, 900));
    cr_assert_null(ff_arena_try(&arena, 200));
    cr_assert_not_null(ff_arena_try(&arena, 80));
    cr_assert_leq(arena.used, arena.limit);
}

Test(arena, a_size_that_would_wrap_around_is_refused)
{
    cr_assert_null(ff_arena_try(&arena, SIZE_MAX));
    cr_assert_null(ff_arena_try(&arena, SIZE_MAX / 2 + 1));
    arena.limit = 1 << 20;
    cr_assert_null(ff_arena_try(&arena, SIZE_MAX - 8));
}

Test(arena, reset_keeps_memory_for_the_next_use)
{
    ff_arena_alloc(&arena, 100);
    ff_arena_alloc(&arena, 100000);
    ff_arena_reset(&arena);
    cr_assert_eq(arena.used, 0);
    cr_assert_not_null(arena.blocks);
    memset(ff_arena_alloc(&arena, 50000), 1, 50000);
}

Test(arena, fini_forgets_all_but_the_limit)
{
    arena.limit = 5000;
    ff_arena_alloc(&arena, 10);
    ff_arena_fini(&arena);
    cr_assert_null(arena.blocks);
    cr_assert_eq(arena.used, 0);
    cr_assert_eq(arena.limit, 5000);
}

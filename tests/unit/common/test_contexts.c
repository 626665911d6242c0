#include "common/contexts.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

Test(contexts, a_symbol_counts_in_its_context_only)
{
    struct ff_contexts contexts;
    ff_contexts_init(&contexts);
    ff_contexts_add(&contexts, 5, 3);
    ff_contexts_add(&contexts, 5, 3);
    ff_contexts_add(&contexts, 5, 4);
    ff_contexts_add(&contexts, 6, 3);
    struct ff_context_counts counts = ff_contexts_find(&contexts, 5, 3);
    cr_assert_eq(counts.total, 3);
    cr_assert_eq(counts.distinct, 2);
    cr_assert_eq(counts.symbol, 2);
    cr_assert_eq(ff_contexts_find(&contexts, 7, 3).total, 0);
    cr_assert_eq(ff_contexts_find(&contexts, 6, 4).symbol, 0);
}

Test(contexts, counts_fade_for_ever_without_overflow)
{
    struct ff_contexts contexts;
    ff_contexts_init(&contexts);
    for (int i = 0; i < 1000; i++) {
        ff_contexts_add(&contexts, 1, 1);
        ff_contexts_tick(&contexts, 2);
    }
    struct ff_context_counts counts = ff_contexts_find(&contexts, 1, 1);
    cr_assert_float_eq(counts.total, 1, 1e-6); /* 1/2 + 1/4 + … */
    cr_assert_float_eq(counts.symbol, 1, 1e-6);
    cr_assert_eq(counts.distinct, 1);
}

Test(contexts, a_full_table_forgets_what_counts_least)
{
    struct ff_contexts contexts;
    ff_contexts_init(&contexts);
    for (uint32_t i = 0; i < 100000; i++) {
        ff_contexts_add(&contexts, 1000 + i % 20000, i % 100);
        if (i % 10 == 0)
            ff_contexts_add(&contexts, 1, 7);
    }
    cr_assert_leq(contexts.used, FF_CONTEXTS_SLOTS);
    cr_assert_eq(ff_contexts_find(&contexts, 1, 7).symbol, 10000);
}

Test(contexts, what_was_packed_goes_on_as_before)
{
    static struct ff_contexts a, b;
    static double packed[FF_CONTEXTS_PACKED];
    ff_contexts_init(&a);
    for (uint32_t i = 0; i < 3000; i++) {
        ff_contexts_add(&a, i % 37, i % 11);
        ff_contexts_tick(&a, 1.01);
    }
    cr_assert(ff_contexts_unpack(&b, packed, ff_contexts_pack(&a, packed)));
    for (uint32_t i = 0; i < 3000; i++) {
        struct ff_context_counts x = ff_contexts_find(&a, i % 41, i % 13),
                                 y = ff_contexts_find(&b, i % 41, i % 13);
        cr_assert_eq(x.total, y.total);
        cr_assert_eq(x.symbol, y.symbol);
        cr_assert_eq(x.distinct, y.distinct);
        ff_contexts_add(&a, i % 41, i % 13);
        ff_contexts_add(&b, i % 41, i % 13);
    }
}

Test(contexts, numbers_that_are_no_counts_are_refused)
{
    static struct ff_contexts contexts;
    static double packed[FF_CONTEXTS_PACKED + 3];
    cr_assert(ff_contexts_unpack(&contexts, (double[]){1, 9, 2}, 3));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){1, 9}, 2));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){0, 9, 2}, 3));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){1, 0, 2}, 3));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){1, 1.5, 2}, 3));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){1, 9, NAN}, 3));
    cr_assert_not(ff_contexts_unpack(&contexts, (double[]){1, 9, 2, 9, 2}, 5), "a key twice");
    packed[0] = 1;
    for (size_t i = 1; i < FF_CONTEXTS_PACKED + 3; i += 2) {
        packed[i] = (double)i;
        packed[i + 1] = 1;
    }
    cr_assert_not(ff_contexts_unpack(&contexts, packed, FF_CONTEXTS_PACKED + 3),
                  "more than there is room for");
}

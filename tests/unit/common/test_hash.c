#include "common/hash.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void expect(enum ff_hash_kind kind, size_t size, const char *hex)
{
    struct ff_hash hash;
    uint8_t out[FF_HASH_STRONG_SIZE];
    char shown[2 * FF_HASH_STRONG_SIZE + 1];
    ff_hash_start(&hash, kind);
    for (const char *at = "abc"; *at; at++)
        ff_hash_add(&hash, at, 1);
    ff_hash_finish(&hash, out);
    for (size_t i = 0; i < size; i++)
        snprintf(shown + 2 * i, 3, "%02x", out[i]);
    cr_assert_str_eq(shown, hex);
}

/* xxhsum -H2 */
Test(hash, quick_is_xxh3_of_128_bits)
{
    expect(FF_HASH_QUICK, FF_HASH_QUICK_SIZE, "06b05ab6733a618578af5f94892f3950");
}

/* python3: hashlib.blake2b(b"abc", digest_size=32).hexdigest() */
Test(hash, strong_is_blake2b)
{
    expect(FF_HASH_STRONG, FF_HASH_STRONG_SIZE,
           "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

Test(hash, texts_do_not_run_into_each_other)
{
    static const char *const pairs[][2] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}};
    uint8_t sums[4][FF_HASH_QUICK_SIZE];
    for (int i = 0; i < 4; i++) {
        struct ff_hash hash;
        ff_hash_start(&hash, FF_HASH_QUICK);
        ff_hash_add_text(&hash, pairs[i][0]);
        ff_hash_add_text(&hash, pairs[i][1]);
        ff_hash_finish(&hash, sums[i]);
        for (int k = 0; k < i; k++)
            cr_assert_neq(memcmp(sums[i], sums[k], 16), 0);
    }
}

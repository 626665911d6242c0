/* Against printf and strtod, which are what the text is defined by. */
#include "common/decimal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_as_printed(double value)
{
    char text[FF_DECIMAL_SIZE], wanted[FF_DECIMAL_SIZE];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(wanted, sizeof wanted, "%.*g", digits, value);
        if (strtod(wanted, NULL) == value)
            break;
    }
    ff_decimal(value, text);
    cr_assert_str_eq(text, wanted);
}

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

Test(decimal, numbers_at_the_edges)
{
    static const double values[] = {0,       -0.0,     1,       -1,
                                    0.1,     0.3,      5e-324,  1.7976931348623157e308,
                                    1e-4,    9.999e-5, 1e-5,    999999.5,
                                    1e9,     1e9 - 1,  1e15,    1e15 - 1,
                                    1e16,    1e17,     1e22,    1e23,
                                    1.5e9,   123456.7, 0.00012, 2.2250738585072014e-308,
                                    1.0 / 3, 2.0 / 3,  0.5e-6,  9007199254740993.0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        expect_as_printed(values[i]);
        expect_as_printed(nextafter(values[i], INFINITY) < INFINITY ? nextafter(values[i], INFINITY) : 1);
        expect_as_printed(nextafter(values[i], -1));
    }
}

Test(decimal, random_bits)
{
    for (int i = 0; i < 300000; i++) {
        uint64_t bits = next();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value))
            expect_as_printed(value);
    }
}

Test(decimal, what_is_measured_and_what_is_computed_of_it)
{
    static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
    for (int i = 0; i < 300000; i++) {
        double measured = (double)(int64_t)(next() % 20000000000) / powers[next() % 13] - 50;
        expect_as_printed(measured);
        expect_as_printed(measured / 7);
        expect_as_printed(-measured * 1e-6);
    }
}

/* Digits whose rest is just half: which way they go is not theirs to say. */
Test(decimal, ties)
{
    for (int i = 0; i < 200000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%d.%014d5", (int)(next() % 9) + 1, (int)(next() % 100000000000000u));
        expect_as_printed(strtod(text, NULL));
    }
}

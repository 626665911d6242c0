/* Few decimals: the value is m / 10^k for whole m and k exactly where dividing gives it back, for both are
 * doubles without rounding and division rounds correctly (Clinger, "How to read floating point numbers
 * accurately", 1990, read backwards). Others are printed once with all 17 digits, and shorter texts are made
 * of those and tried. */
#include "common/decimal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DECIMALS = 12, ALL_DIGITS = 17, FEWEST_DIGITS = 15 };

static const double powers[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12};

static char *put_digits(char *end, uint64_t number, int least)
{
    for (; number || least > 0; number /= 10, least--)
        *--end = (char)('0' + number % 10);
    return end;
}

/* m with k decimals. */
static void put_fixed(bool negative, uint64_t m, int k, char *text)
{
    char buffer[FF_DECIMAL_SIZE], *end = buffer + sizeof buffer - 1, *at = end;
    *end = '\0';
    if (k) {
        uint64_t power = (uint64_t)powers[k];
        at = put_digits(at, m % power, k);
        *--at = '.';
        m /= power;
    }
    at = put_digits(at, m, 1);
    if (negative)
        *--at = '-';
    memcpy(text, at, (size_t)(end - at) + 1);
}

static bool has_few_decimals(double value, char *text)
{
    double size = fabs(value);
    if (size != 0 && size < 1e-4) /* %g writes it with an exponent */
        return false;
    for (int k = 0; k <= MOST_DECIMALS && size * powers[k] < 1e15; k++) {
        double m = nearbyint(size * powers[k]); /* whole, and any such is a double */
        if (m / powers[k] == size)
            return put_fixed(signbit(value), (uint64_t)m, k, text), true;
    }
    return false;
}

/* d1.d2d3… times 10^exponent. */
struct digits {
    bool negative;
    char digits[ALL_DIGITS];
    int exponent;
};

static struct digits all_digits(double value)
{
    struct digits out = {.negative = signbit(value)};
    char text[FF_DECIMAL_SIZE];
    snprintf(text, sizeof text, "%.*e", ALL_DIGITS - 1, fabs(value));
    out.digits[0] = text[0];
    memcpy(out.digits + 1, text + 2, ALL_DIGITS - 1);
    out.exponent = (int)strtol(text + ALL_DIGITS + 2, NULL, 10);
    return out;
}

/* Rounds to so many digits; false: what is cut off is just half, and the digits do not say where to. */
static bool round_to(struct digits *number, int count)
{
    const char *rest = number->digits + count;
    int size = ALL_DIGITS - count, at = count - 1;
    if (size == 0)
        return true;
    int order = memcmp(rest, "50", (size_t)size);
    if (order == 0)
        return false;
    if (order < 0)
        return true;
    for (; at >= 0 && number->digits[at] == '9'; at--)
        number->digits[at] = '0';
    if (at >= 0) {
        number->digits[at]++;
    } else { /* 99…9 */
        number->digits[0] = '1';
        number->exponent++;
    }
    return true;
}

/* As %.{count}g writes it. */
static void put_general(const struct digits *number, int count, char *text)
{
    const char *digits = number->digits;
    int exponent = number->exponent;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (number->negative)
        *text++ = '-';
    if (exponent < 0) {
        *text++ = '0';
        *text++ = '.';
        for (int i = exponent + 1; i < 0; i++)
            *text++ = '0';
    }
    for (int i = 0; i < count || i <= exponent; i++) {
        if (i && i == exponent + 1)
            *text++ = '.';
        *text++ = i < count ? digits[i] : '0';
    }
    *text = '\0';
}

/* Whether a text of so many digits is the value. */
static bool try_digits(const struct digits *all, int count, double value, char *text)
{
    struct digits rounded = *all;
    bool fixed = round_to(&rounded, count) && rounded.exponent >= -4 && rounded.exponent < count;
    if (fixed)
        put_general(&rounded, count, text);
    else
        snprintf(text, FF_DECIMAL_SIZE, "%.*g", count, value);
    return count == ALL_DIGITS || strtod(text, NULL) == value;
}

void ff_decimal(double value, char text[FF_DECIMAL_SIZE])
{
    if (has_few_decimals(value, text))
        return;
    struct digits all = all_digits(value);
    for (int count = FEWEST_DIGITS; !try_digits(&all, count, value, text); count++) {
    }
}

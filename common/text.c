/* Text that people write, parsed byte by byte: nothing here asks the locale.
 *
 * Doubles: a number whose digits fit 2^53 and whose power of ten is at most 22 is one exact multiplication or
 * division (W. D. Clinger, "How to Read Floating Point Numbers Accurately", 1990). The rest goes to strtod in
 * the C locale, which rounds correctly but costs ten times as much. Only decimal syntax is let through, so
 * that "inf", "nan" and hexadecimal numbers never reach strtod.
 *
 * Globs: one pass that goes back to the last star only, so no pattern is exponential.
 *
 * Suggestions: optimal string alignment distance (insert, delete, replace, swap of neighbours). */
#include "common/text.h"

#include "common/buf.h"

#include <ctype.h>
#include <endian.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EXACT_POWER = 22, MAX_DIGITS = 19, MAX_SHORT = 16, MAX_EXPONENT = 99999, MAX_WORD = 63 };

struct decimal {
    uint64_t mantissa; /* the first MAX_DIGITS significant digits */
    int digits;        /* significant digits seen, leading zeros not counted */
    int exponent;      /* of ten, for the mantissa */
    bool negative;
};

static const double exact_powers[MAX_EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads digits, each of which moves the exponent by shift; returns where they end. */
static const char *scan_digits(const char *at, const char *end, int shift, struct decimal *number)
{
    for (; at < end && is_digit(*at); at++) {
        if (number->digits < MAX_DIGITS) {
            number->mantissa = number->mantissa * 10 + (uint64_t)(*at - '0');
            number->digits += number->mantissa != 0;
            number->exponent += shift;
        } else {
            number->digits = MAX_DIGITS + 1;
        }
    }
    return at;
}

static const char *scan_exponent(const char *at, const char *end, struct decimal *number)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    int exponent = 0;
    for (; at < end && is_digit(*at); at++)
        if (exponent < MAX_EXPONENT)
            exponent = exponent * 10 + (*at - '0');
    number->exponent += negative ? -exponent : exponent;
    return at;
}

static bool scan_decimal(const char *text, size_t size, struct decimal *number)
{
    const char *at = text, *end = text + size;
    *number = (struct decimal){.negative = size > 0 && *at == '-'};
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    const char *digits = at;
    at = scan_digits(at, end, 0, number);
    ptrdiff_t count = at - digits;
    if (at < end && *at == '.') {
        digits = ++at;
        at = scan_digits(at, end, -1, number);
        count += at - digits;
    }
    if (count == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E'))
        at = scan_exponent(at + 1, end, number);
    return at == end;
}

static locale_t c_locale;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Not a part of its caller, where few numbers come to it and its buffer would cost all of them. */
__attribute__((noinline)) static double slow_double(const char *text, size_t size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_c_locale);
    char small[128];
    char *copy = size < sizeof small ? small : ff_xalloc(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    double value = strtod_l(copy, NULL, c_locale);
    if (copy != small)
        free(copy);
    return value;
}

/* Up to 8 bytes as a number whose lowest byte is the first one; the others are 0. size > 0. */
static inline uint64_t word_of(const char *text, size_t size)
{
    if (size < 4)
        return (uint64_t)(unsigned char)text[0] | (uint64_t)(unsigned char)text[size / 2] << 8 * (size / 2) |
               (uint64_t)(unsigned char)text[size - 1] << 8 * (size - 1);
    uint32_t low, high;
    memcpy(&low, text, 4);
    memcpy(&high, text + size - 4, 4);
    return (uint64_t)le32toh(low) | (uint64_t)le32toh(high) << 8 * (size - 4);
}

/* One to eight digits among which there may be a point; *fraction: how many are behind it, 0 without. Eight
 * at a time: bytes become digits, then pairs, fours, and the number (D. Lemire, "Quickly parsing eight
 * digits", 2018). False: something else is there, or a point at the end. */
static inline bool eight_digits(const char *text, size_t size, uint64_t *value, unsigned *fraction)
{
    const uint64_t ones = 0x0101010101010101, high_bits = 0x80 * ones;
    uint64_t word = word_of(text, size), points = word ^ '.' * ones;
    points = (points - ones) & ~points & high_bits;
    *fraction = 0;
    if (points) {
        unsigned before = (unsigned)__builtin_ctzll(points) / 8;
        uint64_t kept = (1ULL << 8 * before) - 1;
        word = (word & kept) | (word >> 8 & ~kept);
        *fraction = (unsigned)--size - before;
        if (*fraction == 0)
            return false;
    }
    unsigned shift = 8 * (unsigned)(8 - size);
    uint64_t digits = (word << shift) ^ (('0' * ones) << shift);
    if (((digits + 0x76 * ones) | digits) & high_bits)
        return false;
    digits = digits * 10 + (digits >> 8);
    *value = ((digits & 0x000000ff000000ff) * 0x000f424000000064 +
              (digits >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >>
             32;
    return true;
}

/* Digits with perhaps a sign and a point, as nearly all numbers in data are: few enough for one exact
 * division. False: look closer. */
static inline bool short_double(const char *text, size_t size, double *value)
{
    bool negative = *text == '-';
    uint64_t mantissa, head = 0;
    unsigned fraction, head_fraction = 0;
    text += negative;
    size -= negative;
    size_t before = size > 8 ? size - 8 : 0;
    if (size == 0 || !eight_digits(text + before, size - before, &mantissa, &fraction))
        return false;
    if (before) {
        if (!eight_digits(text, before, &head, &head_fraction))
            return false;
        /* A point in the last eight takes the place of a digit. */
        mantissa += head * (fraction ? 10000000 : 100000000);
        if (head_fraction && fraction)
            return false;
        fraction += head_fraction ? head_fraction + 8 : 0;
    }
    if (mantissa > 1ULL << 53)
        return false;
    double result = (double)mantissa;
    if (fraction) /* a division takes as long as all the rest */
        result /= exact_powers[fraction];
    *value = negative ? -result : result;
    return true;
}

bool ff_parse_double(const char *text, size_t size, double *value)
{
    struct decimal number;
    if (size > 0 && size <= MAX_SHORT && short_double(text, size, value))
        return true;
    if (!scan_decimal(text, size, &number))
        return false;
    double result;
    if (number.digits <= MAX_DIGITS && number.mantissa <= (1ULL << 53) &&
        number.exponent >= -MAX_EXACT_POWER && number.exponent <= MAX_EXACT_POWER) {
        double digits = (double)number.mantissa;
        result = number.exponent < 0 ? digits / exact_powers[-number.exponent]
                                     : digits * exact_powers[number.exponent];
        result = number.negative ? -result : result;
    } else {
        result = slow_double(text, size);
    }
    if (!isfinite(result))
        return false;
    *value = result;
    return true;
}

bool ff_is_decimal(const char *text, size_t size)
{
    struct decimal number;
    return scan_decimal(text, size, &number);
}

/* Digits at the start of text as a number below limit; returns where they end, or NULL. */
static const char *scan_unsigned(const char *text, uint64_t limit, uint64_t *value)
{
    uint64_t number = 0;
    const char *at = text;
    for (; is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (limit - digit) / 10)
            return NULL;
        number = number * 10 + digit;
    }
    if (at == text)
        return NULL;
    *value = number;
    return at;
}

bool ff_parse_integer(const char *text, int64_t *value)
{
    bool negative = *text == '-';
    uint64_t number;
    const char *end =
        scan_unsigned(text + (*text == '-' || *text == '+'), (uint64_t)INT64_MAX + negative, &number);
    if (!end || *end)
        return false;
    *value = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* A whole number and one of the units; the product is at most limit. */
static bool parse_with_unit(const char *text, const struct unit *units, size_t count, uint64_t limit,
                            uint64_t *value)
{
    uint64_t number;
    const char *unit = scan_unsigned(text, limit, &number);
    if (!unit)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        if (number > limit / units[i].factor)
            return false;
        *value = number * units[i].factor;
        return true;
    }
    return false;
}

bool ff_parse_duration(const char *text, int64_t *ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const uint64_t ten_thousand_years = 315360000000000;
    uint64_t value;
    if (!parse_with_unit(text, units, sizeof units / sizeof *units, ten_thousand_years, &value) || value == 0)
        return false;
    *ms = (int64_t)value;
    return true;
}

bool ff_parse_size(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {
        {"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1ULL << 40}};
    return parse_with_unit(text, units, sizeof units / sizeof *units, INT64_MAX, bytes);
}

bool ff_parse_percent(const char *text, double *fraction)
{
    size_t size = strlen(text);
    double percent;
    if (size < 2 || text[size - 1] != '%' || !ff_parse_double(text, size - 1, &percent))
        return false;
    if (percent < 0 || percent > 100)
        return false;
    *fraction = percent / 100;
    return true;
}

/* Whether c is in the set that begins behind '['. *end is set behind the ']'; NULL if the set is not closed.
 */
static bool in_set(const char *set, unsigned char c, const char **end)
{
    bool inverted = *set == '!' || *set == '^';
    bool found = false;
    const char *at = set + inverted;
    for (bool first = true; *at && (first || *at != ']'); first = false) {
        if (*at == '\\' && at[1])
            at++;
        unsigned char low = (unsigned char)*at++, high = low;
        if (*at == '-' && at[1] && at[1] != ']') {
            high = (unsigned char)at[1];
            at += 2;
        }
        found |= c >= low && c <= high;
    }
    *end = *at ? at + 1 : NULL;
    return found != inverted;
}

/* Matches one element of the pattern (not a star) against c; returns the next element or NULL. */
static const char *match_one(const char *pattern, char c)
{
    const char *end;
    if (*pattern == '[') {
        bool found = in_set(pattern + 1, (unsigned char)c, &end);
        if (end)
            return found ? end : NULL;
    }
    if (*pattern == '?')
        return pattern + 1;
    if (*pattern == '\\' && pattern[1])
        pattern++;
    return *pattern == c ? pattern + 1 : NULL;
}

bool ff_glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *star_text = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
            continue;
        }
        const char *next = *pattern ? match_one(pattern, *text) : NULL;
        if (next) {
            pattern = next;
            text++;
        } else if (star) {
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

char *ff_glob_escape(const char *text, char *out)
{
    for (; *text; *out++ = *text++)
        if (strchr("*?[\\", *text))
            *out++ = '\\';
    *out = '\0';
    return out;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both words are at most MAX_WORD long. */
static size_t edit_distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    size_t rows[3][MAX_WORD + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = smaller(best, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = smaller(best, before[j - 2] + 1);
            row[j] = best;
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_size];
}

const char *ff_suggest(const char *word, const char *const *candidates, size_t count)
{
    size_t size = strlen(word);
    if (size > MAX_WORD)
        return NULL;
    size_t best = (size < 3 ? 1 : size / 3) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t candidate_size = strlen(candidates[i]);
        if (candidate_size > MAX_WORD)
            continue;
        size_t distance = edit_distance(word, size, candidates[i], candidate_size);
        if (distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* Numbers, durations, sizes, globs, suggestions and plurals in text that people write. Independent of the
 * locale. */
#ifndef FF_COMMON_TEXT_H
#define FF_COMMON_TEXT_H

#include "common/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Each parses the whole text or returns false and writes nothing. */
bool ff_parse_double(const char *text, size_t size,
                     double *value); /* finite decimal number, correctly rounded */
bool ff_is_decimal(const char *text,
                   size_t size); /* the syntax of one, however large: 1e999 is, inf is not */
bool ff_parse_integer(const char *text, int64_t *value);
bool ff_parse_duration(const char *text, int64_t *ms);     /* 500ms 30s 5m 1h 7d; > 0 and < 10,000 years */
bool ff_parse_size(const char *text, uint64_t *bytes);     /* 123 64KiB 10MiB 1GiB 1TiB */
bool ff_parse_percent(const char *text, double *fraction); /* 5% = 0.05; 0%…100% */

/* Whether two texts of a size are equal; for short ones in hot loops, without a call. */
static inline bool ff_text_equal(const char *a, const char *b, size_t size)
{
    uint64_t x, y;
    if (size < 8)
        return memcmp(a, b, size) == 0;
    for (size_t at = 0; at + 8 < size; at += 8) {
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + size - 8, 8);
    memcpy(&y, b + size - 8, 8);
    return x == y;
}

/* What a word for so many things ends with: "1 row", "2 rows". */
static inline const char *ff_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Shell-like pattern over bytes: * ? [a-z] [!a-z] and backslash; * also matches '/'. */
bool ff_glob_match(const char *pattern, const char *text);
/* Writes the pattern that matches text alone to out, which has room for 2 * strlen(text) + 1; returns its
 * end. */
char *ff_glob_escape(const char *text, char *out);

/* The candidate nearest to word (edit distance at most 1/3 of its length, at least 1), NULL if none is near.
 */
const char *ff_suggest(const char *word, const char *const *candidates, size_t count);

#endif

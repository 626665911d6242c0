/* Three readers of times: ISO 8601 and epoch numbers (auto), counted steps (index), and strptime's formats.
 *
 * A file in long form repeats each time for every target, often in adjacent rows, so the last text and its
 * result are kept. Fractions are floored to milliseconds on the number line: -0.5 ms is in millisecond -1. */
#include "coordinator/timeparse.h"

#include "common/buf.h"
#include "common/text.h"
#include "coordinator/calendar.h"
#include "coordinator/timezone.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_TEXT = 120, DAY_S = 86400 };

static const int64_t min_ms = -62167219200000; /* 0000-01-01 */
static const int64_t max_ms = 253402300799999; /* 9999-12-31T23:59:59.999 */

enum time_format { AUTO, INDEX, STRPTIME };

struct ff_timeparse {
    enum time_format format;
    int64_t step_ms;
    struct ff_timezone *zone;
    locale_t locale;
    bool gives_offset;     /* %z, or %s, which strptime reads with the process's own zone */
    char *before_fraction; /* the strptime format up to %f */
    char *after_fraction;  /* and behind it; NULL: no %f */
    char last[MAX_TEXT];
    size_t last_size;
    int64_t last_ms;
};

/* A time on the wall: seconds as if in UTC, and the offset that the text gives, if it does. */
struct wall {
    int64_t seconds;
    int64_t ms; /* 0…999, floored */
    bool has_offset;
    int64_t offset;
};

/* The text not read yet. */
struct cursor {
    const char *at;
    const char *end;
};

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_any(struct cursor *c, const char *wanted)
{
    return c->at < c->end && *c->at && strchr(wanted, *c->at) && c->at++;
}

static bool take_digits(struct cursor *c, int count, int *value)
{
    int number = 0;
    if (c->end - c->at < count)
        return false;
    for (int i = 0; i < count; i++, c->at++) {
        if (!isdigit((unsigned char)*c->at))
            return false;
        number = number * 10 + (*c->at - '0');
    }
    *value = number;
    return true;
}

/* Digits of a fraction as floored thousandths; at least one. */
static bool take_fraction(struct cursor *c, int64_t *ms)
{
    int64_t value = 0, weight = 100;
    const char *start = c->at;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++, weight /= 10)
        value += (*c->at - '0') * weight;
    *ms = value;
    return c->at > start;
}

static bool take_date(struct cursor *c, bool *extended, int64_t *days)
{
    int year, month, day;
    if (!take_digits(c, 4, &year))
        return false;
    *extended = take(c, '-');
    if (!take_digits(c, 2, &month) || (*extended && !take(c, '-')) || !take_digits(c, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > ff_days_in_month(year, month))
        return false;
    *days = ff_days_from_civil(year, month, day);
    return true;
}

/* hh:mm[:ss[.fff]]; 24:00 is the next day, second 60 the next minute. */
static bool take_clock(struct cursor *c, bool extended, struct wall *wall)
{
    int hour, minute, second = 0;
    if (!take_digits(c, 2, &hour) || (extended && !take(c, ':')) || !take_digits(c, 2, &minute))
        return false;
    bool more = extended ? take(c, ':') : c->at < c->end && isdigit((unsigned char)*c->at);
    if (more && !take_digits(c, 2, &second))
        return false;
    if (more && take_any(c, ".,") && !take_fraction(c, &wall->ms))
        return false;
    if (hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute || second || wall->ms)))
        return false;
    wall->seconds += hour * 3600 + minute * 60 + second;
    return true;
}

/* Z, +hh, +hhmm or +hh:mm, perhaps behind a blank. */
static bool take_offset(struct cursor *c, struct wall *wall)
{
    take(c, ' ');
    wall->has_offset = true;
    if (take_any(c, "Zz"))
        return true;
    bool west = take(c, '-');
    int hours, minutes = 0;
    if ((!west && !take(c, '+')) || !take_digits(c, 2, &hours))
        return false;
    bool colon = take(c, ':');
    if ((colon || c->at < c->end) && !take_digits(c, 2, &minutes))
        return false;
    wall->offset = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

static bool parse_iso(const char *text, size_t size, struct wall *wall)
{
    struct cursor c = {text, text + size};
    bool extended;
    int64_t days;
    if (!take_date(&c, &extended, &days))
        return false;
    wall->seconds = days * DAY_S;
    if (c.at == c.end)
        return extended;
    if (!take_any(&c, extended ? "Tt " : "Tt") || !take_clock(&c, extended, wall))
        return false;
    return c.at == c.end || (take_offset(&c, wall) && c.at == c.end);
}

/* How many of a unit are in a millisecond, by the size of the number; 0: they are seconds. */
static uint64_t units_per_ms(double magnitude)
{
    if (magnitude < 1e11)
        return 0;
    return magnitude < 1e14 ? 1 : magnitude < 1e17 ? 1000 : 1000000;
}

/* A number with an exponent, such as spreadsheets write. */
static bool parse_float_epoch(const char *text, size_t size, int64_t *ms)
{
    double value;
    if (!ff_parse_double(text, size, &value))
        return false;
    uint64_t divisor = units_per_ms(fabs(value));
    double result = floor(divisor ? value / (double)divisor : value * 1000);
    if (fabs(result) > 1e15)
        return false;
    *ms = (int64_t)result;
    return true;
}

static bool has_nonzero(const char *at, const char *end)
{
    while (at < end && *at == '0')
        at++;
    return at < end;
}

/* Digits with perhaps a fraction, exactly: seconds, ms, µs or ns by size. */
static bool parse_epoch(const char *text, size_t size, int64_t *ms)
{
    struct cursor c = {text, text + size};
    bool negative = take(&c, '-');
    const char *digits = c.at;
    uint64_t whole = 0;
    for (; c.at < c.end && isdigit((unsigned char)*c.at) && c.at - digits < 19; c.at++)
        whole = whole * 10 + (uint64_t)(*c.at - '0');
    bool has_digits = c.at > digits;
    int64_t thousandths = 0;
    const char *fraction = take(&c, '.') ? c.at : c.end;
    if (!has_digits || (fraction < c.end && !take_fraction(&c, &thousandths)) || c.at != c.end)
        return parse_float_epoch(text, size, ms);
    uint64_t divisor = units_per_ms((double)whole);
    bool rest = divisor ? whole % divisor || has_nonzero(fraction, c.end)
                        : c.end - fraction > 3 && has_nonzero(fraction + 3, c.end);
    int64_t value = (int64_t)(divisor ? whole / divisor : whole * 1000 + (uint64_t)thousandths);
    *ms = negative ? -value - rest : value;
    return true;
}

static int64_t to_ms(const struct ff_timeparse *parser, const struct wall *wall)
{
    int64_t utc =
        wall->has_offset ? wall->seconds - wall->offset : ff_timezone_to_utc(parser->zone, wall->seconds);
    return utc * 1000 + wall->ms;
}

static bool parse_auto(struct ff_timeparse *parser, const char *text, size_t size, int64_t *ms)
{
    struct wall wall = {0};
    if (!parse_iso(text, size, &wall))
        return parse_epoch(text, size, ms);
    *ms = to_ms(parser, &wall);
    return true;
}

static bool parse_index(struct ff_timeparse *parser, const char *text, int64_t *ms)
{
    int64_t index;
    return ff_parse_integer(text, &index) && !__builtin_mul_overflow(index, parser->step_ms, ms);
}

static bool parse_strptime(struct ff_timeparse *parser, const char *text, int64_t *ms)
{
    struct tm tm = {.tm_year = 70, .tm_mday = 1};
    struct wall wall = {0};
    const char *at = strptime_l(text, parser->before_fraction, &tm, parser->locale);
    if (at && parser->after_fraction) {
        struct cursor c = {at, at + strlen(at)};
        if (!take_fraction(&c, &wall.ms))
            return false;
        at = strptime_l(c.at, parser->after_fraction, &tm, parser->locale);
    }
    if (!at || *at || tm.tm_mday > ff_days_in_month(tm.tm_year + 1900, tm.tm_mon + 1))
        return false;
    wall.seconds = ff_days_from_civil(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) * DAY_S +
                   tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    wall.has_offset = parser->gives_offset;
    wall.offset = tm.tm_gmtoff;
    *ms = to_ms(parser, &wall);
    return true;
}

static bool parse(struct ff_timeparse *parser, const char *text, size_t size, int64_t *ms)
{
    switch (parser->format) {
    case AUTO:
        return parse_auto(parser, text, size, ms);
    case INDEX:
        return parse_index(parser, text, ms);
    case STRPTIME:
        return parse_strptime(parser, text, ms);
    }
    return false;
}

bool ff_timeparse(struct ff_timeparse *parser, const char *text, size_t size, int64_t *ms)
{
    for (; size > 0 && (*text == ' ' || *text == '\t'); size--)
        text++;
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size == 0 || size >= MAX_TEXT)
        return false;
    if (size == parser->last_size && ff_text_equal(text, parser->last, size)) {
        *ms = parser->last_ms;
        return true;
    }
    char copy[MAX_TEXT];
    memcpy(copy, text, size);
    copy[size] = '\0';
    int64_t value;
    if (memchr(copy, '\0', size) || !parse(parser, copy, size, &value) || value < min_ms || value > max_ms)
        return false;
    memcpy(parser->last, text, size);
    parser->last_size = size;
    *ms = parser->last_ms = value;
    return true;
}

/* The strptime format is cut at the first %f (not at %%f). */
static void split_format(struct ff_timeparse *parser, const char *format)
{
    const char *at = format;
    while (*at && !(at[0] == '%' && at[1] == 'f'))
        at += at[0] == '%' && at[1] ? 2 : 1;
    parser->before_fraction = ff_xstrndup(format, (size_t)(at - format));
    parser->after_fraction = *at ? ff_xstrdup(at + 2) : NULL;
}

enum ff_status ff_timeparse_create(const char *format, const char *zone_name, int64_t step_ms,
                                   struct ff_timeparse **out, struct ff_error *err)
{
    struct ff_timezone *zone;
    enum ff_status status = ff_timezone_load(zone_name, &zone, err);
    if (status)
        return status;
    struct ff_timeparse *parser = ff_xcalloc(1, sizeof *parser);
    parser->zone = zone;
    parser->step_ms = step_ms;
    parser->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    parser->format = strcmp(format, "auto") == 0 ? AUTO : strcmp(format, "index") == 0 ? INDEX : STRPTIME;
    parser->gives_offset = strstr(format, "%z") || strstr(format, "%s");
    split_format(parser, format);
    *out = parser;
    return FF_OK;
}

void ff_timeparse_destroy(struct ff_timeparse *parser)
{
    if (!parser)
        return;
    ff_timezone_destroy(parser->zone);
    freelocale(parser->locale);
    free(parser->before_fraction);
    free(parser->after_fraction);
    free(parser);
}

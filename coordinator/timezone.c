/* Reads TZif files (RFC 8536) itself: localtime(3) and mktime(3) know one zone per process and take locks.
 *
 * Behind the last transition the file's footer, a POSIX TZ string such as CET-1CEST,M3.5.0,M10.5.0/3, rules.
 * Only the M form is read, the only one in the tz database; a footer that is something else keeps the last
 * offset.
 *
 * A wall clock time is turned into UTC by trying the offsets in force a day before and a day after it:
 * transitions lie further apart than that, and the one that really is in force at the result is the answer.
 */
#include "coordinator/timezone.h"

#include "common/buf.h"
#include "coordinator/calendar.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 44, MAX_FILE = 1 << 20, DAY = 86400 };

struct transition {
    int64_t at;     /* UTC seconds */
    int64_t offset; /* from then on: local − UTC */
};

/* Week of a month, a day of the week and a time: the Mm.w.d/time of POSIX. */
struct yearly {
    int month, week, day;
    int64_t time;
};

struct ff_timezone {
    struct transition *transitions;
    size_t count;
    int64_t first_offset; /* before the first transition */
    bool has_rule;        /* the footer has daylight saving time */
    int64_t standard, summer;
    struct yearly begins, ends; /* summer, in local time */
};

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

struct counts {
    uint64_t utc, standard, leap, transitions, types, names;
};

static struct counts read_counts(const uint8_t *header)
{
    uint64_t fields[6];
    for (size_t i = 0; i < 6; i++)
        fields[i] = big_endian(header + 20 + 4 * i, 4);
    return (struct counts){fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]};
}

static uint64_t body_size(const struct counts *c, uint64_t time_size)
{
    return c->transitions * (time_size + 1) + c->types * 6 + c->names + c->leap * (time_size + 4) +
           c->standard + c->utc;
}

static bool read_transitions(struct ff_timezone *zone, const uint8_t *body, const struct counts *c)
{
    const uint8_t *indexes = body + c->transitions * 8;
    const uint8_t *types = indexes + c->transitions;
    if (c->types == 0)
        return false;
    zone->first_offset = (int32_t)big_endian(types, 4);
    zone->transitions = ff_xcalloc(c->transitions + 1, sizeof *zone->transitions);
    zone->count = c->transitions;
    for (size_t i = 0; i < c->transitions; i++) {
        if (indexes[i] >= c->types)
            return false;
        zone->transitions[i].at = (int64_t)big_endian(body + 8 * i, 8);
        zone->transitions[i].offset = (int32_t)big_endian(types + 6 * indexes[i], 4);
    }
    return true;
}

static const char *skip_name(const char *at)
{
    if (*at == '<') {
        const char *end = strchr(at, '>');
        return end ? end + 1 : NULL;
    }
    while (isalpha((unsigned char)*at))
        at++;
    return at;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static const char *read_time(const char *at, int64_t *seconds)
{
    int64_t sign = *at == '-' ? -1 : 1, total = 0, unit = 3600;
    at += *at == '-' || *at == '+';
    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; unit > 0; unit /= 60) {
        char *end;
        total += strtol(at, &end, 10) * unit;
        at = end;
        if (*at != ':' || !isdigit((unsigned char)at[1]))
            break;
        at++;
    }
    *seconds = sign * total;
    return at;
}

static const char *read_yearly(const char *at, struct yearly *rule)
{
    int used = 0;
    rule->time = 7200;
    if (sscanf(at, ",M%2d.%1d.%1d%n", &rule->month, &rule->week, &rule->day, &used) != 3)
        return NULL;
    if (rule->month < 1 || rule->month > 12 || rule->week < 1 || rule->week > 5 || rule->day > 6)
        return NULL;
    at += used;
    return *at == '/' ? read_time(at + 1, &rule->time) : at;
}

static void read_footer(struct ff_timezone *zone, const char *at)
{
    int64_t west;
    if (!(at = skip_name(at)) || !(at = read_time(at, &west)))
        return;
    zone->standard = -west;
    zone->summer = zone->standard + 3600;
    if (!*at || !(at = skip_name(at)))
        return;
    if (*at != ',') {
        if (!(at = read_time(at, &west)))
            return;
        zone->summer = -west;
    }
    zone->has_rule = (at = read_yearly(at, &zone->begins)) && read_yearly(at, &zone->ends);
}

static bool read_zone(struct ff_timezone *zone, char *data, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)data;
    if (size < HEADER || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
        return false;
    struct counts old = read_counts(bytes);
    uint64_t second = HEADER + body_size(&old, 4);
    if (second + HEADER > size || memcmp(bytes + second, "TZif", 4) != 0)
        return false;
    struct counts c = read_counts(bytes + second);
    uint64_t body = second + HEADER;
    uint64_t footer = body + body_size(&c, 8);
    if (footer > size || !read_transitions(zone, bytes + body, &c))
        return false;
    data[size] = '\0';
    if (footer < size && data[footer] == '\n') {
        data[footer + 1 + strcspn(data + footer + 1, "\n")] = '\0';
        read_footer(zone, data + footer + 1);
    }
    return true;
}

static bool is_zone_name(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/");
    return size > 0 && size < 100 && name[size] == '\0' && name[0] != '/';
}

static FILE *open_zone(const char *name)
{
    const char *folder = getenv("TZDIR");
    char *path = ff_xasprintf("%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", name);
    FILE *file = is_zone_name(name) ? fopen(path, "rbe") : NULL;
    free(path);
    return file;
}

enum ff_status ff_timezone_load(const char *name, struct ff_timezone **out, struct ff_error *err)
{
    struct ff_timezone *zone = ff_xcalloc(1, sizeof *zone);
    if (strcmp(name, "UTC") == 0) {
        *out = zone;
        return FF_OK;
    }
    FILE *file = open_zone(name);
    char *data = ff_xalloc(MAX_FILE + 1);
    size_t size = file ? fread(data, 1, MAX_FILE, file) : 0;
    bool ok = file && read_zone(zone, data, size);
    if (file)
        fclose(file);
    free(data);
    if (!ok) {
        ff_timezone_destroy(zone);
        return ff_error_set(
            err, FF_INVALID_ARGUMENT,
            "data.timezone: expected a name of the tz database such as Europe/Berlin, found '%s'", name);
    }
    *out = zone;
    return FF_OK;
}

/* UTC seconds of a yearly change; offset is in force before it. */
static int64_t change_at(const struct yearly *rule, int64_t year, int64_t offset)
{
    int64_t first = ff_days_from_civil(year, rule->month, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
    if (day >= first + ff_days_in_month(year, rule->month))
        day -= 7;
    return day * DAY + rule->time - offset;
}

static int64_t rule_offset(const struct ff_timezone *zone, int64_t utc)
{
    int64_t year = ff_year_of_days(ff_floor_div(utc + zone->standard, DAY));
    int64_t begin = change_at(&zone->begins, year, zone->standard);
    int64_t end = change_at(&zone->ends, year, zone->summer);
    bool summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
    return summer ? zone->summer : zone->standard;
}

static int64_t offset_at(const struct ff_timezone *zone, int64_t utc)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->transitions[middle].at <= utc)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->has_rule)
        return rule_offset(zone, utc);
    return low == 0 ? zone->first_offset : zone->transitions[low - 1].offset;
}

int64_t ff_timezone_to_utc(const struct ff_timezone *zone, int64_t local_s)
{
    int64_t before = offset_at(zone, local_s - DAY);
    int64_t after = offset_at(zone, local_s + DAY);
    if (before == after)
        return local_s - before;
    int64_t early = local_s - (before > after ? before : after);
    int64_t late = local_s - (before > after ? after : before);
    if (offset_at(zone, early) == local_s - early)
        return early;
    if (offset_at(zone, late) == local_s - late)
        return late;
    return local_s - before;
}

void ff_timezone_destroy(struct ff_timezone *zone)
{
    if (!zone)
        return;
    free(zone->transitions);
    free(zone);
}

/* What comes from data may be any bytes, and a terminal obeys some of them. So nothing foreign is printed
 * before it is decoded as UTF-8 and stripped of what a terminal would act on (C0, C1, bidirectional
 * overrides). */
#include "coordinator/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { INVALID = 0x110000 };

struct range {
    uint32_t first, last;
};

/* After the East Asian Width property (Unicode Standard Annex 11), in its large blocks. */
static const struct range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0xA4CF},
                                    {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},
                                    {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                                    {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
static const struct range combining[] = {
    {0x0300, 0x036F}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}};
static const struct range harmful[] = {{0x00, 0x1F},      {0x7F, 0x9F},     {0x200E, 0x200F},
                                       {0x2028, 0x202E},  {0x2066, 0x2069}, {0xFEFF, 0xFEFF},
                                       {INVALID, INVALID}};
#define IN(ranges, code) in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), code)

static bool in_ranges(const struct range *ranges, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

/* The character at at and its length; INVALID, of one byte, if there is none. */
static uint32_t decode(const uint8_t *at, size_t room, size_t *length)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : at[0] >= 0xC0 ? 2 : 0;
    *length = 1;
    if (size <= 1)
        return size ? at[0] : INVALID;
    if (size > room || at[0] > 0xF4)
        return INVALID;
    uint32_t code = at[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return INVALID;
        code = code << 6 | (at[i] & 0x3Fu);
    }
    if (code < smallest[size] || code >= INVALID || (code >= 0xD800 && code <= 0xDFFF))
        return INVALID;
    *length = size;
    return code;
}

void ff_show_clean(struct ff_bytes text, bool lines, struct ff_buf *out)
{
    for (size_t at = 0, length; at < text.size; at += length) {
        uint32_t code = decode(text.data + at, text.size - at, &length);
        bool keeps = lines && (code == '\n' || code == '\t');
        if (!keeps && IN(harmful, code))
            ff_buf_append(out, "?", 1);
        else
            ff_buf_append(out, text.data + at, length);
    }
}

static size_t width_of(uint32_t code)
{
    return IN(combining, code) ? 0 : IN(wide, code) ? 2 : 1;
}

size_t ff_show_prefix(const char *text, size_t width)
{
    size_t size = strlen(text), at = 0;
    for (size_t length; at < size; at += length) {
        size_t more = width_of(decode((const uint8_t *)text + at, size - at, &length));
        if (more > width)
            break;
        width -= more;
    }
    return at;
}

size_t ff_show_width(const char *text)
{
    size_t size = strlen(text), width = 0;
    for (size_t at = 0, length; at < size; at += length)
        width += width_of(decode((const uint8_t *)text + at, size - at, &length));
    return width;
}

/* ---- numbers ---- */

struct ff_shown ff_show_time(int64_t wall_ms)
{
    struct ff_shown shown;
    int64_t ms = (wall_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    size_t length = strftime(shown.text, sizeof shown.text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(shown.text + length, sizeof shown.text - length, ".%03dZ", (int)ms);
    return shown;
}

static struct ff_shown two_units(double ms, double large_ms, const char *large, double small_ms,
                                 const char *small)
{
    struct ff_shown shown;
    double smalls = floor(ms / small_ms + 0.5);
    double per = large_ms / small_ms;
    snprintf(shown.text, sizeof shown.text, "%.0f %s %.0f %s", floor(smalls / per), large, fmod(smalls, per),
             small);
    return shown;
}

struct ff_shown ff_show_duration(double ms)
{
    struct ff_shown shown;
    if (ms >= 86400e3)
        return two_units(ms, 86400e3, "d", 3600e3, "h");
    if (ms >= 3600e3)
        return two_units(ms, 3600e3, "h", 60e3, "min");
    if (ms >= 59950)
        return two_units(ms, 60e3, "min", 1e3, "s");
    if (ms >= 999.5)
        snprintf(shown.text, sizeof shown.text, "%.1f s", ms / 1000);
    else
        snprintf(shown.text, sizeof shown.text, ms < 9.95 && ms >= 0.05 ? "%.1f ms" : "%.0f ms", ms);
    return shown;
}

struct ff_shown ff_show_count(uint64_t count)
{
    struct ff_shown shown;
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), to = 0;
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            shown.text[to++] = ',';
        shown.text[to++] = digits[i];
    }
    shown.text[to] = '\0';
    return shown;
}

struct ff_shown ff_show_size(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    struct ff_shown shown;
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(shown.text, sizeof shown.text, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return shown;
}

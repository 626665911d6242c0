/* A writer needs no stack: whether a comma is due is decided by the last thing written alone. A value or the
 * end of a container makes one due, the beginning of a container or a key does not.
 *
 * UTF-8 is checked by the table of well-formed sequences (Unicode Standard, table 3-7): overlong forms,
 * surrogates and numbers above U+10FFFF are replaced byte by byte. The C locale is assumed: no program here
 * sets another. */
#include "common/json.h"

#include "common/decimal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct ff_json *json, const char *text)
{
    ff_buf_append(json->out, text, strlen(text));
}

static void before_value(struct ff_json *json)
{
    if (json->comma)
        put(json, ",");
    json->comma = true;
}

static void begin(struct ff_json *json, const char *bracket)
{
    before_value(json);
    put(json, bracket);
    json->comma = false;
}

static void end(struct ff_json *json, const char *bracket)
{
    put(json, bracket);
    json->comma = true;
}

void ff_json_object_begin(struct ff_json *json)
{
    begin(json, "{");
}

void ff_json_object_end(struct ff_json *json)
{
    end(json, "}");
}

void ff_json_array_begin(struct ff_json *json)
{
    begin(json, "[");
}

void ff_json_array_end(struct ff_json *json)
{
    end(json, "]");
}

static bool between(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

static bool second_byte_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xE0:
        return between(second, 0xA0, 0xBF);
    case 0xED:
        return between(second, 0x80, 0x9F);
    case 0xF0:
        return between(second, 0x90, 0xBF);
    case 0xF4:
        return between(second, 0x80, 0x8F);
    default:
        return between(second, 0x80, 0xBF);
    }
}

/* Bytes of the well-formed sequence at at, 0 if there is none. */
static size_t sequence_length(const uint8_t *at, size_t room)
{
    if (at[0] < 0x80)
        return 1;
    size_t length = between(at[0], 0xC2, 0xDF)   ? 2
                    : between(at[0], 0xE0, 0xEF) ? 3
                    : between(at[0], 0xF0, 0xF4) ? 4
                                                 : 0;
    if (length == 0 || length > room || !second_byte_fits(at[0], at[1]))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!between(at[i], 0x80, 0xBF))
            return 0;
    return length;
}

static const char *short_escape(uint8_t byte)
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static void put_escaped(struct ff_json *json, uint8_t byte)
{
    const char *escape = short_escape(byte);
    if (escape)
        put(json, escape);
    else
        ff_buf_printf(json->out, "\\u%04x", byte);
}

static bool stands_for_itself(const uint8_t *at, size_t length)
{
    return length > 1 || (at[0] >= 0x20 && at[0] != 0x7F && at[0] != '"' && at[0] != '\\');
}

static void put_quoted(struct ff_json *json, const uint8_t *text, size_t size)
{
    put(json, "\"");
    for (size_t at = 0; at < size;) {
        size_t length = sequence_length(text + at, size - at);
        if (length == 0)
            put(json, "\xEF\xBF\xBD");
        else if (stands_for_itself(text + at, length))
            ff_buf_append(json->out, text + at, length);
        else
            put_escaped(json, text[at]);
        at += length ? length : 1;
    }
    put(json, "\"");
}

void ff_json_key(struct ff_json *json, const char *key)
{
    before_value(json);
    put_quoted(json, (const uint8_t *)key, strlen(key));
    put(json, ":");
    json->comma = false;
}

void ff_json_string(struct ff_json *json, const char *text)
{
    if (text)
        ff_json_bytes(json, (struct ff_bytes){(const uint8_t *)text, strlen(text)});
    else
        ff_json_null(json);
}

void ff_json_bytes(struct ff_json *json, struct ff_bytes text)
{
    before_value(json);
    put_quoted(json, text.data, text.size);
}

void ff_json_double(struct ff_json *json, double value)
{
    if (!isfinite(value)) {
        ff_json_null(json);
        return;
    }
    char text[FF_DECIMAL_SIZE];
    ff_decimal(value, text);
    ff_json_raw(json, text);
}

void ff_json_int(struct ff_json *json, int64_t value)
{
    before_value(json);
    ff_buf_printf(json->out, "%" PRId64, value);
}

void ff_json_uint(struct ff_json *json, uint64_t value)
{
    before_value(json);
    ff_buf_printf(json->out, "%" PRIu64, value);
}

void ff_json_bool(struct ff_json *json, bool value)
{
    ff_json_raw(json, value ? "true" : "false");
}

void ff_json_null(struct ff_json *json)
{
    ff_json_raw(json, "null");
}

void ff_json_raw(struct ff_json *json, const char *text)
{
    before_value(json);
    put(json, text);
}

void ff_json_put_string(struct ff_json *json, const char *key, const char *text)
{
    ff_json_key(json, key);
    ff_json_string(json, text);
}

void ff_json_put_double(struct ff_json *json, const char *key, double value)
{
    ff_json_key(json, key);
    ff_json_double(json, value);
}

void ff_json_put_int(struct ff_json *json, const char *key, int64_t value)
{
    ff_json_key(json, key);
    ff_json_int(json, value);
}

void ff_json_put_uint(struct ff_json *json, const char *key, uint64_t value)
{
    ff_json_key(json, key);
    ff_json_uint(json, value);
}

void ff_json_put_bool(struct ff_json *json, const char *key, bool value)
{
    ff_json_key(json, key);
    ff_json_bool(json, value);
}

void ff_json_put_null(struct ff_json *json, const char *key)
{
    ff_json_key(json, key);
    ff_json_null(json);
}

void ff_json_put_raw(struct ff_json *json, const char *key, const char *text)
{
    ff_json_key(json, key);
    ff_json_raw(json, text);
}

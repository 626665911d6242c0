/* The reader takes any JSON array of strings: white space, every escape, and pairs of \u for what lies beyond
 * the first plane. An item is never longer than its text, so each is decoded into a copy's room. */
#include "common/texts.h"

#include "common/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void ff_texts_write(const char *const *items, size_t count, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_array_begin(&json);
    for (size_t i = 0; i < count; i++)
        ff_json_string(&json, items[i]);
    ff_json_array_end(&json);
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Four hexadecimal digits; -1 if there are none. */
static long read_hex(const char *at)
{
    char digits[5] = "";
    if (strspn(at, "0123456789abcdefABCDEF") < 4)
        return -1;
    memcpy(digits, at, 4);
    return strtol(digits, NULL, 16);
}

static size_t write_utf8(uint32_t c, char *out)
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | (c >> (6 * more)));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | ((c >> (6 * (more - i))) & 0x3f));
    return more + 1;
}

/* What stands behind "\u". NULL: nothing that a text can hold. */
static const char *read_unicode(const char *at, char **out)
{
    long high = read_hex(at), low;
    if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
        return NULL;
    at += 4;
    if (high >= 0xd800 && high <= 0xdbff) {
        low = at[0] == '\\' && at[1] == 'u' ? read_hex(at + 2) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    *out += write_utf8((uint32_t)high, *out);
    return at;
}

/* at is behind a backslash. */
static const char *read_escape(const char *at, char **out)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (*at == 'u')
        return read_unicode(at + 1, out);
    const char *found = *at ? strchr(names, *at) : NULL;
    if (!found)
        return NULL;
    *(*out)++ = values[found - names];
    return at + 1;
}

/* at is behind the opening quote; out has room for the rest of the text. Returns what is behind the closing
 * one. */
static const char *read_string(const char *at, char *out)
{
    while (at && *at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\')
            at = read_escape(at + 1, &out);
        else
            *out++ = *at++;
    }
    *out = '\0';
    return at ? at + 1 : NULL;
}

bool ff_texts_read(const char *text, struct ff_arena *arena, const char *const **items, size_t *count)
{
    size_t length = strlen(text), found = 0;
    const char **list = ff_arena_alloc(arena, (length / 2 + 1) * sizeof *list);
    const char *at = skip_blanks(text);
    char *room = ff_arena_alloc(arena, length + 1);
    if (*at++ != '[')
        return false;
    at = skip_blanks(at);
    while (*at != ']') {
        if (found && *at++ != ',')
            return false;
        at = skip_blanks(at);
        if (*at++ != '"' || !(at = read_string(at, room)))
            return false;
        list[found++] = room;
        room += strlen(room) + 1;
        at = skip_blanks(at);
    }
    *items = list;
    *count = found;
    return *skip_blanks(at + 1) == '\0';
}

/* A reader of the JSON that common/model.c writes: compact, flat but for "metrics". Not of JSON in general.
 */
#include "coordinator/summary.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct member {
    struct ff_bytes key; /* escapes as they are */
    const char *value;
    size_t size;
};

/* Behind the string that begins at at; NULL if it does not end. */
static const char *string_end(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        if (*at == '\\' && at[1])
            at++;
    return *at ? at + 1 : NULL;
}

/* Behind the value that begins at at. */
static const char *value_end(const char *at)
{
    size_t depth = 0;
    while (at && *at) {
        if (depth == 0 && (*at == ',' || *at == '}'))
            break;
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at = *at == '"' ? string_end(at) : at + 1;
    }
    return at;
}

/* The next member; *at stands behind '{' or a member. */
static bool next_member(const char **at, struct member *member)
{
    const char *key = **at == ',' ? *at + 1 : *at;
    const char *end = *key == '"' ? string_end(key) : NULL;
    if (!end || *end != ':')
        return false;
    const char *value = end + 1;
    const char *behind = value_end(value);
    if (!behind)
        return false;
    *member =
        (struct member){{(const uint8_t *)key + 1, (size_t)(end - key) - 2}, value, (size_t)(behind - value)};
    *at = behind;
    return true;
}

static bool is_key(const struct member *member, const char *name)
{
    return member->key.size == strlen(name) && memcmp(member->key.data, name, member->key.size) == 0;
}

static bool is_worth_a_word(const struct member *member)
{
    const char *value = member->value;
    bool scalar = *value != '{' && *value != '[';
    bool empty = *value == 'f' || (*value == 'n') || (member->size == 1 && *value == '0');
    return scalar && !empty && !is_key(member, "n") && !is_key(member, "errmsg");
}

static void append_number(double number, struct ff_buf *out)
{
    bool is_whole = fabs(number) < 1e9 && number == floor(number);
    ff_buf_printf(out, is_whole ? "%.0f" : "%.4g", number);
}

static void append_value(const struct member *member, struct ff_buf *out)
{
    if (*member->value == '"')
        ff_buf_append(out, member->value + 1, member->size - 2);
    else
        append_number(strtod(member->value, NULL), out);
}

static void append_params(const char *object, struct ff_buf *out)
{
    struct member member;
    bool first = true;
    for (const char *at = object + 1; next_member(&at, &member);) {
        if (!is_worth_a_word(&member))
            continue;
        ff_buf_printf(out, "%s", first ? "" : ", ");
        first = false;
        bool is_error = is_key(&member, "error");
        if (!is_error)
            ff_buf_append(out, member.key.data, member.key.size);
        if (!is_error && *member.value != 't')
            ff_buf_append(out, " ", 1);
        if (*member.value != 't')
            append_value(&member, out);
    }
}

static size_t count_members(const char *object)
{
    struct member member;
    size_t count = 0;
    for (const char *at = object + 1; next_member(&at, &member);)
        count++;
    return count;
}

static void append_metrics(const char *object, struct ff_buf *out)
{
    struct member member;
    bool several = count_members(object) > 1, first = true;
    for (const char *at = object + 1; next_member(&at, &member);) {
        ff_buf_printf(out, "%s", first ? "" : "; ");
        first = false;
        if (several) {
            ff_buf_append(out, member.key.data, member.key.size);
            ff_buf_append(out, ": ", 2);
        }
        append_params(member.value, out);
    }
}

void ff_summary_words(const char *json, struct ff_buf *out)
{
    struct member first;
    const char *at = json + 1;
    if (*json != '{' || !next_member(&at, &first))
        return;
    if (is_key(&first, "metrics"))
        append_metrics(first.value, out);
    else
        append_params(json, out);
}

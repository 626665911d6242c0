/* Typed values of a config tree. Each getter names the value's place and path when it refuses, what it
 * expected and what it found; a value that is not given leaves the caller's default. */
#include "common/buf.h"
#include "common/config.h"
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_given(const struct ff_config_node *node)
{
    return node && node->kind != FF_CONFIG_NULL;
}

/* Puts the place of line and column before text. */
static enum ff_status fail_at(const struct ff_config_node *node, int line, int column, const char *text,
                              struct ff_error *err)
{
    if (node->line == 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %s", node->origin, text);
    return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%d:%d: %s", node->origin, line, column, text);
}

enum ff_status ff_config_fail(const struct ff_config_node *node, struct ff_error *err, const char *format,
                              ...)
{
    char text[900];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return fail_at(node, node->line, node->column, text, err);
}

enum ff_status ff_config_expected(const struct ff_config_node *node, const char *expected,
                                  struct ff_error *err)
{
    const char *path = *node->path ? node->path : "the document";
    switch (node->kind) {
    case FF_CONFIG_NULL:
        return ff_config_fail(node, err, "%s: expected %s, found nothing", path, expected);
    case FF_CONFIG_LIST:
        return ff_config_fail(node, err, "%s: expected %s, found a list", path, expected);
    case FF_CONFIG_MAP:
        return ff_config_fail(node, err, "%s: expected %s, found a map", path, expected);
    case FF_CONFIG_SCALAR:
        break;
    }
    return ff_config_fail(node, err, "%s: expected %s, found '%s'", path, expected, node->text);
}

static void describe_unknown(char *text, size_t size, const char *what, const char *word, const char *within,
                             const char *nearest)
{
    snprintf(text, size, "unknown %s '%.200s'%s%.200s%s%s%s", what, word, *within ? " in " : "", within,
             nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

enum ff_status ff_config_unknown(const struct ff_config_node *node, const char *what, const char *word,
                                 const char *const *candidates, size_t count, struct ff_error *err)
{
    char text[900];
    describe_unknown(text, sizeof text, what, word, "", ff_suggest(word, candidates, count));
    return fail_at(node, node->line, node->column, text, err);
}

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

enum ff_status ff_config_unknown_key(const struct ff_config_node *node, const char *const *keys, size_t count,
                                     struct ff_error *err)
{
    char text[900];
    describe_unknown(text, sizeof text, "key", node->key, node->parent->path,
                     ff_suggest(node->key, keys, count));
    return fail_at(node, node->key_line, node->key_column, text, err);
}

enum ff_status ff_config_check_map(const struct ff_config_node *node, const char *const *keys, size_t count,
                                   struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    if (node->kind != FF_CONFIG_MAP)
        return ff_config_expected(node, "a map", err);
    for (size_t i = 0; i < node->count; i++)
        if (!is_one_of(node->items[i]->key, keys, count))
            return ff_config_unknown_key(node->items[i], keys, count, err);
    return FF_OK;
}

bool ff_config_is_word(const struct ff_config_node *node, const char *word)
{
    return node && node->kind == FF_CONFIG_SCALAR && strcmp(node->text, word) == 0;
}

enum ff_status ff_config_text(const struct ff_config_node *node, const char **out, struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    if (node->kind != FF_CONFIG_SCALAR || !*node->text)
        return ff_config_expected(node, "a text", err);
    *out = node->text;
    return FF_OK;
}

enum ff_status ff_config_bool(const struct ff_config_node *node, bool *out, struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    bool is_true = ff_config_is_word(node, "true");
    if (!node->plain || (!is_true && !ff_config_is_word(node, "false")))
        return ff_config_expected(node, "true or false", err);
    *out = is_true;
    return FF_OK;
}

enum ff_status ff_config_count(const struct ff_config_node *node, uint64_t min, uint64_t max, uint64_t *out,
                               struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    int64_t value;
    if (node->kind == FF_CONFIG_SCALAR && node->plain && ff_parse_integer(node->text, &value) && value >= 0 &&
        (uint64_t)value >= min && (uint64_t)value <= max) {
        *out = (uint64_t)value;
        return FF_OK;
    }
    char expected[100];
    snprintf(expected, sizeof expected, "a whole number from %llu to %llu", (unsigned long long)min,
             (unsigned long long)max);
    return ff_config_expected(node, expected, err);
}

enum ff_status ff_config_number(const struct ff_config_node *node, double min, double max, double *out,
                                struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    double value;
    if (node->kind == FF_CONFIG_SCALAR && node->plain &&
        ff_parse_double(node->text, strlen(node->text), &value) && value >= min && value <= max) {
        *out = value;
        return FF_OK;
    }
    char expected[100];
    snprintf(expected, sizeof expected, "a number from %.15g to %.15g", min, max);
    return ff_config_expected(node, expected, err);
}

enum ff_status ff_config_duration(const struct ff_config_node *node, int64_t *out_ms, struct ff_error *err)
{
    if (is_given(node) && (node->kind != FF_CONFIG_SCALAR || !ff_parse_duration(node->text, out_ms)))
        return ff_config_expected(node, "a duration such as 30s, 5m, 1h or 7d", err);
    return FF_OK;
}

enum ff_status ff_config_size(const struct ff_config_node *node, uint64_t *out_bytes, struct ff_error *err)
{
    if (is_given(node) && (node->kind != FF_CONFIG_SCALAR || !ff_parse_size(node->text, out_bytes)))
        return ff_config_expected(node, "a size such as 64KiB or 1GiB", err);
    return FF_OK;
}

enum ff_status ff_config_percent(const struct ff_config_node *node, double *out_fraction,
                                 struct ff_error *err)
{
    if (is_given(node) && (node->kind != FF_CONFIG_SCALAR || !ff_parse_percent(node->text, out_fraction)))
        return ff_config_expected(node, "a share from 0% to 100%", err);
    return FF_OK;
}

static enum ff_status fail_choice(const struct ff_config_node *node, const char *const *names, size_t count,
                                  struct ff_error *err)
{
    struct ff_buf expected = {0};
    ff_buf_printf(&expected, "one of");
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(&expected, "%s %s", i ? "," : "", names[i]);
    enum ff_status status = ff_config_expected(node, ff_buf_text(&expected), err);
    const char *nearest = node->kind == FF_CONFIG_SCALAR ? ff_suggest(node->text, names, count) : NULL;
    if (nearest && err) {
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ", did you mean '%s'?", nearest);
    }
    ff_buf_fini(&expected);
    return status;
}

enum ff_status ff_config_choice(const struct ff_config_node *node, const char *const *names, size_t count,
                                int *out, struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    for (size_t i = 0; i < count; i++) {
        if (ff_config_is_word(node, names[i])) {
            *out = (int)i;
            return FF_OK;
        }
    }
    return fail_choice(node, names, count, err);
}

enum ff_status ff_config_check_texts(const struct ff_config_node *node, struct ff_error *err)
{
    if (!is_given(node))
        return FF_OK;
    if (node->kind != FF_CONFIG_LIST)
        return ff_config_expected(node, "a list of texts", err);
    for (size_t i = 0; i < node->count; i++)
        if (node->items[i]->kind != FF_CONFIG_SCALAR || !*node->items[i]->text)
            return ff_config_expected(node->items[i], "a text", err);
    return FF_OK;
}

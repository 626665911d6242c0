/* Builds the tree from libyaml's events, one function per kind of node, all nodes and texts in one arena.
 *
 * libyaml limits neither size nor the work an alias can cause, so size and depth are checked here and anchors
 * are refused. A node keeps the place of its value and of its key; an override's nodes keep the whole
 * assignment instead, for "line 1 of what I typed behind --set" helps nobody. */
#include "common/config.h"

#include "common/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { MAX_BYTES = 1 << 20, MAX_DEPTH = 32, MAX_KEYS = 1000 };

struct ff_config {
    struct ff_arena arena;
    struct ff_config_node *root;
};

struct builder {
    struct ff_config *config;
    yaml_parser_t parser;
    const char *text;
    size_t size;
    const char *origin;
    bool override;
    int depth;
    struct ff_error *err;
};

static enum ff_status build_node(struct builder *b, yaml_event_t *event, struct ff_config_node *parent,
                                 struct ff_config_node *node);

static enum ff_status fail_at(struct builder *b, yaml_mark_t mark, const char *format, ...) FF_PRINTF(3, 4);

static enum ff_status fail_at(struct builder *b, yaml_mark_t mark, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (b->override)
        return ff_error_set(b->err, FF_INVALID_ARGUMENT, "%s: %s", b->origin, text);
    return ff_error_set(b->err, FF_INVALID_ARGUMENT, "%s:%zu:%zu: %s", b->origin, mark.line + 1,
                        mark.column + 1, text);
}

static yaml_mark_t mark_of_offset(const struct builder *b, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < b->size; i++) {
        mark.column++;
        if (b->text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static enum ff_status fail_syntax(struct builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_READER_ERROR)
        return fail_at(b, mark_of_offset(b, parser->problem_offset), "%s", problem);
    size_t index = parser->problem_mark.index;
    const char *hint = index < b->size && b->text[index] == '\t' ? " (a tab; indent with spaces)" : "";
    if (parser->context)
        return fail_at(b, parser->problem_mark, "%s: %s%s", parser->context, problem, hint);
    return fail_at(b, parser->problem_mark, "%s%s", problem, hint);
}

static enum ff_status next_event(struct builder *b, yaml_event_t *event)
{
    return yaml_parser_parse(&b->parser, event) ? FF_OK : fail_syntax(b);
}

static void set_path(struct builder *b, struct ff_config_node *node, size_t index)
{
    const char *parent = node->parent ? node->parent->path : "";
    if (node->key)
        node->path = *parent ? ff_arena_printf(&b->config->arena, "%s.%s", parent, node->key) : node->key;
    else if (node->parent && node->parent->kind == FF_CONFIG_LIST)
        node->path = ff_arena_printf(&b->config->arena, "%s[%zu]", parent, index);
    else
        node->path = parent;
}

static bool is_null_word(const char *text)
{
    return !*text || !strcmp(text, "~") || !strcmp(text, "null") || !strcmp(text, "Null") ||
           !strcmp(text, "NULL");
}

static enum ff_status build_scalar(struct builder *b, yaml_event_t *event, struct ff_config_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (memchr(text, '\0', size))
        return fail_at(b, event->start_mark, "a text with a NUL byte");
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = ff_arena_strndup(&b->config->arena, text, size);
    node->kind = node->plain && is_null_word(node->text) ? FF_CONFIG_NULL : FF_CONFIG_SCALAR;
    return FF_OK;
}

/* The list of children grows by doubling; what it leaves behind in the arena is at most as much again. */
static struct ff_config_node *append_item(struct ff_config *config, struct ff_config_node *parent)
{
    size_t count = parent->count;
    if ((count & (count - 1)) == 0) {
        size_t capacity = count ? count * 2 : 1;
        struct ff_config_node **items = ff_arena_alloc(&config->arena, capacity * sizeof *items);
        if (count)
            memcpy(items, parent->items, count * sizeof *items);
        parent->items = items;
    }
    struct ff_config_node *node = ff_arena_zalloc(&config->arena, sizeof *node);
    parent->items[parent->count++] = node;
    node->parent = parent;
    return node;
}

static enum ff_status build_key(struct builder *b, yaml_event_t *event, struct ff_config_node *map,
                                struct ff_config_node **node)
{
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(b, event->start_mark, "a key must be a text");
    struct ff_config_node key = {0};
    enum ff_status status = build_scalar(b, event, &key);
    if (status)
        return status;
    if (ff_config_child(map, key.text))
        return fail_at(b, event->start_mark, "duplicate key '%s'", key.text);
    if (map->count == MAX_KEYS)
        return fail_at(b, event->start_mark, "more than %d keys", MAX_KEYS);
    *node = append_item(b->config, map);
    (*node)->key = key.text;
    (*node)->key_line = (int)event->start_mark.line + 1;
    (*node)->key_column = (int)event->start_mark.column + 1;
    set_path(b, *node, 0);
    return FF_OK;
}

static enum ff_status build_map(struct builder *b, struct ff_config_node *map)
{
    for (;;) {
        yaml_event_t event;
        enum ff_status status = next_event(b, &event);
        if (status)
            return status;
        if (event.type == YAML_MAPPING_END_EVENT)
            return yaml_event_delete(&event), FF_OK;
        struct ff_config_node *node = NULL;
        status = build_key(b, &event, map, &node);
        yaml_event_delete(&event);
        if (status == FF_OK)
            status = next_event(b, &event);
        if (status)
            return status;
        status = build_node(b, &event, map, node);
        yaml_event_delete(&event);
        if (status)
            return status;
    }
}

static enum ff_status build_list(struct builder *b, struct ff_config_node *list)
{
    for (;;) {
        yaml_event_t event;
        enum ff_status status = next_event(b, &event);
        if (status)
            return status;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return yaml_event_delete(&event), FF_OK;
        struct ff_config_node *node = append_item(b->config, list);
        set_path(b, node, list->count - 1);
        status = build_node(b, &event, list, node);
        yaml_event_delete(&event);
        if (status)
            return status;
    }
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return event->type == YAML_ALIAS_EVENT;
    }
}

static enum ff_status build_node(struct builder *b, yaml_event_t *event, struct ff_config_node *parent,
                                 struct ff_config_node *node)
{
    if (has_anchor_or_tag(event))
        return fail_at(b, event->start_mark,
                       "anchors, aliases and tags are not accepted (quote a text that begins "
                       "with &, * or !)");
    node->parent = parent;
    node->origin = b->origin;
    node->text = "";
    node->line = b->override ? 0 : (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    if (event->type == YAML_SCALAR_EVENT)
        return build_scalar(b, event, node);
    if (++b->depth > MAX_DEPTH)
        return fail_at(b, event->start_mark, "nested deeper than %d", MAX_DEPTH);
    node->kind = event->type == YAML_MAPPING_START_EVENT ? FF_CONFIG_MAP : FF_CONFIG_LIST;
    enum ff_status status = node->kind == FF_CONFIG_MAP ? build_map(b, node) : build_list(b, node);
    b->depth--;
    return status;
}

/* Behind the document there must be nothing but the end of the stream. */
static enum ff_status expect_end(struct builder *b)
{
    yaml_event_t event;
    enum ff_status status = next_event(b, &event);
    if (status)
        return status;
    if (event.type != YAML_STREAM_END_EVENT)
        status = fail_at(b, event.start_mark, "a second document begins here");
    yaml_event_delete(&event);
    return status;
}

static enum ff_status build_stream(struct builder *b, struct ff_config_node *root)
{
    for (;;) {
        yaml_event_t event;
        enum ff_status status = next_event(b, &event);
        if (status)
            return status;
        yaml_event_type_t type = event.type;
        bool skip = type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT;
        bool is_node = !skip && type != YAML_DOCUMENT_END_EVENT && type != YAML_STREAM_END_EVENT;
        if (is_node)
            status = build_node(b, &event, root->parent, root);
        yaml_event_delete(&event);
        if (status || type == YAML_STREAM_END_EVENT)
            return status;
        if (type == YAML_DOCUMENT_END_EVENT)
            return expect_end(b);
    }
}

static enum ff_status build(struct builder *b, struct ff_config_node *root)
{
    if (b->size > MAX_BYTES)
        return ff_error_set(b->err, FF_INVALID_ARGUMENT, "%s: larger than %d bytes", b->origin, MAX_BYTES);
    if (!yaml_parser_initialize(&b->parser))
        return ff_error_set(b->err, FF_RESOURCE_EXHAUSTED, "%s: no memory for the parser", b->origin);
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)b->text, b->size);
    enum ff_status status = build_stream(b, root);
    yaml_parser_delete(&b->parser);
    return status;
}

enum ff_status ff_config_parse(const char *text, size_t size, const char *file, struct ff_config **out,
                               struct ff_error *err)
{
    struct ff_config *config = calloc(1, sizeof *config);
    if (!config)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "%s: no memory", file);
    struct ff_config_node *root = ff_arena_zalloc(&config->arena, sizeof *root);
    *root = (struct ff_config_node){.path = "", .text = "", .line = 1, .column = 1};
    root->origin = ff_arena_strdup(&config->arena, file);
    config->root = root;
    struct builder b = {.config = config, .text = text, .size = size, .origin = root->origin, .err = err};
    enum ff_status status = build(&b, root);
    if (status) {
        ff_config_destroy(config);
        return status;
    }
    *out = config;
    return FF_OK;
}

/* The child that a step of an override's path names, made if it is not there; NULL if parent is no map. */
static struct ff_config_node *step_into(struct builder *b, struct ff_config_node *parent, const char *key)
{
    if (parent->kind == FF_CONFIG_NULL)
        parent->kind = FF_CONFIG_MAP;
    if (parent->kind != FF_CONFIG_MAP)
        return NULL;
    for (size_t i = 0; i < parent->count; i++)
        if (strcmp(parent->items[i]->key, key) == 0)
            return parent->items[i];
    struct ff_config_node *node = append_item(b->config, parent);
    node->key = key;
    node->text = "";
    node->origin = b->origin;
    set_path(b, node, 0);
    return node;
}

static enum ff_status walk(struct builder *b, char *path, struct ff_config_node **target)
{
    struct ff_config_node *node = b->config->root;
    char *rest = path;
    while (rest) {
        char *key = strsep(&rest, ".");
        if (!*key)
            return ff_error_set(b->err, FF_INVALID_ARGUMENT, "%s: expected KEY=VALUE with a dotted path",
                                b->origin);
        struct ff_config_node *child = step_into(b, node, key);
        if (!child)
            return ff_error_set(b->err, FF_INVALID_ARGUMENT, "%s: '%s' is not a map", b->origin,
                                *node->path ? node->path : "the document");
        node = child;
    }
    *target = node;
    return FF_OK;
}

enum ff_status ff_config_set(struct ff_config *config, const char *assignment, struct ff_error *err)
{
    struct ff_arena *arena = &config->arena;
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--set %s: expected KEY=VALUE", assignment);
    const char *value = equals + 1;
    struct builder b = {.config = config, .text = value, .size = strlen(value), .override = true, .err = err};
    b.origin = ff_arena_printf(arena, "--set %s", assignment);
    struct ff_config_node *node = NULL;
    enum ff_status status =
        walk(&b, ff_arena_strndup(arena, assignment, (size_t)(equals - assignment)), &node);
    if (status)
        return status;
    struct ff_config_node kept = *node;
    *node = (struct ff_config_node){.key = kept.key, .path = kept.path, .parent = kept.parent, .text = ""};
    node->origin = b.origin;
    return build(&b, node);
}

const struct ff_config_node *ff_config_root(const struct ff_config *config)
{
    return config->root;
}

void ff_config_destroy(struct ff_config *config)
{
    if (!config)
        return;
    ff_arena_fini(&config->arena);
    free(config);
}

const struct ff_config_node *ff_config_child(const struct ff_config_node *map, const char *key)
{
    if (!map || map->kind != FF_CONFIG_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->items[i]->key, key) == 0)
            return map->items[i];
    return NULL;
}

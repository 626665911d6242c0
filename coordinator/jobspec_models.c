/* The section models: kinds and their parameters, checked against common/kinds. */
#include "common/text.h"
#include "common/texts.h"
#include "coordinator/jobspec_parts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MAX_NAMES = 32 };

static const struct ff_config_node *child(const struct ff_config_node *map, const char *key)
{
    return ff_config_child(map, key);
}

static bool is_given(const struct ff_config_node *node)
{
    return node && node->kind != FF_CONFIG_NULL;
}

static enum ff_status fail_kind(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    size_t count;
    const struct ff_kind_schema *kinds = ff_kind_schemas(&count);
    const char *names[MAX_NAMES];
    for (size_t i = 0; i < count && i < MAX_NAMES; i++)
        names[i] = kinds[i].name;
    return ff_config_unknown(node, "model kind", node->text, names, count, r->err);
}

/* The keys of a model's map: the given ones, "kind" and the kind's parameters. */
static enum ff_status check_keys(struct ff_jobspec_reader *r, const struct ff_config_node *map,
                                 const struct ff_kind_schema *kind, const char *const *extra,
                                 size_t extra_count)
{
    const char *keys[MAX_NAMES] = {"kind"};
    size_t count = 1;
    for (size_t i = 0; i < extra_count; i++)
        keys[count++] = extra[i];
    for (size_t i = 0; kind && i < kind->param_count && count < MAX_NAMES; i++)
        keys[count++] = kind->params[i].name;
    if (kind && ff_kind_is_open(kind))
        return FF_OK;
    return ff_config_check_map(map, keys, count, r->err);
}

static const char *folder_of(const struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    return node->line ? r->source->base_dir : r->source->override_dir;
}

static const char *absolute(struct ff_jobspec_reader *r, const struct ff_config_node *node, const char *path)
{
    return *path == '/' ? ff_arena_strdup(r->arena, path)
                        : ff_arena_printf(r->arena, "%s/%s", folder_of(r, node), path);
}

/* As the worker gets it. */
static const char *param_text(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                              const struct ff_param_schema *schema)
{
    if (schema->type == FF_PARAM_FOLDER || (schema->type == FF_PARAM_PATH && strchr(node->text, '/')))
        return absolute(r, node, node->text);
    return ff_arena_strdup(r->arena, node->text);
}

/* A list as one text. */
static enum ff_status list_text(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                const struct ff_param_schema *schema, const char **out)
{
    const char **items = ff_arena_alloc(r->arena, (node->count + 1) * sizeof *items);
    struct ff_buf text = {0};
    if (ff_config_check_texts(node, r->err))
        return FF_INVALID_ARGUMENT;
    for (size_t i = 0; i < node->count; i++) {
        const struct ff_config_node *item = node->items[i];
        items[i] = schema->type == FF_PARAM_PATHS ? absolute(r, item, item->text) : item->text;
    }
    ff_texts_write(items, node->count, &text);
    *out = ff_arena_strdup(r->arena, ff_buf_text(&text));
    ff_buf_fini(&text);
    return FF_OK;
}

static enum ff_status read_param(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                 const struct ff_param_schema *schema, struct ff_param *out)
{
    bool takes_list = schema->type == FF_PARAM_TEXTS || schema->type == FF_PARAM_PATHS;
    if (node->kind != FF_CONFIG_SCALAR && !takes_list)
        return ff_config_expected(node, schema->help, r->err);
    struct ff_error why = {0};
    const char *text = node->text;
    if (takes_list && list_text(r, node, schema, &text))
        return FF_INVALID_ARGUMENT;
    if (ff_param_check(schema, text, &why) != FF_OK)
        return ff_config_fail(node, r->err, "%s: %s", node->path, why.text);
    *out = (struct ff_param){ff_arena_strdup(r->arena, node->key),
                             takes_list ? text : param_text(r, node, schema)};
    return FF_OK;
}

/* Those of kinds that take any, in the order in which they are written. */
static enum ff_status read_other_params(struct ff_jobspec_reader *r, const struct ff_config_node *map,
                                        const struct ff_kind_schema *kind, struct ff_param *params,
                                        size_t *count)
{
    const struct ff_param_schema *any = ff_kind_param(kind, "*");
    for (size_t i = 0; any && i < map->count; i++) {
        const struct ff_config_node *node = map->items[i];
        bool is_ours = strcmp(node->key, "kind") == 0 || strcmp(node->key, "match") == 0 ||
                       strcmp(node->key, "metrics") == 0 || ff_kind_param(kind, node->key) != any;
        if (is_ours || !is_given(node))
            continue;
        enum ff_status status = read_param(r, node, any, &params[(*count)++]);
        if (status)
            return status;
    }
    return FF_OK;
}

static enum ff_status read_params(struct ff_jobspec_reader *r, const struct ff_config_node *map,
                                  const struct ff_kind_schema *kind, struct ff_model_spec *out)
{
    struct ff_param *params = ff_arena_alloc(r->arena, (kind->param_count + map->count) * sizeof *params);
    size_t count = 0;
    for (size_t i = 0; i < kind->param_count; i++) {
        const struct ff_config_node *node = child(map, kind->params[i].name);
        if (!is_given(node) && kind->params[i].type == FF_PARAM_FOLDER)
            params[count++] =
                (struct ff_param){kind->params[i].name, ff_arena_strdup(r->arena, r->source->base_dir)};
        if (!is_given(node) && kind->params[i].default_text)
            continue;
        if (!is_given(node))
            return ff_config_fail(map, r->err, "%s: '%s' is missing: %s", map->path, kind->params[i].name,
                                  kind->params[i].help);
        enum ff_status status = read_param(r, node, &kind->params[i], &params[count++]);
        if (status)
            return status;
    }
    enum ff_status status = read_other_params(r, map, kind, params, &count);
    if (status)
        return status;
    *out = (struct ff_model_spec){kind->name, params, count};
    return FF_OK;
}

/* map is a map that is given. kind: null gives no model. */
static enum ff_status read_model(struct ff_jobspec_reader *r, const struct ff_config_node *map,
                                 const char *const *extra, size_t extra_count, struct ff_model_spec *out)
{
    if (map->kind != FF_CONFIG_MAP)
        return ff_config_expected(map, "a map such as {kind: seasonal}", r->err);
    const struct ff_config_node *node = child(map, "kind");
    const char *name = NULL;
    enum ff_status status = ff_config_text(node, &name, r->err);
    if (status)
        return status;
    const struct ff_kind_schema *kind = name ? ff_kind_schema(name) : NULL;
    if (name && !kind)
        return fail_kind(r, node);
    status = check_keys(r, map, kind, extra, extra_count);
    if (status)
        return status;
    if (!node)
        return ff_config_fail(map, r->err, "%s: 'kind' is missing", map->path);
    *out = (struct ff_model_spec){0};
    return kind ? read_params(r, map, kind, out) : FF_OK;
}

/* "ecod, pca": those that model all columns together. */
static const char *together_kinds(struct ff_jobspec_reader *r)
{
    size_t count;
    const struct ff_kind_schema *kinds = ff_kind_schemas(&count);
    const char *names = NULL;
    for (size_t i = 0; i < count; i++)
        if (kinds[i].multivariate)
            names = names ? ff_arena_printf(r->arena, "%s, %s", names, kinds[i].name) : kinds[i].name;
    return names;
}

static enum ff_status read_all(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    if (!is_given(node))
        return FF_OK;
    enum ff_status status = read_model(r, node, NULL, 0, &r->spec->all);
    const struct ff_kind_schema *kind = r->spec->all.kind ? ff_kind_schema(r->spec->all.kind) : NULL;
    if (status || !kind || kind->multivariate || strcmp(kind->name, "plugin") == 0)
        return status;
    return ff_config_fail(
        child(node, "kind"), r->err,
        "models.all: kind '%s' takes one metric at a time and can't model all targets together; "
        "%s can",
        r->spec->all.kind, together_kinds(r));
}

static enum ff_status read_rule(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                struct ff_model_rule *rule)
{
    static const char *const extra[] = {"match", "metrics"};
    const char *match = "*";
    enum ff_status status = read_model(r, node, extra, COUNT(extra), &rule->model);
    if (status == FF_OK)
        status = ff_config_text(child(node, "match"), &match, r->err);
    if (status == FF_OK)
        status = ff_config_check_texts(child(node, "metrics"), r->err);
    if (status)
        return status;
    rule->match = ff_arena_strdup(r->arena, match);
    rule->metrics = ff_jobspec_strings(r, child(node, "metrics"));
    return FF_OK;
}

static enum ff_status read_rules(struct ff_jobspec_reader *r, const struct ff_config_node *list)
{
    if (list->count == 0)
        return ff_config_fail(list, r->err, "models.top: expected at least one model, found an empty list");
    r->spec->top = ff_arena_zalloc(r->arena, list->count * sizeof *r->spec->top);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind == FF_CONFIG_NULL)
            return ff_config_expected(list->items[i], "a map such as {match: \"*\", kind: seasonal}", r->err);
        enum ff_status status = read_rule(r, list->items[i], &r->spec->top[i]);
        if (status)
            return status;
    }
    r->spec->top_count = list->count;
    return FF_OK;
}

static enum ff_status read_top(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    if (is_given(node) && node->kind == FF_CONFIG_LIST)
        return read_rules(r, node);
    struct ff_model_rule *rule = ff_arena_zalloc(r->arena, sizeof *rule);
    *rule = (struct ff_model_rule){.match = "*", .model = {.kind = "seasonal"}};
    r->spec->top = rule;
    r->spec->top_count = 1;
    if (!node)
        return FF_OK;
    if (node->kind != FF_CONFIG_MAP)
        return ff_config_expected(node, "a map such as {kind: seasonal} or a list of {match, metrics, kind}",
                                  r->err);
    return read_model(r, node, NULL, 0, &rule->model);
}

enum ff_status ff_jobspec_read_models(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"all", "top", "fallback"};
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = read_all(r, child(node, "all"));
    if (status == FF_OK)
        status = read_top(r, child(node, "top"));
    if (status == FF_OK && is_given(child(node, "fallback")))
        status = read_model(r, child(node, "fallback"), NULL, 0, &r->spec->fallback);
    return status;
}

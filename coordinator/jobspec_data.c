/* The section data: which files, how their columns are read, and what their times mean.
 *
 * Patterns become absolute: one from the file stands in the file's folder, one from --set in the folder that
 * the command runs in. Bytes of a folder's name that a glob would take as wildcards are escaped. */
#include "common/text.h"
#include "coordinator/jobspec_parts.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const keys[] = {"files",  "layout",      "time",     "target",     "values",
                                   "ignore", "time_format", "timezone", "on_bad_row", "memory"};

static const struct ff_config_node *child(const struct ff_config_node *map, const char *key)
{
    return ff_config_child(map, key);
}

static bool is_given(const struct ff_config_node *node)
{
    return node && node->kind != FF_CONFIG_NULL;
}

/* folder/pattern, with the folder's own * ? [ \ escaped. */
static const char *absolute_pattern(struct ff_arena *arena, const char *folder, const char *pattern)
{
    char *text = ff_arena_alloc(arena, 2 * strlen(folder) + strlen(pattern) + 2);
    char *at = ff_glob_escape(folder, text);
    if (at == text || at[-1] != '/')
        *at++ = '/';
    strcpy(at, pattern);
    return text;
}

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/')
        size--;
    return strncmp(path, folder, size) == 0 && path[size] == '/';
}

static void add_pattern(struct ff_jobspec_reader *r, const struct ff_config_node *node, size_t index)
{
    struct ff_jobspec *spec = r->spec;
    const char *pattern = node->text;
    const char *base = spec->data.base_dir;
    spec->data.places.items[index] =
        node->line ? ff_arena_printf(r->arena, "%s:%d:%d", node->origin, node->line, node->column)
                   : ff_arena_strdup(r->arena, node->origin);
    if (pattern[0] == '/') {
        spec->data.files.items[index] = ff_arena_strdup(r->arena, pattern);
        spec->data.roots.items[index] = "";
        return;
    }
    bool is_override = node->line == 0;
    const char *folder = is_override ? ff_arena_strdup(r->arena, r->source->override_dir) : base;
    spec->data.files.items[index] = absolute_pattern(r->arena, folder, pattern);
    bool below = is_below(ff_arena_printf(r->arena, "%s/%s", folder, pattern), base);
    spec->data.roots.items[index] = below ? base : folder;
}

static enum ff_status read_files(struct ff_jobspec_reader *r, const struct ff_config_node *root)
{
    const struct ff_config_node *files = child(child(root, "data"), "files");
    if (!is_given(files))
        return ff_error_set(r->err, FF_INVALID_ARGUMENT, "%s: data.files is missing: a list of CSV files",
                            r->source->file);
    if (files->kind == FF_CONFIG_LIST && files->count == 0)
        return ff_config_fail(files, r->err, "data.files: expected at least one file, found an empty list");
    enum ff_status status = ff_config_check_texts(files, r->err);
    if (status)
        return status;
    struct ff_jobspec *spec = r->spec;
    spec->data.base_dir = ff_arena_strdup(r->arena, r->source->base_dir);
    spec->data.root = r->source->data_root ? ff_arena_strdup(r->arena, r->source->data_root) : NULL;
    spec->data.files.items = ff_arena_alloc(r->arena, files->count * sizeof(char *));
    spec->data.roots.items = ff_arena_alloc(r->arena, files->count * sizeof(char *));
    spec->data.places.items = ff_arena_alloc(r->arena, files->count * sizeof(char *));
    spec->data.files.count = spec->data.roots.count = spec->data.places.count = files->count;
    for (size_t i = 0; i < files->count; i++)
        add_pattern(r, files->items[i], i);
    return FF_OK;
}

static enum ff_status read_text(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                const char **out)
{
    const char *text = *out;
    enum ff_status status = ff_config_text(node, &text, r->err);
    if (status == FF_OK && text)
        *out = ff_arena_strdup(r->arena, text);
    return status;
}

static enum ff_status read_time_format(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    struct ff_jobspec *spec = r->spec;
    spec->data.time_format = "auto";
    enum ff_status status = read_text(r, node, &spec->data.time_format);
    if (status)
        return status;
    bool is_index = strcmp(spec->data.time_format, "index") == 0;
    if (is_index && spec->prepare.step_ms == 0)
        return ff_config_fail(node, r->err,
                              "data.time_format: index needs prepare.step, the length of one step");
    if (!is_index && strcmp(spec->data.time_format, "auto") != 0 && !strchr(spec->data.time_format, '%'))
        return ff_config_expected(node, "auto, index or a strptime format such as '%d.%m.%Y %H:%M'", r->err);
    return FF_OK;
}

static enum ff_status read_columns(struct ff_jobspec_reader *r, const struct ff_config_node *data)
{
    struct ff_jobspec *spec = r->spec;
    enum ff_status status = read_text(r, child(data, "time"), &spec->data.time);
    if (status == FF_OK)
        status = read_text(r, child(data, "target"), &spec->data.target);
    if (status == FF_OK)
        status = ff_config_check_texts(child(data, "values"), r->err);
    if (status == FF_OK)
        status = ff_config_check_texts(child(data, "ignore"), r->err);
    if (status)
        return status;
    spec->data.values = ff_jobspec_strings(r, child(data, "values"));
    spec->data.ignore = ff_jobspec_strings(r, child(data, "ignore"));
    for (size_t i = 0; i < spec->data.values.count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(spec->data.values.items[i], spec->data.values.items[j]) == 0)
                return ff_config_fail(child(data, "values")->items[i], r->err,
                                      "data.values: '%s' is there twice", spec->data.values.items[i]);
    return FF_OK;
}

enum ff_status ff_jobspec_read_data(struct ff_jobspec_reader *r, const struct ff_config_node *root)
{
    static const char *const layouts[] = {"long", "wide", "file"};
    static const char *const bad_rows[] = {"error", "skip"};
    struct ff_jobspec *spec = r->spec;
    const struct ff_config_node *data = child(root, "data");
    int layout = FF_LAYOUT_LONG, bad_row = 0;
    spec->data.timezone = "UTC";
    enum ff_status status = ff_config_check_map(data, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = read_files(r, root);
    if (status == FF_OK)
        status = ff_config_choice(child(data, "layout"), layouts, COUNT(layouts), &layout, r->err);
    if (status == FF_OK)
        status = read_columns(r, data);
    if (status == FF_OK)
        status = read_time_format(r, child(data, "time_format"));
    if (status == FF_OK)
        status = read_text(r, child(data, "timezone"), &spec->data.timezone);
    if (status == FF_OK)
        status = ff_config_choice(child(data, "on_bad_row"), bad_rows, COUNT(bad_rows), &bad_row, r->err);
    if (status == FF_OK)
        status = ff_config_size(child(data, "memory"), &spec->data.memory, r->err);
    spec->data.layout = (enum ff_layout)layout;
    spec->data.skip_bad_rows = bad_row == 1;
    if (status == FF_OK && layout == FF_LAYOUT_LONG && !spec->data.target)
        return ff_config_fail(data, r->err,
                              "data.target is missing: the column that names the target (layout long)");
    return status;
}

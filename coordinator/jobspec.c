/* Reads a job: the text becomes a config tree, --set is laid over it, and each section below turns its map
 * into fields of the spec. A section first refuses keys that it does not know, then reads each value over its
 * default.
 *
 * jobspec_data.c has the section data (paths, columns, time), jobspec_models.c the models. Keys that are
 * planned but not built are refused by name, so that nobody believes that they work. Everything lives in one
 * arena. */
#include "coordinator/jobspec.h"

#include "common/alert_rule.h"
#include "common/buf.h"
#include "common/text.h"
#include "coordinator/jobspec_parts.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MAX_NAME = 64 };

struct storage {
    struct ff_arena arena;
};

static const struct ff_config_node *child(const struct ff_config_node *map, const char *key)
{
    return ff_config_child(map, key);
}

static bool is_name(const char *text)
{
    size_t size = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return size > 0 && size <= MAX_NAME && text[size] == '\0';
}

static enum ff_status read_name(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                const char **out)
{
    const char *text = *out;
    enum ff_status status = ff_config_text(node, &text, r->err);
    if (status)
        return status;
    if (text != *out && !is_name(text))
        return ff_config_expected(node, "1 to 64 of the characters A-Z a-z 0-9 . _ -", r->err);
    *out = ff_arena_strdup(r->arena, text);
    return FF_OK;
}

/* The file's name without folder and suffix. */
static const char *default_name(struct ff_jobspec_reader *r)
{
    const char *slash = strrchr(r->source->file, '/');
    const char *name = slash ? slash + 1 : r->source->file;
    size_t size = strlen(name);
    if (size > 5 && strcmp(name + size - 5, ".yaml") == 0)
        size -= 5;
    else if (size > 4 && strcmp(name + size - 4, ".yml") == 0)
        size -= 4;
    return ff_arena_strndup(r->arena, name, size);
}

static enum ff_status read_names(struct ff_jobspec_reader *r, const struct ff_config_node *root)
{
    struct ff_jobspec *spec = r->spec;
    spec->name = default_name(r);
    enum ff_status status = read_name(r, child(root, "name"), &spec->name);
    if (status)
        return status;
    if (!is_name(spec->name))
        return ff_error_set(
            r->err, FF_INVALID_ARGUMENT,
            "%s: the file's name '%s' is no job name (1 to 64 of A-Z a-z 0-9 . _ -): give 'name'",
            r->source->file, spec->name);
    return FF_OK;
}

static enum ff_status read_promotion(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"last", "max_alerts", "max_worse"};
    struct ff_promotion *promotion = &r->spec->output.promotion;
    uint64_t alerts = 0;
    if (!node)
        return FF_OK;
    *promotion = (struct ff_promotion){0, -1, -1};
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK &&
        (!child(node, "last") || (!child(node, "max_alerts") && !child(node, "max_worse"))))
        return ff_config_fail(node, r->err, "output.promote needs last, and max_alerts or max_worse");
    if (status == FF_OK)
        status = ff_config_duration(child(node, "last"), &promotion->last_ms, r->err);
    if (status == FF_OK && promotion->last_ms <= 0)
        return ff_config_expected(child(node, "last"), "a duration above 0", r->err);
    if (status == FF_OK && child(node, "max_alerts")) {
        status = ff_config_count(child(node, "max_alerts"), 0, 1000000000, &alerts, r->err);
        promotion->max_alerts = (int64_t)alerts;
    }
    return status ? status : ff_config_percent(child(node, "max_worse"), &promotion->max_worse, r->err);
}

/* Behind the names: the set is called as the job. */
static enum ff_status read_output(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"set", "keep", "publish", "promote"};
    static const char *const publications[] = {"complete", "partial"};
    struct ff_jobspec *spec = r->spec;
    int publish = 0;
    spec->output.set = spec->name;
    spec->output.keep = 10;
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = read_name(r, child(node, "set"), &spec->output.set);
    if (status == FF_OK)
        status = ff_config_count(child(node, "keep"), 1, 1000000, &spec->output.keep, r->err);
    if (status == FF_OK)
        status =
            ff_config_choice(child(node, "publish"), publications, COUNT(publications), &publish, r->err);
    spec->output.partial = publish == 1;
    return status ? status : read_promotion(r, child(node, "promote"));
}

/* rows, sum(METRIC), mean(METRIC) or max(METRIC). */
static enum ff_status read_rank(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const functions[] = {
        [FF_RANK_SUM] = "sum(", [FF_RANK_MEAN] = "mean(", [FF_RANK_MAX] = "max("};
    const char *text = "rows";
    enum ff_status status = ff_config_text(node, &text, r->err);
    if (status || strcmp(text, "rows") == 0)
        return status;
    size_t size = strlen(text);
    for (int rank = FF_RANK_SUM; rank <= FF_RANK_MAX; rank++) {
        size_t prefix = strlen(functions[rank]);
        if (strncmp(text, functions[rank], prefix) == 0 && size > prefix + 1 && text[size - 1] == ')') {
            r->spec->targets.rank = (enum ff_rank)rank;
            r->spec->targets.rank_metric = ff_arena_strndup(r->arena, text + prefix, size - prefix - 1);
            return FF_OK;
        }
    }
    return ff_config_expected(node, "rows, sum(METRIC), mean(METRIC) or max(METRIC)", r->err);
}

static enum ff_status read_targets(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"include", "exclude", "rank_by", "top", "min_rows"};
    struct ff_jobspec *spec = r->spec;
    spec->targets.min_rows = 10;
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = ff_config_check_texts(child(node, "include"), r->err);
    if (status == FF_OK)
        status = ff_config_check_texts(child(node, "exclude"), r->err);
    if (status == FF_OK)
        status = read_rank(r, child(node, "rank_by"));
    if (status == FF_OK)
        status = ff_config_count(child(node, "top"), 1, 1000000000, &spec->targets.top, r->err);
    if (status == FF_OK)
        status = ff_config_count(child(node, "min_rows"), 0, 1000000000000, &spec->targets.min_rows, r->err);
    if (status)
        return status;
    spec->targets.include = ff_jobspec_strings(r, child(node, "include"));
    spec->targets.exclude = ff_jobspec_strings(r, child(node, "exclude"));
    return FF_OK;
}

/* A path relative to the job file, or in --set to the current folder. */
static enum ff_status read_mask(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    const char *path = NULL;
    enum ff_status status = ff_config_text(node, &path, r->err);
    if (status || !path)
        return status;
    const char *folder = node->line ? r->source->base_dir : r->source->override_dir;
    if (r->source->data_root)
        return ff_config_fail(node, r->err, "prepare.mask cannot be used with --data-root");
    r->spec->prepare.mask =
        *path == '/' ? ff_arena_strdup(r->arena, path) : ff_arena_printf(r->arena, "%s/%s", folder, path);
    return FF_OK;
}

static enum ff_status read_prepare(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"window", "step", "aggregate", "interpolate", "max_gap", "mask"};
    static const char *const aggregates[] = {"mean", "sum", "min", "max", "last", "count"};
    static const char *const interpolations[] = {"linear", "previous", "none"};
    struct ff_jobspec *spec = r->spec;
    int aggregate = FF_AGG_MEAN, interpolate = FF_INTERPOLATE_LINEAR;
    spec->prepare.max_gap = 10;
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = ff_config_duration(child(node, "window"), &spec->prepare.window_ms, r->err);
    if (status == FF_OK && !ff_config_is_word(child(node, "step"), "auto"))
        status = ff_config_duration(child(node, "step"), &spec->prepare.step_ms, r->err);
    if (status == FF_OK)
        status =
            ff_config_choice(child(node, "aggregate"), aggregates, COUNT(aggregates), &aggregate, r->err);
    if (status == FF_OK)
        status = ff_config_choice(child(node, "interpolate"), interpolations, COUNT(interpolations),
                                  &interpolate, r->err);
    if (status == FF_OK)
        status = ff_config_count(child(node, "max_gap"), 0, 1000000000, &spec->prepare.max_gap, r->err);
    if (status == FF_OK)
        status = read_mask(r, child(node, "mask"));
    spec->prepare.aggregate = (enum ff_aggregate)aggregate;
    spec->prepare.interpolate = (enum ff_interpolate)interpolate;
    return status;
}

static void set_default_limits(struct ff_jobspec *spec)
{
    spec->limits.target_timeout_ms = 60000;
    spec->limits.target_memory = 1ULL << 30;
    spec->limits.all_timeout_ms = 30 * 60000;
    spec->limits.max_failed = 1.0;
}

static enum ff_status read_limits(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"target_timeout", "target_memory", "all_timeout",
                                       "all_memory",     "attempts",      "max_failed"};
    struct ff_jobspec *spec = r->spec;
    uint64_t attempts = 3;
    set_default_limits(spec);
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = ff_config_duration(child(node, "target_timeout"), &spec->limits.target_timeout_ms, r->err);
    if (status == FF_OK)
        status = ff_config_size(child(node, "target_memory"), &spec->limits.target_memory, r->err);
    if (status == FF_OK)
        status = ff_config_duration(child(node, "all_timeout"), &spec->limits.all_timeout_ms, r->err);
    if (status == FF_OK && !ff_config_is_word(child(node, "all_memory"), "half of the worker's memory"))
        status = ff_config_size(child(node, "all_memory"), &spec->limits.all_memory, r->err);
    if (status == FF_OK)
        status = ff_config_count(child(node, "attempts"), 1, 100, &attempts, r->err);
    if (status == FF_OK)
        status = ff_config_percent(child(node, "max_failed"), &spec->limits.max_failed, r->err);
    spec->limits.attempts = (uint32_t)attempts;
    return status;
}

static enum ff_status read_plan(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"chunk"};
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    const struct ff_config_node *chunk = child(node, "chunk");
    if (status || !chunk || chunk->kind == FF_CONFIG_NULL || ff_config_is_word(chunk, "auto"))
        return status;
    if (ff_config_is_word(chunk, "per-worker")) {
        r->spec->chunk_mode = FF_CHUNK_PER_WORKER;
        return FF_OK;
    }
    r->spec->chunk_mode = FF_CHUNK_FIXED;
    if (ff_config_count(chunk, 1, 1000000, &r->spec->chunk, r->err) != FF_OK)
        return ff_config_expected(chunk, "auto, per-worker or a whole number from 1 to 1000000", r->err);
    return FF_OK;
}

static enum ff_status read_alerts(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const keys[] = {"per_target_per_week", "total_per_day", "direction", "min_duration",
                                       "min_deviation"};
    struct ff_jobspec *spec = r->spec;
    int direction = FF_ALERT_BOTH;
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = ff_config_number(child(node, keys[0]), 1e-6, 1e6, &spec->alerts.per_target_per_week, r->err);
    if (status == FF_OK)
        status = ff_config_number(child(node, keys[1]), 1e-6, 1e9, &spec->alerts.total_per_day, r->err);
    if (status == FF_OK)
        status = ff_config_choice(child(node, "direction"), ff_alert_directions, FF_ALERT_DIRECTIONS,
                                  &direction, r->err);
    if (status == FF_OK)
        status = ff_config_duration(child(node, "min_duration"), &spec->alerts.least_duration_ms, r->err);
    if (status == FF_OK)
        status =
            ff_config_number(child(node, "min_deviation"), 0, 1e300, &spec->alerts.least_deviation, r->err);
    spec->alerts.direction = (enum ff_alert_direction)direction;
    if (status == FF_OK && spec->alerts.per_target_per_week > 0 && spec->alerts.total_per_day > 0)
        return ff_config_fail(child(node, keys[1]), r->err,
                              "alerts: per_target_per_week and total_per_day exclude each other");
    return status;
}

static enum ff_status read_priority(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    static const char *const names[] = {"low", "normal", "high"};
    int priority = FF_PRIORITY_NORMAL;
    enum ff_status status = ff_config_choice(node, names, COUNT(names), &priority, r->err);
    r->spec->priority = (enum ff_priority)priority;
    return status;
}

static enum ff_status read_root(struct ff_jobspec_reader *r, const struct ff_config_node *root)
{
    static const char *const keys[] = {"name",   "priority", "data",   "targets", "prepare", "models",
                                       "limits", "plan",     "output", "alerts",  "errand"};
    enum ff_status status = ff_config_check_map(root, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = read_names(r, root);
    if (status == FF_OK)
        status = read_priority(r, child(root, "priority"));
    if (status == FF_OK)
        status = read_output(r, child(root, "output"));
    if (status == FF_OK)
        status = read_targets(r, child(root, "targets"));
    if (status == FF_OK)
        status = read_prepare(r, child(root, "prepare"));
    if (status == FF_OK)
        status = ff_jobspec_read_data(r, root);
    if (status == FF_OK)
        status = ff_jobspec_read_models(r, child(root, "models"));
    if (status == FF_OK)
        status = read_limits(r, child(root, "limits"));
    if (status == FF_OK)
        status = read_plan(r, child(root, "plan"));
    if (status == FF_OK)
        status = read_alerts(r, child(root, "alerts"));
    if (status == FF_OK)
        status = ff_jobspec_read_errand(r, child(root, "errand"));
    return status;
}

static enum ff_status read_config(struct ff_jobspec_reader *r)
{
    const struct ff_jobspec_source *source = r->source;
    struct ff_config *config;
    enum ff_status status = ff_config_parse(source->text, source->size, source->file, &config, r->err);
    if (status)
        return status;
    for (size_t i = 0; i < source->override_count && status == FF_OK; i++)
        status = ff_config_set(config, source->overrides[i], r->err);
    if (status == FF_OK)
        status = read_root(r, ff_config_root(config));
    ff_config_destroy(config);
    return status;
}

enum ff_status ff_jobspec_parse(const struct ff_jobspec_source *source, struct ff_jobspec **out,
                                struct ff_error *err)
{
    struct ff_jobspec *spec = ff_xcalloc(1, sizeof *spec);
    struct storage *storage = ff_xcalloc(1, sizeof *storage);
    spec->storage = storage;
    struct ff_jobspec_reader reader = {source, spec, &storage->arena, err};
    enum ff_status status = read_config(&reader);
    if (status) {
        ff_jobspec_destroy(spec);
        return status;
    }
    *out = spec;
    return FF_OK;
}

void ff_jobspec_destroy(struct ff_jobspec *spec)
{
    if (!spec)
        return;
    struct storage *storage = spec->storage;
    ff_arena_fini(&storage->arena);
    free(storage);
    free(spec);
}

void ff_jobspec_narrow(struct ff_jobspec *spec, const char *target)
{
    struct storage *storage = spec->storage;
    char *pattern = ff_arena_alloc(&storage->arena, 2 * strlen(target) + 1);
    const char **items = ff_arena_alloc(&storage->arena, sizeof *items);
    ff_glob_escape(target, pattern);
    items[0] = pattern;
    spec->targets.include = (struct ff_strings){items, 1};
    spec->targets.exclude = (struct ff_strings){0};
    spec->targets.top = 0;
    spec->all = (struct ff_model_spec){0};
}

struct ff_strings ff_jobspec_strings(struct ff_jobspec_reader *reader, const struct ff_config_node *list)
{
    if (!list || list->count == 0)
        return (struct ff_strings){0};
    const char **items = ff_arena_alloc(reader->arena, list->count * sizeof *items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = ff_arena_strdup(reader->arena, list->items[i]->text);
    return (struct ff_strings){items, list->count};
}

bool ff_jobspec_wants(const struct ff_model_rule *rule, const char *metric)
{
    for (size_t i = 0; i < rule->metrics.count; i++)
        if (strcmp(rule->metrics.items[i], metric) == 0)
            return true;
    return rule->metrics.count == 0;
}

int ff_jobspec_rule(const struct ff_jobspec *spec, const char *target)
{
    for (size_t i = 0; i < spec->top_count; i++)
        if (ff_glob_match(spec->top[i].match, target))
            return spec->top[i].model.kind ? (int)i : -1;
    return -1;
}

#include "coordinator/labels.h"

#include "common/buf.h"
#include "common/config.h"
#include "common/file.h"
#include "coordinator/csvfile.h"
#include "coordinator/timeparse.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 20 }; /* of a JSON file: what common/config reads */

struct reading {
    const char *path;
    struct ff_labels *labels;
    struct ff_timeparse *times;
    size_t last; /* rows of one target often follow one another */
};

static struct ff_labelled *of_target(struct reading *reading, const char *target, size_t size)
{
    struct ff_labels *labels = reading->labels;
    for (size_t i = 0; i < labels->count; i++) {
        size_t at = (reading->last + i) % labels->count;
        if (strncmp(labels->targets[at].target, target, size) == 0 && !labels->targets[at].target[size])
            return &labels->targets[reading->last = at];
    }
    if (labels->count == labels->capacity) {
        labels->capacity = labels->capacity ? 2 * labels->capacity : 64;
        labels->targets = ff_xrealloc(labels->targets, labels->capacity * sizeof *labels->targets);
    }
    reading->last = labels->count++;
    labels->targets[reading->last] =
        (struct ff_labelled){.target = ff_arena_strndup(&labels->arena, target, size)};
    return &labels->targets[reading->last];
}

static void add(struct ff_labelled *labelled, int64_t start_ms, int64_t end_ms)
{
    if (labelled->count == labelled->capacity) {
        labelled->capacity = labelled->capacity ? 2 * labelled->capacity : 8;
        labelled->windows = ff_xrealloc(labelled->windows, labelled->capacity * sizeof *labelled->windows);
    }
    labelled->windows[labelled->count++] = (struct ff_window){start_ms, end_ms};
}

/* ---- JSON ---- */

static enum ff_status read_time(struct reading *reading, const struct ff_config_node *node, int64_t *out,
                                struct ff_error *err)
{
    if (node->kind == FF_CONFIG_SCALAR && ff_timeparse(reading->times, node->text, strlen(node->text), out))
        return FF_OK;
    return ff_config_expected(node, "a time", err);
}

static enum ff_status read_window(struct reading *reading, const struct ff_config_node *node,
                                  struct ff_labelled *labelled, struct ff_error *err)
{
    int64_t start_ms, end_ms;
    if (node->kind != FF_CONFIG_LIST) {
        if (read_time(reading, node, &start_ms, err))
            return FF_INVALID_ARGUMENT;
        labelled->are_points = true;
        add(labelled, start_ms, start_ms);
        return FF_OK;
    }
    if (node->count != 2)
        return ff_config_expected(node, "two times: start and end", err);
    if (read_time(reading, node->items[0], &start_ms, err) ||
        read_time(reading, node->items[1], &end_ms, err))
        return FF_INVALID_ARGUMENT;
    if (end_ms < start_ms)
        return ff_config_fail(node, err, "%s: it ends before it starts", node->path);
    add(labelled, start_ms, end_ms);
    return FF_OK;
}

static enum ff_status read_tree(struct reading *reading, const struct ff_config_node *root,
                                struct ff_error *err)
{
    if (root->kind != FF_CONFIG_MAP)
        return ff_config_expected(root, "{target: [[start, end], …], …}", err);
    for (size_t i = 0; i < root->count; i++) {
        const struct ff_config_node *list = root->items[i];
        struct ff_labelled *labelled = of_target(reading, list->key, strlen(list->key));
        if (list->kind != FF_CONFIG_LIST)
            return ff_config_expected(list, "a list of windows or times", err);
        for (size_t w = 0; w < list->count; w++)
            if (read_window(reading, list->items[w], labelled, err))
                return FF_INVALID_ARGUMENT;
    }
    return FF_OK;
}

static enum ff_status read_json(struct reading *reading, const struct ff_buf *text, struct ff_error *err)
{
    struct ff_config *config;
    enum ff_status status =
        ff_config_parse((const char *)text->data, text->size, reading->path, &config, err);
    if (status)
        return status;
    status = read_tree(reading, ff_config_root(config), err);
    ff_config_destroy(config);
    return status;
}

/* ---- CSV ---- */

enum { TARGET, TIME, START, END, LABEL, COLUMNS };

static enum ff_status wrong(const struct reading *reading, uint64_t line, const char *expected,
                            const struct ff_csv_cell *cell, struct ff_error *err)
{
    return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: expected %s, found '%.*s'", reading->path,
                        (unsigned long long)line, expected, (int)(cell->size < 60 ? cell->size : 60),
                        cell->text);
}

static bool is_word(const struct ff_csv_cell *cell, const char *word)
{
    return strlen(word) == cell->size && memcmp(word, cell->text, cell->size) == 0;
}

/* *is_set: whether the row is one that is anomalous. */
static enum ff_status read_label(const struct reading *reading, uint64_t line, const struct ff_csv_cell *cell,
                                 bool *is_set, struct ff_error *err)
{
    *is_set = !cell->text || is_word(cell, "1") || is_word(cell, "1.0") || is_word(cell, "true");
    if (*is_set || cell->size == 0 || is_word(cell, "0") || is_word(cell, "0.0") || is_word(cell, "false"))
        return FF_OK;
    return wrong(reading, line, "0 or 1 in column 'label'", cell, err);
}

static enum ff_status take_row(void *context, uint64_t line, const struct ff_csv_cell *cells,
                               struct ff_error *err)
{
    struct reading *reading = context;
    const struct ff_csv_cell *from = cells[START].text ? &cells[START] : &cells[TIME],
                             *to = cells[START].text ? &cells[END] : from;
    int64_t start_ms, end_ms;
    bool is_set;
    if (!from->text || !to->text)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "%s:1: expected the columns start and end, or time (and label)", reading->path);
    if (read_label(reading, line, &cells[LABEL], &is_set, err))
        return FF_INVALID_ARGUMENT;
    const struct ff_csv_cell every = {"", 0}, *target = cells[TARGET].text ? &cells[TARGET] : &every;
    struct ff_labelled *labelled = of_target(reading, target->text, target->size);
    labelled->are_points |= from == to;
    if (!is_set)
        return FF_OK;
    if (!ff_timeparse(reading->times, from->text, from->size, &start_ms))
        return wrong(reading, line, "a time", from, err);
    if (!ff_timeparse(reading->times, to->text, to->size, &end_ms) || end_ms < start_ms)
        return wrong(reading, line, "a time behind the start", to, err);
    add(labelled, start_ms, end_ms);
    return FF_OK;
}

static enum ff_status read_csv(struct reading *reading, struct ff_error *err)
{
    static const struct ff_csvfile_column columns[COLUMNS] = {[TARGET] = {"target", false},
                                                              [TIME] = {"time timestamp ts date", false},
                                                              [START] = {"start", false},
                                                              [END] = {"end", false},
                                                              [LABEL] = {"label", false}};
    return ff_csvfile_read(reading->path, columns, COLUMNS, take_row, reading, err);
}

/* ---- both ---- */

static int by_start(const void *left, const void *right)
{
    const struct ff_window *a = left, *b = right;
    return a->start_ms != b->start_ms ? (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms)
                                      : (a->end_ms > b->end_ms) - (a->end_ms < b->end_ms);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct ff_labelled *)left)->target, ((const struct ff_labelled *)right)->target);
}

static void put_in_order(struct ff_labels *labels)
{
    if (labels->count)
        qsort(labels->targets, labels->count, sizeof *labels->targets, by_name);
    for (size_t i = 0; i < labels->count; i++)
        if (labels->targets[i].count)
            qsort(labels->targets[i].windows, labels->targets[i].count, sizeof(struct ff_window), by_start);
}

static bool looks_like_json(const struct ff_buf *text)
{
    size_t at = 0;
    while (at < text->size && strchr(" \t\r\n", text->data[at]) && text->data[at])
        at++;
    return at < text->size && text->data[at] == '{';
}

enum ff_status ff_labels_read(const char *path, struct ff_labels *out, struct ff_error *err)
{
    struct reading reading = {.path = path, .labels = out};
    struct ff_buf start = {0};
    *out = (struct ff_labels){0};
    enum ff_status status = ff_timeparse_create("auto", "UTC", 1000, &reading.times, err);
    if (!status)
        status = ff_file_read(path, MOST_BYTES, &start, err);
    if (!status)
        status = looks_like_json(&start) ? read_json(&reading, &start, err) : read_csv(&reading, err);
    if (!status)
        put_in_order(out);
    ff_buf_fini(&start);
    ff_timeparse_destroy(reading.times);
    return status;
}

void ff_labels_fini(struct ff_labels *labels)
{
    for (size_t i = 0; i < labels->count; i++)
        free(labels->targets[i].windows);
    free(labels->targets);
    ff_arena_fini(&labels->arena);
    *labels = (struct ff_labels){0};
}

static const struct ff_labelled *find(const struct ff_labels *labels, const char *name)
{
    struct ff_labelled key = {.target = name};
    return labels->count ? bsearch(&key, labels->targets, labels->count, sizeof key, by_name) : NULL;
}

const struct ff_labelled *ff_labels_find(const struct ff_labels *labels, const char *target)
{
    const struct ff_labelled *found = find(labels, target);
    char *file = found ? NULL : ff_xasprintf("%s.csv", target);
    if (file)
        found = find(labels, file);
    free(file);
    return found ? found : find(labels, "");
}

void ff_labels_meet(struct ff_labels *labels, const char *target)
{
    const struct ff_labelled *found = ff_labels_find(labels, target);
    if (found)
        labels->targets[found - labels->targets].is_met = true;
}

struct ff_labels_met ff_labels_count(const struct ff_labels *labels)
{
    struct ff_labels_met out = {0};
    for (size_t i = 0; i < labels->count; i++) {
        const struct ff_labelled *labelled = &labels->targets[i];
        bool is_met = labelled->is_met || !*labelled->target;
        out.labels += labelled->count;
        out.strange += is_met ? 0 : labelled->count;
        out.any |= is_met;
        if (!is_met && (!out.example || (labelled->count && out.strange == labelled->count)))
            out.example = labelled->target; /* the first one with labels, if any has some */
    }
    return out;
}

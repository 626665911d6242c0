/* Models lie in reports, many in one, in the order in which they were fitted; an export is in order of names.
 * So the lines are made report by report, each report decoded once, and put in order afterwards. */
#include "common/model.h"
#include "common/text.h"
#include "coordinator/documents_parts.h"

#include <stdlib.h>
#include <string.h>

struct line {
    const struct ff_stored_model *model;
    size_t at, size; /* of its text */
};

struct export
{
    struct line *lines;
    size_t count;
    struct ff_buf text;
};

static int by_report(const void *left, const void *right)
{
    const struct ff_stored_model *a = ((const struct line *)left)->model,
                                 *b = ((const struct line *)right)->model;
    return a->report != b->report ? (a->report > b->report) - (a->report < b->report)
                                  : (a->index > b->index) - (a->index < b->index);
}

/* By name bytes, all (the empty name) last. */
static int by_name(const void *left, const void *right)
{
    const char *a = ((const struct line *)left)->model->target,
               *b = ((const struct line *)right)->model->target;
    return *a && *b ? strcmp(a, b) : !*a - !*b;
}

static const char *shown_name(const struct ff_stored_model *model)
{
    return *model->target ? model->target : "all";
}

static bool is_multivariate(const struct ff_model *model)
{
    return model->part_count == 1 && *model->parts[0].metric == '\0';
}

static void put_parameters(struct ff_json *json, const struct ff_model *model)
{
    struct ff_buf whole = {0};
    ff_model_json(model, true, &whole);
    ff_buf_text(&whole);
    if (is_multivariate(model)) {
        ff_json_put_raw(json, "model", (const char *)whole.data);
    } else { /* {"metrics":{…}}: its only member becomes one of the line */
        ff_json_key(json, "metrics");
        ff_buf_drop(&whole, strlen("{\"metrics\":"));
        whole.size--;
        ff_json_raw(json, ff_buf_text(&whole));
    }
    ff_buf_fini(&whole);
}

static enum ff_status append_line(struct export *export, struct line *line,
                                  const struct ff_stored_report *report, struct ff_arena *arena,
                                  struct ff_error *err)
{
    const struct ff_stored_model *stored = line->model;
    struct ff_model model;
    struct ff_error why = {0};
    if (stored->index >= report->outcome_count || report->outcomes[stored->index].model.size == 0)
        return ff_error_set(err, FF_DATA_LOSS, "the model of '%s' is missing", shown_name(stored));
    if (ff_model_decode(report->outcomes[stored->index].model, arena, &model, &why))
        return ff_error_set(err, FF_DATA_LOSS, "the model of '%s' is damaged: %s", shown_name(stored),
                            why.text);
    line->at = export->text.size;
    struct ff_json json = ff_json_start(&export->text);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "target", shown_name(stored));
    ff_json_put_string(&json, "kind", model.kind);
    if (stored->from)
        ff_json_put_uint(&json, "from", stored->from);
    put_parameters(&json, &model);
    ff_json_object_end(&json);
    ff_buf_append(&export->text, "\n", 1);
    line->size = export->text.size - line->at;
    return FF_OK;
}

/* The lines of one report, from first on; returns how many in *taken. */
static enum ff_status append_report(struct ff_store *store, struct export *export, size_t first,
                                    size_t *taken, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_report report;
    uint64_t row = export->lines[first].model->report;
    enum ff_status status = ff_store_report(store, row, FF_REPORT_MODELS, &arena, &report, err);
    size_t i = first;
    for (; !status && i < export->count && export->lines[i].model->report == row; i++)
        status = append_line(export, &export->lines[i], &report, &arena, err);
    ff_arena_fini(&arena);
    *taken = i - first;
    return status;
}

static void choose(struct export *export, const struct ff_stored_generation *generation, const char *target)
{
    export->lines = ff_xcalloc(generation->model_count + 1, sizeof *export->lines);
    for (size_t i = 0; i < generation->model_count; i++)
        if (!*target || ff_glob_match(target, shown_name(&generation->models[i])))
            export->lines[export->count++].model = &generation->models[i];
    qsort(export->lines, export->count, sizeof *export->lines, by_report);
}

enum ff_status ff_document_export(struct ff_store *store, const char *set, const char *target,
                                  struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_generation generation;
    struct export export = {0};
    enum ff_status status = ff_store_generation(store, set, 0, &arena, &generation, err);
    if (status)
        goto done;
    choose(&export, &generation, target);
    for (size_t i = 0, taken; !status && i < export.count; i += taken)
        status = append_report(store, &export, i, &taken, err);
    if (status)
        goto done;
    qsort(export.lines, export.count, sizeof *export.lines, by_name);
    for (size_t i = 0; i < export.count; i++)
        ff_buf_append(out, export.text.data + export.lines[i].at, export.lines[i].size);
done:
    ff_buf_fini(&export.text);
    free(export.lines);
    ff_arena_fini(&arena);
    return status;
}

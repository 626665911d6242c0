/* What two generations of a set have in common, target by target. Models lie in reports, many in one, so the
 * sides of all targets are filled in report by report, each decoded once; of the model's bytes only the hash
 * stays. */
#include "common/objects.h"
#include "coordinator/csvout.h"
#include "coordinator/documents_parts.h"
#include "coordinator/show.h"
#include "coordinator/summary.h"
#include "coordinator/table.h"

#include <stdlib.h>
#include <string.h>

enum change { SAME, CHANGED, ADDED, REMOVED, CHANGES };
static const char *const change_names[] = {"same", "changed", "added", "removed"};

/* A target's model in one of the two generations; model NULL: it has none. */
struct side {
    const struct ff_stored_model *model;
    const char *kind;
    const char *summary;
    uint64_t bytes;
    struct ff_object_id hash;
};

struct pair {
    const char *target; /* as it is shown */
    struct side before, after;
};

struct diff {
    struct ff_arena arena;
    const char *set;
    uint64_t before, after;
    struct pair *pairs;
    size_t count;
    uint64_t counts[CHANGES];
    bool full;
};

/* ---- comparing ---- */

static enum change change_of(const struct pair *pair)
{
    if (!pair->before.model)
        return ADDED;
    if (!pair->after.model)
        return REMOVED;
    return memcmp(&pair->before.hash, &pair->after.hash, sizeof pair->before.hash) == 0 ? SAME : CHANGED;
}

/* By name bytes, all (the empty name) last. */
static int by_target(const void *left, const void *right)
{
    const struct ff_stored_model *a = left, *b = right;
    return *a->target && *b->target ? strcmp(a->target, b->target) : !*a->target - !*b->target;
}

static struct ff_stored_model *in_shown_order(const struct ff_stored_generation *generation,
                                              struct ff_arena *arena)
{
    size_t size = generation->model_count * sizeof(struct ff_stored_model);
    struct ff_stored_model *models = ff_arena_alloc(arena, size + 1);
    if (size)
        memcpy(models, generation->models, size);
    qsort(models, generation->model_count, sizeof *models, by_target);
    return models;
}

static void pair_up(struct diff *diff, const struct ff_stored_generation *before,
                    const struct ff_stored_generation *after)
{
    const struct ff_stored_model *left = in_shown_order(before, &diff->arena);
    const struct ff_stored_model *right = in_shown_order(after, &diff->arena);
    size_t a = 0, b = 0;
    diff->pairs =
        ff_arena_zalloc(&diff->arena, (before->model_count + after->model_count + 1) * sizeof *diff->pairs);
    while (a < before->model_count || b < after->model_count) {
        int order = a == before->model_count  ? 1
                    : b == after->model_count ? -1
                                              : by_target(&left[a], &right[b]);
        struct pair *pair = &diff->pairs[diff->count++];
        const char *name = order <= 0 ? left[a].target : right[b].target;
        pair->target = *name ? name : "all";
        if (order <= 0)
            pair->before.model = &left[a++];
        if (order >= 0)
            pair->after.model = &right[b++];
    }
}

static int by_report(const void *left, const void *right)
{
    uint64_t a = (*(struct side *const *)left)->model->report,
             b = (*(struct side *const *)right)->model->report;
    return (a > b) - (a < b);
}

static enum ff_status fill_side(struct side *side, const struct ff_stored_report *report,
                                struct ff_arena *arena, struct ff_error *err)
{
    const struct ff_stored_model *model = side->model;
    if (model->index >= report->outcome_count || report->outcomes[model->index].model.size == 0)
        return ff_error_set(err, FF_DATA_LOSS, "the model of '%s' is missing", model->target);
    const struct ff_outcome *outcome = &report->outcomes[model->index];
    side->kind = ff_arena_strdup(arena, outcome->kind);
    side->summary = ff_arena_strdup(arena, outcome->summary);
    side->bytes = outcome->model.size;
    side->hash = ff_object_hash(outcome->model);
    return FF_OK;
}

/* The sides of one report, from first on; their number in *taken. */
static enum ff_status fill_report(struct ff_store *store, struct side **sides, size_t count, size_t *taken,
                                  struct ff_arena *arena, struct ff_error *err)
{
    struct ff_arena scratch = {0};
    struct ff_stored_report report;
    uint64_t row = sides[0]->model->report;
    enum ff_status status = ff_store_report(store, row, FF_REPORT_MODELS, &scratch, &report, err);
    size_t i = 0;
    for (; !status && i < count && sides[i]->model->report == row; i++)
        status = fill_side(sides[i], &report, arena, err);
    ff_arena_fini(&scratch);
    *taken = i;
    return status;
}

static enum ff_status fill_all(struct ff_store *store, struct diff *diff, struct ff_error *err)
{
    struct side **sides = ff_xcalloc(2 * diff->count + 1, sizeof *sides);
    size_t count = 0;
    for (size_t i = 0; i < diff->count; i++) {
        if (diff->pairs[i].before.model)
            sides[count++] = &diff->pairs[i].before;
        if (diff->pairs[i].after.model)
            sides[count++] = &diff->pairs[i].after;
    }
    qsort(sides, count, sizeof *sides, by_report);
    enum ff_status status = FF_OK;
    for (size_t i = 0, taken; !status && i < count; i += taken)
        status = fill_report(store, sides + i, count - i, &taken, &diff->arena, err);
    free(sides);
    for (size_t i = 0; !status && i < diff->count; i++)
        diff->counts[change_of(&diff->pairs[i])]++;
    return status;
}

/* ---- writing ---- */

static void put_side(struct ff_json *json, const char *key, const struct side *side)
{
    ff_json_key(json, key);
    if (!side->model) {
        ff_json_null(json);
        return;
    }
    ff_json_object_begin(json);
    ff_json_put_string(json, "kind", side->kind);
    ff_json_put_uint(json, "bytes", side->bytes);
    if (side->model->from)
        ff_json_put_uint(json, "from", side->model->from);
    ff_json_put_raw(json, "summary", *side->summary ? side->summary : "{}");
    ff_json_object_end(json);
}

static void write_json(const struct diff *diff, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "set", diff->set);
    ff_json_put_uint(&json, "before", diff->before);
    ff_json_put_uint(&json, "after", diff->after);
    ff_json_key(&json, "counts");
    ff_json_object_begin(&json);
    for (int change = SAME; change < CHANGES; change++)
        ff_json_put_uint(&json, change_names[change], diff->counts[change]);
    ff_json_object_end(&json);
    ff_json_key(&json, "targets");
    ff_json_array_begin(&json);
    for (size_t i = 0; i < diff->count; i++) {
        ff_json_object_begin(&json);
        ff_json_put_string(&json, "target", diff->pairs[i].target);
        ff_json_put_string(&json, "change", change_names[change_of(&diff->pairs[i])]);
        put_side(&json, "before", &diff->pairs[i].before);
        put_side(&json, "after", &diff->pairs[i].after);
        ff_json_object_end(&json);
    }
    ff_json_array_end(&json);
    ff_json_object_end(&json);
    ff_buf_append(out, "\n", 1);
}

static void write_csv_side(struct ff_csvout *line, const struct side *side)
{
    ff_csvout_text(line, side->model ? side->kind : "");
    if (side->model)
        ff_csvout_uint(line, side->bytes);
    else
        ff_csvout_text(line, "");
    ff_csvout_text(line, side->model ? side->summary : "");
}

static void write_csv(const struct diff *diff, struct ff_buf *out)
{
    ff_buf_printf(out, "target,change,kind_before,bytes_before,summary_before,"
                       "kind_after,bytes_after,summary_after\n");
    for (size_t i = 0; i < diff->count; i++) {
        struct ff_csvout line = ff_csvout_start(out);
        ff_csvout_text(&line, diff->pairs[i].target);
        ff_csvout_text(&line, change_names[change_of(&diff->pairs[i])]);
        write_csv_side(&line, &diff->pairs[i].before);
        write_csv_side(&line, &diff->pairs[i].after);
        ff_csvout_end(&line);
    }
}

/* "seasonal, 912 B: season 24, scale 0.5" */
static void write_cell(struct ff_table *table, const struct side *side)
{
    struct ff_buf words = {0};
    if (side->model) {
        ff_buf_printf(&words, "%s, %s: ", side->kind, ff_show_size(side->bytes).text);
        ff_summary_words(side->summary, &words);
    }
    ff_table_text(table, ff_buf_text(&words));
    ff_buf_fini(&words);
}

static void write_table(const struct diff *diff, struct ff_buf *out)
{
    static const struct ff_table_column columns[] = {{.title = "target", .width = 48},
                                                     {.title = "change"},
                                                     {.title = "before", .optional = true, .width = 56},
                                                     {.title = "after", .optional = true, .width = 56}};
    ff_buf_printf(out, "%s, generation %llu to %llu:", diff->set, (unsigned long long)diff->before,
                  (unsigned long long)diff->after);
    for (int change = SAME; change < CHANGES; change++)
        ff_buf_printf(out, "%s %s %s", change ? "," : "", ff_show_count(diff->counts[change]).text,
                      change_names[change]);
    ff_buf_append(out, "\n", 1);
    if (diff->counts[SAME] == diff->count && !diff->full)
        return;
    struct ff_table table;
    ff_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < diff->count; i++) {
        enum change change = change_of(&diff->pairs[i]);
        if (change == SAME && !diff->full)
            continue;
        ff_table_text(&table, diff->pairs[i].target);
        ff_table_text(&table, change_names[change]);
        write_cell(&table, &diff->pairs[i].before);
        write_cell(&table, &diff->pairs[i].after);
    }
    ff_buf_append(out, "\n", 1);
    ff_table_write(&table, out);
    ff_table_fini(&table);
}

enum ff_status ff_document_diff(struct ff_store *store, const struct ff_diff_options *options,
                                struct ff_buf *out, struct ff_error *err)
{
    struct diff diff = {
        .set = options->set, .before = options->before, .after = options->after, .full = options->full};
    struct ff_stored_generation before = {0}, after = {0};
    enum ff_format parsed = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(options->format, &parsed, err);
    if (!status)
        status = ff_store_generation(store, diff.set, diff.before, &diff.arena, &before, err);
    if (!status)
        status = ff_store_generation(store, diff.set, diff.after, &diff.arena, &after, err);
    if (!status) {
        pair_up(&diff, &before, &after);
        status = fill_all(store, &diff, err);
    }
    if (!status && parsed == FF_FORMAT_JSON)
        write_json(&diff, out);
    if (!status && parsed == FF_FORMAT_CSV)
        write_csv(&diff, out);
    if (!status && parsed == FF_FORMAT_TABLE)
        write_table(&diff, out);
    ff_arena_fini(&diff.arena);
    return status;
}

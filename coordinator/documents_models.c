#include "coordinator/csvout.h"
#include "coordinator/documents_parts.h"
#include "coordinator/show.h"
#include "coordinator/table.h"

static void write_json(const struct ff_generation_row *rows, size_t count, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_array_begin(&json);
    for (size_t i = 0; i < count; i++) {
        ff_json_object_begin(&json);
        ff_json_put_string(&json, "set", rows[i].set);
        ff_json_put_uint(&json, "number", rows[i].number);
        ff_json_put_bool(&json, "active", rows[i].active);
        ff_json_put_string(&json, "job", *rows[i].job_name ? rows[i].job_name : NULL);
        ff_put_time(&json, "created", rows[i].created_ms);
        ff_json_put_uint(&json, "models", rows[i].models);
        ff_json_object_end(&json);
    }
    ff_json_array_end(&json);
    ff_buf_append(out, "\n", 1);
}

static void write_csv(const struct ff_generation_row *rows, size_t count, struct ff_buf *out)
{
    ff_buf_printf(out, "set,number,active,job,created,models\n");
    for (size_t i = 0; i < count; i++) {
        struct ff_csvout line = ff_csvout_start(out);
        ff_csvout_text(&line, rows[i].set);
        ff_csvout_uint(&line, rows[i].number);
        ff_csvout_text(&line, rows[i].active ? "true" : "false");
        ff_csvout_text(&line, rows[i].job_name);
        ff_csvout_text(&line, ff_show_time(rows[i].created_ms).text);
        ff_csvout_uint(&line, rows[i].models);
        ff_csvout_end(&line);
    }
}

static void write_table(const struct ff_generation_row *rows, size_t count, struct ff_buf *out)
{
    static const struct ff_table_column columns[] = {{.title = "set"},
                                                     {.title = "generation", .right = true},
                                                     {.title = "", .optional = true},
                                                     {.title = "models", .right = true},
                                                     {.title = "created"},
                                                     {.title = "job"}};
    struct ff_table table;
    if (count == 0) {
        ff_buf_printf(out, "No models yet.\n");
        return;
    }
    ff_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        ff_table_text(&table, rows[i].set);
        ff_table_text(&table, ff_show_count(rows[i].number).text);
        ff_table_text(&table, rows[i].active ? "active" : "");
        ff_table_text(&table, ff_show_count(rows[i].models).text);
        ff_table_text(&table, ff_show_time(rows[i].created_ms).text);
        ff_table_text(&table, rows[i].job_name);
    }
    ff_table_write(&table, out);
    ff_table_fini(&table);
}

enum ff_status ff_document_models(struct ff_store *store, const char *set, const char *format,
                                  struct ff_buf *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_generation_row *rows = NULL;
    size_t count = 0;
    enum ff_format parsed = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(format, &parsed, err);
    if (!status)
        status = ff_store_generations(store, set, &arena, &rows, &count, err);
    if (!status && *set && count == 0)
        status = ff_error_set(err, FF_NOT_FOUND, "there is no set '%s' (fitfleet models lists them)", set);
    if (!status && parsed == FF_FORMAT_JSON)
        write_json(rows, count, out);
    if (!status && parsed == FF_FORMAT_CSV)
        write_csv(rows, count, out);
    if (!status && parsed == FF_FORMAT_TABLE)
        write_table(rows, count, out);
    ff_arena_fini(&arena);
    return status;
}

/* Workers and what their executors do. The names of targets come flat, so every writer walks workers and
 * executors in the same order and counts. */
#include "coordinator/csvout.h"
#include "coordinator/documents_parts.h"
#include "coordinator/show.h"
#include "coordinator/table.h"

#include <stdio.h>

struct view {
    struct ff_worker *const *workers;
    size_t count;
    const char *const *targets;
    int64_t now_ms;
};

static double since(const struct view *view, int64_t then_ms)
{
    return view->now_ms > then_ms ? (double)(view->now_ms - then_ms) : 0;
}

/* "exit 3", "signal 11", "" if none ended. */
static struct ff_shown last_end(const struct ff_executor_state *executor)
{
    struct ff_shown shown = {""};
    if (executor->last_signal)
        snprintf(shown.text, sizeof shown.text, "signal %d", executor->last_signal);
    else if (executor->last_exit >= 0)
        snprintf(shown.text, sizeof shown.text, "exit %d", executor->last_exit);
    return shown;
}

/* ---- JSON ---- */

static void put_optional(struct ff_json *json, const char *key, bool there, int64_t value)
{
    ff_json_key(json, key);
    if (there)
        ff_json_int(json, value);
    else
        ff_json_null(json);
}

static void put_executor(struct ff_json *json, const struct ff_executor_state *executor, const char *target)
{
    ff_json_object_begin(json);
    ff_json_put_uint(json, "pid", executor->pid);
    ff_json_put_uint(json, "ppid", executor->ppid);
    ff_json_put_bool(json, "alive", executor->alive);
    ff_json_put_uint(json, "age_ms", executor->age_ms);
    ff_json_put_string(json, "target", executor->busy && *target ? target : NULL);
    ff_json_put_bool(json, "busy", executor->busy);
    put_optional(json, "busy_ms", executor->busy, (int64_t)executor->busy_ms);
    ff_json_put_uint(json, "cpu_ms", executor->cpu_ms);
    ff_json_put_uint(json, "done", executor->done);
    put_optional(json, "last_exit", executor->last_exit >= 0, executor->last_exit);
    put_optional(json, "last_signal", executor->last_signal != 0, executor->last_signal);
    ff_json_object_end(json);
}

static void put_worker(struct ff_json *json, const struct view *view, const struct ff_worker *worker,
                       size_t *flat)
{
    ff_json_object_begin(json);
    ff_json_put_string(json, "name", worker->name);
    ff_json_put_string(json, "host", worker->host);
    ff_json_put_string(json, "version", worker->version);
    ff_json_put_uint(json, "pid", worker->pid);
    ff_json_put_uint(json, "slots", worker->slots);
    ff_json_put_string(json, "state", ff_worker_state_name(worker->state));
    ff_json_put_string(json, "profile", worker->profile);
    ff_json_put_double(json, "age_ms", since(view, worker->joined_ms));
    ff_json_put_double(json, "heard_ms", since(view, worker->heard_ms));
    ff_json_put_uint(json, "done", worker->done);
    ff_json_key(json, "executors");
    ff_json_array_begin(json);
    for (size_t i = 0; i < worker->executor_count; i++)
        put_executor(json, &worker->executors[i], view->targets[(*flat)++]);
    ff_json_array_end(json);
    ff_json_object_end(json);
}

static void write_json(const struct view *view, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    size_t flat = 0;
    ff_json_array_begin(&json);
    for (size_t i = 0; i < view->count; i++)
        put_worker(&json, view, view->workers[i], &flat);
    ff_json_array_end(&json);
    ff_buf_append(out, "\n", 1);
}

/* ---- CSV: a line per executor, one without executor for a worker that has none ---- */

static void write_csv_row(const struct ff_worker *worker, const struct ff_executor_state *executor,
                          const char *target, struct ff_buf *out)
{
    struct ff_csvout line = ff_csvout_start(out);
    ff_csvout_text(&line, worker->name);
    ff_csvout_text(&line, worker->host);
    ff_csvout_text(&line, worker->version);
    ff_csvout_uint(&line, worker->slots);
    ff_csvout_text(&line, ff_worker_state_name(worker->state));
    if (executor) {
        ff_csvout_uint(&line, executor->pid);
        ff_csvout_uint(&line, executor->ppid);
        ff_csvout_text(&line, executor->alive ? "true" : "false");
        ff_csvout_uint(&line, executor->age_ms);
        ff_csvout_text(&line, executor->busy ? target : "");
        ff_csvout_uint(&line, executor->done);
        ff_csvout_text(&line, last_end(executor).text);
    } else {
        for (int i = 0; i < 7; i++)
            ff_csvout_text(&line, "");
    }
    ff_csvout_end(&line);
}

static void write_csv(const struct view *view, struct ff_buf *out)
{
    size_t flat = 0;
    ff_buf_printf(out, "worker,host,version,slots,state,pid,ppid,alive,age_ms,target,done,last_end\n");
    for (size_t i = 0; i < view->count; i++) {
        const struct ff_worker *worker = view->workers[i];
        for (size_t j = 0; j < worker->executor_count; j++)
            write_csv_row(worker, &worker->executors[j], view->targets[flat++], out);
        if (worker->executor_count == 0)
            write_csv_row(worker, NULL, "", out);
    }
}

/* ---- table ---- */

static const struct ff_table_column worker_columns[] = {
    {.title = "worker"},
    {.title = "host"},
    {.title = "version"},
    {.title = "slots", .right = true},
    {.title = "state"},
    {.title = "done", .right = true},
    {.title = "joined", .right = true},
    {.title = "heard", .right = true},
};
static const struct ff_table_column executor_columns[] = {
    {.title = "worker"},
    {.title = "pid", .right = true},
    {.title = "ppid", .right = true},
    {.title = "alive"},
    {.title = "age", .right = true},
    {.title = "done", .right = true},
    {.title = "last end", .optional = true},
    {.title = "target"},
    {.title = "for", .right = true, .optional = true},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void write_workers(const struct view *view, struct ff_buf *out)
{
    struct ff_table table;
    ff_table_init(&table, worker_columns, COUNT(worker_columns));
    for (size_t i = 0; i < view->count; i++) {
        const struct ff_worker *worker = view->workers[i];
        ff_table_text(&table, worker->name);
        ff_table_text(&table, worker->host);
        ff_table_text(&table, worker->version);
        ff_table_cell(&table, "%u", worker->slots);
        ff_table_text(&table, ff_worker_state_name(worker->state));
        ff_table_text(&table, ff_show_count(worker->done).text);
        ff_table_cell(&table, "%s ago", ff_show_duration(since(view, worker->joined_ms)).text);
        ff_table_cell(&table, "%s ago", ff_show_duration(since(view, worker->heard_ms)).text);
    }
    ff_table_write(&table, out);
    ff_table_fini(&table);
}

static void add_executor(struct ff_table *table, const struct ff_worker *worker,
                         const struct ff_executor_state *executor, const char *target)
{
    ff_table_text(table, worker->name);
    ff_table_cell(table, "%u", executor->pid);
    ff_table_cell(table, "%u", executor->ppid);
    ff_table_text(table, executor->alive ? "yes" : "no");
    ff_table_text(table, ff_show_duration((double)executor->age_ms).text);
    ff_table_text(table, ff_show_count(executor->done).text);
    ff_table_text(table, last_end(executor).text);
    ff_table_text(table, executor->busy ? target : "idle");
    ff_table_text(table, executor->busy ? ff_show_duration((double)executor->busy_ms).text : "");
}

static void write_executors(const struct view *view, struct ff_buf *out)
{
    struct ff_table table;
    size_t flat = 0;
    ff_table_init(&table, executor_columns, COUNT(executor_columns));
    for (size_t i = 0; i < view->count; i++)
        for (size_t j = 0; j < view->workers[i]->executor_count; j++)
            add_executor(&table, view->workers[i], &view->workers[i]->executors[j], view->targets[flat++]);
    if (flat) {
        ff_buf_append(out, "\n", 1);
        ff_table_write(&table, out);
    }
    ff_table_fini(&table);
}

enum ff_status ff_document_workers(struct ff_worker *const *workers, size_t count, const char *const *targets,
                                   int64_t now_ms, const char *format, struct ff_buf *out,
                                   struct ff_error *err)
{
    struct view view = {workers, count, targets, now_ms};
    enum ff_format parsed = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(format, &parsed, err);
    if (status)
        return status;
    if (parsed == FF_FORMAT_JSON) {
        write_json(&view, out);
    } else if (parsed == FF_FORMAT_CSV) {
        write_csv(&view, out);
    } else if (count == 0) {
        ff_buf_printf(out, "No workers yet: start one with fitfleet-worker --coordinator URL.\n");
    } else {
        write_workers(&view, out);
        write_executors(&view, out);
    }
    return FF_OK;
}

/* Jobs as status shows them: from a live coordinator or from the state, the same documents. */
#include "coordinator/csvout.h"
#include "coordinator/documents_parts.h"
#include "coordinator/show.h"
#include "coordinator/table.h"

#include <string.h>

/* ---- from the state ---- */

static double percent_of(const struct ff_job_record *job, const struct ff_outcomes *outcomes)
{
    uint64_t decided = 0, total = outcomes->counts.requested;
    if (ff_job_state_is_final(job->state))
        return 100;
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        decided += outcomes->counts.of_class[class];
    if (outcomes->all) {
        total++;
        decided += outcomes->all->outcome.class != FF_OPEN;
    }
    return total ? 100.0 * (double)decided / (double)total : 0;
}

static struct ff_job_status status_of(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                                      struct ff_arena *arena)
{
    const char *state = ff_job_state_name(job->state);
    return (struct ff_job_status){.id = ff_job_words(job, arena),
                                  .name = ff_arena_strdup(arena, job->name),
                                  .state = state,
                                  .stage = state,
                                  .percent = percent_of(job, outcomes),
                                  .eta_ms = -1,
                                  .counts = outcomes->counts,
                                  .code = job->code,
                                  .errmsg = ff_arena_strdup(arena, job->errmsg),
                                  .version = 1,
                                  .set = ff_arena_strdup(arena, job->set),
                                  .generation = job->generation,
                                  .started_ms = job->started_ms,
                                  .finished_ms = job->finished_ms,
                                  .all_failed = outcomes->all_failed};
}

/* The counts that the coordinator kept, with what its end left open. */
static struct ff_outcomes final_counts(const struct ff_job_record *job)
{
    struct ff_outcomes outcomes = {.counts = job->counts, .all_failed = job->all_failed};
    uint64_t decided = 0;
    for (int class = FF_FITTED; class < FF_CANCELLED_CLASS; class ++)
        decided += job->counts.of_class[class];
    if (job->state != FF_JOB_DONE && job->counts.requested > decided)
        outcomes.counts.of_class[FF_CANCELLED_CLASS] = job->counts.requested - decided;
    return outcomes;
}

enum ff_status ff_status_from_store(struct ff_store *store, const struct ff_job_record *job,
                                    struct ff_arena *arena, struct ff_job_status *out, struct ff_error *err)
{
    struct ff_outcomes outcomes;
    if (ff_job_state_is_final(job->state)) {
        outcomes = final_counts(job);
    } else {
        enum ff_status status = ff_outcomes_read(store, job, FF_REPORT_OUTCOMES, arena, &outcomes, err);
        if (status)
            return status;
    }
    *out = status_of(job, &outcomes, arena);
    return FF_OK;
}

/* ---- JSON and CSV ---- */

static void put_status(struct ff_json *json, const struct ff_job_status *job)
{
    ff_json_object_begin(json);
    ff_json_put_string(json, "job", job->id);
    ff_json_put_string(json, "name", job->name);
    ff_json_put_string(json, "state", job->state);
    ff_json_put_string(json, "stage", job->stage);
    ff_json_put_double(json, "percent", job->percent);
    ff_json_key(json, "eta_ms");
    if (job->eta_ms < 0)
        ff_json_null(json);
    else
        ff_json_double(json, job->eta_ms);
    ff_json_put_string(json, "set", job->set);
    ff_put_generation(json, job->set, job->generation);
    ff_put_time(json, "started", job->started_ms);
    ff_put_time(json, "finished", job->finished_ms);
    ff_put_counts(json, &job->counts);
    ff_put_error(json, job->code, job->errmsg);
    ff_json_put_bool(json, "all_failed", job->all_failed);
    ff_json_object_end(json);
}

static void write_csv_row(const struct ff_job_status *job, struct ff_buf *out)
{
    struct ff_csvout line = ff_csvout_start(out);
    ff_csvout_text(&line, job->id);
    ff_csvout_text(&line, job->state);
    ff_csvout_text(&line, job->stage);
    ff_csvout_double(&line, job->percent);
    ff_csvout_text(&line, job->set);
    ff_csvout_uint(&line, job->generation);
    ff_csvout_text(&line, job->started_ms ? ff_show_time(job->started_ms).text : "");
    ff_csvout_text(&line, job->finished_ms ? ff_show_time(job->finished_ms).text : "");
    ff_csvout_uint(&line, job->counts.requested);
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        ff_csvout_uint(&line, job->counts.of_class[class]);
    ff_csvout_int(&line, job->code);
    ff_csvout_text(&line, ff_code_name(job->code));
    ff_csvout_text(&line, job->errmsg);
    ff_csvout_end(&line);
}

static void write_csv(const struct ff_job_status *jobs, size_t count, struct ff_buf *out)
{
    ff_buf_printf(out, "job,state,stage,percent,set,generation,started,finished,requested");
    for (int class = FF_FITTED; class < FF_CLASS_COUNT; class ++)
        ff_buf_printf(out, ",%s", ff_class_name((enum ff_class) class));
    ff_buf_printf(out, ",errno,error,errmsg\n");
    for (size_t i = count; i-- > 0;)
        write_csv_row(&jobs[i], out);
}

/* ---- tables ---- */

static bool is_over(const struct ff_job_status *job)
{
    return strcmp(job->state, "done") == 0 || strcmp(job->state, "failed") == 0 ||
           strcmp(job->state, "cancelled") == 0;
}

static const struct ff_table_column columns[] = {
    {.title = "job"},
    {.title = "state"},
    {.title = "done", .right = true},
    {.title = "targets", .right = true},
    {.title = "models", .right = true},
    {.title = "failed", .right = true},
    {.title = "started"},
    {.title = "took", .right = true, .optional = true},
    {.title = "generation", .optional = true},
    {.title = "error", .optional = true, .width = 60},
};

static void add_row(struct ff_table *table, const struct ff_job_status *job, struct ff_arena *arena)
{
    const uint64_t *of_class = job->counts.of_class;
    ff_table_text(table, job->id);
    ff_table_text(table, is_over(job) ? job->state : job->stage);
    ff_table_cell(table, "%.0f %%", job->percent);
    ff_table_text(table, ff_show_count(job->counts.requested).text);
    ff_table_text(table,
                  ff_show_count(of_class[FF_FITTED] + of_class[FF_REUSED] + of_class[FF_FALLBACK]).text);
    ff_table_text(table, ff_show_count(of_class[FF_FAILED] + of_class[FF_QUARANTINED]).text);
    ff_table_cell(table, job->started_ms ? "%.16sZ" : "%.0s", ff_show_time(job->started_ms).text);
    bool timed = job->started_ms && job->finished_ms >= job->started_ms;
    ff_table_text(table, timed ? ff_show_duration((double)(job->finished_ms - job->started_ms)).text : "");
    if (job->generation)
        ff_table_text(table,
                      ff_arena_printf(arena, "%s %llu", job->set, (unsigned long long)job->generation));
    else
        ff_table_text(table, "");
    ff_table_text(table, job->code ? ff_error_words(job->code, job->errmsg, arena) : "");
}

static void write_table(const struct ff_job_status *jobs, size_t count, struct ff_buf *out)
{
    struct ff_table table;
    struct ff_arena arena = {0};
    if (count == 0) {
        ff_buf_printf(out, "No jobs yet.\n");
        return;
    }
    ff_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = count; i-- > 0;)
        add_row(&table, &jobs[i], &arena);
    ff_table_write(&table, out);
    ff_table_fini(&table);
    ff_arena_fini(&arena);
}

enum ff_status ff_document_jobs(const struct ff_job_status *jobs, size_t count, const char *format,
                                struct ff_buf *out, struct ff_error *err)
{
    enum ff_format parsed = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(format, &parsed, err);
    if (status)
        return status;
    if (parsed == FF_FORMAT_TABLE) {
        write_table(jobs, count, out);
    } else if (parsed == FF_FORMAT_CSV) {
        write_csv(jobs, count, out);
    } else {
        struct ff_json json = ff_json_start(out);
        ff_json_array_begin(&json);
        for (size_t i = count; i-- > 0;)
            put_status(&json, &jobs[i]);
        ff_json_array_end(&json);
        ff_buf_append(out, "\n", 1);
    }
    return FF_OK;
}

static void write_lines(const struct ff_job_status *job, struct ff_arena *arena, struct ff_buf *out)
{
    const char *words = ff_counts_words(&job->counts, arena);
    ff_buf_printf(out, "%s: %s", job->id, job->state);
    if (!is_over(job)) {
        if (strcmp(job->stage, job->state) != 0)
            ff_buf_printf(out, ", %s", job->stage);
        ff_buf_printf(out, ", %.0f %%", job->percent);
        if (job->eta_ms >= 0)
            ff_buf_printf(out, ", about %s to go", ff_show_duration(job->eta_ms).text);
    }
    ff_buf_append(out, "\n", 1);
    ff_buf_printf(out, "  targets     %s%s%s\n", ff_show_count(job->counts.requested).text,
                  *words ? ": " : "", words);
    if (job->all_failed)
        ff_buf_printf(out, "  all         failed\n");
    if (job->started_ms)
        ff_buf_printf(out, "  started     %s\n", ff_show_time(job->started_ms).text);
    if (job->finished_ms)
        ff_buf_printf(out, "  finished    %s", ff_show_time(job->finished_ms).text);
    if (job->finished_ms && job->started_ms && job->finished_ms >= job->started_ms)
        ff_buf_printf(out, ", after %s", ff_show_duration((double)(job->finished_ms - job->started_ms)).text);
    if (job->finished_ms)
        ff_buf_append(out, "\n", 1);
    if (job->generation)
        ff_buf_printf(out, "  generation  %llu of set %s\n", (unsigned long long)job->generation, job->set);
    if (job->code) {
        const char *why = ff_error_words(job->code, job->errmsg, arena);
        ff_buf_printf(out, "  error       ");
        ff_show_clean((struct ff_bytes){(const uint8_t *)why, strlen(why)}, false, out);
        ff_buf_append(out, "\n", 1);
    }
}

enum ff_status ff_document_status(const struct ff_job_status *job, const char *format, struct ff_buf *out,
                                  struct ff_error *err)
{
    enum ff_format parsed = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(format, &parsed, err);
    if (status)
        return status;
    if (parsed == FF_FORMAT_CSV) {
        write_csv(job, 1, out);
    } else if (parsed == FF_FORMAT_JSON) {
        struct ff_json json = ff_json_start(out);
        put_status(&json, job);
        ff_buf_append(out, "\n", 1);
    } else {
        struct ff_arena arena = {0};
        write_lines(job, &arena, out);
        ff_arena_fini(&arena);
    }
    return FF_OK;
}

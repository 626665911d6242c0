/* The result document as JSON and CSV; the table is in documents_summary.c. Everything is read before the
 * first byte is written, so a failure leaves out as it was. */
#include "coordinator/csvout.h"
#include "coordinator/documents_parts.h"

/* ---- JSON ---- */

static void write_targets(struct ff_json *json, const struct ff_outcomes *outcomes,
                          const struct ff_results_options *options)
{
    ff_json_key(json, "top");
    ff_json_object_begin(json);
    for (size_t i = 0; i < outcomes->target_count; i++) {
        if (!ff_results_wants(options, &outcomes->targets[i]))
            continue;
        ff_json_key(json, outcomes->targets[i].name);
        ff_json_object_begin(json);
        ff_put_entry(json, &outcomes->targets[i]);
        ff_json_object_end(json);
    }
    ff_json_object_end(json);
}

static void write_all(struct ff_json *json, const struct ff_target_outcome *all)
{
    ff_json_key(json, "all");
    if (!all || all->outcome.class == FF_OPEN) {
        ff_json_null(json);
        return;
    }
    ff_json_object_begin(json);
    ff_put_entry(json, all);
    ff_json_object_end(json);
}

static void write_json(const struct ff_job_record *job, const struct ff_outcomes *outcomes,
                       const struct ff_results_options *options, struct ff_arena *arena, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "job", ff_job_words(job, arena));
    ff_json_put_string(&json, "state", ff_job_state_name(job->state));
    ff_put_generation(&json, job->set, job->generation);
    ff_put_time(&json, "started", job->started_ms);
    ff_put_time(&json, "finished", job->finished_ms);
    ff_json_put_uint(&json, "rows_skipped", outcomes->rows_skipped);
    ff_put_counts(&json, &outcomes->counts);
    ff_put_error(&json, job->code, job->errmsg);
    write_all(&json, outcomes->all);
    write_targets(&json, outcomes, options);
    ff_json_put_raw(&json, "time_ms", *job->times ? job->times : "null");
    ff_json_object_end(&json);
    ff_buf_append(out, "\n", 1);
}

/* ---- CSV ---- */

static void write_row(const struct ff_target_outcome *target, struct ff_buf *out)
{
    const struct ff_outcome *outcome = &target->outcome;
    bool has_model = ff_outcome_has_model(outcome);
    struct ff_csvout line = ff_csvout_start(out);
    ff_csvout_text(&line, target->name);
    ff_csvout_text(&line, ff_class_name(outcome->class));
    ff_csvout_int(&line, outcome->code);
    ff_csvout_text(&line, ff_code_name(outcome->code));
    ff_csvout_text(&line, outcome->errmsg);
    ff_csvout_text(&line, has_model ? outcome->kind : "");
    ff_csvout_uint(&line, target->rows);
    ff_csvout_uint(&line, target->steps);
    ff_csvout_uint(&line, outcome->attempts);
    ff_csvout_text(&line, target->worker);
    ff_csvout_uint(&line, outcome->pid);
    ff_csvout_double(&line, outcome->fit_ms);
    ff_csvout_double(&line, outcome->cpu_ms);
    ff_csvout_uint(&line, outcome->peak_rss_bytes);
    ff_csvout_uint(&line, has_model ? outcome->model_size : 0);
    ff_csvout_end(&line);
}

static void write_csv(const struct ff_outcomes *outcomes, const struct ff_results_options *options,
                      struct ff_buf *out)
{
    ff_buf_printf(out, "target,class,errno,error,errmsg,kind,rows,steps,attempts,worker,pid,fit_ms,cpu_ms,"
                       "peak_rss_bytes,model_bytes\n");
    for (size_t i = 0; i < outcomes->target_count; i++)
        if (ff_results_wants(options, &outcomes->targets[i]))
            write_row(&outcomes->targets[i], out);
    if (outcomes->all && ff_results_wants(options, outcomes->all))
        write_row(outcomes->all, out);
}

enum ff_status ff_document_results(struct ff_store *store, const struct ff_job_record *job,
                                   const struct ff_results_options *options, struct ff_buf *out,
                                   struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_outcomes outcomes;
    enum ff_format format = FF_FORMAT_JSON;
    enum ff_status status = ff_format_parse(options->format, &format, err);
    if (!status)
        status = ff_results_check(options, err);
    if (!status)
        status = ff_outcomes_read(store, job, FF_REPORT_OUTCOMES, &arena, &outcomes, err);
    if (!status && format == FF_FORMAT_JSON)
        write_json(job, &outcomes, options, &arena, out);
    if (!status && format == FF_FORMAT_CSV)
        write_csv(&outcomes, options, out);
    if (!status && format == FF_FORMAT_TABLE)
        ff_document_summary(job, &outcomes, options, out);
    ff_arena_fini(&arena);
    return status;
}

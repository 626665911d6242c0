/* score: the active models of a set, applied to other data; forecast: to the time behind their own.
 *
 * The models come with their job's text from the state or the coordinator (a kit); the work is an errand.
 * Data are read twice: by whoever does it, to put rows on the axes of the models, then here to write one line
 * for each in its order. */
#include "coordinator/cli/application.h"
#include "coordinator/scored.h"

static enum ff_status run(struct ff_application *app, struct ff_error *err)
{
    struct ff_errand errand = {.options = app->options,
                               .request = &app->request,
                               .may_travel = true,
                               .source = ff_scoring_source,
                               .source_context = &app->scoring};
    app->ran = true;
    return ff_errand_run(&errand, &app->result, err);
}

/* Whom a target's outcome failed, on standard error; how many. */
static size_t tell_failures(const struct ff_application *app)
{
    const struct ff_errand_result *result = &app->result;
    enum { SHOWN = 10 };
    size_t failed = 0;
    for (size_t i = 0; i <= result->targets.target_count; i++) {
        const struct ff_outcome *outcome = &result->outcomes[i];
        bool is_all = i == result->targets.target_count;
        if ((outcome->class != FF_FAILED && outcome->class != FF_QUARANTINED) ||
            (is_all && !app->scoring.with_all))
            continue;
        if (++failed <= SHOWN)
            fprintf(stderr, "fitfleet: %s: %s: %s\n", is_all ? "all" : result->targets.targets[i].name,
                    ff_code_name(outcome->code), outcome->errmsg);
    }
    if (failed > SHOWN)
        fprintf(stderr, "fitfleet: and %zu more\n", failed - SHOWN);
    return failed;
}

/* ---- score ---- */

static enum ff_status write_rows(struct ff_application *app, const struct ff_jobspec *spec,
                                 const struct ff_data_file *files, size_t file_count,
                                 struct ff_score_counts *counts, struct ff_error *err)
{
    const struct ff_errand_result *result = &app->result;
    struct ff_scored *scored = ff_scored_create(result->targets.metrics, result->targets.metric_count);
    struct ff_sink sink;
    enum ff_status status = FF_OK;
    for (size_t i = 0; !status && i < result->targets.target_count; i++)
        if (ff_kit_find(&app->kit, result->targets.targets[i].name))
            status = ff_scored_add(scored, result->targets.targets[i].name, &result->outcomes[i], err);
    if (!status)
        status = ff_sink_open(app->options->out, &sink, err);
    if (!status) {
        status = ff_scored_write(scored, spec, files, file_count,
                                 app->options->target ? app->options->target : "", sink.file, counts, err);
        status = ff_sink_close(&sink, status, err);
    }
    ff_scored_destroy(scored);
    return status;
}

static enum ff_status write_all(struct ff_application *app, struct ff_error *err)
{
    const struct ff_outcome *all = &app->result.outcomes[app->result.targets.target_count];
    struct ff_sink sink;
    size_t causes = 0;
    enum ff_status status = FF_OK;
    if (!app->scoring.with_all || all->class != FF_FITTED)
        return FF_OK;
    if (app->options->all_out && !(status = ff_sink_open(app->options->all_out, &sink, err)))
        status = ff_sink_close(&sink, ff_scored_write_all(all, sink.file, err), err);
    if (!status && app->options->causes_out && !(status = ff_sink_open(app->options->causes_out, &sink, err)))
        status = ff_sink_close(&sink, ff_scored_write_causes(all, sink.file, &causes, err), err);
    if (!status && app->options->causes_at && !causes)
        fprintf(stderr, "fitfleet: --causes-at %s: nothing is known of that time\n", app->options->causes_at);
    return status;
}

static enum ff_status score(struct ff_application *app, struct ff_score_counts *counts, struct ff_error *err)
{
    struct ff_jobspec *parsed = NULL, spec;
    struct ff_data_file *files = NULL;
    size_t count = 0;
    enum ff_status status = ff_application_read(app, FF_WORK_SCORE, err);
    if (!status)
        status = ff_application_find_data(app, err);
    if (!status)
        status = ff_application_spec(app, &parsed, &spec, err);
    if (!status) /* before anything is started */
        status = ff_files_find(&spec, &files, &count, err);
    if (!status) {
        ff_application_make_errand(app, files, count);
        status = run(app, err);
    }
    if (!status)
        status = write_rows(app, &spec, files, count, counts, err);
    if (!status)
        status = write_all(app, err);
    ff_files_free(files, count);
    ff_jobspec_destroy(parsed);
    return status;
}

static int fail(const struct ff_application *app, const struct ff_error *err)
{
    if (err->status == FF_NOT_FOUND || err->status == FF_INVALID_ARGUMENT || !app->ran)
        return ff_fail(err);
    return ff_errand_fail(&app->result, err);
}

int ff_command_score(const struct ff_options *options)
{
    struct ff_application app = {.options = options};
    struct ff_score_counts counts = {0};
    struct ff_error err = {0};
    int code;
    if (options->online)
        return ff_score_online(options);
    if (score(&app, &counts, &err)) {
        code = fail(&app, &err);
    } else {
        code = tell_failures(&app) ? FF_EXIT_SOME_FAILED : FF_EXIT_DONE;
        ff_application_tell(&app, &counts);
    }
    ff_application_fini(&app);
    return code;
}

/* ---- forecast ---- */

static enum ff_status write_forecasts(struct ff_application *app, struct ff_error *err)
{
    const struct ff_errand_result *result = &app->result;
    struct ff_score_counts counts = {0};
    struct ff_sink sink;
    enum ff_status status = ff_sink_open(app->options->out, &sink, err);
    if (status)
        return status;
    for (size_t i = 0; !status && i < result->targets.target_count; i++)
        status = ff_forecast_write(result->targets.targets[i].name, &result->outcomes[i], i == 0, sink.file,
                                   &counts, err);
    ff_score_counts_tell_unfitted(&counts);
    return ff_sink_close(&sink, status, err);
}

int ff_command_forecast(const struct ff_options *options)
{
    struct ff_application app = {.options = options};
    struct ff_work work = {.type = FF_WORK_FORECAST, .horizon = 24, .coverage = 0.95};
    struct ff_error err = {0};
    enum ff_status status = ff_option_work(options, &work, &err);
    if (!status)
        status = ff_application_read(&app, FF_WORK_FORECAST, &err);
    app.scoring.work = work;
    if (!status) {
        ff_application_make_errand(&app, NULL, 0);
        status = run(&app, &err);
    }
    if (!status)
        status = write_forecasts(&app, &err);
    int code = status ? fail(&app, &err) : tell_failures(&app) ? FF_EXIT_SOME_FAILED : FF_EXIT_DONE;
    ff_application_fini(&app);
    return code;
}

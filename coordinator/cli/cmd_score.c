/* score: the active models of a set, applied to other data; forecast: to the time behind their own.
 *
 * The models come with their job's text from the state or the coordinator (a kit); the work is done by
 * executors on this machine. Data are read twice: first to put rows on the axes of the models, then to write
 * one line for each in its order. */
#include "coordinator/cli/errand.h"
#include "coordinator/scored.h"
#include "coordinator/scoring.h"

#include "common/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct application {
    const struct ff_options *options;
    struct ff_arena arena;
    struct ff_kit kit;
    struct ff_scoring scoring;
    struct ff_submit_request request;
    struct ff_errand_result result;
    bool ran;
};

static void application_fini(struct application *app)
{
    if (app->ran)
        ff_errand_fini(&app->result);
    ff_arena_fini(&app->arena);
}

/* ---- what is to be done ---- */

static enum ff_status read_kit(struct application *app, struct ff_error *err)
{
    struct ff_read_request request = {
        .what = "kit", .set = app->options->arguments[0], .target = app->options->target};
    struct ff_session session;
    struct ff_buf bytes = {0};
    enum ff_status status = ff_session_open(app->options, true, &session, err);
    if (status)
        return status;
    status = ff_session_read(&session, &request, &bytes, err);
    if (!status)
        status = ff_kit_decode(ff_buf_bytes(&bytes), &app->arena, &app->kit, err);
    if (!status && app->kit.model_count == 0)
        status = ff_error_set(err, FF_NOT_FOUND, "set '%s': no model matches '%s'", app->kit.set,
                              app->options->target ? app->options->target : "*");
    ff_buf_fini(&bytes);
    ff_session_close(&session);
    return status;
}

/* As the job was, with a limit that no failure of a target ends it. */
static void make_request(struct application *app)
{
    const struct ff_kit *kit = &app->kit;
    const char **overrides = ff_arena_alloc(&app->arena, (kit->override_count + 1) * sizeof *overrides);
    if (kit->override_count)
        memcpy(overrides, kit->overrides, kit->override_count * sizeof *overrides);
    overrides[kit->override_count] = "limits.max_failed=100%";
    app->request = (struct ff_submit_request){.yaml = kit->yaml,
                                              .file = kit->file,
                                              .base_dir = kit->base_dir,
                                              .overrides = overrides,
                                              .override_count = kit->override_count + 1,
                                              .override_dir = kit->override_dir,
                                              .request_id = "",
                                              .no_reuse = true};
}

static enum ff_status prepare(struct application *app, enum ff_work_type type, struct ff_error *err)
{
    enum ff_status status = read_kit(app, err);
    if (status)
        return status;
    make_request(app);
    app->scoring.kit = &app->kit;
    app->scoring.work.type = type;
    return FF_OK;
}

static enum ff_status run(struct application *app, struct ff_error *err)
{
    struct ff_errand errand = {app->options, &app->request, ff_scoring_source, &app->scoring};
    app->ran = true;
    return ff_errand_run(&errand, &app->result, err);
}

/* Whom a target's outcome failed, on standard error; how many. */
static size_t tell_failures(const struct application *app)
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

/* ---- files ---- */

/* Where lines go: a file that appears when it is whole, or standard output. */
struct sink {
    FILE *file;
    const char *path;
    char *part;
};

static enum ff_status open_sink(const char *path, struct sink *out, struct ff_error *err)
{
    *out = (struct sink){stdout, path, NULL};
    if (!path)
        return FF_OK;
    out->part = ff_xasprintf("%s.part", path);
    out->file = fopen(out->part, "we");
    if (out->file)
        return FF_OK;
    ff_error_set(err, FF_INVALID_ARGUMENT, "cannot write %s: %m", path);
    free(out->part);
    return err->status;
}

/* Keeps what was written only if status is FF_OK. Returns the status. */
static enum ff_status close_sink(struct sink *sink, enum ff_status status, struct ff_error *err)
{
    if (!sink->path)
        return status || fflush(stdout) == 0
                   ? status
                   : ff_error_set(err, FF_INTERNAL, "cannot write to standard output: %m");
    bool good = fclose(sink->file) == 0 && !status && rename(sink->part, sink->path) == 0;
    if (!good)
        remove(sink->part);
    free(sink->part);
    return good || status ? status : ff_error_set(err, FF_INTERNAL, "cannot write %s: %m", sink->path);
}

/* ---- score ---- */

static enum ff_status find_data(struct application *app, struct ff_error *err)
{
    const struct ff_options *options = app->options;
    size_t count = options->argument_count - 1;
    const char **paths = ff_arena_alloc(&app->arena, (count + 1) * sizeof *paths);
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here))
        return ff_error_set(err, FF_INTERNAL, "the current folder: %m");
    for (size_t i = 0; i < count; i++) {
        const char *path = options->arguments[i + 1];
        paths[i] = *path == '/' ? path : ff_arena_printf(&app->arena, "%s/%s", here, path);
    }
    app->scoring.data = paths;
    app->scoring.places = options->arguments + 1;
    app->scoring.data_count = count;
    app->scoring.with_all = options->all_out || options->causes_out;
    if (app->scoring.with_all && !ff_kit_find(&app->kit, ""))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "set '%s' has no model of all", app->kit.set);
    return FF_OK;
}

static enum ff_status write_rows(struct application *app, const struct ff_jobspec *spec,
                                 struct ff_score_counts *counts, struct ff_error *err)
{
    const struct ff_errand_result *result = &app->result;
    struct ff_scored *scored = ff_scored_create(result->targets.metrics, result->targets.metric_count);
    struct ff_data_file *files = NULL;
    size_t file_count = 0;
    struct sink sink;
    enum ff_status status = FF_OK;
    for (size_t i = 0; !status && i < result->targets.target_count; i++)
        if (ff_kit_find(&app->kit, result->targets.targets[i].name))
            status = ff_scored_add(scored, result->targets.targets[i].name, &result->outcomes[i], err);
    if (!status)
        status = ff_files_find(spec, &files, &file_count, err);
    if (!status)
        status = open_sink(app->options->out, &sink, err);
    if (!status) {
        status = ff_scored_write(scored, spec, files, file_count,
                                 app->options->target ? app->options->target : "", sink.file, counts, err);
        status = close_sink(&sink, status, err);
    }
    ff_files_free(files, file_count);
    ff_scored_destroy(scored);
    return status;
}

static enum ff_status write_all(struct application *app, struct ff_error *err)
{
    const struct ff_outcome *all = &app->result.outcomes[app->result.targets.target_count];
    struct ff_score_counts ignored = {0};
    struct sink sink;
    enum ff_status status = FF_OK;
    if (!app->scoring.with_all || all->class != FF_FITTED)
        return FF_OK;
    if (app->options->all_out && !(status = open_sink(app->options->all_out, &sink, err)))
        status = close_sink(&sink, ff_scored_write_all(all, sink.file, &ignored, err), err);
    if (!status && app->options->causes_out && !(status = open_sink(app->options->causes_out, &sink, err)))
        status = close_sink(&sink, ff_scored_write_causes(all, sink.file, err), err);
    return status;
}

/* The spec that rows were read with. *parsed owns what it borrows. */
static enum ff_status read_spec(struct application *app, struct ff_jobspec **parsed, struct ff_jobspec *out,
                                struct ff_error *err)
{
    const struct ff_submit_request *request = &app->request;
    struct ff_jobspec_source source = {.text = request->yaml,
                                       .size = strlen(request->yaml),
                                       .file = request->file,
                                       .base_dir = request->base_dir,
                                       .overrides = request->overrides,
                                       .override_count = request->override_count,
                                       .override_dir = request->override_dir};
    enum ff_status status = ff_jobspec_parse(&source, parsed, err);
    if (!status)
        *out = ff_scoring_spec(&app->scoring, *parsed, &app->arena);
    return status;
}

static enum ff_status score(struct application *app, struct ff_score_counts *counts, struct ff_error *err)
{
    struct ff_jobspec *parsed = NULL, spec;
    struct ff_data_file *files;
    size_t count;
    enum ff_status status = prepare(app, FF_WORK_SCORE, err);
    if (!status)
        status = find_data(app, err);
    if (!status)
        status = read_spec(app, &parsed, &spec, err);
    if (!status && !(status = ff_files_find(&spec, &files, &count, err))) /* before anything is started */
        ff_files_free(files, count);
    if (!status)
        status = run(app, err);
    if (!status)
        status = write_rows(app, &spec, counts, err);
    if (!status)
        status = write_all(app, err);
    ff_jobspec_destroy(parsed);
    return status;
}

static int fail(const struct application *app, const struct ff_error *err)
{
    if (err->status == FF_NOT_FOUND || err->status == FF_INVALID_ARGUMENT || !app->ran)
        return ff_fail(err);
    return ff_errand_fail(&app->result, err);
}

int ff_command_score(const struct ff_options *options)
{
    struct application app = {.options = options};
    struct ff_score_counts counts = {0};
    struct ff_error err = {0};
    int code;
    if (score(&app, &counts, &err)) {
        code = fail(&app, &err);
    } else {
        code = tell_failures(&app) ? FF_EXIT_SOME_FAILED : FF_EXIT_DONE;
        fprintf(stderr, "%llu line%s, %llu anomal%s\n", (unsigned long long)counts.lines,
                counts.lines == 1 ? "" : "s", (unsigned long long)counts.anomalies,
                counts.anomalies == 1 ? "y" : "ies");
        if (counts.unknown_targets)
            fprintf(stderr, "fitfleet: %llu unknown target%s (%llu rows): set '%s' has no model of %s\n",
                    (unsigned long long)counts.unknown_targets, counts.unknown_targets == 1 ? "" : "s",
                    (unsigned long long)counts.unknown_rows, app.kit.set,
                    counts.unknown_targets == 1 ? "it" : "them");
    }
    application_fini(&app);
    return code;
}

/* ---- forecast ---- */

static enum ff_status write_forecasts(struct application *app, struct ff_error *err)
{
    const struct ff_errand_result *result = &app->result;
    struct sink sink;
    enum ff_status status = open_sink(app->options->out, &sink, err);
    if (status)
        return status;
    for (size_t i = 0; !status && i < result->targets.target_count; i++)
        status =
            ff_forecast_write(result->targets.targets[i].name, &result->outcomes[i], i == 0, sink.file, err);
    return close_sink(&sink, status, err);
}

int ff_command_forecast(const struct ff_options *options)
{
    struct application app = {.options = options};
    struct ff_work work = {.type = FF_WORK_FORECAST, .horizon = 24, .coverage = 0.95};
    struct ff_error err = {0};
    enum ff_status status = ff_option_work(options, &work, &err);
    if (!status)
        status = prepare(&app, FF_WORK_FORECAST, &err);
    app.scoring.work = work;
    if (!status)
        status = run(&app, &err);
    if (!status)
        status = write_forecasts(&app, &err);
    int code = status ? fail(&app, &err) : tell_failures(&app) ? FF_EXIT_SOME_FAILED : FF_EXIT_DONE;
    application_fini(&app);
    return code;
}

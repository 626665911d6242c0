/* score --online: rows are judged here, one after the other, and written as they come; no executor takes
 * part. */
#include "coordinator/cli/application.h"
#include "coordinator/livescore.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A set is a name; what is a file, or says that it is one, is a job. */
static bool is_job_file(const char *argument)
{
    const char *suffix = strrchr(argument, '.');
    struct stat info;
    if (suffix && (strcmp(suffix, ".yaml") == 0 || strcmp(suffix, ".yml") == 0))
        return true;
    return stat(argument, &info) == 0 && S_ISREG(info.st_mode);
}

static enum ff_status read_what(struct ff_application *app, bool is_job, struct ff_error *err)
{
    if (app->options->all_out || app->options->causes_out)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--online judges each target by itself: %s cannot be used with it",
                            app->options->all_out ? "--all-out" : "--causes-out");
    if (!is_job && app->options->set_count)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--set needs a job file, found the set '%s'",
                            app->options->arguments[0]);
    if (!is_job)
        return ff_application_read(app, FF_WORK_SCORE, err);
    app->scoring.kit = &app->kit; /* without models */
    return ff_submit_from_file(app->options, app->options->arguments[0], &app->arena, &app->request, err);
}

/* DATA, or standard input for "-". */
static enum ff_status find_files(const struct ff_application *app, const struct ff_jobspec *spec,
                                 struct ff_data_file **files, size_t *count, struct ff_error *err)
{
    const struct ff_options *options = app->options;
    if (options->argument_count != 2 || strcmp(options->arguments[1], "-") != 0)
        return ff_files_find(spec, files, count, err);
    *files = ff_xcalloc(1, sizeof **files);
    (*files)->path = ff_xstrdup("/dev/stdin");
    (*files)->name = ff_xstrdup("stdin");
    *count = 1;
    return FF_OK;
}

static enum ff_status run(struct ff_application *app, struct ff_score_counts *counts, struct ff_error *err)
{
    const struct ff_options *options = app->options;
    struct ff_jobspec *parsed = NULL, spec;
    struct ff_data_file *files = NULL;
    size_t file_count = 0;
    struct ff_sink sink;
    bool is_job = is_job_file(options->arguments[0]);
    enum ff_status status = read_what(app, is_job, err);
    if (!status)
        status = ff_application_find_data(app, err);
    if (!status)
        status = ff_application_spec(app, &parsed, &spec, err);
    if (!status && is_job)
        spec.data.values = parsed->data.values;
    if (!status)
        status = find_files(app, &spec, &files, &file_count, err);
    if (!status)
        status = ff_sink_open(options->out, &sink, err);
    if (!status) {
        struct ff_livescore what = {
            &spec,    is_job ? NULL : &app->kit, options->target ? options->target : "", files, file_count,
            sink.file};
        status = ff_sink_close(&sink, ff_livescore_run(&what, counts, err), err);
    }
    ff_files_free(files, file_count);
    ff_jobspec_destroy(parsed);
    return status;
}

int ff_score_online(const struct ff_options *options)
{
    struct ff_application app = {.options = options};
    struct ff_score_counts counts = {0};
    struct ff_error err = {0};
    int code = FF_EXIT_DONE;
    if (run(&app, &counts, &err))
        code = ff_fail(&err);
    else
        ff_application_tell(&app, &counts);
    ff_application_fini(&app);
    return code;
}

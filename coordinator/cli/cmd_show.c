/* Commands that show something: jobs, status, results, logs, explain, workers, models, version. */
#include "coordinator/cli/cli.h"

#include "common/version.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *argument(const struct ff_options *options, size_t at)
{
    return at < options->argument_count ? options->arguments[at] : "";
}

static int show(const struct ff_options *options, struct ff_read_request *request, bool may_read_state)
{
    struct ff_session session;
    struct ff_error err = {0};
    struct ff_buf out = {0};
    if (ff_session_open(options, may_read_state, &session, &err))
        return ff_fail(&err);
    request->format = ff_option_format(options, "table");
    int code =
        ff_session_read(&session, request, &out, &err) ? ff_fail(&err) : ff_write_output(options, &out);
    ff_buf_fini(&out);
    ff_session_close(&session);
    return code;
}

int ff_command_jobs(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "jobs"};
    return show(options, &request, true);
}

int ff_command_status(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "status", .job = argument(options, 0)};
    return show(options, &request, true);
}

int ff_command_logs(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "logs", .job = argument(options, 0), .target = argument(options, 1)};
    return show(options, &request, true);
}

int ff_command_explain(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "explain", .job = argument(options, 0), .target = argument(options, 1)};
    return show(options, &request, true);
}

int ff_command_workers(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "workers"};
    return show(options, &request, false);
}

int ff_command_version(const struct ff_options *options)
{
    (void)options;
    printf("fitfleet %s (protocol %u)\n", ff_version, ff_protocol);
    return FF_EXIT_DONE;
}

/* ---- results ---- */

static enum ff_status split_classes(const char *text, struct ff_arena *arena, struct ff_read_request *request,
                                    struct ff_error *err)
{
    const char **words = ff_arena_alloc(arena, (strlen(text) + 1) * sizeof *words);
    request->classes = words;
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *word = ff_arena_strndup(arena, text, length);
        if (ff_class_from_name(word) == FF_OPEN)
            return ff_error_set(err, FF_INVALID_ARGUMENT,
                                "--class: expected fitted, reused, fallback, skipped, failed, quarantined or "
                                "cancelled, found '%s'",
                                word);
        words[request->class_count++] = word;
        text += length + (text[length] == ',');
    }
    return FF_OK;
}

static bool is_over(struct ff_session *session, const char *job)
{
    struct ff_read_request request = {.what = "status", .job = job, .format = "json"};
    struct ff_buf out = {0};
    struct ff_error err = {0};
    bool over = ff_session_read(session, &request, &out, &err) != FF_OK;
    const char *text = ff_buf_text(&out);
    over = over || strstr(text, "\"state\":\"done\"") || strstr(text, "\"state\":\"failed\"") ||
           strstr(text, "\"state\":\"cancelled\"");
    ff_buf_fini(&out);
    return over;
}

/* One line per outcome until the job is over. */
static int follow(const struct ff_options *options, struct ff_session *session)
{
    struct ff_read_request request = {.what = "follow", .job = argument(options, 0)};
    struct ff_error err = {0};
    for (;;) {
        /* The end is asked for before the rest is read, so that nothing is missed between the two. */
        bool over = is_over(session, request.job);
        struct ff_buf out = {0};
        int code = ff_session_read(session, &request, &out, &err) ? ff_fail(&err) : FF_EXIT_DONE;
        if (out.size)
            fwrite(out.data, 1, out.size, stdout);
        bool news = out.size > 0;
        ff_buf_fini(&out);
        if (fflush(stdout) != 0 || code || over)
            return code;
        if (!news)
            nanosleep(&(struct timespec){0, 200000000}, NULL);
    }
}

int ff_command_results(const struct ff_options *options)
{
    struct ff_arena arena = {0};
    struct ff_session session;
    struct ff_error err = {0};
    struct ff_read_request request = {
        .what = "results", .job = argument(options, 0), .target = options->target, .full = options->all};
    int code;
    if (options->classes && split_classes(options->classes, &arena, &request, &err)) {
        code = ff_fail(&err);
    } else if (!options->follow) {
        code = show(options, &request, true);
    } else if (ff_session_open(options, true, &session, &err)) {
        code = ff_fail(&err);
    } else {
        code = follow(options, &session);
        ff_session_close(&session);
    }
    ff_arena_fini(&arena);
    return code;
}

/* ---- models ---- */

int ff_command_models(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "models", .set = argument(options, 0)};
    if (strcmp(request.set, "export") == 0) {
        if (options->argument_count < 2) {
            fprintf(stderr, "fitfleet models export: name the set (fitfleet models lists them)\n");
            return FF_EXIT_USAGE;
        }
        request = (struct ff_read_request){
            .what = "export", .set = argument(options, 1), .target = options->target};
    } else if (options->argument_count > 1) {
        fprintf(stderr, "fitfleet models: unexpected argument '%s'\n", options->arguments[1]);
        return FF_EXIT_USAGE;
    }
    return show(options, &request, true);
}

/* Commands that show something: jobs, status, results, logs, explain, workers, version. */
#include "coordinator/cli/cli.h"

#include "common/version.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *ff_argument(const struct ff_options *options, size_t at)
{
    return at < options->argument_count ? options->arguments[at] : "";
}

int ff_show(const struct ff_options *options, struct ff_read_request *request, bool may_read_state)
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
    return ff_show(options, &request, true);
}

int ff_command_status(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "status", .job = ff_argument(options, 0)};
    return ff_show(options, &request, true);
}

int ff_command_logs(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "logs", .job = ff_argument(options, 0), .target = ff_argument(options, 1)};
    return ff_show(options, &request, true);
}

int ff_command_explain(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "explain", .job = ff_argument(options, 0), .target = ff_argument(options, 1)};
    return ff_show(options, &request, true);
}

int ff_command_workers(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "workers"};
    return ff_show(options, &request, false);
}

int ff_command_version(const struct ff_options *options)
{
    (void)options;
    printf("fitfleet %s (protocol %u)\n", ff_version, ff_protocol);
    return FF_EXIT_DONE;
}

/* ---- results ---- */

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
    struct ff_read_request request = {.what = "follow", .job = ff_argument(options, 0)};
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
        .what = "results", .job = ff_argument(options, 0), .target = options->target, .full = options->all};
    int code;
    if (options->classes &&
        ff_option_classes(
            options->classes, ~0u,
            "--class: expected fitted, reused, fallback, skipped, failed, quarantined or cancelled", &arena,
            &request.classes, &request.class_count, &err)) {
        code = ff_fail(&err);
    } else if (!options->follow) {
        code = ff_show(options, &request, true);
    } else if (ff_session_open(options, true, &session, &err)) {
        code = ff_fail(&err);
    } else {
        code = follow(options, &session);
        ff_session_close(&session);
    }
    ff_arena_fini(&arena);
    return code;
}

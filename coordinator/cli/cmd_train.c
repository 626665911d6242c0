#include "coordinator/cli/embedded.h"

#include "common/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static enum ff_status submit(struct ff_rpc_client *client, const struct ff_submit_request *request,
                             struct ff_arena *arena, struct ff_job_status *job, struct ff_error *err)
{
    struct ff_buf body = {0};
    ff_encode_submit_request(request, &body);
    enum ff_status status = ff_session_job_call(client, FF_JOBS_SUBMIT, &body, 30000, arena, job, err);
    ff_buf_fini(&body);
    return status;
}

/* From the state, so that the commands it names are those that find it. */
static int print_results(const struct ff_options *options, const struct ff_job_status *job)
{
    struct ff_options here = *options;
    struct ff_session session;
    struct ff_read_request request = {
        .what = "results", .job = job->id, .format = ff_option_format(options, "table")};
    struct ff_buf out = {0};
    struct ff_error err = {0};
    here.state = ff_option_state(options);
    if (ff_session_open(&here, true, &session, &err))
        return ff_fail(&err);
    int code =
        ff_session_read(&session, &request, &out, &err) ? ff_fail(&err) : ff_write_output(options, &out);
    ff_session_close(&session);
    ff_buf_fini(&out);
    return code;
}

/* Waits for the job, prints its results, and gives its exit code. */
static int see_through(const struct ff_options *options, struct ff_embedded *embedded, int signals,
                       struct ff_job_status *job, struct ff_arena *arena)
{
    struct ff_watch watch = {.signals = signals,
                             .child_ended = ff_embedded_child_ended,
                             .context = embedded,
                             .coordinator = embedded->coordinator};
    struct ff_error err = {0};
    int signal = 0;
    const char *id = ff_arena_strdup(arena, job->id);
    if (ff_watch_job(embedded->client, id, &watch, arena, job, &signal, &err))
        return ff_fail(&err);
    if (signal) {
        fprintf(stderr, "fitfleet: stopped; what is committed stays, the same command goes on with it\n");
        return signal == SIGINT ? FF_EXIT_SIGINT : FF_EXIT_SIGTERM;
    }
    int code = ff_job_exit_code(job);
    if (code == FF_EXIT_USAGE) /* begins with the file */
        fprintf(stderr, "fitfleet: %s\n", job->errmsg);
    else if (job->code)
        fprintf(stderr, "fitfleet: %s: %s\n", job->id, job->errmsg);
    int printed = code == FF_EXIT_USAGE ? FF_EXIT_DONE : print_results(options, job);
    return printed ? printed : code;
}

static int train(const struct ff_options *options, struct ff_arena *arena)
{
    struct ff_submit_request request;
    struct ff_job_status job;
    struct ff_embedded embedded;
    struct ff_error err = {0};
    int signals = ff_signals_open();
    if (ff_submit_from_file(options, options->arguments[0], arena, &request, &err))
        return ff_fail(&err);
    struct ff_embedded_options embedded_options = {
        .state_dir = ff_option_state(options), .slots = options->slots, .affinity = options->affinity};
    if (ff_embedded_start(&embedded_options, &embedded, &err))
        return ff_fail_to_start(&err);
    int code = submit(embedded.client, &request, arena, &job, &err)
                   ? ff_fail(&err)
                   : see_through(options, &embedded, signals, &job, arena);
    ff_embedded_stop(&embedded);
    return code;
}

int ff_command_train(const struct ff_options *options)
{
    struct ff_arena arena = {0};
    int code = train(options, &arena);
    ff_arena_fini(&arena);
    return code;
}

/* Commands that change or follow jobs at a coordinator: submit, watch, cancel, retry, ping. */
#include "coordinator/cli/embedded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 30000 };

static const char *first_argument(const struct ff_options *options)
{
    return options->argument_count ? options->arguments[0] : "";
}

/* Watches the job to its end and gives its exit code. In a viewer a signal ends the viewer only. */
static int watch(struct ff_rpc_client *client, const char *id, struct ff_arena *arena)
{
    struct ff_watch options = {.signals = ff_signals_open(), .give_up = true};
    struct ff_job_status job;
    struct ff_error err = {0};
    int signal = 0;
    if (ff_watch_job(client, id, &options, arena, &job, &signal, &err))
        return ff_fail(&err);
    if (signal) {
        fprintf(stderr, "fitfleet: the job goes on (fitfleet watch %s)\n", id);
        return 128 + signal;
    }
    if (job.code)
        fprintf(stderr, "fitfleet: %s %s: %s\n", job.id, job.state, job.errmsg);
    else
        fprintf(stderr, "fitfleet: %s %s, generation %llu of set %s\n", job.id, job.state,
                (unsigned long long)job.generation, job.set);
    return ff_job_exit_code(&job);
}

/* Calls, prints the job's id, and waits for its end if asked to. */
static int call_and_wait(enum ff_method method, const struct ff_buf *body, struct ff_rpc_client *client,
                         bool wait)
{
    struct ff_arena arena = {0};
    struct ff_job_status job;
    struct ff_error err = {0};
    int code;
    if (ff_session_job_call(client, method, body, CALL_MS, &arena, &job, &err)) {
        code = ff_fail(&err);
    } else {
        printf("%s\n", job.id);
        fflush(stdout);
        code = wait ? watch(client, job.id, &arena) : FF_EXIT_DONE;
    }
    ff_arena_fini(&arena);
    return code;
}

/* ---- submit ---- */

static int submit(const struct ff_options *options, struct ff_arena *arena)
{
    struct ff_submit_request request;
    struct ff_session session;
    struct ff_error err = {0};
    struct ff_buf body = {0};
    if (ff_submit_from_file(options, options->arguments[0], arena, &request, &err))
        return ff_fail(&err);
    if (ff_session_open(options, false, &session, &err))
        return ff_fail(&err);
    ff_encode_submit_request(&request, &body);
    int code = call_and_wait(FF_JOBS_SUBMIT, &body, session.client, options->wait);
    ff_buf_fini(&body);
    ff_session_close(&session);
    return code;
}

int ff_command_submit(const struct ff_options *options)
{
    struct ff_arena arena = {0};
    int code = submit(options, &arena);
    ff_arena_fini(&arena);
    return code;
}

/* ---- watch, cancel, ping ---- */

int ff_command_watch(const struct ff_options *options)
{
    struct ff_arena arena = {0};
    struct ff_session session;
    struct ff_error err = {0};
    if (ff_session_open(options, false, &session, &err))
        return ff_fail(&err);
    int code = watch(session.client, first_argument(options), &arena);
    ff_session_close(&session);
    ff_arena_fini(&arena);
    return code;
}

int ff_command_cancel(const struct ff_options *options)
{
    struct ff_session session;
    struct ff_error err = {0};
    struct ff_buf body = {0};
    struct ff_arena arena = {0};
    struct ff_job_status job;
    struct ff_job_request request = {.job = options->arguments[0]};
    if (ff_session_open(options, false, &session, &err))
        return ff_fail(&err);
    ff_encode_job_request(&request, &body);
    int code = FF_EXIT_DONE;
    if (ff_session_job_call(session.client, FF_JOBS_CANCEL, &body, CALL_MS, &arena, &job, &err))
        code = ff_fail(&err);
    else
        printf("%s %s\n", job.id, job.state);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
    ff_session_close(&session);
    return code;
}

int ff_command_ping(const struct ff_options *options)
{
    struct ff_session session;
    struct ff_error err = {0};
    struct ff_ping_reply reply;
    struct ff_arena arena = {0};
    if (ff_session_open(options, false, &session, &err))
        return ff_fail(&err);
    struct ff_rpc_response *response =
        ff_rpc_call_wait(session.client, ff_method_name(FF_JOBS_PING), (struct ff_bytes){0}, NULL, 0, 5000);
    enum ff_status status = response->status;
    if (status)
        ff_error_set(&err, status, "%s", response->text);
    else
        status = ff_decode_ping_reply(response->body, &arena, &reply, &err);
    if (!status)
        printf("fitfleet %s, protocol %u, %u worker%s with %u slot%s\n", reply.version, reply.protocol,
               reply.workers, reply.workers == 1 ? "" : "s", reply.slots, reply.slots == 1 ? "" : "s");
    ff_rpc_response_free(response);
    ff_arena_fini(&arena);
    ff_session_close(&session);
    return status ? ff_fail(&err) : FF_EXIT_DONE;
}

/* ---- retry ---- */

static const unsigned may_retry =
    1u << FF_FAILED | 1u << FF_QUARANTINED | 1u << FF_SKIPPED | 1u << FF_CANCELLED_CLASS;

/* With --state the retry runs here, as train would. */
static int retry_embedded(const struct ff_options *options, const struct ff_buf *body)
{
    struct ff_embedded embedded;
    struct ff_embedded_options embedded_options = {
        .state_dir = options->state, .slots = options->slots, .affinity = options->affinity};
    struct ff_arena arena = {0};
    struct ff_job_status job;
    struct ff_error err = {0};
    int signal = 0;
    struct ff_watch watch_options = {
        .signals = ff_signals_open(), .child_ended = ff_embedded_child_ended, .context = &embedded};
    if (ff_embedded_start(&embedded_options, &embedded, &err)) {
        ff_fail(&err);
        return FF_EXIT_INTERNAL;
    }
    watch_options.coordinator = embedded.coordinator;
    int code = FF_EXIT_DONE;
    if (ff_session_job_call(embedded.client, FF_JOBS_RETRY, body, CALL_MS, &arena, &job, &err)) {
        code = ff_fail(&err);
    } else {
        const char *id = ff_arena_strdup(&arena, job.id);
        printf("%s\n", id);
        code = ff_watch_job(embedded.client, id, &watch_options, &arena, &job, &signal, &err) ? ff_fail(&err)
               : signal                                                                       ? 128 + signal
                        : ff_job_exit_code(&job);
    }
    ff_embedded_stop(&embedded);
    ff_arena_fini(&arena);
    return code;
}

static int retry_remote(const struct ff_options *options, const struct ff_buf *body)
{
    struct ff_session session;
    struct ff_error err = {0};
    if (ff_session_open(options, false, &session, &err))
        return ff_fail(&err);
    int code = call_and_wait(FF_JOBS_RETRY, body, session.client, true);
    ff_session_close(&session);
    return code;
}

int ff_command_retry(const struct ff_options *options)
{
    struct ff_arena arena = {0};
    struct ff_buf body = {0};
    struct ff_error err = {0};
    struct ff_retry_request request = {.job = first_argument(options)};
    int code;
    if (ff_option_classes(options->only ? options->only : "failed,quarantined", may_retry,
                          "--only: expected failed, quarantined or skipped", &arena, &request.classes,
                          &request.class_count, &err)) {
        code = ff_fail(&err);
    } else {
        ff_encode_retry_request(&request, &body);
        code = options->state ? retry_embedded(options, &body) : retry_remote(options, &body);
    }
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
    return code;
}

#include "coordinator/cli/errand.h"

#include "common/harvest.h"
#include "common/json.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALL_MS = 30000, LONGEST_NAME = 64 };

static void put_text(struct ff_json *json, const char *key, const char *text)
{
    if (text && *text)
        ff_json_put_string(json, key, text);
}

/* As jobspec_errand.c reads it. */
static void write_spec(const struct ff_errand_spec *spec, struct ff_buf *out)
{
    const struct ff_work *work = &spec->work;
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "do", ff_work_names[work->type]);
    put_text(&json, "set", spec->set);
    if (spec->generation)
        ff_json_put_uint(&json, "generation", spec->generation);
    put_text(&json, "target", spec->target);
    put_text(&json, "files", spec->files);
    ff_json_put_bool(&json, "all", spec->with_all);
    if (work->explains)
        ff_json_put_int(&json, "explained_ms", work->explained_ms);
    if (work->horizon) {
        ff_json_put_uint(&json, "horizon", work->horizon);
        ff_json_put_double(&json, "coverage", work->coverage);
        ff_json_put_uint(&json, "season", work->season);
    }
    if (work->folds)
        ff_json_put_uint(&json, "folds", work->folds);
    ff_json_object_end(&json);
}

void ff_errand_make(const struct ff_errand_spec *spec, const char *about, struct ff_submit_request *request,
                    struct ff_arena *arena)
{
    const char *what = ff_work_names[spec->work.type];
    int room = LONGEST_NAME - (int)strlen(what) - 1;
    struct ff_buf text = {0};
    ff_submit_add_override(request, ff_arena_printf(arena, "name=%s-%.*s", what, room, about), arena);
    ff_buf_printf(&text, "errand=");
    write_spec(spec, &text);
    ff_submit_add_override(request, ff_arena_strdup(arena, ff_buf_text(&text)), arena);
    ff_buf_fini(&text);
}

/* ---- what comes out ---- */

static void begin_outcomes(struct ff_errand_result *out)
{
    out->outcomes = ff_arena_zalloc(&out->arena, (out->targets.target_count + 1) * sizeof *out->outcomes);
}

static enum ff_status take_report(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct ff_errand_result *out = context;
    (void)row;
    for (size_t i = 0; i < report->outcome_count; i++) {
        const struct ff_outcome *from = &report->outcomes[i];
        if (from->target > out->targets.target_count)
            continue;
        struct ff_outcome *to = &out->outcomes[from->target];
        *to = *from;
        to->errmsg = ff_arena_strdup(&out->arena, from->errmsg);
        to->kind = to->summary = "";
        to->model.data = ff_arena_copy(&out->arena, from->model.data, from->model.size);
        to->log = (struct ff_bytes){0};
    }
    return FF_OK;
}

/* That nothing came of any target is said by their outcomes. */
static enum ff_status judge(const struct ff_job_status *job, int signal, struct ff_error *err)
{
    if (signal)
        return ff_error_set(err, FF_CANCELLED, "stopped");
    if (job->code == FF_CODE_CANCELLED)
        return ff_error_set(err, FF_CANCELLED, "%s was cancelled", job->id);
    if (job->code == FF_CODE_BAD_DATA)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s", job->errmsg);
    if (job->code && job->code != FF_CODE_NO_MODELS)
        return ff_error_set(err, FF_INTERNAL, "%s", job->errmsg);
    return FF_OK;
}

/* ---- at a coordinator ---- */

static bool is_for_here(const struct ff_options *options)
{
    return options->state || options->slots || options->affinity;
}

static bool has_workers(struct ff_rpc_client *client)
{
    struct ff_rpc_response *response =
        ff_rpc_call_wait(client, ff_method_name(FF_JOBS_PING), (struct ff_bytes){0}, NULL, 0, CALL_MS);
    struct ff_ping_reply reply = {0};
    struct ff_arena arena = {0};
    bool has = response->status == FF_OK &&
               ff_decode_ping_reply(response->body, &arena, &reply, NULL) == FF_OK && reply.workers > 0;
    ff_arena_fini(&arena);
    ff_rpc_response_free(response);
    return has;
}

static enum ff_status call(struct ff_session *session, enum ff_method method, const char *job,
                           struct ff_error *err)
{
    struct ff_job_request request = {.job = job};
    struct ff_job_status status_after;
    struct ff_arena arena = {0};
    struct ff_buf body = {0};
    ff_encode_job_request(&request, &body);
    enum ff_status status =
        ff_session_job_call(session->client, method, &body, CALL_MS, &arena, &status_after, err);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
    return status;
}

/* Takes a page; *more: there may be another. */
static enum ff_status take_page(struct ff_bytes page, struct ff_errand_result *out, bool *more,
                                struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_harvest harvest;
    enum ff_status status = ff_harvest_decode(page, &arena, &harvest, err);
    bool is_first = !status && !out->outcomes;
    if (is_first)
        status = ff_decode_stored_targets(harvest.targets, &out->arena, &out->targets, err);
    if (is_first && !status)
        begin_outcomes(out);
    *more = !status && harvest.report_count > 0;
    for (size_t i = 0; !status && i < harvest.report_count; i++)
        status = take_report(out, 0, &harvest.reports[i]);
    ff_arena_fini(&arena);
    return status;
}

static enum ff_status read_harvest(struct ff_session *session, const char *job, struct ff_errand_result *out,
                                   struct ff_error *err)
{
    struct ff_read_request request = {.what = "harvest", .job = job};
    enum ff_status status = FF_OK;
    for (bool more = true; more && !status;) {
        struct ff_buf page = {0};
        status = ff_session_read(session, &request, &page, err);
        if (!status)
            status = take_page(ff_buf_bytes(&page), out, &more, err);
        ff_buf_fini(&page);
    }
    return status;
}

static enum ff_status follow(struct ff_session *session, const char *job, int signals,
                             struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_watch watch = {.signals = signals, .give_up = true};
    struct ff_job_status after = {.id = job};
    struct ff_error ignored;
    enum ff_status status =
        ff_watch_job(session->client, job, &watch, &out->arena, &after, &out->signal, err);
    bool answers = status == FF_OK;
    if (out->signal && call(session, FF_JOBS_CANCEL, job, &ignored) == FF_OK)
        fprintf(stderr, "fitfleet: %s is cancelled\n", job);
    if (!status)
        status = judge(&after, out->signal, err);
    if (!status)
        status = read_harvest(session, job, out, err);
    if (answers) /* else it goes by itself, after a day */
        (void)!call(session, FF_JOBS_RELEASE, job, &ignored);
    return status;
}

/* *taken: the coordinator accepted it, or what is wrong is not where it is done. */
static enum ff_status run_at(struct ff_session *session, const struct ff_errand *errand, int signals,
                             bool *taken, struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_buf body = {0};
    struct ff_job_status job;
    *taken = has_workers(session->client);
    if (!*taken) {
        fprintf(stderr, "fitfleet: the coordinator has no workers: this machine does it\n");
        return FF_OK;
    }
    ff_encode_submit_request(errand->request, &body);
    enum ff_status status =
        ff_session_job_call(session->client, FF_JOBS_SUBMIT, &body, CALL_MS, &out->arena, &job, err);
    ff_buf_fini(&body);
    if (!status)
        return follow(session, job.id, signals, out, err);
    *taken =
        status != FF_INVALID_ARGUMENT && status != FF_PERMISSION_DENIED && status != FF_FAILED_PRECONDITION;
    if (!*taken)
        fprintf(stderr, "fitfleet: the coordinator cannot do it (%s): this machine does\n", err->text);
    return status;
}

static enum ff_status run_away(const struct ff_errand *errand, int signals, bool *taken,
                               struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_session session;
    *taken = true;
    enum ff_status status = ff_session_open(errand->options, false, &session, err);
    if (status)
        return status;
    status = run_at(&session, errand, signals, taken, out, err);
    ff_session_close(&session);
    return status;
}

/* ---- here ---- */

static enum ff_status run_job(const struct ff_errand *errand, struct ff_embedded *embedded, int signals,
                              struct ff_errand_result *out, const char **id, struct ff_error *err)
{
    struct ff_buf body = {0};
    struct ff_job_status job;
    struct ff_watch watch = {.signals = signals,
                             .child_ended = ff_embedded_child_ended,
                             .context = embedded,
                             .coordinator = embedded->coordinator};
    ff_encode_submit_request(errand->request, &body);
    enum ff_status status =
        ff_session_job_call(embedded->client, FF_JOBS_SUBMIT, &body, CALL_MS, &out->arena, &job, err);
    if (!status) {
        *id = job.id;
        status = ff_watch_job(embedded->client, *id, &watch, &out->arena, &job, &out->signal, err);
    }
    ff_buf_fini(&body);
    return status ? status : judge(&job, out->signal, err);
}

static enum ff_status collect(const char *state, const char *id, struct ff_errand_result *out,
                              struct ff_error *err)
{
    struct ff_store *store;
    struct ff_job_record job;
    enum ff_status status = ff_store_open_reader(state, &store, err);
    if (status)
        return status;
    status = ff_store_find_job(store, id, &out->arena, &job, err);
    if (!status)
        status = ff_store_targets(store, job.id, &out->arena, &out->targets, err);
    begin_outcomes(out);
    if (!status)
        status = ff_store_reports(store, job.id, FF_REPORT_MODELS, take_report, out, err);
    ff_store_close(store);
    return status;
}

static enum ff_status run_in(const char *state, const struct ff_errand *errand, int signals,
                             struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_embedded embedded;
    const char *id = "";
    struct ff_embedded_options options = {.state_dir = state,
                                          .slots = errand->options->slots,
                                          .affinity = errand->options->affinity,
                                          .source = errand->source,
                                          .source_context = errand->source_context};
    enum ff_status status = ff_embedded_start(&options, &embedded, err);
    if (status)
        return status;
    status = run_job(errand, &embedded, signals, out, &id, err);
    ff_embedded_stop(&embedded);
    return status ? status : collect(state, id, out, err);
}

static enum ff_status run_here(const struct ff_errand *errand, int signals, struct ff_errand_result *out,
                               struct ff_error *err)
{
    const char *folder = getenv("TMPDIR");
    char *state = ff_xasprintf("%s/fitfleet-XXXXXX", folder && *folder ? folder : "/tmp");
    enum ff_status status =
        mkdtemp(state) ? FF_OK : ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", state);
    if (!status) {
        status = run_in(state, errand, signals, out, err);
        ff_embedded_remove_state(state);
    }
    free(state);
    return status;
}

enum ff_status ff_errand_run(const struct ff_errand *errand, struct ff_errand_result *out,
                             struct ff_error *err)
{
    bool taken = false;
    int signals = ff_signals_open();
    enum ff_status status = FF_OK;
    *out = (struct ff_errand_result){0};
    if (errand->may_travel && !is_for_here(errand->options))
        status = run_away(errand, signals, &taken, out, err);
    if (!taken)
        status = run_here(errand, signals, out, err);
    ff_signals_close(signals);
    return status;
}

void ff_errand_fini(struct ff_errand_result *result)
{
    ff_arena_fini(&result->arena);
}

int ff_errand_fail(const struct ff_errand_result *result, const struct ff_error *err)
{
    if (result->signal)
        return result->signal == SIGINT ? FF_EXIT_SIGINT : FF_EXIT_SIGTERM;
    return ff_fail(err);
}

#include "coordinator/cli/errand.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum ff_status run_job(const struct ff_errand *errand, struct ff_embedded *embedded, int signals,
                              struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_buf body = {0};
    struct ff_job_status job;
    struct ff_watch watch = {.signals = signals,
                             .child_ended = ff_embedded_child_ended,
                             .context = embedded,
                             .coordinator = embedded->coordinator};
    ff_encode_submit_request(errand->request, &body);
    enum ff_status status =
        ff_session_job_call(embedded->client, FF_JOBS_SUBMIT, &body, 30000, &out->arena, &job, err);
    if (!status)
        status = ff_watch_job(embedded->client, ff_arena_strdup(&out->arena, job.id), &watch, &out->arena,
                              &job, &out->signal, err);
    ff_buf_fini(&body);
    if (!status && out->signal)
        return ff_error_set(err, FF_CANCELLED, "stopped");
    if (!status && job.code == FF_CODE_BAD_DATA)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s", job.errmsg);
    if (!status && job.code && job.code != FF_CODE_NO_MODELS)
        return ff_error_set(err, FF_INTERNAL, "%s", job.errmsg);
    return status;
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

static enum ff_status collect(const char *state, struct ff_errand_result *out, struct ff_error *err)
{
    struct ff_store *store;
    struct ff_job_record job;
    enum ff_status status = ff_store_open_reader(state, &store, err);
    if (status)
        return status;
    status = ff_store_find_job(store, "", &out->arena, &job, err);
    if (!status)
        status = ff_store_targets(store, job.id, &out->arena, &out->targets, err);
    out->outcomes = ff_arena_zalloc(&out->arena, (out->targets.target_count + 1) * sizeof *out->outcomes);
    if (!status)
        status = ff_store_reports(store, job.id, FF_REPORT_MODELS, take_report, out, err);
    ff_store_close(store);
    return status;
}

static enum ff_status run_in(const char *state, const struct ff_errand *errand, struct ff_errand_result *out,
                             struct ff_error *err)
{
    struct ff_embedded embedded;
    int signals = ff_signals_open();
    struct ff_embedded_options options = {.state_dir = state,
                                          .slots = errand->options->slots,
                                          .affinity = errand->options->affinity,
                                          .source = errand->source,
                                          .source_context = errand->source_context};
    enum ff_status status = ff_embedded_start(&options, &embedded, err);
    if (status)
        return status;
    status = run_job(errand, &embedded, signals, out, err);
    ff_embedded_stop(&embedded);
    return status ? status : collect(state, out, err);
}

enum ff_status ff_errand_run(const struct ff_errand *errand, struct ff_errand_result *out,
                             struct ff_error *err)
{
    const char *folder = getenv("TMPDIR");
    *out = (struct ff_errand_result){0};
    char *state = ff_xasprintf("%s/fitfleet-XXXXXX", folder && *folder ? folder : "/tmp");
    enum ff_status status =
        mkdtemp(state) ? FF_OK : ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", state);
    if (!status) {
        status = run_in(state, errand, out, err);
        ff_embedded_remove_state(state);
    }
    free(state);
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

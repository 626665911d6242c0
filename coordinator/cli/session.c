/* Talking to a coordinator, or reading a state directory in its place. */
#include "coordinator/cli/cli.h"
#include "coordinator/documents.h"

#include "common/file.h"
#include "common/objects.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CALL_MS = 30000, CAPSULE_MS = 600000, JOB_FILE_BYTES = 1 << 20 };

/* A state that cannot be read is not a mistake in the command; one that is not there may be. */
static enum ff_status unusable(struct ff_error *err)
{
    if (err->status != FF_NOT_FOUND && err->status != FF_INVALID_ARGUMENT)
        err->status = FF_INTERNAL;
    return err->status;
}

/* Who has just used train here looks for its results. */
static void hint_at_state(struct ff_error *err)
{
    char text[sizeof err->text];
    snprintf(text, sizeof text, "%s", err->text);
    ff_error_set(err, err->status, "%.900s; what train did here is read with --state .fitfleet", text);
}

enum ff_status ff_session_open(const struct ff_options *options, bool may_read_state, struct ff_session *out,
                               struct ff_error *err)
{
    *out = (struct ff_session){0};
    if (may_read_state && options->state) {
        out->state = options->state;
        return ff_store_open_reader(options->state, &out->store, err) ? unusable(err) : FF_OK;
    }
    struct ff_buf token = {0};
    const char *environment = getenv("FITFLEET_COORDINATOR");
    struct ff_rpc_client_options client = {.dial_now = true};
    client.url = options->coordinator ? options->coordinator
                 : environment        ? environment
                                      : "tcp://127.0.0.1:7400";
    enum ff_status status = ff_option_security(options, &token, &client.security, err);
    if (!status)
        status = ff_rpc_client_open(&client, &out->client, err);
    ff_buf_fini(&token);
    if (status == FF_UNAVAILABLE && may_read_state && access(".fitfleet/fitfleet.db", R_OK) == 0)
        hint_at_state(err);
    return status;
}

void ff_session_close(struct ff_session *session)
{
    ff_rpc_client_close(session->client);
    ff_store_close(session->store);
}

enum ff_status ff_session_job_call(struct ff_rpc_client *client, enum ff_method method,
                                   const struct ff_buf *body, uint32_t deadline_ms, struct ff_arena *arena,
                                   struct ff_job_status *out, struct ff_error *err)
{
    struct ff_rpc_response *response =
        ff_rpc_call_wait(client, ff_method_name(method), ff_buf_bytes(body), NULL, 0, deadline_ms);
    enum ff_status status = response->status;
    if (status)
        ff_error_set(err, status, "%s", response->text);
    else
        status = ff_decode_job_status(response->body, arena, out, err);
    ff_rpc_response_free(response);
    return status;
}

/* ---- documents over the network ---- */

static enum ff_status fetch_all(struct ff_rpc_client *client, const struct ff_read_reply *reply,
                                struct ff_buf *out, struct ff_error *err)
{
    enum ff_status status = FF_OK;
    for (uint64_t at = 0; !status && at < reply->size; at += FF_OBJECT_RANGE) {
        uint64_t left = reply->size - at;
        struct ff_fetch_request range = {reply->object, at, left < FF_OBJECT_RANGE ? left : FF_OBJECT_RANGE};
        struct ff_buf body = {0};
        ff_encode_fetch_request(&range, &body);
        struct ff_rpc_response *response =
            ff_rpc_call_wait(client, ff_method_name(FF_FLEET_FETCH), ff_buf_bytes(&body), NULL, 0, CALL_MS);
        status = response->status;
        if (status)
            ff_error_set(err, status, "%s", response->text);
        else
            ff_buf_append(out, response->blocks.data, response->blocks.size);
        ff_rpc_response_free(response);
        ff_buf_fini(&body);
    }
    return status;
}

static enum ff_status read_remote(struct ff_rpc_client *client, struct ff_read_request *request,
                                  struct ff_buf *out, struct ff_error *err)
{
    struct ff_buf body = {0};
    struct ff_arena arena = {0};
    struct ff_read_reply reply = {0};
    ff_encode_read_request(request, &body);
    uint32_t deadline_ms = strcmp(request->what, "capsule") == 0 ? CAPSULE_MS : CALL_MS;
    struct ff_rpc_response *response =
        ff_rpc_call_wait(client, ff_method_name(FF_JOBS_READ), ff_buf_bytes(&body), NULL, 0, deadline_ms);
    enum ff_status status = response->status;
    if (status)
        ff_error_set(err, status, "%s", response->text);
    else
        status = ff_decode_read_reply(response->body, &arena, &reply, err);
    if (!status && reply.in_object)
        status = fetch_all(client, &reply, out, err);
    else if (!status)
        ff_buf_append(out, response->blocks.data, response->blocks.size);
    request->cursor = reply.cursor;
    ff_rpc_response_free(response);
    ff_arena_fini(&arena);
    ff_buf_fini(&body);
    return status;
}

/* ---- documents from the state ---- */

static enum ff_status list_jobs(struct ff_store *store, struct ff_arena *arena, const char *format,
                                struct ff_buf *out, struct ff_error *err)
{
    struct ff_job_record *records;
    size_t count;
    enum ff_status status = ff_store_jobs(store, arena, &records, &count, err);
    if (status)
        return status;
    struct ff_job_status *statuses = ff_arena_alloc(arena, (count + 1) * sizeof *statuses);
    for (size_t i = 0; i < count && !status; i++)
        status = ff_status_from_store(store, &records[i], arena, &statuses[i], err);
    return status ? status : ff_document_jobs(statuses, count, format, out, err);
}

/* " --state DIR", as a shell takes it. */
static const char *where_of(const char *state, struct ff_arena *arena)
{
    struct ff_buf text = {0};
    bool is_plain =
        *state && !state[strspn(state, "/._-+,:@%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                       "qrstuvwxyz")];
    ff_buf_printf(&text, " --state %s", is_plain ? state : "'");
    for (; !is_plain && *state; state++)
        ff_buf_append(&text, *state == '\'' ? "'\\''" : state, *state == '\'' ? 4 : 1);
    ff_buf_printf(&text, "%s", is_plain ? "" : "'");
    const char *where = ff_arena_strdup(arena, ff_buf_text(&text));
    ff_buf_fini(&text);
    return where;
}

static enum ff_status of_job(struct ff_session *session, struct ff_read_request *request,
                             struct ff_arena *arena, struct ff_buf *out, struct ff_error *err)
{
    struct ff_store *store = session->store;
    const char *where = where_of(session->state, arena);
    struct ff_job_record job;
    struct ff_job_status job_status;
    enum ff_status status = ff_store_find_job(store, request->job, arena, &job, err);
    if (status)
        return status;
    if (strcmp(request->what, "results") == 0) {
        struct ff_results_options options = {request->format, request->classes, request->class_count,
                                             request->target, request->full,    where};
        return ff_document_results(store, &job, &options, out, err);
    }
    if (strcmp(request->what, "follow") == 0)
        return ff_document_follow(store, &job, &request->cursor, out, err);
    if (strcmp(request->what, "capsule") == 0) {
        struct ff_capsule_options options = {.target = request->target, .from_files = true};
        return ff_document_capsule(store, &job, &options, out, err);
    }
    if (strcmp(request->what, "logs") == 0)
        return ff_document_logs(store, &job, request->target, out, err);
    if (strcmp(request->what, "explain") == 0) {
        struct ff_explain_options options = {request->target, NULL, where};
        return ff_document_explain(store, &job, &options, out, err);
    }
    status = ff_status_from_store(store, &job, arena, &job_status, err);
    return status ? status : ff_document_status(&job_status, request->format, out, err);
}

static enum ff_status read_state(struct ff_session *session, struct ff_read_request *request,
                                 struct ff_buf *out, struct ff_error *err)
{
    struct ff_store *store = session->store;
    struct ff_arena arena = {0};
    enum ff_status status;
    if (strcmp(request->what, "models") == 0)
        status = ff_document_models(store, request->set, request->format, out, err);
    else if (strcmp(request->what, "diff") == 0)
        status = ff_document_diff(store,
                                  &(struct ff_diff_options){request->set, request->before, request->after,
                                                            request->format, request->full},
                                  out, err);
    else if (strcmp(request->what, "export") == 0)
        status = ff_document_export(store, request->set, request->target, out, err);
    else if (strcmp(request->what, "kit") == 0)
        status = ff_document_kit(store, request->set, request->target, out, err);
    else if (strcmp(request->what, "jobs") == 0)
        status = list_jobs(store, &arena, request->format, out, err);
    else
        status = of_job(session, request, &arena, out, err);
    ff_arena_fini(&arena);
    return status;
}

enum ff_status ff_session_read(struct ff_session *session, struct ff_read_request *request,
                               struct ff_buf *out, struct ff_error *err)
{
    const char **texts[] = {&request->what, &request->job, &request->target, &request->format, &request->set};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i])
            *texts[i] = "";
    return session->client ? read_remote(session->client, request, out, err)
                           : read_state(session, request, out, err);
}

/* ---- a job file ---- */

static enum ff_status read_text(const char *path, struct ff_arena *arena, const char **out,
                                struct ff_error *err)
{
    struct ff_buf text = {0};
    enum ff_status status = ff_file_read(path, JOB_FILE_BYTES, &text, err);
    if (!status && text.size > JOB_FILE_BYTES)
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: a job file has at most 1 MiB", path);
    else if (!status && memchr(text.data, '\0', text.size))
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: not a text file", path);
    else if (!status)
        *out = ff_arena_strndup(arena, (const char *)text.data, text.size);
    ff_buf_fini(&text);
    return status;
}

struct ff_jobspec_source ff_submit_source(const struct ff_submit_request *request)
{
    return (struct ff_jobspec_source){.text = request->yaml,
                                      .size = strlen(request->yaml),
                                      .file = request->file,
                                      .base_dir = request->base_dir,
                                      .overrides = request->overrides,
                                      .override_count = request->override_count,
                                      .override_dir = request->override_dir};
}

void ff_submit_add_override(struct ff_submit_request *request, const char *text, struct ff_arena *arena)
{
    const char **overrides = ff_arena_alloc(arena, (request->override_count + 1) * sizeof *overrides);
    if (request->override_count)
        memcpy(overrides, request->overrides, request->override_count * sizeof *overrides);
    overrides[request->override_count++] = text;
    request->overrides = overrides;
}

enum ff_status ff_submit_from_file(const struct ff_options *options, const char *path, struct ff_arena *arena,
                                   struct ff_submit_request *out, struct ff_error *err)
{
    char here[PATH_MAX];
    *out = (struct ff_submit_request){.file = path, .request_id = options->id ? options->id : ""};
    enum ff_status status = read_text(path, arena, &out->yaml, err);
    if (status)
        return status;
    char *real = realpath(path, NULL);
    if (!real || !getcwd(here, sizeof here)) {
        free(real);
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: %m", path);
    }
    char *slash = strrchr(real, '/');
    out->base_dir = ff_arena_strndup(arena, real, slash == real ? 1 : (size_t)(slash - real));
    out->override_dir = ff_arena_strdup(arena, here);
    out->overrides = options->sets;
    out->override_count = options->set_count;
    out->no_reuse = options->no_reuse;
    free(real);
    return FF_OK;
}

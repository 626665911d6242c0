/* models: listing, comparing, exporting, and changing which generation is the active one. With --state a
 * change is made here, under the writer's lock; otherwise the coordinator makes it. */
#include "coordinator/cli/cli.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 30000 };

static int list(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "models", .set = ff_argument(options, 0)};
    return ff_show(options, &request, true);
}

static int export(const struct ff_options *options)
{
    struct ff_read_request request = {
        .what = "export", .set = ff_argument(options, 1), .target = options->target};
    return ff_show(options, &request, true);
}

/* A generation's number, as it is written in listings. */
static bool parse_number(const char *text, uint64_t *out)
{
    char *end;
    size_t digits = strspn(text, "0123456789");
    *out = strtoull(text, &end, 10);
    return digits > 0 && digits < 19 && text[digits] == '\0' && *out > 0;
}

/* The generation that argument `at` names; exit code 2 after a message. */
static int take_number(const struct ff_options *options, size_t at, uint64_t *out)
{
    const char *text = ff_argument(options, at);
    if (parse_number(text, out))
        return FF_EXIT_DONE;
    fprintf(stderr, "fitfleet models %s: expected the number of a generation, found '%s'\n",
            options->arguments[0], text);
    return FF_EXIT_USAGE;
}

static int diff(const struct ff_options *options)
{
    struct ff_read_request request = {.what = "diff", .set = ff_argument(options, 1), .full = options->all};
    if (take_number(options, 2, &request.before) || take_number(options, 3, &request.after))
        return FF_EXIT_USAGE;
    return ff_show(options, &request, true);
}

/* ---- activate, rollback ---- */

static enum ff_status open_writer(const char *state, struct ff_store **out, struct ff_error *err)
{
    struct ff_store *reader = NULL;
    char why[sizeof err->text];
    enum ff_status status = ff_store_open_reader(state, &reader, err); /* a writer would make a new state */
    ff_store_close(reader);
    if (!status)
        status = ff_store_open(state, out, err);
    if (status != FF_FAILED_PRECONDITION)
        return status;
    snprintf(why, sizeof why, "%s", err->text);
    return ff_error_set(err, status, "%.900s: ask it with --coordinator URL", why);
}

static enum ff_status activate_here(const char *state, const struct ff_activate_request *request,
                                    struct ff_activate_reply *reply, struct ff_error *err)
{
    struct ff_store *store = NULL;
    enum ff_status status = open_writer(state, &store, err);
    if (!status)
        status = ff_store_begin(store, err);
    if (!status)
        status = ff_store_activate(store, request, ff_wall_ms(), reply, err);
    if (!status)
        status = ff_store_commit(store, err);
    ff_store_close(store);
    if (status && status != FF_NOT_FOUND)
        err->status = FF_INTERNAL; /* the state is no mistake in the command */
    return status;
}

static enum ff_status activate_there(const struct ff_options *options,
                                     const struct ff_activate_request *request,
                                     struct ff_activate_reply *reply, struct ff_error *err)
{
    struct ff_session session;
    struct ff_buf body = {0};
    struct ff_arena arena = {0};
    enum ff_status status = ff_session_open(options, false, &session, err);
    if (status)
        return status;
    ff_encode_activate_request(request, &body);
    struct ff_rpc_response *response = ff_rpc_call_wait(session.client, ff_method_name(FF_JOBS_ACTIVATE),
                                                        ff_buf_bytes(&body), NULL, 0, CALL_MS);
    status = response->status;
    if (status)
        ff_error_set(err, status, "%s", response->text);
    else
        status = ff_decode_activate_reply(response->body, &arena, reply, err);
    ff_rpc_response_free(response);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
    ff_session_close(&session);
    return status;
}

static int change(const struct ff_options *options, const struct ff_activate_request *request)
{
    struct ff_activate_reply reply;
    struct ff_error err = {0};
    struct ff_buf line = {0};
    if (options->state ? activate_here(options->state, request, &reply, &err)
                       : activate_there(options, request, &reply, &err))
        return ff_fail(&err);
    ff_buf_printf(&line, "%s: generation %llu is active, with %llu model%s; it was %llu\n", request->set,
                  (unsigned long long)reply.number, (unsigned long long)reply.models,
                  reply.models == 1 ? "" : "s", (unsigned long long)reply.before);
    int code = ff_write_output(options, &line);
    ff_buf_fini(&line);
    return code;
}

static int activate(const struct ff_options *options)
{
    struct ff_activate_request request = {.set = ff_argument(options, 1), .target = ""};
    if (options->target) {
        fprintf(stderr, "fitfleet models activate: --target goes with rollback\n");
        return FF_EXIT_USAGE;
    }
    int code = take_number(options, 2, &request.number);
    return code ? code : change(options, &request);
}

static int rollback(const struct ff_options *options)
{
    struct ff_activate_request request = {.set = ff_argument(options, 1),
                                          .target = options->target ? options->target : ""};
    return change(options, &request);
}

int ff_command_models(const struct ff_options *options)
{
    static const struct {
        const char *name, *usage;
        size_t arguments; /* the name is one */
        int (*run)(const struct ff_options *options);
    } actions[] = {{"diff", "diff SET A B", 4, diff},
                   {"activate", "activate SET N", 3, activate},
                   {"rollback", "rollback SET [--target GLOB]", 2, rollback},
                   {"export", "export SET", 2, export}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(ff_argument(options, 0), actions[i].name) != 0)
            continue;
        if (options->argument_count == actions[i].arguments)
            return actions[i].run(options);
        fprintf(stderr, "fitfleet models %s: usage: fitfleet models %s (fitfleet models lists sets)\n",
                actions[i].name, actions[i].usage);
        return FF_EXIT_USAGE;
    }
    if (options->argument_count <= 1)
        return list(options);
    fprintf(stderr, "fitfleet models: unexpected argument '%s'\n", options->arguments[1]);
    return FF_EXIT_USAGE;
}

#include "coordinator/cli/application.h"

#include "common/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum ff_status read_kit(struct ff_application *app, struct ff_error *err)
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
static void make_request(struct ff_application *app)
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

enum ff_status ff_application_read(struct ff_application *app, enum ff_work_type type, struct ff_error *err)
{
    enum ff_status status = read_kit(app, err);
    if (status)
        return status;
    make_request(app);
    app->scoring.kit = &app->kit;
    app->scoring.work.type = type;
    return FF_OK;
}

enum ff_status ff_application_find_data(struct ff_application *app, struct ff_error *err)
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

enum ff_status ff_application_spec(struct ff_application *app, struct ff_jobspec **parsed,
                                   struct ff_jobspec *out, struct ff_error *err)
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

void ff_application_fini(struct ff_application *app)
{
    if (app->ran)
        ff_errand_fini(&app->result);
    ff_arena_fini(&app->arena);
}

void ff_application_tell(const struct ff_application *app, const struct ff_score_counts *counts)
{
    bool several = counts->unknown_targets != 1;
    fprintf(stderr, "%llu line%s, %llu anomal%s\n", (unsigned long long)counts->lines,
            counts->lines == 1 ? "" : "s", (unsigned long long)counts->anomalies,
            counts->anomalies == 1 ? "y" : "ies");
    if (counts->unknown_targets)
        fprintf(stderr, "fitfleet: %llu unknown target%s (%llu row%s): '%s' has no model of %s\n",
                (unsigned long long)counts->unknown_targets, several ? "s" : "",
                (unsigned long long)counts->unknown_rows, ff_plural(counts->unknown_rows),
                app->options->arguments[0], several ? "them" : "it");
    ff_score_counts_tell_unfitted(counts);
}

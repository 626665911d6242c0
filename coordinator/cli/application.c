#include "coordinator/cli/application.h"

#include "common/json.h"
#include "common/text.h"
#include "coordinator/timeparse.h"

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

/* As the job was. */
static void make_request(struct ff_application *app)
{
    const struct ff_kit *kit = &app->kit;
    app->request = (struct ff_submit_request){.yaml = kit->yaml,
                                              .file = kit->file,
                                              .base_dir = kit->base_dir,
                                              .overrides = kit->overrides,
                                              .override_count = kit->override_count,
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

/* Absolute, or a pattern below this folder, whose own * ? [ are escaped. */
static void add_data(struct ff_application *app, const char *here)
{
    const struct ff_options *options = app->options;
    struct ff_buf text = {0};
    char *folder = ff_arena_alloc(&app->arena, 2 * strlen(here) + 1);
    ff_glob_escape(here, folder);
    ff_buf_printf(&text, "data.files=");
    struct ff_json json = ff_json_start(&text);
    ff_json_array_begin(&json);
    for (size_t i = 1; i < options->argument_count; i++) {
        const char *path = options->arguments[i];
        ff_json_string(&json, *path == '/' ? path : ff_arena_printf(&app->arena, "%s/%s", folder, path));
    }
    ff_json_array_end(&json);
    ff_submit_add_override(&app->request, ff_arena_strdup(&app->arena, ff_buf_text(&text)), &app->arena);
    ff_buf_fini(&text);
}

static enum ff_status read_causes_at(struct ff_application *app, struct ff_error *err)
{
    const char *text = app->options->causes_at;
    struct ff_work *work = &app->scoring.work;
    struct ff_timeparse *times;
    work->explains = text != NULL;
    if (!text)
        return FF_OK;
    if (!app->options->causes_out)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--causes-at needs --causes-out FILE");
    enum ff_status status = ff_timeparse_create("auto", "UTC", 1, &times, err);
    if (!status && !ff_timeparse(times, text, strlen(text), &work->explained_ms))
        status = ff_error_set(err, FF_INVALID_ARGUMENT,
                              "--causes-at: expected a time such as 2026-01-31T23:59:00Z, found '%s'", text);
    ff_timeparse_destroy(times);
    return status;
}

enum ff_status ff_application_find_data(struct ff_application *app, struct ff_error *err)
{
    const struct ff_options *options = app->options;
    char here[PATH_MAX];
    if (!getcwd(here, sizeof here))
        return ff_error_set(err, FF_INTERNAL, "the current folder: %m");
    add_data(app, here);
    app->scoring.with_all = options->all_out || options->causes_out;
    if (read_causes_at(app, err))
        return err->status;
    if (app->scoring.with_all && !ff_kit_find(&app->kit, ""))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "set '%s' has no model of all", app->kit.set);
    return FF_OK;
}

static const char *sum_of(struct ff_application *app, const struct ff_data_file *files, size_t count)
{
    struct ff_buf list = {0};
    char *sum = ff_arena_alloc(&app->arena, FF_FILES_SUM);
    ff_files_list(files, count, &list);
    ff_files_sum(ff_buf_text(&list), sum);
    ff_buf_fini(&list);
    return sum;
}

void ff_application_make_errand(struct ff_application *app, const struct ff_data_file *files, size_t count)
{
    const struct ff_errand_spec spec = {.work = app->scoring.work,
                                        .set = app->kit.set,
                                        .generation = app->kit.generation,
                                        .target = app->options->target,
                                        .with_all = app->scoring.with_all,
                                        .files = count ? sum_of(app, files, count) : ""};
    /* No failure of a target ends it. */
    ff_submit_add_override(&app->request, "limits.max_failed=100%", &app->arena);
    ff_errand_make(&spec, app->kit.set, &app->request, &app->arena);
}

enum ff_status ff_application_spec(struct ff_application *app, struct ff_jobspec **parsed,
                                   struct ff_jobspec *out, struct ff_error *err)
{
    const struct ff_jobspec_source source = ff_submit_source(&app->request);
    enum ff_status status = ff_jobspec_parse(&source, parsed, err);
    if (status)
        return status;
    *out = ff_scoring_spec(&app->scoring, *parsed, &app->arena);
    out->data.places.items = app->options->arguments + 1; /* as the user wrote them */
    return FF_OK;
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
        fprintf(stderr, "fitfleet: %llu unknown target%s (%llu row%s)%s%s%s: '%s' has no model of %s\n",
                (unsigned long long)counts->unknown_targets, several ? "s" : "",
                (unsigned long long)counts->unknown_rows, ff_plural(counts->unknown_rows),
                !*counts->unknown ? ""
                : several         ? ", such as '"
                                  : ", '",
                counts->unknown, *counts->unknown ? "'" : "", app->options->arguments[0],
                several ? "them" : "it");
    ff_score_counts_tell_unfitted(counts);
}

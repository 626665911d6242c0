/* Submit, first half: the job file is checked and its data files are found on a thread of its own, for
 * globbing a slow disk must not stop the loop. What is then a job goes on in calls_jobs.c. */
#include "coordinator/clerk.h"
#include "coordinator/core.h"

#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

struct submission {
    struct ff_event event; /* first */
    struct ff_call *call;  /* its arena holds the record's strings */
    struct ff_job_record record;
    struct ff_error error;
};

struct ff_intake {
    struct ff_clerk *clerk;
    const char *data_root;
    bool refuse_paths;
    bool has_source;
};

/* ---- on the intake's thread ---- */

static char *lines_of(struct ff_arena *arena, const char *const *texts, size_t count)
{
    struct ff_buf buf = {0};
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(&buf, "%s\n", texts[i]);
    char *lines = ff_arena_strdup(arena, ff_buf_text(&buf));
    ff_buf_fini(&buf);
    return lines;
}

static char *list_files(struct ff_arena *arena, const struct ff_data_file *files, size_t count)
{
    struct ff_buf buf = {0};
    ff_files_list(files, count, &buf);
    char *lines = ff_arena_strdup(arena, ff_buf_text(&buf));
    ff_buf_fini(&buf);
    return lines;
}

/* A forecast needs no rows. */
static enum ff_status find_data(const struct ff_intake *intake, const struct ff_jobspec *spec,
                                struct ff_data_file **files, size_t *count, struct ff_error *err)
{
    if (spec->errand.work.type == FF_WORK_FORECAST)
        return FF_OK;
    if (intake->refuse_paths)
        return ff_error_set(
            err, FF_PERMISSION_DENIED,
            "this coordinator can be reached from other hosts and has no --data-root: it reads no "
            "files by path");
    return intake->has_source ? FF_OK : ff_files_find(spec, files, count, err);
}

/* Whoever submitted an errand reads the files as well: to it and to us they must be the same. */
static enum ff_status check_sum(const struct ff_jobspec *spec, const char *list, struct ff_error *err)
{
    char sum[FF_FILES_SUM];
    const char *seen = spec->errand.files;
    if (!seen || !*seen)
        return FF_OK;
    ff_files_sum(list, sum);
    return strcmp(sum, seen) == 0
               ? FF_OK
               : ff_error_set(err, FF_FAILED_PRECONDITION, "the data files of this name are others here");
}

/* Checks the job file and finds its data; fills the record, whose strings are the arena's. */
static enum ff_status make_record(const struct ff_intake *intake, const struct ff_jobspec_source *source,
                                  struct ff_arena *arena, struct ff_job_record *record, struct ff_error *err)
{
    struct ff_jobspec *spec;
    struct ff_data_file *files = NULL;
    size_t count = 0;
    enum ff_status status = ff_jobspec_parse(source, &spec, err);
    if (status)
        return status;
    bool errand = spec->errand.work.type != FF_WORK_FIT;
    char *list = NULL;
    status = find_data(intake, spec, &files, &count, err);
    if (!status) {
        list = list_files(arena, files, count);
        status = intake->has_source ? FF_OK : check_sum(spec, list, err);
    }
    if (!status)
        *record =
            (struct ff_job_record){.name = ff_arena_strdup(arena, spec->name),
                                   .set = errand ? "" : ff_arena_strdup(arena, spec->output.set),
                                   .no_reuse = errand,
                                   .keep = spec->output.keep,
                                   .partial = spec->output.partial && !errand,
                                   .yaml = source->text,
                                   .file = source->file,
                                   .base_dir = source->base_dir,
                                   .overrides = lines_of(arena, source->overrides, source->override_count),
                                   .override_dir = source->override_dir,
                                   .data_files = list,
                                   .submitted_ms = ff_wall_ms()};
    ff_files_free(files, count);
    ff_jobspec_destroy(spec);
    return status;
}

static void check(void *context, struct ff_event *event, bool stopping)
{
    const struct ff_intake *intake = context;
    struct submission *submission = (struct submission *)event;
    const struct ff_submit_request *in = &submission->call->in.submit;
    struct ff_jobspec_source source = {.text = in->yaml,
                                       .size = strlen(in->yaml),
                                       .file = in->file,
                                       .base_dir = in->base_dir,
                                       .overrides = in->overrides,
                                       .override_count = in->override_count,
                                       .override_dir = in->override_dir,
                                       .data_root = intake->data_root};
    if (stopping)
        ff_error_set(&submission->error, FF_CANCELLED, "the coordinator ends");
    else if (make_record(intake, &source, &submission->call->arena, &submission->record,
                         &submission->error) == FF_OK) {
        submission->record.request_id = in->request_id;
        submission->record.no_reuse |= in->no_reuse;
    }
}

/* ---- on the loop's thread ---- */

struct ff_intake *ff_intake_start(const struct ff_coordinator *core, struct ff_queue *back)
{
    struct ff_intake *intake = ff_xcalloc(1, sizeof *intake);
    intake->data_root = core->data_root;
    intake->refuse_paths = core->refuse_paths;
    intake->has_source = core->has_source;
    intake->clerk = ff_clerk_start(check, intake, back);
    return intake;
}

void ff_intake_stop(struct ff_intake *intake)
{
    if (!intake)
        return;
    ff_clerk_stop(intake->clerk);
    free(intake);
}

void ff_core_submit(struct ff_coordinator *core, struct ff_call *call)
{
    struct submission *submission = ff_xcalloc(1, sizeof *submission);
    submission->event.type = FF_EVENT_CHECKED;
    submission->call = call;
    ff_clerk_push(core->intake->clerk, &submission->event);
}

void ff_core_submission_checked(struct ff_coordinator *core, struct ff_event *event)
{
    struct submission *submission = (struct submission *)event;
    if (core->closing)
        ff_call_free(submission->call);
    else if (submission->error.status)
        ff_call_fail(submission->call, submission->error.status, "%s", submission->error.text);
    else
        ff_core_accept(core, submission->call, &submission->record);
    free(submission);
}

/* Capsules on request.
 *
 *     kept in the state ──► as it is
 *     else              ──► load the job's files again, narrowed to the one target ──► its task and outcome
 *
 * Narrowing changes nothing in the target's rows: the window ends with the newest time of all data, and only
 * then targets are chosen. The frame of all needs all of them. */
#include "coordinator/documents.h"
#include "coordinator/job.h"
#include "coordinator/outcomes.h"

#include "common/objects.h"
#include "common/version.h"

#include <string.h>

struct rebuild {
    struct ff_store *store;
    const struct ff_job_record *record;
    const struct ff_capsule_options *options;
    const struct ff_target_outcome *target;
    uint32_t index; /* in the job's stored list */
    bool is_all;
    struct ff_arena *arena;
    struct ff_error *err;
};

/* ---- what was recorded ---- */

struct search {
    uint32_t target;
    uint64_t row;
    size_t place;
};

/* The last report counts. */
static enum ff_status find_report(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct search *search = context;
    for (size_t i = 0; i < report->outcome_count; i++)
        if (report->outcomes[i].target == search->target) {
            const struct ff_model_place *taken = &report->outcomes[i].taken;
            search->row = taken->report ? taken->report : row;
            search->place = taken->report ? taken->index : i;
        }
    return FF_OK;
}

static enum ff_status hash_model(struct rebuild *r, struct ff_capsule *capsule)
{
    struct search search = {.target = r->index};
    struct ff_stored_report report;
    if (!ff_outcome_has_model(&r->target->outcome))
        return FF_OK;
    enum ff_status status =
        ff_store_reports(r->store, r->record->id, FF_REPORT_OUTCOMES, find_report, &search, r->err);
    if (!status && !ff_store_has_models(r->store, search.row))
        return FF_OK; /* freed */
    if (!status)
        status = ff_store_report(r->store, search.row, FF_REPORT_MODELS, r->arena, &report, r->err);
    if (status)
        return status;
    if (search.place >= report.outcome_count)
        return ff_error_set(r->err, FF_DATA_LOSS,
                            "the state is damaged: the model of '%s' is not in its report", r->target->name);
    capsule->has_model = true;
    capsule->model_hash = ff_object_hash(report.outcomes[search.place].model);
    return FF_OK;
}

/* ---- its rows ---- */

static enum ff_status have_changed(const struct rebuild *r, const struct ff_jobspec *spec, bool *changed)
{
    struct ff_data_file *files;
    struct ff_buf list = {0};
    size_t count;
    enum ff_status status = ff_files_find(spec, &files, &count, r->err);
    if (status)
        return status;
    ff_files_list(files, count, &list);
    *changed = strcmp(ff_buf_text(&list), r->record->data_files) != 0;
    ff_buf_fini(&list);
    ff_files_free(files, count);
    return FF_OK;
}

static enum ff_status load(struct rebuild *r, struct ff_capsule *capsule, struct ff_loaded **out)
{
    struct ff_jobspec_source source = ff_job_source(r->record, r->options->data_root, r->arena);
    struct ff_jobspec *spec;
    if (ff_jobspec_parse(&source, &spec, r->err))
        return r->err->status;
    if (have_changed(r, spec, &capsule->files_changed)) {
        ff_jobspec_destroy(spec);
        return r->err->status;
    }
    if (!r->is_all)
        ff_jobspec_narrow(spec, r->target->name);
    const struct ff_loaded_options options = {.folder = r->options->folder, .progress = r->options->progress};
    return ff_loaded_create(spec, &options, out, r->err);
}

static enum ff_status check_rows(const struct rebuild *r, const struct ff_targetset *set)
{
    const char *name = r->target->name;
    if (!r->is_all && set->target_count == 0)
        return ff_error_set(r->err, FF_NOT_FOUND, "the data files have no target '%s' any more", name);
    enum ff_code code = r->is_all ? set->all_code : set->targets[0].code;
    if (code)
        return ff_error_set(r->err, FF_FAILED_PRECONDITION,
                            "'%s' has nothing to refit: with the data files as they are it is %s", name,
                            ff_code_name(code));
    return FF_OK;
}

static enum ff_status encode(struct rebuild *r, struct ff_loaded *loaded, struct ff_capsule *capsule,
                             struct ff_buf *out)
{
    struct ff_job *job = ff_job_create(r->record);
    uint32_t at = r->is_all ? (uint32_t)loaded->set->target_count : 0;
    job->loaded = loaded;
    struct ff_wire_task task;
    enum ff_status status = check_rows(r, loaded->set);
    if (!status) {
        ff_job_task(job, at, &task);
        status = ff_job_fill_task(job, at, r->arena, &task, r->err);
    }
    if (!status) {
        capsule->job = job->id;
        capsule->timeout_ms = ff_job_timeout_ms(job, at);
        capsule->memory_bytes = ff_job_memory_bytes(job, at);
        capsule->task = task.task;
        capsule->task.target = r->index;
        ff_capsule_encode(capsule, out);
    }
    ff_job_destroy(job);
    return status;
}

static enum ff_status rebuild(struct rebuild *r, struct ff_buf *out)
{
    const struct ff_target_outcome *target = r->target;
    struct ff_capsule capsule = {.version = ff_version,
                                 .rebuilt = true,
                                 .outcome = target->outcome,
                                 .worker = target->worker,
                                 .profile = target->profile};
    struct ff_loaded *loaded;
    if (!r->options->from_files)
        return ff_error_set(r->err, FF_FAILED_PRECONDITION,
                            "no capsule was kept of '%s', and its rows came from no file", target->name);
    if (target->outcome.class == FF_SKIPPED)
        return ff_error_set(r->err, FF_FAILED_PRECONDITION,
                            "'%s' was skipped (%s): there is nothing to refit", target->name,
                            ff_code_name(target->outcome.code));
    enum ff_status status = hash_model(r, &capsule);
    if (!status)
        status = load(r, &capsule, &loaded);
    return status ? status : encode(r, loaded, &capsule, out);
}

enum ff_status ff_document_capsule(struct ff_store *store, const struct ff_job_record *job,
                                   const struct ff_capsule_options *options, struct ff_buf *out,
                                   struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_outcomes outcomes;
    struct rebuild r = {.store = store, .record = job, .options = options, .arena = &arena, .err = err};
    if (!*job->set)
        return ff_error_set(err, FF_FAILED_PRECONDITION, "%s-%llu fitted nothing: there is nothing to refit",
                            job->name, (unsigned long long)job->number);
    enum ff_status status = ff_outcomes_read(store, job, FF_REPORT_LOGS, &arena, &outcomes, err);
    if (!status)
        status = ff_outcomes_find(&outcomes, job, options->target, &r.target, err);
    if (!status) {
        r.is_all = r.target == outcomes.all;
        r.index = (uint32_t)(r.target - outcomes.targets);
        status = ff_store_capsule(store, job->id, r.index, out, err);
        if (status == FF_NOT_FOUND)
            status = rebuild(&r, out);
    }
    ff_arena_fini(&arena);
    return status;
}

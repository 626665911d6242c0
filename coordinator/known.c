#include "coordinator/known.h"

#include <stdlib.h>
#include <string.h>

struct ff_known *ff_known_create(const struct ff_targetset *set)
{
    struct ff_known *known = ff_xcalloc(1, sizeof *known);
    known->has = ff_xcalloc(set->target_count + 1, sizeof *known->has);
    return known;
}

void ff_known_destroy(struct ff_known *known)
{
    if (!known)
        return;
    ff_arena_fini(&known->arena);
    free(known->outcomes);
    free(known->has);
    free(known);
}

static int by_name(const void *key, const void *target)
{
    return strcmp(key, ((const struct ff_target *)target)->name);
}

/* The index in today's set, "" being the frame of all; UINT32_MAX if it is gone. */
static uint32_t index_today(const struct ff_targetset *set, const char *name)
{
    if (*name == '\0')
        return (uint32_t)set->target_count;
    const struct ff_target *found =
        set->target_count ? bsearch(name, set->targets, set->target_count, sizeof *set->targets, by_name)
                          : NULL;
    return found ? (uint32_t)(found - set->targets) : UINT32_MAX;
}

/* Until the next one is added. */
static struct ff_known_outcome *add(struct ff_known *known, const struct ff_outcome *outcome, uint32_t target)
{
    if (known->count == known->capacity) {
        known->capacity = known->capacity ? 2 * known->capacity : 64;
        known->outcomes = ff_xrealloc(known->outcomes, known->capacity * sizeof *known->outcomes);
    }
    struct ff_known_outcome *copy = &known->outcomes[known->count++];
    known->has[target] = true;
    *copy = (struct ff_known_outcome){.outcome = *outcome};
    copy->outcome.target = target;
    copy->outcome.errmsg = ff_arena_strdup(&known->arena, outcome->errmsg);
    copy->outcome.kind = ff_arena_strdup(&known->arena, outcome->kind);
    copy->outcome.summary = ff_arena_strdup(&known->arena, outcome->summary);
    copy->outcome.log.data = ff_arena_copy(&known->arena, outcome->log.data, outcome->log.size);
    return copy;
}

static void take_model(struct ff_outcome *outcome, uint64_t row, uint32_t index)
{
    if (outcome->model_size && !outcome->taken.report)
        outcome->taken = (struct ff_model_place){row, index};
}

/* ---- the job's own outcomes, or those of the job that it repeats ---- */

struct reading {
    struct ff_known *known;
    const struct ff_targetset *set;
    struct ff_stored_targets stored;
    const char *classes; /* NULL: the job's own outcomes */
    struct ff_store *store;
    uint64_t row; /* of the report that was asked for its models last */
    bool row_has_models;
};

/* A model that was freed with the generations of its set cannot be taken over: it must be fitted again. */
static bool lost_its_model(struct reading *reading, const struct ff_outcome *outcome, uint64_t row)
{
    uint64_t place = outcome->taken.report ? outcome->taken.report : row;
    if (!outcome->model_size)
        return false;
    if (place != reading->row)
        reading->row_has_models = ff_store_has_models(reading->store, place);
    reading->row = place;
    return !reading->row_has_models;
}

static bool is_listed(const char *classes, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = classes; (at = strstr(at, name)); at += length)
        if ((at == classes || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static void add_read(struct reading *reading, uint64_t row, uint32_t index, const struct ff_outcome *outcome,
                     const char *worker, const char *profile)
{
    const struct ff_stored_targets *stored = &reading->stored;
    bool all = outcome->target == stored->target_count;
    if (outcome->target > stored->target_count)
        return;
    uint32_t target = index_today(reading->set, all ? "" : stored->targets[outcome->target].name);
    if (target == UINT32_MAX || reading->known->has[target])
        return;
    if (reading->classes &&
        (is_listed(reading->classes, ff_class_name(outcome->class)) || lost_its_model(reading, outcome, row)))
        return;
    struct ff_known_outcome *known = add(reading->known, outcome, target);
    known->worker = worker;
    known->profile = profile;
    known->fingerprint = all ? stored->all_fingerprint : stored->targets[outcome->target].fingerprint;
    known->committed = reading->classes == NULL;
    if (reading->classes)
        take_model(&known->outcome, row, index);
}

static enum ff_status visit(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct reading *reading = context;
    const char *worker = ff_arena_strdup(&reading->known->arena, report->worker);
    const char *profile = ff_arena_strdup(&reading->known->arena, report->profile);
    for (uint32_t i = 0; i < report->outcome_count; i++)
        add_read(reading, row, i, &report->outcomes[i], worker, profile);
    return FF_OK;
}

static bool same_targets(const struct ff_targetset *set, const struct ff_stored_targets *stored)
{
    if (set->target_count != stored->target_count)
        return false;
    for (size_t i = 0; i < set->target_count; i++)
        if (strcmp(set->targets[i].name, stored->targets[i].name) != 0)
            return false;
    return true;
}

static enum ff_status read_job(struct reading *reading, const char *state_dir, uint64_t job,
                               struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_store *store = NULL;
    const struct ff_stored_targets *stored = &reading->stored;
    int parts = reading->classes ? FF_REPORT_LOGS : FF_REPORT_OUTCOMES;
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    reading->store = store;
    if (!status)
        status = ff_store_targets(store, job, &arena, &reading->stored, err);
    if (!status && !reading->classes && stored->target_count && !same_targets(reading->set, stored))
        status = ff_error_set(
            err, FF_INVALID_ARGUMENT,
            "the data have other targets now than when the job was interrupted: submit it again");
    if (!status && stored->target_count)
        status = ff_store_reports(store, job, parts, visit, reading, err);
    ff_store_close(store);
    ff_arena_fini(&arena);
    return status;
}

enum ff_status ff_known_resume(struct ff_known *known, const char *state_dir, uint64_t job,
                               const struct ff_targetset *set, struct ff_error *err)
{
    struct reading reading = {.known = known, .set = set};
    return read_job(&reading, state_dir, job, err);
}

enum ff_status ff_known_take_over(struct ff_known *known, const char *state_dir, uint64_t job,
                                  const char *classes, const struct ff_targetset *set, struct ff_error *err)
{
    struct reading reading = {.known = known, .set = set, .classes = classes};
    return read_job(&reading, state_dir, job, err);
}

/* ---- reuse ---- */

/* A model that is as good as a new fit. */
struct candidate {
    uint32_t target;
    const struct ff_stored_model *model;
};

static bool is_unchanged(const struct ff_targetset *set, const struct ff_known *known, uint32_t target,
                         const struct ff_stored_model *model)
{
    if (target == UINT32_MAX || known->has[target])
        return false;
    const struct ff_fingerprint *today =
        target == set->target_count ? &set->all_fingerprint : &set->targets[target].fingerprint;
    return ff_fingerprint_is_known(today) && memcmp(today, &model->fingerprint, sizeof *today) == 0;
}

static int by_report(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->model->report != b->model->report)
        return a->model->report < b->model->report ? -1 : 1;
    return a->model->index < b->model->index ? -1 : a->model->index > b->model->index;
}

static struct candidate *find_candidates(const struct ff_known *known, const struct ff_targetset *set,
                                         const struct ff_stored_generation *generation, size_t *count)
{
    struct candidate *candidates = ff_xalloc((generation->model_count + 1) * sizeof *candidates);
    *count = 0;
    for (size_t i = 0; i < generation->model_count; i++) {
        const struct ff_stored_model *model = &generation->models[i];
        uint32_t target = index_today(set, model->target);
        if (is_unchanged(set, known, target, model))
            candidates[(*count)++] = (struct candidate){target, model};
    }
    qsort(candidates, *count, sizeof *candidates, by_report);
    return candidates;
}

/* What the fit took is told where it was fitted. A fallback stays one, with the error that made it so. */
static void add_reused(struct ff_known *known, const struct candidate *candidate,
                       const struct ff_outcome *outcome, const char *worker, const char *profile)
{
    struct ff_known_outcome *reused = add(known, outcome, candidate->target);
    struct ff_outcome *copy = &reused->outcome;
    copy->class = outcome->class == FF_FALLBACK ? FF_FALLBACK : FF_REUSED;
    copy->log = (struct ff_bytes){0};
    copy->fit_ms = copy->cpu_ms = 0;
    copy->peak_rss_bytes = 0;
    copy->pid = copy->attempts = 0;
    take_model(copy, candidate->model->report, candidate->model->index);
    reused->worker = worker;
    reused->profile = profile;
    reused->fingerprint = candidate->model->fingerprint;
}

/* Those of one report; returns how many. A generation that refers to what is not there is for fsck to name:
 * the targets are fitted. */
static size_t reuse_report(struct ff_known *known, struct ff_store *store, const struct candidate *candidates,
                           size_t count)
{
    struct ff_arena arena = {0};
    struct ff_stored_report report = {0};
    struct ff_error ignored = {0};
    uint64_t row = candidates[0].model->report;
    size_t used = 0;
    bool readable = ff_store_report(store, row, FF_REPORT_OUTCOMES, &arena, &report, &ignored) == FF_OK;
    const char *worker = ff_arena_strdup(&known->arena, readable ? report.worker : "");
    const char *profile = ff_arena_strdup(&known->arena, readable ? report.profile : "");
    for (; used < count && candidates[used].model->report == row; used++)
        if (candidates[used].model->index < report.outcome_count)
            add_reused(known, &candidates[used], &report.outcomes[candidates[used].model->index], worker,
                       profile);
    ff_arena_fini(&arena);
    return used;
}

enum ff_status ff_known_reuse(struct ff_known *known, const char *state_dir, const char *set_name,
                              const struct ff_targetset *set, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_generation active = {0};
    struct ff_store *store = NULL;
    size_t count = 0;
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    if (!status)
        status = ff_store_generation(store, set_name, 0, &arena, &active, err);
    struct candidate *candidates = find_candidates(known, set, &active, &count);
    for (size_t i = 0; !status && i < count;)
        i += reuse_report(known, store, candidates + i, count - i);
    free(candidates);
    ff_store_close(store);
    ff_arena_fini(&arena);
    return status == FF_NOT_FOUND ? FF_OK : status;
}

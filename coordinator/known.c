#include "coordinator/known.h"

#include <stdlib.h>
#include <string.h>

struct ff_known *ff_known_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_known));
}

void ff_known_destroy(struct ff_known *known)
{
    if (!known)
        return;
    ff_arena_fini(&known->arena);
    free(known->outcomes);
    free(known);
}

/* What the visitor of reports needs. */
struct reading {
    struct ff_known *known;
    const struct ff_targetset *set;
    const struct ff_stored_targets *stored;
    const char *classes; /* NULL: the job's own outcomes */
};

static int by_name(const void *key, const void *target)
{
    return strcmp(key, ((const struct ff_target *)target)->name);
}

/* The index in today's set of a target that is stored; UINT32_MAX if it is gone. */
static uint32_t index_today(const struct reading *reading, uint32_t stored)
{
    const struct ff_targetset *set = reading->set;
    if (stored == reading->stored->target_count)
        return (uint32_t)set->target_count;
    if (stored > reading->stored->target_count || set->target_count == 0)
        return UINT32_MAX;
    const struct ff_target *found = bsearch(reading->stored->targets[stored].name, set->targets,
                                            set->target_count, sizeof *set->targets, by_name);
    return found ? (uint32_t)(found - set->targets) : UINT32_MAX;
}

static bool is_listed(const char *classes, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = classes; (at = strstr(at, name)); at += length)
        if ((at == classes || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static struct ff_bytes copy_bytes(struct ff_arena *arena, struct ff_bytes bytes)
{
    if (bytes.size == 0)
        return (struct ff_bytes){0};
    return (struct ff_bytes){memcpy(ff_arena_alloc(arena, bytes.size), bytes.data, bytes.size), bytes.size};
}

static void add(struct ff_known *known, const struct ff_outcome *outcome, uint32_t target,
                const struct ff_stored_report *report, bool committed)
{
    if (known->count == known->capacity) {
        known->capacity = known->capacity ? known->capacity * 2 : 64;
        known->outcomes = ff_xrealloc(known->outcomes, known->capacity * sizeof *known->outcomes);
    }
    struct ff_known_outcome *copy = &known->outcomes[known->count++];
    *copy = (struct ff_known_outcome){.outcome = *outcome, .committed = committed};
    copy->outcome.target = target;
    copy->outcome.errmsg = ff_arena_strdup(&known->arena, outcome->errmsg);
    copy->outcome.kind = ff_arena_strdup(&known->arena, outcome->kind);
    copy->outcome.summary = ff_arena_strdup(&known->arena, outcome->summary);
    copy->outcome.model = copy_bytes(&known->arena, outcome->model);
    copy->outcome.log = copy_bytes(&known->arena, outcome->log);
    copy->worker = ff_arena_strdup(&known->arena, report->worker);
    copy->profile = ff_arena_strdup(&known->arena, report->profile);
}

static enum ff_status visit(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct reading *reading = context;
    (void)row;
    for (size_t i = 0; i < report->outcome_count; i++) {
        const struct ff_outcome *outcome = &report->outcomes[i];
        uint32_t target = index_today(reading, outcome->target);
        if (target == UINT32_MAX ||
            (reading->classes && is_listed(reading->classes, ff_class_name(outcome->class))))
            continue;
        add(reading->known, outcome, target, report, reading->classes == NULL);
    }
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

static enum ff_status read_job(struct ff_known *known, const char *state_dir, uint64_t job,
                               const char *classes, const struct ff_targetset *set, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_stored_targets stored;
    struct ff_store *store = NULL;
    struct reading reading = {known, set, &stored, classes};
    int parts = classes ? FF_REPORT_MODELS | FF_REPORT_LOGS : FF_REPORT_OUTCOMES;
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    if (!status)
        status = ff_store_targets(store, job, &arena, &stored, err);
    if (!status && !classes && stored.target_count && !same_targets(set, &stored))
        status = ff_error_set(
            err, FF_INVALID_ARGUMENT,
            "the data have other targets now than when the job was interrupted: submit it again");
    if (!status && stored.target_count)
        status = ff_store_reports(store, job, parts, visit, &reading, err);
    ff_store_close(store);
    ff_arena_fini(&arena);
    return status;
}

enum ff_status ff_known_resume(struct ff_known *known, const char *state_dir, uint64_t job,
                               const struct ff_targetset *set, struct ff_error *err)
{
    return read_job(known, state_dir, job, NULL, set, err);
}

enum ff_status ff_known_take_over(struct ff_known *known, const char *state_dir, uint64_t job,
                                  const char *classes, const struct ff_targetset *set, struct ff_error *err)
{
    return read_job(known, state_dir, job, classes, set, err);
}

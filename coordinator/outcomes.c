/* Targets are known when a job is loaded, outcomes come report by report; before loading both are empty. A
 * reader beside a live coordinator may see reports newer than the job's row: counts come from the reports, so
 * that a document agrees with itself. */
#include "coordinator/outcomes.h"

#include "common/text.h"

#include <stdlib.h>
#include <string.h>

struct merge {
    struct ff_outcomes *outcomes;
    struct ff_arena *arena;
};

static struct ff_bytes copy_bytes(struct ff_bytes bytes, struct ff_arena *arena)
{
    if (bytes.size == 0)
        return (struct ff_bytes){0};
    return (struct ff_bytes){(const uint8_t *)ff_arena_strndup(arena, (const char *)bytes.data, bytes.size),
                             bytes.size};
}

static struct ff_outcome copy_outcome(const struct ff_outcome *from, struct ff_arena *arena)
{
    struct ff_outcome copy = *from;
    copy.errmsg = ff_arena_strdup(arena, from->errmsg);
    copy.kind = ff_arena_strdup(arena, from->kind);
    copy.summary = ff_arena_strdup(arena, from->summary);
    copy.model = (struct ff_bytes){0};
    copy.log = copy_bytes(from->log, arena);
    return copy;
}

static enum ff_status merge_report(void *context, uint64_t row, const struct ff_stored_report *report)
{
    (void)row;
    struct merge *merge = context;
    struct ff_outcomes *outcomes = merge->outcomes;
    const char *worker = ff_arena_strdup(merge->arena, report->worker);
    const char *profile = ff_arena_strdup(merge->arena, report->profile);
    for (size_t i = 0; i < report->outcome_count; i++) {
        const struct ff_outcome *outcome = &report->outcomes[i];
        struct ff_target_outcome *target = outcome->target < outcomes->target_count
                                               ? &outcomes->targets[outcome->target]
                                           : outcome->target == outcomes->target_count ? outcomes->all
                                                                                       : NULL;
        if (!target)
            continue;
        target->outcome = copy_outcome(outcome, merge->arena);
        target->worker = worker;
        target->profile = profile;
    }
    return FF_OK;
}

static struct ff_target_outcome open_target(const char *name, uint64_t rows, uint64_t steps)
{
    return (struct ff_target_outcome){.name = name,
                                      .rows = rows,
                                      .steps = steps,
                                      .outcome = {.errmsg = "", .kind = "", .summary = ""},
                                      .worker = "",
                                      .profile = ""};
}

static void begin(const struct ff_stored_targets *stored, struct ff_arena *arena, struct ff_outcomes *out)
{
    struct ff_target_outcome *targets = ff_arena_alloc(arena, (stored->target_count + 1) * sizeof *targets);
    for (size_t i = 0; i < stored->target_count; i++)
        targets[i] = open_target(stored->targets[i].name, stored->targets[i].rows, stored->targets[i].steps);
    targets[stored->target_count] = open_target("all", stored->all_rows, stored->all_steps);
    *out = (struct ff_outcomes){.targets = targets,
                                .target_count = stored->target_count,
                                .all = stored->has_all ? &targets[stored->target_count] : NULL,
                                .rows_skipped = stored->rows_skipped};
}

static void cancel_if_open(struct ff_target_outcome *target)
{
    if (target->outcome.class != FF_OPEN)
        return;
    target->outcome.class = FF_CANCELLED_CLASS;
    target->outcome.code = FF_CODE_CANCELLED;
    target->outcome.errmsg = "the job ended before this target";
}

static void close_open(struct ff_outcomes *outcomes)
{
    for (size_t i = 0; i < outcomes->target_count; i++)
        cancel_if_open(&outcomes->targets[i]);
    if (outcomes->all)
        cancel_if_open(outcomes->all);
}

static void count(struct ff_outcomes *outcomes)
{
    outcomes->counts.requested = outcomes->target_count;
    for (size_t i = 0; i < outcomes->target_count; i++)
        if (outcomes->targets[i].outcome.class != FF_OPEN)
            outcomes->counts.of_class[outcomes->targets[i].outcome.class]++;
    if (outcomes->all)
        outcomes->all_failed =
            outcomes->all->outcome.class == FF_FAILED || outcomes->all->outcome.class == FF_QUARANTINED;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct ff_stored_model *)left)->target,
                  ((const struct ff_stored_model *)right)->target);
}

/* Which targets keep an older model in the generation that the job published. One that is gone tells nothing.
 */
static enum ff_status add_from(struct ff_store *store, const struct ff_job_record *job,
                               struct ff_arena *arena, struct ff_outcomes *outcomes, struct ff_error *err)
{
    struct ff_stored_generation generation;
    struct ff_error none = {0};
    if (!job->generation)
        return FF_OK;
    enum ff_status status = ff_store_generation(store, job->set, job->generation, arena, &generation, &none);
    if (status == FF_NOT_FOUND)
        return FF_OK;
    if (status)
        return ff_error_set(err, status, "%s", none.text);
    size_t count = generation.model_count ? outcomes->target_count + (outcomes->all != NULL) : 0;
    for (size_t i = 0; i < count; i++) {
        struct ff_target_outcome *target = &outcomes->targets[i];
        struct ff_stored_model key = {.target = i < outcomes->target_count ? target->name : ""};
        const struct ff_stored_model *model =
            bsearch(&key, generation.models, generation.model_count, sizeof key, by_name);
        target->from = model ? model->from : 0;
    }
    return FF_OK;
}

enum ff_status ff_outcomes_read(struct ff_store *store, const struct ff_job_record *job, int parts,
                                struct ff_arena *arena, struct ff_outcomes *out, struct ff_error *err)
{
    struct ff_stored_targets stored;
    struct ff_outcomes outcomes;
    enum ff_status status = ff_store_targets(store, job->id, arena, &stored, err);
    if (status)
        return status;
    begin(&stored, arena, &outcomes);
    struct merge merge = {&outcomes, arena};
    status = ff_store_reports(store, job->id, parts, merge_report, &merge, err);
    if (!status)
        status = add_from(store, job, arena, &outcomes, err);
    if (status)
        return status;
    if (job->state == FF_JOB_FAILED || job->state == FF_JOB_CANCELLED)
        close_open(&outcomes);
    count(&outcomes);
    *out = outcomes;
    return FF_OK;
}

static enum ff_status unknown_target(const struct ff_outcomes *outcomes, const struct ff_job_record *job,
                                     const char *name, struct ff_error *err)
{
    if (outcomes->target_count == 0 && !ff_job_state_is_final(job->state))
        return ff_error_set(err, FF_NOT_FOUND, "job %s-%llu is loading: its targets are not known yet",
                            job->name, (unsigned long long)job->number);
    const char **names = ff_xcalloc(outcomes->target_count + 1, sizeof *names);
    for (size_t i = 0; i < outcomes->target_count; i++)
        names[i] = outcomes->targets[i].name;
    const char *near = ff_suggest(name, names, outcomes->target_count);
    free(names);
    return ff_error_set(err, FF_NOT_FOUND, "job %s-%llu has no target '%s'%s%s%s", job->name,
                        (unsigned long long)job->number, name, near ? " (did you mean '" : "",
                        near ? near : "", near ? "'?)" : "");
}

enum ff_status ff_outcomes_find(const struct ff_outcomes *outcomes, const struct ff_job_record *job,
                                const char *name, const struct ff_target_outcome **out, struct ff_error *err)
{
    size_t low = 0, high = outcomes->target_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(outcomes->targets[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < outcomes->target_count && strcmp(outcomes->targets[low].name, name) == 0)
        *out = &outcomes->targets[low];
    else if (outcomes->all && strcmp(name, "all") == 0)
        *out = outcomes->all;
    else
        return unknown_target(outcomes, job, name, err);
    return FF_OK;
}

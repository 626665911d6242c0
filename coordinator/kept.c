#include "coordinator/kept.h"

#include "common/version.h"

static size_t count_quarantined(const struct ff_stored_report *report)
{
    size_t count = 0;
    for (size_t i = 0; i < report->outcome_count; i++)
        count += report->outcomes[i].class == FF_QUARANTINED;
    return count;
}

static bool has_room(struct ff_job *job, uint32_t target, const struct ff_frame *frame)
{
    size_t bytes = ff_frame_bytes(frame);
    if (!ff_targetset_has_rows(job->loaded->set, target) || bytes > FF_KEPT_FRAME_BYTES ||
        job->kept_bytes + bytes > FF_KEPT_JOB_BYTES)
        return false;
    job->kept_bytes += bytes;
    return true;
}

void ff_kept_choose(struct ff_job *job, struct ff_stored_report *report, struct ff_arena *arena)
{
    if (ff_job_is_errand(job)) /* a capsule refits */
        return;
    size_t count = count_quarantined(report);
    struct ff_capsule *capsules = count ? ff_arena_alloc(arena, count * sizeof *capsules) : NULL;
    report->capsules = capsules;
    for (size_t i = 0; i < report->outcome_count; i++) {
        const struct ff_outcome *outcome = &report->outcomes[i];
        struct ff_wire_task task;
        if (outcome->class != FF_QUARANTINED)
            continue;
        ff_job_task(job, outcome->target, &task);
        if (!has_room(job, outcome->target, &task.task.frame) ||
            ff_job_fill_task(job, outcome->target, arena, &task, NULL))
            continue;
        capsules[report->capsule_count++] =
            (struct ff_capsule){.version = ff_version,
                                .job = job->id,
                                .timeout_ms = ff_job_timeout_ms(job, outcome->target),
                                .memory_bytes = ff_job_memory_bytes(job, outcome->target),
                                .task = task.task,
                                .outcome = *outcome,
                                .worker = report->worker,
                                .profile = report->profile};
    }
}

void ff_kept_release(struct ff_job *job, const struct ff_stored_report *report)
{
    for (size_t i = 0; i < report->outcome_count; i++)
        if (!ff_job_is_all(job, report->outcomes[i].target))
            ff_targetset_release_rows(job->loaded->set, report->outcomes[i].target);
}

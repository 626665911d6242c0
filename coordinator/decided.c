/* Outcomes that a job has before any fit: those that it takes over (known.h), and those that its rows decide.
 */
#include "coordinator/core.h"

#include <stdlib.h>

/* Why a target, or the frame of all, needs no fit to have its outcome; OK: it does, or has one already. */
static enum ff_code decided_code(const struct ff_job *job, uint32_t target)
{
    const struct ff_targetset *set = job->loaded->set;
    if (job->loaded->known->has[target])
        return FF_CODE_OK;
    return target == set->target_count ? set->all_code : set->targets[target].code;
}

static size_t count_decided(const struct ff_job *job)
{
    size_t count = 0;
    for (uint32_t i = 0; i < job->total; i++)
        count += decided_code(job, i) != FF_CODE_OK;
    return count;
}

/* Outcomes that are decided before any fit: skipped targets, and frames that cannot be built. */
static void commit_decided(struct ff_coordinator *core, struct ff_job *job)
{
    const struct ff_targetset *set = job->loaded->set;
    struct ff_outcome *outcomes = ff_xcalloc(count_decided(job) + 1, sizeof *outcomes);
    size_t count = 0;
    for (uint32_t i = 0; i < job->total; i++) {
        bool all = i == set->target_count;
        enum ff_code code = decided_code(job, i);
        if (code == FF_CODE_OK)
            continue;
        bool skipped = !all && code <= FF_CODE_NO_MODEL;
        outcomes[count++] = (struct ff_outcome){.target = i,
                                                .class = skipped ? FF_SKIPPED : FF_FAILED,
                                                .code = code,
                                                .errmsg = all ? set->all_errmsg : set->targets[i].errmsg,
                                                .kind = "",
                                                .summary = ""};
    }
    ff_core_commit(core, job, "", "", outcomes, count, NULL);
}

/* The outcomes from the i-th on that came from one report and are still to be stored, as one report; returns
 * how many they are. */
static size_t commit_taken(struct ff_coordinator *core, struct ff_job *job, size_t i)
{
    const struct ff_known *known = job->loaded->known;
    const struct ff_known_outcome *first = &known->outcomes[i];
    size_t count = 1;
    while (i + count < known->count && !first[count].committed && first[count].worker == first->worker)
        count++;
    struct ff_outcome *outcomes = ff_xalloc(count * sizeof *outcomes);
    for (size_t k = 0; k < count; k++)
        outcomes[k] = first[k].outcome;
    ff_core_commit(core, job, first->worker, first->profile, outcomes, count, NULL);
    return count;
}

/* Takes over what needs no fit; closes its items. */
static void take_known(struct ff_coordinator *core, struct ff_job *job, struct ff_dispatch_item *items)
{
    const struct ff_known *known = job->loaded->known;
    for (size_t i = 0; i < known->count; i++) {
        uint32_t target = known->outcomes[i].outcome.target;
        items[target].closed = true;
        ff_targetset_release_rows(job->loaded->set, target);
    }
    for (size_t i = 0; i < known->count;) {
        if (known->outcomes[i].committed)
            ff_job_count(job, &known->outcomes[i++].outcome);
        else
            i += commit_taken(core, job, i);
    }
}

void ff_core_commit_decided(struct ff_coordinator *core, struct ff_job *job, struct ff_dispatch_item *items)
{
    take_known(core, job, items);
    commit_decided(core, job);
}

/* Two bounds, and the later one is what is said.
 *
 * The work: jobs share the slots by weight until they are over (as in dispatch_turns.h), so when a job has
 * had R of one slot every other has had R times the ratio of the weights, or all that it wanted. Short jobs
 * go before the others.
 *
 * The longest: no job ends before the lease that has most left, nor before its longest target that still
 * waits. A fit that is past its prediction is taken to need as long again as it is late. */
#include "coordinator/dispatch_eta.h"

enum { LOOKS = 64 }; /* at about so many of a lease's open targets, for the mean of all */

static double most(double a, double b)
{
    return a > b ? a : b;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* ---- leases ---- */

static bool is_open(const struct ff_lease *lease, uint32_t index)
{
    const struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    return target->state == FF_TARGET_LEASED && target->lease == lease->id;
}

/* Outcomes come in order, so what is open is at the end. */
static size_t first_open(const struct ff_lease *lease)
{
    size_t from = 0, to = lease->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (is_open(lease, lease->targets[middle]))
            to = middle;
        else
            from = middle + 1;
    }
    return from;
}

/* What the open targets of a lease take in all. */
static double open_ms(const struct ff_lease *lease)
{
    size_t first = first_open(lease), count = lease->count - first;
    size_t stride = count / LOOKS + 1, looks = 0;
    double ms = 0;
    for (size_t i = first; i < lease->count; i += stride, looks++)
        ms += ff_backlog_predicted_ms(lease->job->backlog, lease->targets[i]);
    return looks ? ms / (double)looks * (double)count : 0;
}

/* How long the lease's executor has been on what is open of it. */
static double elapsed_ms(const struct ff_lease *lease, int64_t now_ms)
{
    return lease->behind ? 0 : most((double)(now_ms - lease->granted_ms) - lease->spent_ms, 0);
}

struct leased {
    double done_ms;    /* of what is not reported yet */
    double longest_ms; /* until the last lease ends */
};

static struct leased look_at_leases(const struct ff_leases *leases, const struct ff_dispatched *job,
                                    int64_t now_ms)
{
    struct leased leased = {0, 0};
    for (const struct ff_lease *lease = leases->oldest; lease; lease = lease->newer) {
        if (lease->job != job || lease->is_copy)
            continue;
        double open = open_ms(lease), elapsed = elapsed_ms(lease, now_ms);
        leased.done_ms += least(open, elapsed);
        leased.longest_ms = most(leased.longest_ms, elapsed < open ? open - elapsed : elapsed - open);
    }
    return leased;
}

/* ---- shares ---- */

static double work_ms(const struct ff_dispatched *job)
{
    double ms = ff_backlog_remaining_ms(job->backlog);
    return ms < 0 ? -1 : ms + ff_backlog_overhead_ms(job->backlog);
}

/* What other takes of the slots until job has had ms. */
static double taken_ms(const struct ff_dispatched *other, const struct ff_dispatched *job, double ms)
{
    double share = ms * other->turn.weight / job->turn.weight;
    double wants = work_ms(other);
    if (other->turn.express != job->turn.express)
        return other->turn.express ? most(wants, 0) : 0;
    return wants < 0 ? share : least(wants, share);
}

double ff_eta_ms(const struct ff_turns *turns, const struct ff_leases *leases,
                 const struct ff_dispatched *job, uint32_t slots, int64_t now_ms)
{
    double own = work_ms(job);
    if (own < 0)
        return -1;
    struct leased leased = look_at_leases(leases, job, now_ms);
    own = most(own - leased.done_ms, 0);
    double total = own;
    for (const struct ff_turn *turn = turns->first; turn; turn = turn->next)
        if (turn != &job->turn)
            total += taken_ms((const struct ff_dispatched *)turn, job, own);
    return most(total / slots, most(leased.longest_ms, ff_backlog_longest_ms(job->backlog)));
}

/* How jobs that run at the same time share the executors. */
#include "dispatching.h"

TestSuite(dispatch_shares, .init = make, .fini = drop);

enum { FEW = 300, MANY = 3000 };

/* Targets of 100 cells that by the book take ms each. */
static void add(uint64_t id, size_t count, uint32_t weight, double ms)
{
    struct ff_dispatch_job job = job_of(count, 100);
    us_per_cell[0] = ms * 10;
    job.id = id;
    job.weight = weight;
    ff_dispatch_add_job(dispatch, &job);
}

/* Fits all of a grant in ms each; returns the milliseconds. */
static double fit(const struct ff_grant *grant, double ms)
{
    uint32_t tries;
    for (size_t i = 0; i < grant->count; i++) {
        cr_assert(ff_dispatch_result(dispatch, grant->job, grant->targets[i], &tries));
        ff_dispatch_observe(dispatch, grant->job, grant->targets[i], ms, ms);
    }
    double took = ms * (double)grant->count;
    ff_dispatch_end_lease(dispatch, grant->lease);
    return took;
}

/* One executor fits for so long, each job's targets in ms[job]; spent: of each job. */
static void run_for(double total_ms, const double *ms, double *spent)
{
    for (double past = 0; past < total_ms;) {
        struct ff_grant grant = granted(1, 1);
        double took = fit(&grant, ms[grant.job]);
        spent[grant.job] += took;
        past += took;
    }
}

static void expect_near(double value, double expected, double tolerance)
{
    cr_assert(value - expected < tolerance && expected - value < tolerance, "%g, not %g", value, expected);
}

Test(dispatch_shares, equal_jobs_get_equal_time)
{
    static const double ms[] = {0, 5, 5};
    double spent[3] = {0};
    add(1, MANY, 1, 5);
    add(2, MANY, 1, 5);
    run_for(10000, ms, spent);
    expect_near(spent[1], 5000, 301);
}

Test(dispatch_shares, time_goes_by_weight_whatever_a_target_takes)
{
    static const double ms[] = {0, 5, 50, 1};
    double spent[4] = {0};
    add(1, MANY, 1, 5);
    add(2, MANY, 2, 50);
    add(3, 5 * MANY, 4, 1);
    run_for(14000, ms, spent);
    expect_near(spent[1], 2000, 301);
    expect_near(spent[2], 4000, 301);
    expect_near(spent[3], 8000, 301);
}

Test(dispatch_shares, a_wrong_prediction_is_set_right_by_what_it_took)
{
    static const double ms[] = {0, 20, 20};
    double spent[3] = {0};
    add(1, MOST, 1, 0.1);
    add(2, MANY, 1, 2000);
    run_for(10000, ms, spent);
    expect_near(spent[1], 5000, 301);
}

Test(dispatch_shares, unknown_costs_are_learned)
{
    static const double ms[] = {0, 40, 3};
    double spent[3] = {0};
    add(1, MANY, 1, 0);
    add(2, MANY, 1, 0);
    run_for(10000, ms, spent);
    expect_near(spent[1], 5000, 700);
}

Test(dispatch_shares, targets_that_take_no_time_leave_room_for_others)
{
    struct ff_grant grant;
    size_t of_second = 0;
    add(1, MOST, 1, 0);
    add(2, FEW, 1, 5);
    for (int i = 0; i < 200 && of_second < FEW; i++) {
        grant = granted(1, 1);
        of_second += grant.job == 2 ? grant.count : 0;
        fit(&grant, grant.job == 2 ? 5 : 0);
    }
    cr_assert_eq(of_second, FEW);
}

Test(dispatch_shares, a_job_that_comes_late_is_next_but_one_and_catches_nothing_up)
{
    static const double ms[] = {0, 5, 5};
    double spent[3] = {0};
    add(1, MANY, 1, 5);
    run_for(3000, ms, spent);
    add(2, MANY, 1, 5);
    cr_assert_eq(granted(2, 1).job, 1);
    cr_assert_eq(granted(2, 1).job, 2);
    spent[1] = spent[2] = 0;
    run_for(4000, ms, spent);
    expect_near(spent[1], 2000, 301);
}

Test(dispatch_shares, a_job_without_anything_that_waits_saves_nothing_up)
{
    static const double ms[] = {0, 5, 5};
    double spent[3] = {0};
    add(1, MANY, 1, 5);
    struct ff_dispatch_job second = job_of(FEW, 100);
    second.id = 2;
    second.mode = FF_CHUNK_FIXED;
    second.chunk = FEW;
    ff_dispatch_add_job(dispatch, &second);
    struct ff_grant first = granted(2, 1), all = granted(2, 1);
    cr_assert(first.job == 1 && all.job == 2 && all.count == FEW);
    run_for(3000, ms, spent);
    cr_assert_eq(spent[2], 0);
    ff_dispatch_end_lease(dispatch, all.lease);
    cr_assert_eq(granted(2, 1).job, 1);
    cr_assert_eq(granted(2, 1).job, 2);
    cr_assert_eq(granted(2, 1).job, 1);
}

Test(dispatch_shares, what_is_given_back_is_not_charged)
{
    unsigned of_second = 0;
    add(1, MANY, 1, 5);
    add(2, MANY, 1, 5);
    for (int i = 0; i < 20; i++) {
        struct ff_grant grant = granted(1, 1);
        of_second += grant.job == 2;
        if (grant.job == 2)
            fit(&grant, 5);
        else
            ff_dispatch_end_lease(dispatch, grant.lease);
    }
    cr_assert_eq(of_second, 1);
}

Test(dispatch_shares, a_job_that_is_alone_gets_everything)
{
    static const double ms[] = {0, 5, 5};
    double spent[3] = {0};
    add(1, FEW, 4, 5);
    add(2, MANY, 1, 5);
    run_for(4000, ms, spent);
    cr_assert_eq(spent[1], 5 * FEW);
    expect_near(spent[2], 4000 - 5 * FEW, 301);
}

Test(dispatch_shares, nothing_is_put_behind_a_busy_executor_that_the_next_job_needs_idle)
{
    struct ff_dispatch_ask busy = {.worker = 1, .prefetch = 1, .fleet_slots = 1, .fleet_workers = 1};
    struct ff_grant grant;
    add(1, MANY, 1, 5);
    ff_dispatch_observe(dispatch, 1, 0, 5, 5);
    cr_assert(ff_dispatch_grant(dispatch, &busy, &grant));
    add(2, MANY, 1, 5000); /* too long to wait behind anything */
    cr_assert(ff_dispatch_grant(dispatch, &busy, &grant));
    cr_assert_not(ff_dispatch_grant(dispatch, &busy, &grant));
    cr_assert_eq(granted(1, 1).job, 2);
    cr_assert(ff_dispatch_grant(dispatch, &busy, &grant));
    cr_assert_eq(grant.job, 1);
}

/* ---- the express lane ---- */

Test(dispatch_shares, a_job_of_one_target_passes_all_others)
{
    add(1, MANY, 4, 5);
    add(2, MANY, 4, 5);
    add(3, 1, 1, 5000);
    for (uint64_t i = 0; i < 3; i++) { /* in the shares it would have its turn once */
        struct ff_grant grant = granted(i + 1, 3);
        cr_assert_eq(grant.job, 3);
        ff_dispatch_end_lease(dispatch, grant.lease);
    }
    granted(1, 3);
    cr_assert_neq(granted(1, 3).job, 3);
}

Test(dispatch_shares, a_job_that_is_predicted_to_be_short_passes_all_others)
{
    add(1, MANY, 4, 5);
    granted(1, 1);
    add(2, 100, 1, 10);
    cr_assert_eq(granted(1, 1).job, 2);
    cr_assert_eq(granted(1, 1).job, 2);
}

Test(dispatch_shares, of_unknown_costs_only_a_single_target_is_short)
{
    add(1, MANY, 1, 5);
    add(2, 2, 1, 0);
    cr_assert_eq(granted(1, 1).job, 1);
}

Test(dispatch_shares, a_short_job_waits_for_an_executor_that_is_idle_and_nothing_gets_before_it)
{
    struct ff_dispatch_ask busy = {.worker = 1, .prefetch = 1, .fleet_slots = 1, .fleet_workers = 1};
    struct ff_grant grant;
    add(1, MANY, 1, 5);
    ff_dispatch_observe(dispatch, 1, 0, 5, 5);
    add(2, 1, 1, 5);
    cr_assert_not(ff_dispatch_grant(dispatch, &busy, &grant));
    cr_assert_eq(granted(1, 1).job, 2);
    cr_assert(ff_dispatch_grant(dispatch, &busy, &grant));
    cr_assert_eq(grant.job, 1);
}

/* One executor, and always another job of one target that waits. Returns what the batch got of it. */
static double batch_beside_stream(double short_ms, double total_ms)
{
    double of_batch = 0, past = 0;
    uint64_t next = 2;
    add(1, MOST, 1, 5);
    add(next, 1, 1, short_ms);
    while (past < total_ms) {
        struct ff_grant grant = granted(1, 1);
        double took = fit(&grant, grant.job == 1 ? 5 : short_ms);
        past += took;
        if (grant.job == 1) {
            of_batch += took;
            continue;
        }
        ff_dispatch_remove_job(dispatch, grant.job);
        add(++next, 1, 1, short_ms);
    }
    return of_batch / past;
}

Test(dispatch_shares, a_stream_of_short_jobs_leaves_half_to_the_batch)
{
    expect_near(batch_beside_stream(100, 80000), 0.45, 0.1);
}

Test(dispatch_shares, a_stream_of_single_targets_that_take_minutes_does_too)
{
    expect_near(batch_beside_stream(20000, 160000), 0.45, 0.1);
}

Test(dispatch_shares, what_short_jobs_took_while_nobody_waited_is_not_held_against_them)
{
    static const double ms[] = {0, 30000, 5};
    double spent[3] = {0};
    add(1, 1, 1, 30000);
    run_for(30000, ms, spent);
    add(2, MANY, 1, 5);
    granted(1, 1);
    add(3, 1, 1, 5);
    cr_assert_eq(granted(1, 1).job, 3);
}

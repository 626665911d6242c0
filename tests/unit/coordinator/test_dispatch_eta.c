/* When a job is said to be over, and what is learned of groups whose cost nobody knew. */
#include "dispatching.h"

TestSuite(dispatch_eta, .init = make, .fini = drop);

/* Targets of 100 cells that by the book take ms each, to which 0.0125 ms of overhead come. */
static void add(uint64_t id, size_t count, uint32_t weight, double ms)
{
    struct ff_dispatch_job job = job_of(count, 100);
    us_per_cell[0] = ms * 10;
    job.id = id;
    job.weight = weight;
    ff_dispatch_add_job(dispatch, &job);
}

static void expect_eta(uint64_t job, uint32_t slots, int64_t now_ms, double ms)
{
    double eta_ms = ff_dispatch_eta_ms(dispatch, job, slots, now_ms);
    cr_assert(eta_ms > ms - 1e-6 && eta_ms < ms * 1.01 + 1, "%g, not %g", eta_ms, ms);
}

Test(dispatch_eta, slots_share_the_work)
{
    add(JOB, 1000, 1, 10);
    expect_eta(JOB, 1, 0, 10000);
    expect_eta(JOB, 4, 0, 2500);
}

Test(dispatch_eta, without_slots_or_costs_or_a_job_nothing_is_promised)
{
    add(JOB, 10, 1, 0);
    cr_assert_lt(ff_dispatch_eta_ms(dispatch, JOB, 2, 0), 0);
    measure(5);
    cr_assert_lt(ff_dispatch_eta_ms(dispatch, JOB, 0, 0), 0);
    cr_assert_lt(ff_dispatch_eta_ms(dispatch, 7, 2, 0), 0);
    expect_eta(JOB, 2, 0, 25);
}

Test(dispatch_eta, jobs_of_equal_weight_are_over_when_each_had_its_share)
{
    add(1, 1000, 1, 10);
    add(2, 3000, 1, 10);
    expect_eta(1, 2, 0, 10000);
    expect_eta(2, 2, 0, 20000);
}

Test(dispatch_eta, weights_divide_the_slots)
{
    add(1, 1000, 1, 10);
    add(2, 1000, 4, 10);
    expect_eta(2, 2, 0, 6250);
    expect_eta(1, 2, 0, 10000);
}

Test(dispatch_eta, short_jobs_go_before_the_others)
{
    add(1, 1000, 1, 10);
    add(2, 50, 1, 10);
    expect_eta(2, 1, 0, 500);
    expect_eta(1, 1, 0, 10500);
}

Test(dispatch_eta, a_job_whose_costs_nobody_knows_takes_an_equal_share)
{
    add(1, 1000, 1, 10);
    add(2, 10, 1, 0);
    expect_eta(1, 1, 0, 20000);
}

Test(dispatch_eta, no_job_ends_before_its_longest_target_that_waits)
{
    struct ff_dispatch_job job = job_of(101, 100);
    us_per_cell[0] = 100; /* 10 ms */
    items[50].cells = 50000;
    ff_dispatch_add_job(dispatch, &job);
    expect_eta(JOB, 8, 0, 5000);
}

Test(dispatch_eta, no_job_ends_before_its_longest_lease)
{
    struct ff_dispatch_job job = job_of(2, 100);
    us_per_cell[0] = 100000; /* 10 s */
    ff_dispatch_add_job(dispatch, &job);
    granted(1, 8);
    granted(2, 8);
    expect_eta(JOB, 8, 0, 10000);
    expect_eta(JOB, 8, 4000, 6000);
    expect_eta(JOB, 8, 9999, 1);
}

Test(dispatch_eta, a_late_fit_is_expected_to_take_as_long_again_as_it_is_late)
{
    struct ff_dispatch_job job = job_of(1, 100);
    us_per_cell[0] = 10000; /* 1 s */
    ff_dispatch_add_job(dispatch, &job);
    granted(1, 1);
    expect_eta(JOB, 1, 1500, 500);
    expect_eta(JOB, 1, 5000, 4000);
}

Test(dispatch_eta, what_a_lease_has_reported_is_not_counted_twice)
{
    uint32_t tries;
    add_fixed(4, 4);
    us_per_cell[0] = 0;
    struct ff_grant grant = granted(1, 1);
    ff_dispatch_result(dispatch, JOB, grant.targets[0], &tries);
    ff_dispatch_observe(dispatch, JOB, grant.targets[0], 1000, 1000);
    expect_eta(JOB, 1, 1000, 3000);
    expect_eta(JOB, 1, 1400, 2600);
}

Test(dispatch_eta, a_lease_behind_a_busy_executor_has_not_begun)
{
    add(JOB, 1000, 1, 10);
    measure(10);
    struct ff_dispatch_ask ask = {.worker = 1, .prefetch = 1, .fleet_slots = 1, .fleet_workers = 1};
    struct ff_grant grant;
    cr_assert(ff_dispatch_grant(dispatch, &ask, &grant));
    expect_eta(JOB, 1, 90, 10000);
}

/* ---- groups whose cost nobody knows ---- */

/* Ten of 100 cells of one group and the rest of another, nothing known of either. */
static void add_two_groups(size_t count)
{
    struct ff_dispatch_job job = job_of(count, 100);
    us_per_cell[0] = us_per_cell[1] = 0;
    job.group_count = 2;
    for (size_t i = count - 10; i < count; i++)
        items[i].group = 1;
    ff_dispatch_add_job(dispatch, &job);
}

static void fitted(const struct ff_grant *grant, double ms)
{
    uint32_t tries;
    for (size_t i = 0; i < grant->count; i++) {
        ff_dispatch_result(dispatch, JOB, grant->targets[i], &tries);
        ff_dispatch_observe(dispatch, JOB, grant->targets[i], ms, ms);
    }
    ff_dispatch_end_lease(dispatch, grant->lease);
}

Test(dispatch_eta, one_of_each_unknown_group_goes_first)
{
    add_two_groups(1000);
    EXPECT_TARGETS(granted(1, 1000), 0);
    EXPECT_TARGETS(granted(2, 1000), 990);
}

Test(dispatch_eta, what_nobody_measured_travels_without_other_groups)
{
    add_two_groups(1000);
    struct ff_grant probe = granted(1, 2), next = granted(1, 2);
    fitted(&probe, 10);
    cr_assert_eq(next.count, 1);
    cr_assert_eq(next.targets[0], 990);
    next = granted(1, 2);
    cr_assert_gt(next.count, 1);
    for (size_t i = 0; i < next.count; i++)
        cr_assert_lt(next.targets[i], 990);
}

Test(dispatch_eta, a_group_that_turns_out_to_be_slow_goes_to_the_front)
{
    add_two_groups(1000);
    struct ff_grant quick = granted(1, 1000), slow = granted(2, 1000);
    fitted(&quick, 10);
    EXPECT_TARGETS(granted(1, 1000), 1);
    fitted(&slow, 200);
    EXPECT_TARGETS(granted(2, 1000), 991);
}

Test(dispatch_eta, targets_of_many_sizes_are_probed_from_the_largest_to_the_smallest)
{
    struct ff_dispatch_job job = job_of(129, 0);
    us_per_cell[0] = 0;
    for (size_t i = 0; i < job.count; i++)
        items[i].cells = 1000 + i;
    items[0].cells = 100;
    ff_dispatch_add_job(dispatch, &job);
    EXPECT_TARGETS(granted(1, 1), 128, 110, 92, 74, 55, 37, 19, 0);
}

Test(dispatch_eta, a_part_that_all_fits_have_is_learned_apart_from_the_rows)
{
    struct ff_dispatch_job job = job_of(100, 100);
    us_per_cell[0] = 0;
    items[0].cells = 10000;
    ff_dispatch_add_job(dispatch, &job);
    ff_dispatch_observe(dispatch, JOB, 0, 20, 20);
    ff_dispatch_observe(dispatch, JOB, 1, 10.1, 10.1);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 20 + 99 * 10.1, 1e-6);
}

#include "dispatching.h"

#include <malloc.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

TestSuite(dispatch, .init = make, .fini = drop);

/* ---- order and sizes of chunks ---- */

Test(dispatch, without_a_job_there_is_nothing)
{
    cr_assert(has_none_for(1, 1));
    cr_assert_not(ff_dispatch_has_waiting(dispatch));
}

Test(dispatch, longest_targets_go_first_and_equal_ones_in_order)
{
    struct ff_dispatch_job job = job_of(4, 10);
    items[2].cells = 30;
    items[3].cells = 20;
    job.mode = FF_CHUNK_FIXED;
    job.chunk = 4;
    ff_dispatch_add_job(dispatch, &job);
    EXPECT_TARGETS(granted(1, 1), 2, 3, 0, 1);
}

Test(dispatch, length_is_predicted_time_where_costs_are_known)
{
    struct ff_dispatch_job job = job_of(3, 10);
    us_per_cell[0] = 1;
    us_per_cell[1] = 100;
    job.group_count = 2;
    job.mode = FF_CHUNK_FIXED;
    job.chunk = 3;
    items[0].cells = 500;
    items[1].group = 1; /* fewer cells, but of a slow kind */
    ff_dispatch_add_job(dispatch, &job);
    EXPECT_TARGETS(granted(1, 1), 1, 0, 2);
}

Test(dispatch, fixed_chunks_have_the_size_given)
{
    add_fixed(7, 3);
    cr_assert_eq(granted(1, 2).count, 3);
    cr_assert_eq(granted(2, 2).count, 3);
    cr_assert_eq(granted(1, 2).count, 1);
    cr_assert(has_none_for(1, 2));
}

Test(dispatch, per_worker_chunks_share_the_targets_among_slots)
{
    struct ff_dispatch_job job = job_of(10, 100);
    job.mode = FF_CHUNK_PER_WORKER;
    ff_dispatch_add_job(dispatch, &job);
    struct ff_dispatch_ask ask = {.worker = 1, .idle = 1, .fleet_slots = 4, .fleet_workers = 2};
    struct ff_grant grant;
    static const size_t wanted[] = {3, 3, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        cr_assert(ff_dispatch_grant(dispatch, &ask, &grant));
        cr_assert_eq(grant.count, wanted[i]);
    }
    cr_assert_not(ff_dispatch_grant(dispatch, &ask, &grant));
}

Test(dispatch, chunks_are_small_while_nothing_is_known_of_costs)
{
    struct ff_dispatch_job job = job_of(10000, 100);
    us_per_cell[0] = 0;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_eq(granted(1, 2).count, 16);
}

Test(dispatch, with_few_targets_and_unknown_costs_chunks_are_of_one)
{
    struct ff_dispatch_job job = job_of(20, 100);
    us_per_cell[0] = 0;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_eq(granted(1, 2).count, 1);
}

Test(dispatch, chunks_of_known_cost_take_at_most_300_ms)
{
    struct ff_dispatch_job job = job_of(10000, 100);
    us_per_cell[0] = 100; /* 10 ms each, 100 s in all */
    ff_dispatch_add_job(dispatch, &job);
    measure(10);
    cr_assert_eq(granted(1, 2).count, 30);
}

Test(dispatch, chunks_have_at_most_4_mib_of_rows)
{
    struct ff_dispatch_job job = job_of(100, 100000); /* 800 kB each */
    us_per_cell[0] = 1e-6;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_eq(granted(1, 1).count, 5);
}

Test(dispatch, a_target_larger_than_a_chunk_travels_by_itself)
{
    struct ff_dispatch_job job = job_of(2, 1000000); /* 8 MB each */
    us_per_cell[0] = 1e-9;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_eq(granted(1, 1).count, 1);
    cr_assert_eq(granted(1, 1).count, 1);
}

Test(dispatch, chunks_shrink_towards_the_end)
{
    struct ff_dispatch_job job = job_of(400, 100);
    us_per_cell[0] = 100; /* 10 ms each: 4 s on 4 slots */
    ff_dispatch_add_job(dispatch, &job);
    measure(10);
    size_t first = 0, last = 0, total = 0;
    while (ff_dispatch_has_waiting(dispatch)) {
        size_t count = granted(1 + total % 4, 4).count;
        cr_assert(last == 0 || count <= last, "%zu after %zu", count, last);
        first = first ? first : count;
        last = count;
        total += count;
    }
    cr_assert_eq(total, 400);
    cr_assert_eq(first, 30);
    cr_assert_eq(last, 1);
}

Test(dispatch, the_cost_book_alone_does_not_make_large_chunks)
{
    struct ff_dispatch_job job = job_of(10000, 100);
    us_per_cell[0] = 0.01; /* by the book a thousand would fit a chunk; of other parameters, perhaps */
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_eq(granted(1, 2).count, 16);
}

Test(dispatch, a_target_that_must_travel_alone_does_so_and_first)
{
    struct ff_dispatch_job job = job_of(3, 100);
    items[1].alone = true;
    job.mode = FF_CHUNK_FIXED;
    job.chunk = 10;
    ff_dispatch_add_job(dispatch, &job);
    EXPECT_TARGETS(granted(1, 1), 1);
    EXPECT_TARGETS(granted(1, 1), 0, 2);
}

Test(dispatch, targets_that_are_closed_already_are_not_granted)
{
    struct ff_dispatch_job job = job_of(3, 100);
    items[0].closed = items[2].closed = true;
    ff_dispatch_add_job(dispatch, &job);
    EXPECT_TARGETS(granted(1, 1), 1);
    cr_assert_str_eq(look(0).state, "closed");
    cr_assert_not(result(0));
}

Test(dispatch, a_job_of_nothing_is_allowed)
{
    struct ff_dispatch_job job = job_of(0, 0);
    ff_dispatch_add_job(dispatch, &job);
    cr_assert(has_none_for(1, 1));
    cr_assert_not(result(0));
}

/* ---- prefetch ---- */

static bool prefetches(void)
{
    struct ff_dispatch_ask ask = {.worker = 1, .prefetch = 1, .fleet_slots = 2, .fleet_workers = 1};
    struct ff_grant grant;
    return ff_dispatch_grant(dispatch, &ask, &grant);
}

Test(dispatch, who_asks_for_nothing_gets_nothing)
{
    struct ff_dispatch_ask ask = {.worker = 1, .fleet_slots = 1, .fleet_workers = 1};
    struct ff_grant grant;
    add_fixed(10, 1);
    cr_assert_not(ff_dispatch_grant(dispatch, &ask, &grant));
}

Test(dispatch, short_chunks_are_prefetched_while_there_is_plenty)
{
    struct ff_dispatch_job job = job_of(100, 100);
    us_per_cell[0] = 100;
    ff_dispatch_add_job(dispatch, &job);
    measure(10);
    cr_assert(prefetches());
}

Test(dispatch, what_waits_behind_a_busy_executor_takes_at_most_100_ms)
{
    struct ff_dispatch_job job = job_of(1000, 100);
    struct ff_dispatch_ask ask = {.worker = 1, .prefetch = 1, .fleet_slots = 2, .fleet_workers = 1};
    struct ff_grant grant;
    us_per_cell[0] = 100;
    ff_dispatch_add_job(dispatch, &job);
    measure(10);
    cr_assert(ff_dispatch_grant(dispatch, &ask, &grant));
    cr_assert_eq(grant.count, 10);
    ask.idle = 1;
    cr_assert(ff_dispatch_grant(dispatch, &ask, &grant));
    cr_assert_eq(grant.count, 30);
}

Test(dispatch, nothing_is_prefetched_while_costs_are_unknown)
{
    struct ff_dispatch_job job = job_of(100, 100);
    us_per_cell[0] = 0;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_not(prefetches());
    cr_assert_eq(granted(1, 1).count, 6);
}

Test(dispatch, long_targets_are_not_tied_to_a_busy_executor)
{
    struct ff_dispatch_job job = job_of(100, 100);
    us_per_cell[0] = 20000; /* 2 s each */
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_not(prefetches());
}

Test(dispatch, the_last_targets_are_left_to_idle_slots)
{
    struct ff_dispatch_job job = job_of(2, 100);
    us_per_cell[0] = 100;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_not(prefetches());
}

Test(dispatch, fixed_chunks_are_prefetched_while_each_slot_has_one_to_come)
{
    add_fixed(9, 4);
    cr_assert(prefetches());
    cr_assert_not(prefetches());
}

Test(dispatch, per_worker_chunks_are_never_prefetched)
{
    struct ff_dispatch_job job = job_of(100, 100);
    job.mode = FF_CHUNK_PER_WORKER;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_not(prefetches());
}

Test(dispatch, retries_do_not_wait_behind_a_busy_executor)
{
    add_fixed(20, 1);
    struct ff_grant grant = granted(1, 1);
    uint32_t faulty = grant.targets[0];
    fault(1, &grant, faulty);
    struct ff_dispatch_ask ask = {.worker = 1, .prefetch = 1, .fleet_slots = 1, .fleet_workers = 1};
    struct ff_grant next;
    cr_assert(ff_dispatch_grant(dispatch, &ask, &next));
    cr_assert_neq(next.targets[0], faulty);
}

/* ---- leases ---- */

Test(dispatch, a_lease_is_known_until_it_ends)
{
    struct ff_grant again, grant;
    uint64_t worker, leases[1];
    add_fixed(4, 4);
    grant = granted(7, 1);
    cr_assert(ff_dispatch_lease(dispatch, grant.lease, &again, &worker));
    cr_assert(worker == 7 && again.job == JOB && again.count == 4 && again.targets == grant.targets);
    cr_assert_eq(ff_dispatch_lease_count(dispatch, 7), 1);
    cr_assert_eq(ff_dispatch_leases(dispatch, 7, leases), 1);
    cr_assert_eq(leases[0], grant.lease);
    cr_assert_str_eq(look(0).state, "leased");
    cr_assert(look(0).worker == 7 && look(0).lease == grant.lease);
    ff_dispatch_end_lease(dispatch, grant.lease);
    cr_assert_not(ff_dispatch_lease(dispatch, grant.lease, &again, &worker));
    cr_assert_eq(ff_dispatch_lease_count(dispatch, 7), 0);
}

Test(dispatch, a_lease_given_back_charges_nothing_and_keeps_the_order)
{
    add_fixed(6, 3);
    struct ff_grant first = granted(1, 2);
    ff_dispatch_end_lease(dispatch, first.lease);
    cr_assert_str_eq(look(0).state, "waiting");
    cr_assert(look(0).tries == 0 && !look(0).suspect && !look(0).alone);
    EXPECT_TARGETS(granted(2, 2), 0, 1, 2);
}

Test(dispatch, of_a_lease_given_back_only_what_is_open_waits)
{
    add_fixed(3, 3);
    struct ff_grant grant = granted(1, 1);
    cr_assert(result(1));
    ff_dispatch_end_lease(dispatch, grant.lease);
    EXPECT_TARGETS(granted(1, 1), 0, 2);
}

Test(dispatch, ending_a_lease_twice_or_an_unknown_one_does_nothing)
{
    add_fixed(1, 1);
    struct ff_grant grant = granted(1, 1);
    ff_dispatch_end_lease(dispatch, grant.lease);
    ff_dispatch_end_lease(dispatch, grant.lease);
    ff_dispatch_end_lease(dispatch, 999);
    cr_assert_eq(granted(1, 1).count, 1);
    cr_assert(has_none_for(1, 1));
}

Test(dispatch, lease_numbers_are_never_used_twice)
{
    add_fixed(1, 1);
    uint64_t last = 0;
    for (int i = 0; i < 3000; i++) {
        struct ff_grant grant = granted(1, 1);
        cr_assert_gt(grant.lease, last);
        last = grant.lease;
        ff_dispatch_end_lease(dispatch, grant.lease);
    }
}

Test(dispatch, removing_a_job_voids_its_leases_only)
{
    struct ff_dispatch_job first = job_of(2, 100), second = first;
    struct ff_grant grant;
    uint64_t worker;
    second.id = 2;
    ff_dispatch_add_job(dispatch, &first);
    struct ff_grant gone = granted(1, 9);
    ff_dispatch_add_job(dispatch, &second);
    granted(1, 9);
    struct ff_grant kept = granted(1, 9);
    cr_assert_eq(kept.job, 2);
    ff_dispatch_remove_job(dispatch, 1);
    cr_assert_not(ff_dispatch_lease(dispatch, gone.lease, &grant, &worker));
    cr_assert(ff_dispatch_lease(dispatch, kept.lease, &grant, &worker));
    cr_assert_eq(ff_dispatch_lease_count(dispatch, 1), 1);
    cr_assert_not(result(0));
    cr_assert_eq(fault(1, &gone, 0), FF_VERDICT_IGNORE);
    ff_dispatch_remove_job(dispatch, 1);
}

/* ---- results ---- */

Test(dispatch, a_result_counts_once)
{
    uint32_t tries = 0;
    add_fixed(1, 1);
    granted(1, 1);
    cr_assert(ff_dispatch_result(dispatch, JOB, 0, &tries));
    cr_assert_eq(tries, 1);
    cr_assert_not(ff_dispatch_result(dispatch, JOB, 0, &tries));
    cr_assert_str_eq(look(0).state, "closed");
}

Test(dispatch, a_result_of_an_old_lease_counts_while_the_target_waits)
{
    add_fixed(2, 1);
    struct ff_grant old = granted(1, 2);
    uint32_t target = old.targets[0];
    ff_dispatch_end_lease(dispatch, old.lease);
    cr_assert(result(target));
    cr_assert_neq(granted(2, 2).targets[0], target);
    cr_assert(has_none_for(2, 2));
}

Test(dispatch, a_result_of_an_old_lease_counts_while_another_has_the_target)
{
    add_fixed(1, 1);
    struct ff_grant old = granted(1, 2);
    ff_dispatch_end_lease(dispatch, old.lease);
    struct ff_grant new = granted(2, 2);
    cr_assert(result(0));
    cr_assert_not(result(0));
    cr_assert_eq(fault(2, &new, 0), FF_VERDICT_IGNORE);
    ff_dispatch_end_lease(dispatch, new.lease);
    cr_assert(has_none_for(1, 2));
    cr_assert_not(ff_dispatch_has_waiting(dispatch));
}

Test(dispatch, results_for_what_is_unknown_are_dropped)
{
    add_fixed(1, 1);
    uint32_t tries;
    cr_assert_not(ff_dispatch_result(dispatch, 99, 0, &tries));
    cr_assert_not(ff_dispatch_result(dispatch, JOB, 1, &tries));
    cr_assert_not(ff_dispatch_result(dispatch, JOB, UINT32_MAX, &tries));
}

Test(dispatch, a_result_counts_also_before_anything_was_leased)
{
    add_fixed(3, 3); /* after a restart of the coordinator the worker still reports */
    cr_assert(result(1));
    EXPECT_TARGETS(granted(1, 1), 0, 2);
}

Test(dispatch, a_report_sent_twice_is_known_by_its_number)
{
    add_fixed(4, 4);
    struct ff_grant grant = granted(1, 1);
    cr_assert(ff_dispatch_report_is_new(dispatch, grant.lease, 1));
    cr_assert_not(ff_dispatch_report_is_new(dispatch, grant.lease, 1));
    cr_assert(ff_dispatch_report_is_new(dispatch, grant.lease, 2));
    cr_assert_not(ff_dispatch_report_is_new(dispatch, grant.lease, 1));
    ff_dispatch_end_lease(dispatch, grant.lease);
    cr_assert(ff_dispatch_report_is_new(dispatch, grant.lease, 1));
}

/* ---- faults ---- */

Test(dispatch, a_fault_charges_a_try_and_the_target_waits_alone)
{
    uint32_t tries = 0;
    add_fixed(3, 3);
    struct ff_grant grant = granted(1, 1);
    cr_assert_eq(ff_dispatch_fault(dispatch, 1, grant.lease, 0, &tries), FF_VERDICT_RETRY);
    cr_assert_eq(tries, 1);
    cr_assert_str_eq(look(0).state, "waiting");
    cr_assert(look(0).alone && look(0).tries == 1 && !look(0).suspect);
    EXPECT_TARGETS(granted(1, 1), 0);
    cr_assert_str_eq(look(1).state, "leased");
}

Test(dispatch, a_fault_counts_only_from_the_lease_that_holds_the_target)
{
    add_fixed(2, 1);
    struct ff_grant mine = granted(1, 2), other = granted(2, 2);
    uint32_t target = mine.targets[0];
    cr_assert_eq(fault(2, &mine, target), FF_VERDICT_IGNORE);
    cr_assert_eq(fault(1, &mine, other.targets[0]), FF_VERDICT_IGNORE);
    cr_assert_eq(fault(1, &mine, 77), FF_VERDICT_IGNORE);
    ff_dispatch_end_lease(dispatch, mine.lease);
    cr_assert_eq(fault(1, &mine, target), FF_VERDICT_IGNORE);
    granted(2, 2);
    cr_assert_eq(fault(1, &mine, target), FF_VERDICT_IGNORE);
    cr_assert_eq(look(target).tries, 0);
}

Test(dispatch, the_same_fault_twice_is_charged_once)
{
    add_fixed(2, 2);
    struct ff_grant grant = granted(1, 1);
    cr_assert_eq(fault(1, &grant, 0), FF_VERDICT_RETRY);
    cr_assert_eq(fault(1, &grant, 0), FF_VERDICT_IGNORE);
    cr_assert_eq(look(0).tries, 1);
}

Test(dispatch, the_last_attempt_that_faults_quarantines)
{
    uint32_t tries = 0;
    add_fixed(1, 1);
    for (uint32_t i = 1; i <= 3; i++) {
        struct ff_grant grant = granted(1, 1);
        enum ff_verdict wanted = i < 3 ? FF_VERDICT_RETRY : FF_VERDICT_QUARANTINE;
        cr_assert_eq(ff_dispatch_fault(dispatch, 1, grant.lease, 0, &tries), wanted);
        cr_assert_eq(tries, i);
        ff_dispatch_end_lease(dispatch, grant.lease);
    }
    cr_assert_str_eq(look(0).state, "closed");
    cr_assert(has_none_for(1, 1));
    cr_assert_not(result(0));
}

Test(dispatch, with_one_attempt_the_first_fault_quarantines)
{
    struct ff_dispatch_job job = job_of(1, 100);
    job.attempts = 1;
    ff_dispatch_add_job(dispatch, &job);
    struct ff_grant grant = granted(1, 1);
    cr_assert_eq(fault(1, &grant, 0), FF_VERDICT_QUARANTINE);
}

Test(dispatch, a_result_after_faults_tells_their_number)
{
    uint32_t tries;
    add_fixed(1, 1);
    struct ff_grant grant = granted(1, 2);
    fault(1, &grant, 0);
    grant = granted(2, 2);
    cr_assert(ff_dispatch_result(dispatch, JOB, 0, &tries));
    cr_assert_eq(tries, 2);
}

Test(dispatch, a_retry_prefers_another_worker)
{
    add_fixed(2, 1);
    struct ff_grant grant = granted(1, 2);
    uint32_t faulty = grant.targets[0];
    fault(1, &grant, faulty);
    cr_assert_neq(granted(1, 2).targets[0], faulty);
    cr_assert(has_none_for(1, 2));
    EXPECT_TARGETS(granted(2, 2), faulty);
}

Test(dispatch, a_retry_runs_on_the_same_worker_where_it_is_the_only_one)
{
    add_fixed(1, 1);
    struct ff_grant grant = granted(1, 1);
    fault(1, &grant, 0);
    EXPECT_TARGETS(granted(1, 1), 0);
}

Test(dispatch, many_retries_of_one_worker_do_not_hide_another_from_it)
{
    add_fixed(40, 20);
    struct ff_grant mine = granted(1, 2), other = granted(2, 2);
    for (size_t i = 0; i < mine.count; i++)
        fault(1, &mine, mine.targets[i]);
    uint32_t wanted = other.targets[0];
    fault(2, &other, wanted);
    for (int i = 0; i < 20; i++)
        granted(2, 2);
    EXPECT_TARGETS(granted(1, 2), wanted);
}

/* ---- lost workers ---- */

Test(dispatch, a_lost_worker_makes_the_first_open_target_of_each_lease_a_suspect)
{
    add_fixed(6, 3);
    struct ff_grant first = granted(1, 2);
    granted(1, 2);
    result(first.targets[0]);
    cr_assert_eq(lose(1), 0);
    cr_assert_eq(ff_dispatch_lease_count(dispatch, 1), 0);
    cr_assert_str_eq(look(0).state, "closed");
    cr_assert(look(1).suspect && look(1).alone && look(1).tries == 0);
    cr_assert(look(3).suspect && look(3).alone);
    cr_assert(!look(2).suspect && !look(4).suspect && !look(5).suspect);
    for (uint32_t i = 1; i < 6; i++)
        cr_assert_str_eq(look(i).state, "waiting");
}

Test(dispatch, suspects_run_alone_and_one_per_worker)
{
    add_fixed(4, 2);
    granted(1, 3);
    granted(1, 3);
    lose(1);
    struct ff_grant suspect = granted(2, 3);
    EXPECT_TARGETS(suspect, 2);
    for (int i = 0; i < 2; i++) { /* half of two */
        struct ff_grant other = granted(2, 3);
        cr_assert(other.count == 1 && !look(other.targets[0]).suspect);
    }
    cr_assert(has_none_for(2, 3));
    EXPECT_TARGETS(granted(3, 3), 0);
}

Test(dispatch, a_worker_may_have_the_next_suspect_when_the_first_is_done)
{
    add_fixed(2, 1);
    granted(1, 2);
    granted(1, 2);
    lose(1);
    struct ff_grant suspect = granted(2, 2);
    cr_assert(has_none_for(2, 2));
    result(suspect.targets[0]);
    ff_dispatch_end_lease(dispatch, suspect.lease);
    cr_assert_eq(granted(2, 2).count, 1);
}

Test(dispatch, lost_alone_as_often_as_attempts_allow_is_quarantined)
{
    struct ff_lost_target lost[1];
    add_fixed(2, 2);
    granted(1, 1); /* both of them: nobody is lost alone by this */
    cr_assert_eq(lose(1), 0);
    for (uint64_t worker = 2; worker <= 4; worker++) {
        EXPECT_TARGETS(granted(worker, 1), 0);
        size_t count = ff_dispatch_lose_worker(dispatch, worker, lost);
        cr_assert_eq(count, worker == 4);
    }
    cr_assert(lost[0].job == JOB && lost[0].target == 0 && lost[0].tries == 3);
    cr_assert_str_eq(look(0).state, "closed");
    EXPECT_TARGETS(granted(5, 1), 1);
}

Test(dispatch, losing_a_worker_without_leases_does_nothing)
{
    add_fixed(1, 1);
    cr_assert_eq(lose(1), 0);
    cr_assert_not(look(0).suspect);
}

Test(dispatch, a_suspect_that_is_given_back_is_not_charged)
{
    add_fixed(1, 1);
    granted(1, 2);
    lose(1);
    for (int i = 0; i < 10; i++)
        ff_dispatch_end_lease(dispatch, granted(2, 2).lease);
    cr_assert_str_eq(look(0).state, "waiting");
    cr_assert_eq(look(0).tries, 0);
}

/* ---- predictions ---- */

Test(dispatch, what_remains_is_predicted_from_the_cost_book)
{
    struct ff_dispatch_job job = job_of(10, 1000);
    us_per_cell[0] = 2;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 20, 1e-9);
    granted(1, 1);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 20, 1e-9);
    result(0);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 18, 1e-9);
}

Test(dispatch, without_history_nothing_is_predicted_until_something_was_observed)
{
    struct ff_dispatch_job job = job_of(10, 1000);
    us_per_cell[0] = 0;
    ff_dispatch_add_job(dispatch, &job);
    cr_assert_lt(ff_dispatch_remaining_ms(dispatch, JOB), 0);
    ff_dispatch_observe(dispatch, JOB, 0, 3, 3);
    result(0);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 27, 0.1);
}

Test(dispatch, what_was_observed_here_replaces_the_cost_book)
{
    double cells, ms;
    struct ff_dispatch_job job = job_of(10, 1000);
    us_per_cell[0] = 2;
    ff_dispatch_add_job(dispatch, &job);
    ff_dispatch_observe(dispatch, JOB, 0, 10, 9);
    ff_dispatch_observe(dispatch, JOB, 1, 20, 15);
    cr_assert_float_eq(ff_dispatch_remaining_ms(dispatch, JOB), 150, 0.1);
    ff_dispatch_learned(dispatch, JOB, 0, &cells, &ms);
    cr_assert_float_eq(cells, 2000, 1e-9);
    cr_assert_float_eq(ms, 24, 0.01);
}

Test(dispatch, observations_that_are_no_times_or_of_nothing_are_ignored)
{
    double cells, ms;
    add_fixed(1, 1);
    ff_dispatch_observe(dispatch, JOB, 0, -1, 0);
    ff_dispatch_observe(dispatch, JOB, 0, 1, -1);
    ff_dispatch_observe(dispatch, JOB, 0, (double)NAN, (double)NAN);
    ff_dispatch_observe(dispatch, JOB, 5, 1, 1);
    ff_dispatch_observe(dispatch, 9, 0, 1, 1);
    ff_dispatch_learned(dispatch, JOB, 0, &cells, &ms);
    cr_assert(cells == 0 && ms == 0);
    ff_dispatch_learned(dispatch, JOB, 7, &cells, &ms);
    cr_assert(cells == 0 && ms == 0);
}

Test(dispatch, looking_at_what_is_not_there_says_so)
{
    struct ff_dispatch_target_view view;
    add_fixed(1, 1);
    cr_assert_not(ff_dispatch_look(dispatch, JOB, 1, &view));
    cr_assert_not(ff_dispatch_look(dispatch, 9, 0, &view));
}

/* ---- size ---- */

#ifndef FITFLEET_SANITIZED
Test(dispatch, a_pending_target_takes_at_most_64_bytes)
{
    struct ff_dispatch_job job = job_of(MOST, 100);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    ff_dispatch_add_job(dispatch, &job);
    for (size_t left = MOST; left > 0;)
        left -= granted(1, 1).count;
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    cr_assert_leq(after - before, 64 * (size_t)MOST, "%zu bytes each", (after - before) / MOST);
}
#endif

Test(dispatch, a_target_that_takes_its_worker_along_is_found_after_a_few_losses)
{
    enum { COUNT = 1024, CULPRIT = 700 };
    struct ff_dispatch_job job = job_of(COUNT, 1);
    struct ff_lost_target lost[4];
    uint64_t worker = 0;
    size_t losses = 0;
    job.mode = FF_CHUNK_PER_WORKER;
    ff_dispatch_add_job(dispatch, &job);
    while (strcmp(look(CULPRIT).state, "closed") != 0) {
        struct ff_grant grant = granted(++worker, 1);
        bool has_it = false;
        for (size_t i = 0; i < grant.count; i++)
            has_it |= grant.targets[i] == CULPRIT;
        if (has_it) {
            losses++;
            ff_dispatch_lose_worker(dispatch, worker, lost);
            continue;
        }
        for (size_t i = 0; i < grant.count; i++)
            result(grant.targets[i]);
        ff_dispatch_end_lease(dispatch, grant.lease);
    }
    cr_assert_leq(losses, 14); /* ten halves, and three alone */
}

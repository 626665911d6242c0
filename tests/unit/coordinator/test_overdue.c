#include "coordinator/overdue.h"

#include <criterion/criterion.h>

enum { EPOCH = 7, LIMIT_MS = 60000, BEAT_MS = 2000 };

static struct ff_overdue *overdue;
static struct ff_overdue_lease found[8];
static struct ff_executor_state executors[2];
static struct ff_lease_id leases[2];
static size_t lease_count;
static int64_t now_ms;

static void setup(void)
{
    overdue = ff_overdue_create();
    executors[0] = executors[1] = (struct ff_executor_state){.pid = 11, .alive = true};
    executors[1].pid = 12;
    leases[0] = (struct ff_lease_id){EPOCH, 1};
    leases[1] = (struct ff_lease_id){EPOCH, 2};
    lease_count = 1;
    now_ms = 1000000;
}

static void teardown(void)
{
    ff_overdue_destroy(overdue);
}

TestSuite(overdue, .init = setup, .fini = teardown);

static int64_t limit_of(void *context, uint64_t job, uint32_t target)
{
    (void)context;
    (void)target;
    return job == 5 ? LIMIT_MS : 0;
}

static void works_on(size_t executor, uint64_t lease, uint32_t target)
{
    executors[executor].busy = true;
    executors[executor].lease = (struct ff_lease_id){EPOCH, lease};
    executors[executor].job = 5;
    executors[executor].target = target;
}

static size_t beat_of(uint64_t worker)
{
    struct ff_beat_request beat = {.worker = worker,
                                   .leases = leases,
                                   .lease_count = lease_count,
                                   .executors = executors,
                                   .executor_count = 2};
    return ff_overdue_beat(overdue, EPOCH, &beat, limit_of, NULL, now_ms, found);
}

/* Beats for so long; the number of overdue leases of the last one. All before it must be 0. */
static size_t beats_for(int64_t ms)
{
    size_t count = beat_of(3);
    for (int64_t until = now_ms + ms; now_ms < until;) {
        cr_assert_eq(count, 0, "after %lld ms", (long long)(ms - (until - now_ms)));
        now_ms += BEAT_MS;
        count = beat_of(3);
    }
    return count;
}

Test(overdue, a_target_is_stuck_after_its_limit_and_a_grace)
{
    works_on(0, 1, 40);
    cr_assert_eq(beats_for(LIMIT_MS + FF_OVERDUE_GRACE_MS), 0);
    now_ms += BEAT_MS;
    cr_assert_eq(beat_of(3), 1);
    cr_assert(found[0].stuck && found[0].lease == 1 && found[0].target == 40 && found[0].pid == 11);
    cr_assert_eq(found[0].for_ms, LIMIT_MS + FF_OVERDUE_GRACE_MS + BEAT_MS);
}

Test(overdue, the_next_target_has_its_own_time)
{
    works_on(0, 1, 40);
    beats_for(LIMIT_MS);
    works_on(0, 1, 41);
    cr_assert_eq(beats_for(LIMIT_MS), 0);
}

Test(overdue, another_process_on_the_same_target_has_its_own_time)
{
    works_on(0, 1, 40);
    beats_for(LIMIT_MS);
    executors[0].pid = 99;
    cr_assert_eq(beats_for(LIMIT_MS), 0);
}

Test(overdue, a_target_of_a_job_that_is_over_is_nobodys_concern)
{
    works_on(0, 1, 40);
    executors[0].job = 6;
    cr_assert_eq(beats_for(10 * LIMIT_MS), 0);
}

Test(overdue, a_lease_that_nobody_works_on_beside_an_idle_executor_is_ignored)
{
    cr_assert_eq(beats_for(FF_OVERDUE_IGNORED_MS), 0);
    now_ms += BEAT_MS;
    cr_assert_eq(beat_of(3), 1);
    cr_assert(!found[0].stuck && found[0].lease == 1);
}

Test(overdue, a_lease_may_wait_while_every_executor_is_busy)
{
    lease_count = 2;
    for (uint32_t target = 0; target < 20; target++) {
        works_on(0, 2, target);
        works_on(1, 2, 100 + target);
        cr_assert_eq(beats_for(10000), 0);
    }
}

Test(overdue, a_lease_that_is_worked_on_is_not_ignored)
{
    for (uint32_t target = 0; target < 20; target++) {
        works_on(0, 1, target);
        cr_assert_eq(beats_for(10000), 0);
    }
}

Test(overdue, reports_and_objects_are_progress)
{
    for (uint64_t i = 0; i < 10; i++) {
        cr_assert_eq(beats_for(FF_OVERDUE_IGNORED_MS - BEAT_MS), 0);
        ff_overdue_progress(overdue, 3, i % 2, now_ms); /* 0: an object, for any lease */
    }
    ff_overdue_progress(overdue, 3, 2, now_ms); /* of another lease */
    cr_assert_eq(beats_for(FF_OVERDUE_IGNORED_MS), 0);
    now_ms += BEAT_MS;
    cr_assert_eq(beat_of(3), 1);
}

Test(overdue, leases_of_another_epoch_are_left_alone)
{
    leases[0].epoch = EPOCH - 1;
    works_on(0, 1, 40);
    executors[0].lease.epoch = EPOCH - 1;
    cr_assert_eq(beats_for(10 * LIMIT_MS), 0);
}

Test(overdue, a_pause_of_the_coordinator_is_nobodys_fault)
{
    works_on(0, 1, 40);
    beats_for(LIMIT_MS);
    now_ms += 3600000;
    ff_overdue_shift(overdue, 3600000);
    cr_assert_eq(beats_for(FF_OVERDUE_GRACE_MS), 0);
}

Test(overdue, workers_are_told_apart_and_forgotten)
{
    cr_assert_eq(beat_of(9), 0);
    cr_assert_eq(beat_of(4), 0);
    cr_assert_eq(beats_for(FF_OVERDUE_IGNORED_MS), 0);
    now_ms += BEAT_MS;
    ff_overdue_forget(overdue, 4);
    ff_overdue_forget(overdue, 5);
    cr_assert_eq(beat_of(4), 0);
    cr_assert_eq(beat_of(9), 1);
    cr_assert_eq(beat_of(3), 1);
}

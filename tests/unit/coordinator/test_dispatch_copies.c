#include "dispatching.h"

#include <string.h>

TestSuite(dispatch_copies, .init = make, .fini = drop);

/* Late for a lease of which nothing was predicted. */
enum { SOON = 200, LATE = 300 };

static bool ask_at(uint64_t worker, int64_t now_ms, struct ff_grant *grant)
{
    struct ff_dispatch_ask ask = idle_of(worker, 3);
    ask.now_ms = now_ms;
    ask.copies = true;
    return ff_dispatch_grant(dispatch, &ask, grant);
}

static struct ff_grant copy_for(uint64_t worker)
{
    struct ff_grant grant;
    cr_assert(ask_at(worker, LATE, &grant), "no copy for worker %llu", (unsigned long long)worker);
    cr_assert(grant.is_copy);
    return grant;
}

static bool no_copy_for(uint64_t worker, int64_t now_ms)
{
    struct ff_grant grant;
    return !ask_at(worker, now_ms, &grant);
}

Test(dispatch_copies, half_of_what_is_open_is_copied_from_the_end_then_half_of_the_rest)
{
    add_fixed(7, 7);
    granted(1, 3);
    result(0);
    EXPECT_TARGETS(copy_for(2), 6, 5, 4);
    EXPECT_TARGETS(copy_for(3), 3, 2);
    EXPECT_TARGETS(copy_for(3), 1);
    cr_assert(no_copy_for(3, LATE));
}

Test(dispatch_copies, only_late_leases_of_other_workers_when_nothing_waits_and_where_they_are_welcome)
{
    add_fixed(2, 1);
    granted(1, 3);
    struct ff_grant grant;
    cr_assert(ask_at(2, LATE, &grant) && !grant.is_copy); /* waits */
    cr_assert(no_copy_for(2, SOON));
    cr_assert(has_none_for(2, 3)); /* late, but not welcome */
    cr_assert(!ff_dispatch_has_late(dispatch, SOON));
    cr_assert(ff_dispatch_has_late(dispatch, LATE));
    EXPECT_TARGETS(copy_for(2), 0);
    cr_assert(no_copy_for(1, LATE));
    cr_assert(!no_copy_for(1, 2 * LATE));
    struct ff_dispatch_ask ask =
        (struct ff_dispatch_ask){.worker = 3, .prefetch = 1, .now_ms = LATE, .copies = true};
    cr_assert(!ff_dispatch_grant(dispatch, &ask, &grant));
}

Test(dispatch_copies, late_is_half_as_much_again_as_was_predicted)
{
    add_fixed(2, 1);
    measure(5000);
    granted(1, 3);
    granted(1, 3);
    cr_assert(no_copy_for(2, 7700));
    cr_assert(!no_copy_for(2, 7800));
}

Test(dispatch_copies, the_first_result_wins_and_spends_the_other_lease)
{
    add_fixed(2, 2);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    EXPECT_TARGETS(copy, 1);
    cr_assert_eq(look(1).worker, 1);
    cr_assert_eq(look(1).copy_worker, 2);
    cr_assert(!ff_dispatch_is_spent(dispatch, copy.lease));
    cr_assert(result(1));
    cr_assert(!result(1));
    cr_assert(ff_dispatch_is_spent(dispatch, copy.lease));
    cr_assert(!ff_dispatch_is_spent(dispatch, owner.lease));
    cr_assert(result(0));
    cr_assert(ff_dispatch_is_spent(dispatch, owner.lease));
}

Test(dispatch_copies, a_lease_without_a_copy_is_never_spent)
{
    add_fixed(1, 1);
    struct ff_grant owner = granted(1, 3);
    result(0);
    cr_assert(!ff_dispatch_is_spent(dispatch, owner.lease));
}

Test(dispatch_copies, a_fault_of_the_copy_charges_nobody_and_is_the_last_copy)
{
    uint32_t tries;
    add_fixed(1, 1);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    cr_assert_eq(fault(2, &copy, 0), FF_VERDICT_IGNORE);
    cr_assert_eq(look(0).tries, 0);
    cr_assert(no_copy_for(3, LATE));
    cr_assert_eq(look(0).lease, owner.lease);
    cr_assert(ff_dispatch_result(dispatch, JOB, 0, &tries) && tries == 1);
}

Test(dispatch_copies, a_fault_of_the_owner_is_charged_and_the_copy_goes_on_as_the_next_try)
{
    uint32_t tries;
    add_fixed(1, 1);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    cr_assert_eq(fault(1, &owner, 0), FF_VERDICT_RETRY);
    cr_assert_str_eq(look(0).state, "leased");
    cr_assert_eq(look(0).lease, copy.lease);
    cr_assert(ff_dispatch_result(dispatch, JOB, 0, &tries) && tries == 2);
}

Test(dispatch_copies, no_fault_closes_a_target_while_another_copy_lives)
{
    uint32_t tries;
    struct ff_dispatch_job job = job_of(1, 100);
    job.attempts = 1;
    ff_dispatch_add_job(dispatch, &job);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    cr_assert_eq(fault(1, &owner, 0), FF_VERDICT_RETRY);
    cr_assert_eq(ff_dispatch_fault(dispatch, 2, copy.lease, 0, &tries), FF_VERDICT_QUARANTINE);
    cr_assert_eq(tries, 1);
}

Test(dispatch_copies, a_result_of_the_copy_behind_the_last_fault_counts)
{
    uint32_t tries;
    struct ff_dispatch_job job = job_of(1, 100);
    job.attempts = 1;
    ff_dispatch_add_job(dispatch, &job);
    struct ff_grant owner = granted(1, 3);
    copy_for(2);
    cr_assert_eq(fault(1, &owner, 0), FF_VERDICT_RETRY);
    cr_assert(ff_dispatch_result(dispatch, JOB, 0, &tries) && tries == 1);
}

Test(dispatch_copies, when_the_owner_gives_back_or_is_lost_the_copy_is_the_owner)
{
    add_fixed(4, 4);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    EXPECT_TARGETS(copy, 3, 2);
    ff_dispatch_end_lease(dispatch, owner.lease);
    cr_assert_str_eq(look(0).state, "waiting");
    cr_assert_str_eq(look(3).state, "leased");
    cr_assert_eq(look(3).worker, 2);
    cr_assert_eq(look(3).copy_worker, 0);
    cr_assert_eq(lose(2), 0);
    cr_assert(look(3).suspect && !look(2).suspect);
    cr_assert_str_eq(look(3).state, "waiting");
}

Test(dispatch_copies, when_the_copy_ends_the_owner_stays_and_another_copy_may_come)
{
    add_fixed(1, 1);
    struct ff_grant owner = granted(1, 3), copy = copy_for(2);
    ff_dispatch_end_lease(dispatch, copy.lease);
    cr_assert_eq(look(0).lease, owner.lease);
    cr_assert_eq(look(0).copy_worker, 0);
    copy_for(3);
}

Test(dispatch_copies, what_faulted_or_is_a_suspect_is_not_copied)
{
    add_fixed(2, 1);
    struct ff_grant first = granted(1, 3), second = granted(2, 3);
    fault(1, &first, 0);
    lose(2);
    (void)second;
    granted(3, 3);
    granted(3, 3);
    cr_assert(look(0).lease && look(1).lease);
    cr_assert(no_copy_for(1, 100000));
}

Test(dispatch_copies, a_copy_that_became_the_owner_may_itself_be_copied)
{
    add_fixed(1, 1);
    struct ff_grant owner = granted(1, 3);
    copy_for(2);
    ff_dispatch_end_lease(dispatch, owner.lease);
    struct ff_grant grant;
    cr_assert(ask_at(3, 100000, &grant) && grant.is_copy);
    cr_assert_eq(look(0).worker, 2);
    cr_assert_eq(look(0).copy_worker, 3);
}

Test(dispatch_copies, a_job_that_ends_takes_its_copies_along)
{
    add_fixed(1, 1);
    granted(1, 3);
    struct ff_grant copy = copy_for(2), found;
    uint64_t worker;
    ff_dispatch_remove_job(dispatch, JOB);
    cr_assert(!ff_dispatch_lease(dispatch, copy.lease, &found, &worker));
    cr_assert_eq(ff_dispatch_lease_count(dispatch, 2), 0);
}

#include "coordinator/fleet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct ff_fleet *fleet;

static void make(void)
{
    fleet = ff_fleet_create();
}

static void drop(void)
{
    ff_fleet_destroy(fleet);
}

TestSuite(fleet, .init = make, .fini = drop);

static struct ff_worker *join(const char *host, uint32_t slots, int64_t now_ms)
{
    static uint64_t incarnation;
    struct ff_join_request request = {host, 4711, slots, "profile", ++incarnation, 1 << 30, 8 << 20};
    return ff_fleet_join(fleet, &request, "0.1.0", now_ms);
}

static void beat(struct ff_worker *worker, bool draining, int64_t now_ms)
{
    ff_fleet_beat(fleet, worker, &(struct ff_beat_request){.worker = worker->id, .draining = draining},
                  now_ms);
}

Test(fleet, workers_get_ids_from_one_and_names_by_host)
{
    struct ff_worker *first = join("a", 2, 0), *second = join("a", 3, 0), *third = join("b", 1, 0);
    cr_assert(first->id == 1 && second->id == 2 && third->id == 3);
    cr_assert_str_eq(first->name, "a-1");
    cr_assert_str_eq(second->name, "a-2");
    cr_assert_str_eq(third->name, "b-1");
    cr_assert_eq(first->state, FF_WORKER_READY);
    cr_assert_str_eq(first->version, "0.1.0");
    cr_assert_str_eq(first->profile, "profile");
}

Test(fleet, a_worker_without_a_host_has_a_name_too)
{
    cr_assert_str_eq(join("", 1, 0)->name, "worker-1");
}

Test(fleet, a_name_is_free_again_when_its_worker_is_gone)
{
    struct ff_worker *first = join("a", 1, 0);
    join("a", 1, 0);
    ff_fleet_gone(fleet, first, FF_WORKER_LEFT);
    struct ff_worker *third = join("a", 1, 0);
    cr_assert_str_eq(third->name, "a-1");
    cr_assert_eq(third->id, 3);
}

Test(fleet, slots_and_workers_are_those_that_take_work)
{
    struct ff_worker *first = join("a", 2, 0), *second = join("b", 3, 0);
    cr_assert(ff_fleet_slots(fleet) == 5 && ff_fleet_workers(fleet) == 2);
    beat(first, true, 0);
    beat(first, true, 0);
    cr_assert(ff_fleet_slots(fleet) == 3 && ff_fleet_workers(fleet) == 1);
    ff_fleet_gone(fleet, first, FF_WORKER_LEFT);
    cr_assert(ff_fleet_slots(fleet) == 3 && ff_fleet_workers(fleet) == 1);
    ff_fleet_gone(fleet, second, FF_WORKER_LOST);
    cr_assert(ff_fleet_slots(fleet) == 0 && ff_fleet_workers(fleet) == 0);
}

Test(fleet, who_drains_stays_draining)
{
    struct ff_worker *worker = join("a", 1, 0);
    beat(worker, true, 0);
    beat(worker, false, 0);
    cr_assert_eq(worker->state, FF_WORKER_DRAINING);
    cr_assert_eq(ff_fleet_find(fleet, worker->id), worker);
}

Test(fleet, who_is_gone_is_not_found_but_still_listed)
{
    size_t count;
    struct ff_worker *worker = join("a", 1, 0);
    uint64_t id = worker->id, incarnation = worker->incarnation;
    cr_assert_eq(ff_fleet_same(fleet, incarnation), worker);
    ff_fleet_gone(fleet, worker, FF_WORKER_LOST);
    cr_assert_null(ff_fleet_find(fleet, id));
    cr_assert_null(ff_fleet_same(fleet, incarnation));
    cr_assert_eq(ff_fleet_all(fleet, &count)[0]->state, FF_WORKER_LOST);
    cr_assert_eq(count, 1);
}

Test(fleet, unknown_ids_are_not_found)
{
    join("a", 1, 0);
    cr_assert_null(ff_fleet_find(fleet, 0));
    cr_assert_null(ff_fleet_find(fleet, 2));
    cr_assert_null(ff_fleet_find(fleet, UINT64_MAX));
}

Test(fleet, only_the_last_hundred_of_the_gone_are_kept)
{
    size_t count;
    struct ff_worker *here = join("here", 1, 0);
    for (int i = 0; i < 150; i++)
        ff_fleet_gone(fleet, join("gone", 1, 0), FF_WORKER_LEFT);
    struct ff_worker **all = ff_fleet_all(fleet, &count);
    cr_assert_eq(count, 101);
    cr_assert_eq(all[0], here);
    cr_assert_eq(all[1]->id, 52);
    cr_assert_eq(ff_fleet_find(fleet, here->id), here);
}

Test(fleet, a_worker_expires_after_fifteen_silent_seconds)
{
    struct ff_worker *worker = join("a", 1, 1000);
    cr_assert_null(ff_fleet_expired(fleet, 1000 + FF_FLEET_EXPIRY_MS));
    cr_assert_eq(ff_fleet_expired(fleet, 1001 + FF_FLEET_EXPIRY_MS), worker);
    ff_fleet_heard(worker, 5000);
    cr_assert_null(ff_fleet_expired(fleet, 5000 + FF_FLEET_EXPIRY_MS));
    beat(worker, false, 9000);
    cr_assert_null(ff_fleet_expired(fleet, 9000 + FF_FLEET_EXPIRY_MS));
    ff_fleet_gone(fleet, worker, FF_WORKER_LOST);
    cr_assert_null(ff_fleet_expired(fleet, 1000000));
}

/* A thousand Beats a second, and no worker is lost for one that is late. */
Test(fleet, the_workers_of_a_large_fleet_beat_less_often)
{
    struct ff_worker *first = join("a", 1, 0);
    cr_assert_eq(ff_fleet_tell_beat(fleet, first), FF_FLEET_BEAT_MS);
    for (int i = 1; i < 6000; i++)
        join("a", 1, 0);
    cr_assert_eq(ff_fleet_expired(fleet, 1 + FF_FLEET_EXPIRY_MS), first, "it was told of more Beats");
    for (uint64_t id = 1; id <= 6000; id++)
        cr_assert_eq(ff_fleet_tell_beat(fleet, ff_fleet_find(fleet, id)), 6000);
    cr_assert_eq(ff_fleet_expiry_ms(first), 18000);
    cr_assert_null(ff_fleet_expired(fleet, 18000));
    cr_assert_eq(ff_fleet_expired(fleet, 18001), first);
}

Test(fleet, draining_workers_expire_too)
{
    struct ff_worker *worker = join("a", 1, 0);
    beat(worker, true, 0);
    cr_assert_eq(ff_fleet_expired(fleet, FF_FLEET_EXPIRY_MS + 1), worker);
}

Test(fleet, a_pause_of_the_coordinator_blames_nobody)
{
    join("a", 1, 0);
    ff_fleet_shift(fleet, 60000);
    cr_assert_null(ff_fleet_expired(fleet, 60000 + FF_FLEET_EXPIRY_MS));
    cr_assert_not_null(ff_fleet_expired(fleet, 60001 + FF_FLEET_EXPIRY_MS));
}

Test(fleet, a_beat_shows_the_executors_up_to_the_slots)
{
    struct ff_executor_state states[3] = {{.pid = 1}, {.pid = 2}, {.pid = 3}};
    struct ff_worker *worker = join("a", 2, 0);
    ff_fleet_beat(fleet, worker, &(struct ff_beat_request){.executors = states, .executor_count = 3}, 0);
    cr_assert_eq(worker->executor_count, 2);
    cr_assert_eq(worker->executors[1].pid, 2);
    beat(worker, false, 0);
    cr_assert_eq(worker->executor_count, 0);
}

Test(fleet, profiles_differ_only_among_those_that_are_here)
{
    struct ff_join_request request = {"b", 1, 1, "other", 1000, 0, 0};
    join("a", 1, 0);
    join("a", 1, 0);
    cr_assert_not(ff_fleet_profiles_differ(fleet));
    struct ff_worker *other = ff_fleet_join(fleet, &request, "0.1.0", 0);
    cr_assert(ff_fleet_profiles_differ(fleet));
    ff_fleet_gone(fleet, other, FF_WORKER_LEFT);
    cr_assert_not(ff_fleet_profiles_differ(fleet));
}

Test(fleet, states_have_names)
{
    cr_assert_str_eq(ff_worker_state_name(FF_WORKER_READY), "ready");
    cr_assert_str_eq(ff_worker_state_name(FF_WORKER_DRAINING), "draining");
    cr_assert_str_eq(ff_worker_state_name(FF_WORKER_LOST), "lost");
    cr_assert_str_eq(ff_worker_state_name(FF_WORKER_LEFT), "left");
}

Test(fleet, four_thousand_workers_of_one_host_join_quickly)
{
    for (int i = 0; i < 4000; i++)
        join("host", 1, 0);
    size_t count;
    cr_assert_str_eq(ff_fleet_all(fleet, &count)[3999]->name, "host-4000");
    cr_assert_eq(ff_fleet_workers(fleet), 4000);
}

Test(fleet, ids_of_an_earlier_coordinator_are_nobodys)
{
    ff_fleet_count_from(fleet, 1000);
    cr_assert_eq(join("a", 1, 0)->id, 1000);
    cr_assert_null(ff_fleet_find(fleet, 1));
}

Test(fleet, a_lease_missing_from_two_beats_in_a_row_never_arrived)
{
    struct ff_worker *worker = join("a", 1, 0);
    struct ff_lease_id listed[] = {{7, 1}, {6, 2}}; /* the second one is of another epoch */
    struct ff_beat_request one = {.leases = listed, .lease_count = 2}, none = {0};
    uint64_t leases[] = {1, 2, 3};
    cr_assert_eq(ff_fleet_missing(worker, &one, 7, leases, 3), 0);
    cr_assert_eq(ff_fleet_missing(worker, &one, 7, leases, 3), 2);
    cr_assert(leases[0] == 2 && leases[1] == 3);
    uint64_t first = 1;
    cr_assert_eq(ff_fleet_missing(worker, &none, 7, &first, 1), 0);
    cr_assert_eq(ff_fleet_missing(worker, &one, 7, &first, 1), 0);
    cr_assert_eq(ff_fleet_missing(worker, &none, 7, &first, 1), 0);
    cr_assert_eq(ff_fleet_missing(worker, &none, 7, &first, 1), 1);
}

Test(fleet, what_a_worker_says_of_itself_is_one_short_word_and_its_slots_are_bounded)
{
    char large[1000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    struct ff_join_request request = {"a b\x1b[2J\xff", 1, UINT32_MAX, large, 1, 0, 0};
    struct ff_worker *worker = ff_fleet_join(fleet, &request, large, 0);
    cr_assert_str_eq(worker->name, "a_b_[2J_-1");
    cr_assert_eq(worker->slots, FF_FLEET_MOST_SLOTS);
    cr_assert(strlen(worker->version) == 64 && strlen(worker->profile) == 512);
}

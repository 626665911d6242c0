/* One dispatch with one job, asked in short words. */
#ifndef FF_TESTS_COORDINATOR_DISPATCHING_H
#define FF_TESTS_COORDINATOR_DISPATCHING_H

#include "coordinator/dispatch.h"

#include <criterion/criterion.h>

enum { JOB = 1, MOST = 20000 };

static struct ff_dispatch *dispatch;
static struct ff_dispatch_item items[MOST];
static double us_per_cell[2];

static inline void make(void)
{
    dispatch = ff_dispatch_create();
}

static inline void drop(void)
{
    ff_dispatch_destroy(dispatch);
}

/* ---- builders ---- */

/* count targets of cells each, three tries, chunks cut by what is known of costs. */
static inline struct ff_dispatch_job job_of(size_t count, uint64_t cells)
{
    for (size_t i = 0; i < count; i++)
        items[i] = (struct ff_dispatch_item){.cells = cells};
    return (struct ff_dispatch_job){.id = JOB,
                                    .items = items,
                                    .count = count,
                                    .group_count = 1,
                                    .us_per_cell = us_per_cell,
                                    .attempts = 3,
                                    .mode = FF_CHUNK_AUTO};
}

static inline void add_fixed(size_t count, uint64_t chunk)
{
    struct ff_dispatch_job job = job_of(count, 100);
    job.mode = FF_CHUNK_FIXED;
    job.chunk = chunk;
    ff_dispatch_add_job(dispatch, &job);
}

/* One idle slot of a worker in a fleet of workers with a slot each. */
static inline struct ff_dispatch_ask idle_of(uint64_t worker, uint32_t workers)
{
    return (struct ff_dispatch_ask){
        .worker = worker, .idle = 1, .fleet_slots = workers, .fleet_workers = workers};
}

static inline struct ff_grant granted(uint64_t worker, uint32_t workers)
{
    struct ff_dispatch_ask ask = idle_of(worker, workers);
    struct ff_grant grant;
    cr_assert(ff_dispatch_grant(dispatch, &ask, &grant), "nothing for worker %llu",
              (unsigned long long)worker);
    return grant;
}

static inline bool has_none_for(uint64_t worker, uint32_t workers)
{
    struct ff_dispatch_ask ask = idle_of(worker, workers);
    struct ff_grant grant;
    return !ff_dispatch_grant(dispatch, &ask, &grant);
}

static inline struct ff_dispatch_target_view look(uint32_t target)
{
    struct ff_dispatch_target_view view;
    cr_assert(ff_dispatch_look(dispatch, JOB, target, &view));
    return view;
}

/* A fit of this job showed what its targets of 100 cells cost. */
static inline void measure(double ms)
{
    ff_dispatch_observe(dispatch, JOB, 0, ms, ms);
}

static inline bool result(uint32_t target)
{
    uint32_t tries;
    return ff_dispatch_result(dispatch, JOB, target, &tries);
}

static inline enum ff_verdict fault(uint64_t worker, const struct ff_grant *grant, uint32_t target)
{
    uint32_t tries;
    return ff_dispatch_fault(dispatch, worker, grant->lease, target, &tries);
}

static inline size_t lose(uint64_t worker)
{
    struct ff_lost_target lost[16];
    return ff_dispatch_lose_worker(dispatch, worker, lost);
}

#define EXPECT_TARGETS(grant, ...)                                                                           \
    do {                                                                                                     \
        const uint32_t expected_[] = {__VA_ARGS__};                                                          \
        struct ff_grant found_ = (grant);                                                                    \
        cr_assert_eq(found_.count, sizeof expected_ / sizeof *expected_);                                    \
        for (size_t at_ = 0; at_ < found_.count; at_++)                                                      \
            cr_assert_eq(found_.targets[at_], expected_[at_], "%zu: %u", at_, found_.targets[at_]);          \
    } while (0)

#endif

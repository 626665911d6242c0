/* Errands in the store: they publish nothing, and what they came to is freed. */
#include "stored.h"

#define DAY_MS INT64_C(86400000)

static struct ff_arena arena;
static const struct ff_stored_target ab[] = {{"a", 1, 1}, {"b", 1, 1}};

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_release, .init = open_state, .fini = close_one);

static void end_at(int64_t now_ms)
{
    struct ff_outcome outcomes[] = {fitted(0), fitted(1)};
    put_targets(ab, 2, false);
    report("host-1", outcomes, 2);
    job.state = FF_JOB_DONE;
    job.finished_ms = now_ms;
    must(ff_store_begin(store, &failure));
    must(ff_store_publish(store, &job, now_ms, &failure));
    must(ff_store_commit(store, &failure));
}

/* demo-1 ends, and its place is taken by a job that is not written yet. */
static void end_and_go_on(const char *name, const char *set, int64_t now_ms)
{
    end_at(now_ms);
    job.id = job.number = job.generation = 0;
    job.state = FF_JOB_RUNNING;
    job.name = name;
    job.set = set;
    must(ff_store_put_job(store, &job, &failure));
}

static uint64_t bytes;

static enum ff_status add_bytes(void *context, uint64_t row, const struct ff_stored_report *stored)
{
    (void)context;
    (void)row;
    for (size_t i = 0; i < stored->outcome_count; i++)
        bytes += stored->outcomes[i].model.size;
    return FF_OK;
}

static uint64_t bytes_of(uint64_t id)
{
    bytes = 0;
    must(ff_store_reports(store, id, FF_REPORT_MODELS, add_bytes, NULL, &failure));
    return bytes;
}

Test(store_release, an_errand_publishes_nothing_and_is_not_the_newest_job)
{
    struct ff_generation_row *rows;
    struct ff_job_record newest;
    size_t count;
    end_and_go_on("score-demo", "", 1000);
    end_at(2000);
    cr_assert_eq(job.generation, 0);
    must(ff_store_generations(store, "", &arena, &rows, &count, &failure));
    cr_assert_eq(count, 1);
    must(ff_store_find_job(store, "", &arena, &newest, &failure));
    cr_assert_str_eq(newest.name, "demo");
    must(ff_store_find_job(store, "score-demo", &arena, &newest, &failure));
    cr_assert_eq(newest.number, 1);
}

Test(store_release, only_the_bytes_of_that_errand_go)
{
    uint64_t first = job.id;
    end_and_go_on("score-demo", "", 1000);
    uint64_t errand = job.id;
    end_at(2000);
    cr_assert(bytes_of(errand) > 0);
    must(ff_store_begin(store, &failure));
    must(ff_store_release(store, errand, &failure));
    must(ff_store_commit(store, &failure));
    cr_assert_eq(bytes_of(errand), 0);
    cr_assert(bytes_of(first) > 0);
}

Test(store_release, what_nobody_read_goes_after_a_day)
{
    uint64_t first = job.id;
    end_and_go_on("score-demo", "", 1000);
    uint64_t forgotten = job.id;
    end_and_go_on("score-demo", "", 2000);
    uint64_t second = job.id;
    end_and_go_on("score-demo", "", 1999 + DAY_MS);
    cr_assert(bytes_of(forgotten) > 0);
    end_at(2001 + DAY_MS);
    cr_assert_eq(bytes_of(forgotten), 0);
    cr_assert(bytes_of(second) > 0 && bytes_of(job.id) > 0 && bytes_of(first) > 0);
}

Test(store_release, errands_are_not_counted_and_stay_for_a_day)
{
    struct ff_forgotten forgotten;
    uint64_t first = job.id;
    end_and_go_on("score-demo", "", 1000);
    uint64_t errand = job.id;
    end_and_go_on("score-demo", "", 2000);
    end_and_go_on("demo", "demo", 3000);
    end_at(4000);
    must(ff_store_begin(store, &failure));
    must(ff_store_release(store, errand, &failure));
    must(ff_store_forget(store, &(struct ff_retention){.jobs = 2}, 2000 + DAY_MS, &forgotten, &failure));
    cr_assert_eq(forgotten.count, 0);
    must(ff_store_forget(store, &(struct ff_retention){.jobs = 2}, 2001 + DAY_MS, &forgotten, &failure));
    must(ff_store_commit(store, &failure));
    cr_assert(forgotten.count == 1 && forgotten.jobs[0] == errand);
    must(ff_store_job_by_id(store, first, &arena, &job, &failure));
}

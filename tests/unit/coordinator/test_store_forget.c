/* Retention of finished jobs: which of them are forgotten, and what is gone then. */
#include "stored.h"

static struct ff_arena arena;
static const struct ff_stored_target ab[] = {{"a", 1, 1}, {"b", 1, 1}};

static void open_one(void)
{
    open_state();
    job.keep = 2;
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_forget, .init = open_one, .fini = close_one);

static void next_job(void)
{
    job.id = 0;
    job.generation = 0;
    job.state = FF_JOB_RUNNING;
    must(ff_store_put_job(store, &job, &failure));
}

static void end(enum ff_job_state state)
{
    job.state = state;
    job.finished_ms += 1000;
    must(ff_store_begin(store, &failure));
    if (state == FF_JOB_DONE)
        must(ff_store_publish(store, &job, job.finished_ms, &failure));
    else
        must(ff_store_put_job(store, &job, &failure));
    must(ff_store_commit(store, &failure));
}

/* Jobs of a model of `a` and one of `b`, the latter only in the first; reports count from 1, two a job. */
static void publish(int count)
{
    for (int i = 0; i < count; i++) {
        if (ff_job_state_is_final(job.state))
            next_job();
        put_targets(ab, 2, false);
        struct ff_outcome a = fitted(0), b = fitted(1),
                          failed = without_model(1, FF_FAILED, FF_CODE_CONSTANT, "");
        report("host-1", &a, 1);
        report("host-1", i ? &failed : &b, 1);
        end(FF_JOB_DONE);
    }
}

static size_t forget(uint64_t jobs, int64_t age_ms, int64_t now_ms)
{
    struct ff_forgotten forgotten;
    must(ff_store_begin(store, &failure));
    must(ff_store_forget(store, &(struct ff_retention){jobs, age_ms}, now_ms, &forgotten, &failure));
    must(ff_store_commit(store, &failure));
    return forgotten.count;
}

/* The numbers of the jobs that are left. */
static const char *left(void)
{
    struct ff_job_record *records;
    size_t count;
    const char *text = "";
    must(ff_store_jobs(store, &arena, &records, &count, &failure));
    for (size_t i = 0; i < count; i++)
        text = ff_arena_printf(&arena, "%s%d ", text, (int)records[i].number);
    return text;
}

Test(store_forget, keeps_jobs_with_a_generation_or_models_and_the_newest)
{
    uint64_t first = job.id;
    publish(6);
    next_job();
    end(FF_JOB_FAILED);
    cr_assert_eq(forget(7, 0, 0), 0, "there are seven");
    cr_assert_eq(forget(1, 0, 0), 3);
    cr_assert_str_eq(left(), "1 5 6 7 ", "1 has the model of b; 5 and 6 are generations");
    cr_assert_eq(forget(1, 0, 0), 0);
    struct ff_stored_targets targets;
    struct ff_stored_report stored;
    must(ff_store_targets(store, first + 1, &arena, &targets, &failure));
    cr_assert_eq(targets.target_count, 0);
    cr_assert(!ff_store_has_models(store, 3));
    cr_assert_neq(ff_store_report(store, 3, 0, &arena, &stored, &failure), FF_OK);
    must(ff_store_report(store, 2, FF_REPORT_MODELS, &arena, &stored, &failure));
    cr_assert_gt(stored.outcomes[0].model.size, 0);
}

Test(store_forget, goes_by_age_as_well_but_keeps_the_newest_of_a_name)
{
    for (int i = 0; i < 3; i++) {
        if (i)
            next_job();
        end(FF_JOB_CANCELLED);
    }
    cr_assert_eq(forget(0, 1000, 2000), 0, "one finished at 1000 ms, which is just not older");
    cr_assert_eq(forget(0, 1000, 2001), 1);
    cr_assert_eq(forget(0, 1000, 9000), 1);
    cr_assert_str_eq(left(), "3 ");
}

Test(store_forget, nothing_is_forgotten_that_is_unfinished_or_retried)
{
    uint64_t first = job.id;
    end(FF_JOB_FAILED);
    next_job();
    end(FF_JOB_FAILED);
    job.retry_of = first;
    next_job();
    cr_assert_eq(forget(1, 0, 0), 0);
    end(FF_JOB_FAILED);
    cr_assert_eq(forget(1, 0, 0), 2);
    cr_assert_str_eq(left(), "3 ");
}

Test(store_forget, a_few_at_a_time)
{
    end(FF_JOB_FAILED);
    for (int i = 0; i < 20; i++) {
        next_job();
        end(FF_JOB_FAILED);
    }
    cr_assert_eq(forget(1, 0, 0), FF_FORGET_AT_ONCE);
    cr_assert_eq(forget(1, 0, 0), 20 - FF_FORGET_AT_ONCE);
    cr_assert_str_eq(left(), "21 ");
}

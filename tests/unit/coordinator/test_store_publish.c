/* Publishing: what becomes of a job's models, and of those that were there before. */
#include "stored.h"

static struct ff_arena arena;
static const struct ff_stored_target abc[] = {{"a", 10, 11}, {"b", 20, 21}, {"c", 30, 31}};

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_publish, .init = open_state, .fini = close_one);

static struct ff_job_record found(const char *reference)
{
    struct ff_job_record record;
    must(ff_store_find_job(store, reference, &arena, &record, &failure));
    return record;
}

static void publish(void)
{
    must(ff_store_begin(store, &failure));
    must(ff_store_publish(store, &job, 1000, &failure));
    must(ff_store_commit(store, &failure));
}

static struct ff_stored_generation models_of(uint64_t number)
{
    struct ff_stored_generation generation;
    must(ff_store_generation(store, "demo", number, &arena, &generation, &failure));
    return generation;
}

static void expect_model(const struct ff_stored_generation *generation, size_t at, const char *target,
                         uint64_t row, uint32_t index, uint64_t from)
{
    const struct ff_stored_model *model = &generation->models[at];
    cr_assert_str_eq(model->target, target);
    cr_assert(model->report == row && model->index == index && model->from == from, "%s: row %d, %u, from %d",
              target, (int)model->report, model->index, (int)model->from);
}

Test(store_publish, the_first_publication_is_generation_one)
{
    struct ff_generation_row *rows;
    size_t count;
    put_targets(abc, 3, true);
    struct ff_outcome outcomes[] = {fitted(1), fitted(0), fitted(3)};
    report("host-1", outcomes, 3);
    publish();
    cr_assert_eq(job.generation, 1);
    cr_assert_eq(found("demo-1").generation, 1);
    struct ff_stored_generation generation = models_of(0);
    cr_assert_eq(generation.model_count, 3);
    expect_model(&generation, 0, "", 1, 2, 0); /* all */
    expect_model(&generation, 1, "a", 1, 1, 0);
    expect_model(&generation, 2, "b", 1, 0, 0);
    must(ff_store_generations(store, "", &arena, &rows, &count, &failure));
    cr_assert(count == 1 && rows[0].number == 1 && rows[0].active && rows[0].models == 3 &&
              rows[0].job == job.id);
    cr_assert_str_eq(rows[0].job_name, "demo-1");
    cr_assert_eq(rows[0].created_ms, 1000);
}

Test(store_publish, a_target_without_a_new_model_keeps_the_one_that_it_has)
{
    put_targets(abc, 3, false);
    struct ff_outcome first[] = {fitted(0), fitted(1), fitted(2)};
    report("host-1", first, 3);
    publish();
    for (uint64_t round = 2; round <= 3; round++) { /* b fails twice, c is not in the data any more */
        put_next_job(abc, 2);
        struct ff_outcome again[] = {fitted(0), without_model(1, FF_FAILED, FF_CODE_CONSTANT, "constant")};
        report("host-1", again, 2);
        publish();
        cr_assert_eq(job.generation, round);
        struct ff_stored_generation generation = models_of(0);
        cr_assert_eq(generation.model_count, 2);
        expect_model(&generation, 0, "a", round, 0, 0);
        expect_model(&generation, 1, "b", 1, 1, 1);
    }
    cr_assert_eq(models_of(1).model_count, 3);
}

Test(store_publish, fallbacks_and_reused_models_are_published_failures_are_not)
{
    put_targets(abc, 3, false);
    struct ff_outcome outcomes[] = {fitted(0), fitted(1),
                                    without_model(2, FF_QUARANTINED, FF_CODE_CRASHED, "died")};
    outcomes[0].class = FF_REUSED;
    outcomes[1].class = FF_FALLBACK;
    outcomes[2].model = encoded_model(); /* whatever it left */
    report("host-1", outcomes, 3);
    publish();
    cr_assert_eq(models_of(1).model_count, 2);
}

Test(store_publish, a_model_that_is_taken_over_is_published_from_where_it_is)
{
    struct ff_stored_target targets[] = {{"a", 10, 10, {{1}}}, {"b", 10, 10, {{2}}}};
    put_targets(targets, 2, false);
    report("host-1", (struct ff_outcome[]){fitted(1), fitted(0)}, 2);
    publish();
    targets[1].fingerprint.bytes[0] = 3;
    put_next_job(targets, 2);
    struct ff_outcome outcomes[] = {fitted(1), fitted(0)};
    outcomes[1].class = FF_REUSED;
    outcomes[1].model = (struct ff_bytes){0};
    outcomes[1].taken = (struct ff_model_place){models_of(1).models[0].report, 1};
    report("host-2", outcomes, 2);
    publish();
    struct ff_stored_generation before = models_of(1), after = models_of(2);
    cr_assert(after.model_count == 2 && after.models[0].from == 0);
    cr_assert(after.models[0].report == before.models[0].report && after.models[0].index == 1);
    cr_assert(after.models[1].report > before.models[1].report && after.models[1].index == 0);
    cr_assert(after.models[0].fingerprint.bytes[0] == 1 && after.models[1].fingerprint.bytes[0] == 3);
}

Test(store_publish, sets_count_their_own_generations_and_only_the_newest_is_active)
{
    struct ff_generation_row *rows;
    size_t count;
    put_targets(abc, 1, false);
    publish();
    put_next_job(abc, 1);
    publish();
    job.set = "other";
    put_next_job(abc, 1);
    publish();
    cr_assert_eq(job.generation, 1);
    must(ff_store_generations(store, "demo", &arena, &rows, &count, &failure));
    cr_assert(count == 2 && rows[0].number == 1 && !rows[0].active && rows[1].number == 2 && rows[1].active);
    must(ff_store_generations(store, "", &arena, &rows, &count, &failure));
    cr_assert_eq(count, 3);
    cr_assert_str_eq(rows[2].set, "other");
}

Test(store_publish, generations_that_are_not_there_are_said_so)
{
    struct ff_stored_generation generation;
    cr_assert_eq(ff_store_generation(store, "demo", 0, &arena, &generation, &failure), FF_NOT_FOUND);
    assert_shows(failure.text, "no set 'demo'");
    put_targets(abc, 1, false);
    publish();
    cr_assert_eq(ff_store_generation(store, "demo", 7, &arena, &generation, &failure), FF_NOT_FOUND);
    assert_shows(failure.text, "no such generation");
}

Test(store_publish, a_publication_that_is_rolled_back_leaves_the_old_generation)
{
    put_targets(abc, 1, false);
    publish();
    put_next_job(abc, 1);
    must(ff_store_begin(store, &failure));
    must(ff_store_publish(store, &job, 1000, &failure));
    ff_store_rollback(store);
    struct ff_generation_row *rows;
    size_t count;
    must(ff_store_generations(store, "demo", &arena, &rows, &count, &failure));
    cr_assert(count == 1 && rows[0].active);
}

Test(store_publish, a_job_that_was_cancelled_publishes_the_models_that_it_has)
{
    struct ff_outcome outcome = fitted(1);
    put_targets(abc, 3, false);
    report("host-1", &outcome, 1);
    finish(FF_JOB_CANCELLED, FF_CODE_CANCELLED, "cancelled on request");
    publish();
    cr_assert(job.generation == 1 && found("demo-1").state == FF_JOB_CANCELLED);
    cr_assert_eq(models_of(0).model_count, 1);
}

Test(store_publish, a_job_that_was_cancelled_without_a_model_makes_no_generation)
{
    put_targets(abc, 3, false);
    struct ff_outcome outcome = fitted(1);
    report("host-1", &outcome, 1);
    publish();
    put_next_job(abc, 3);
    job.generation = 0;
    struct ff_outcome failed = without_model(0, FF_FAILED, FF_CODE_CONSTANT, "");
    report("host-1", &failed, 1);
    finish(FF_JOB_FAILED, FF_CODE_TOO_MANY_FAILED, "too many");
    publish();
    cr_assert(job.generation == 0 && found("demo-2").state == FF_JOB_FAILED);
    cr_assert_eq(models_of(0).model_count, 1);
}

/* Retention by count, with one target a job whose model is published as a generation of its own. */
#include "stored.h"

#include "coordinator/known.h"

static struct ff_arena arena;

static void open_one(void)
{
    open_state();
    job.keep = 2;
    must(ff_store_put_job(store, &job, &failure));
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_retain, .init = open_one, .fini = close_one);

static const struct ff_stored_target ab[] = {{"a", 1, 1}, {"b", 1, 1}};

static void next_job(void)
{
    job.id = 0;
    job.generation = 0;
    job.state = FF_JOB_RUNNING;
    must(ff_store_put_job(store, &job, &failure));
}

static void publish(void)
{
    must(ff_store_begin(store, &failure));
    job.state = FF_JOB_DONE;
    must(ff_store_publish(store, &job, 1000, &failure));
    must(ff_store_commit(store, &failure));
}

/* A job with a model of `a`, and of `b` if it succeeds: one report each. */
static void publish_one(bool both)
{
    if (job.state == FF_JOB_DONE)
        next_job();
    put_targets(ab, 2, false);
    struct ff_outcome a = fitted(0), b = fitted(1),
                      failed = without_model(1, FF_FAILED, FF_CODE_CONSTANT, "");
    report("host-1", &a, 1);
    report("host-1", both ? &b : &failed, 1);
    publish();
}

static const char *generations(void)
{
    struct ff_generation_row *rows;
    size_t count;
    must(ff_store_generations(store, "demo", &arena, &rows, &count, &failure));
    const char *text = "";
    for (size_t i = 0; i < count; i++)
        text = ff_arena_printf(&arena, "%s%d%s ", text, (int)rows[i].number, rows[i].active ? "*" : "");
    return text;
}

static bool has_bytes(uint64_t row)
{
    struct ff_stored_report stored;
    must(ff_store_report(store, row, FF_REPORT_MODELS, &arena, &stored, &failure));
    return stored.outcomes[0].model.size > 0;
}

Test(store_retain, keeps_the_newest_generations_and_frees_the_models_of_the_others)
{
    for (int i = 0; i < 4; i++)
        publish_one(true);
    cr_assert_str_eq(generations(), "3 4* ");
    for (uint64_t row = 1; row <= 8; row++)
        cr_assert_eq(has_bytes(row), row > 4, "report %d", (int)row);
}

Test(store_retain, keeps_models_that_a_kept_generation_took_over)
{
    publish_one(true);
    for (int i = 0; i < 3; i++)
        publish_one(false);
    cr_assert_str_eq(generations(), "3 4* ");
    cr_assert(!has_bytes(1) && has_bytes(2), "only b's model of the first generation is still used");
    struct ff_stored_generation generation;
    must(ff_store_generation(store, "demo", 0, &arena, &generation, &failure));
    cr_assert(generation.model_count == 2 && generation.models[1].report == 2);
    cr_assert_eq(generation.models[1].from, 1, "of a generation that is gone");
}

Test(store_retain, keeps_models_that_later_jobs_reuse)
{
    publish_one(true);
    struct ff_outcome reused[] = {fitted(0), fitted(1)};
    for (uint32_t i = 0; i < 2; i++) {
        reused[i].class = FF_REUSED;
        reused[i].model = (struct ff_bytes){0};
        reused[i].taken = (struct ff_model_place){i + 1, 0};
    }
    for (int i = 0; i < 3; i++) {
        next_job();
        put_targets(ab, 2, false);
        report("host-1", reused, 2);
        publish();
    }
    cr_assert_str_eq(generations(), "3 4* ");
    cr_assert(has_bytes(1) && has_bytes(2));
}

Test(store_retain, keeps_everything_where_no_number_is_given)
{
    job.keep = 0;
    for (int i = 0; i < 4; i++)
        publish_one(true);
    cr_assert_str_eq(generations(), "1 2 3 4* ");
}

Test(store_retain, leaves_other_sets_alone)
{
    publish_one(true);
    job.set = "other";
    for (int i = 0; i < 3; i++)
        publish_one(true);
    cr_assert_str_eq(generations(), "1* ");
    cr_assert(has_bytes(1) && !has_bytes(3));
}

Test(store_retain, frees_nothing_while_another_job_of_the_set_is_unfinished)
{
    publish_one(true);
    next_job();
    struct ff_job_record unfinished = job;
    for (int i = 0; i < 3; i++) {
        next_job();
        publish_one(true);
    }
    cr_assert_str_eq(generations(), "3 4* ");
    cr_assert(has_bytes(1));
    unfinished.state = FF_JOB_CANCELLED;
    must(ff_store_put_job(store, &unfinished, &failure));
    publish_one(true);
    cr_assert_not(has_bytes(1), "the next publication makes up for it");
}

Test(store_retain, results_of_an_old_job_still_show_what_became_of_its_targets)
{
    for (int i = 0; i < 4; i++)
        publish_one(true);
    struct ff_job_record first;
    struct ff_results_options options = {.format = "json"};
    must(ff_store_find_job(store, "demo-1", &arena, &first, &failure));
    const char *text = text_of(ff_document_results(store, &first, &options, &shown, &failure));
    assert_shows(text, "\"generation\":{\"set\":\"demo\",\"number\":1}");
    assert_shows(text, "\"a\":{\"class\":\"fitted\"");
    assert_shows(text, "\"season\":24");
}

Test(store_retain, a_retry_of_an_old_job_takes_over_only_what_still_has_its_model)
{
    publish_one(true);
    for (int i = 0; i < 3; i++)
        publish_one(false);
    struct ff_target targets[] = {{.name = "a"}, {.name = "b"}};
    struct ff_targetset set = {.targets = targets, .target_count = 2};
    struct ff_known *known = ff_known_create(&set);
    struct ff_job_record first;
    must(ff_store_find_job(store, "demo-1", &arena, &first, &failure));
    must(ff_known_take_over(known, path_in_folder("state"), first.id, "", &set, &failure));
    cr_assert(known->count == 1 && known->outcomes[0].outcome.target == 1);
    ff_known_destroy(known);
}

/* Going back to another generation. demo has two: 1 with a, b and all; 2 with a and c, b failed. */
#include "stored.h"

static struct ff_arena arena;
static const struct ff_stored_target ab[] = {{"a", 1, 1}, {"b", 1, 1}};
static const struct ff_stored_target abc[] = {{"a", 1, 1}, {"b", 1, 1}, {"c", 1, 1}};

static void publish_two(void)
{
    open_state();
    struct ff_outcome first[] = {fitted(0), fitted(1), fitted(2)};
    put_targets(ab, 2, true);
    report("host-1", first, 3);
    must(ff_store_publish(store, &job, 1000, &failure));
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    put_targets(abc, 3, true);
    struct ff_outcome second[] = {fitted(0), fitted(2)};
    report("host-1", second, 2);
    must(ff_store_publish(store, &job, 2000, &failure));
}

static void close_one(void)
{
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_activate, .init = publish_two, .fini = close_one);

static struct ff_activate_reply activate(uint64_t number, const char *target)
{
    struct ff_activate_reply reply;
    struct ff_activate_request request = {"demo", number, target};
    must(ff_store_activate(store, &request, 3000, &reply, &failure));
    return reply;
}

static void assert_refused(const char *set, uint64_t number, const char *target, const char *text)
{
    struct ff_activate_reply reply;
    struct ff_activate_request request = {set, number, target};
    cr_assert_eq(ff_store_activate(store, &request, 3000, &reply, &failure), FF_NOT_FOUND);
    cr_assert_str_eq(failure.text, text);
}

/* "a:1" is the model of a in report 1, "a:1/1" one that is from generation 1. */
static const char *active_models(void)
{
    struct ff_stored_generation generation;
    must(ff_store_generation(store, "demo", 0, &arena, &generation, &failure));
    const char *text = "";
    for (size_t i = 0; i < generation.model_count; i++) {
        const struct ff_stored_model *model = &generation.models[i];
        text = ff_arena_printf(&arena, "%s%s:%d", text, model->target, (int)model->report);
        text = ff_arena_printf(&arena, model->from ? "%s/%d " : "%s ", text, (int)model->from);
    }
    return text;
}

Test(store_activate, any_generation_of_the_set_can_be_made_the_active_one)
{
    cr_assert_str_eq(active_models(), ":1/1 a:2 b:1/1 c:2 ");
    struct ff_activate_reply reply = activate(1, "");
    cr_assert(reply.number == 1 && reply.before == 2 && reply.models == 3);
    cr_assert_str_eq(active_models(), ":1 a:1 b:1 ");
    reply = activate(2, "");
    cr_assert(reply.number == 2 && reply.before == 1);
    activate(2, "");
    cr_assert_str_eq(active_models(), ":1/1 a:2 b:1/1 c:2 ");
}

Test(store_activate, a_rollback_goes_to_the_generation_before_the_active_one)
{
    cr_assert_eq(activate(0, "").number, 1);
    assert_refused("demo", 0, "", "set 'demo' has no generation before the active one: it has 1 (active), 2");
}

Test(store_activate, a_publication_after_a_rollback_takes_over_from_what_is_active)
{
    activate(0, "");
    job.id = 0;
    must(ff_store_put_job(store, &job, &failure));
    put_targets(ab, 2, false);
    struct ff_outcome outcome = fitted(1);
    report("host-1", &outcome, 1);
    must(ff_store_publish(store, &job, 4000, &failure));
    cr_assert_eq(job.generation, 3);
    cr_assert_str_eq(active_models(), ":1/1 a:1/1 b:3 ");
}

Test(store_activate, a_rollback_of_some_targets_is_a_generation_of_its_own)
{
    struct ff_generation_row *rows;
    size_t count;
    struct ff_activate_reply reply = activate(0, "a");
    cr_assert(reply.number == 3 && reply.before == 2 && reply.models == 4);
    cr_assert_str_eq(active_models(), ":1/1 a:1/1 b:1/1 c:2/2 ");
    must(ff_store_generations(store, "demo", &arena, &rows, &count, &failure));
    cr_assert(count == 3 && rows[2].active && rows[2].job == 0 && rows[2].created_ms == 3000);
    cr_assert_str_eq(rows[2].job_name, "");
}

Test(store_activate, a_target_that_had_no_model_before_has_none_again)
{
    activate(0, "c");
    cr_assert_str_eq(active_models(), ":1/1 a:2/2 b:1/1 ");
    activate(2, "");
    activate(0, "*");
    cr_assert_str_eq(active_models(), ":1/1 a:1/1 b:1/1 ");
}

Test(store_activate, a_rollback_of_the_model_of_all_calls_it_all)
{
    activate(0, "all");
    cr_assert_str_eq(active_models(), ":1/1 a:2/2 b:1/1 c:2/2 ");
}

Test(store_activate, what_is_not_there_is_refused_with_what_there_is)
{
    assert_refused("demo", 7, "", "set 'demo' has no such generation as 7: it has 1, 2 (active)");
    assert_refused("nightly", 1, "", "there is no set 'nightly'; sets: demo");
    assert_refused("demo", 0, "x*",
                   "no target of set 'demo' matches 'x*': its 4 are called all, a, b, … "
                   "(fitfleet models export demo lists them)");
    cr_assert_str_eq(active_models(), ":1/1 a:2 b:1/1 c:2 ");
}

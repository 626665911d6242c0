/* Pages of what an errand came to. */
#include "common/harvest.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ff_arena arena;
static struct ff_buf page;
static struct ff_error err;

static void drop(void)
{
    ff_arena_fini(&arena);
    ff_buf_fini(&page);
}

TestSuite(harvest, .fini = drop);

static void put_report(uint32_t target, const char *model)
{
    struct ff_outcome outcome = {.target = target,
                                 .class = FF_FITTED,
                                 .errmsg = "",
                                 .kind = "score",
                                 .summary = "",
                                 .model = {(const uint8_t *)model, strlen(model)},
                                 .model_size = strlen(model)};
    ff_harvest_put_report(&(struct ff_stored_report){"host-1", "profile", &outcome, 1}, &page);
}

static void put_targets(void)
{
    static const struct ff_stored_target targets[] = {{"a", 3, 4}, {"b", 5, 6}};
    ff_harvest_put_targets(&(struct ff_stored_targets){.targets = targets, .target_count = 2}, &page);
}

Test(harvest, a_page_has_what_was_put_into_it)
{
    struct ff_harvest out;
    struct ff_stored_targets targets;
    put_targets();
    put_report(1, "first");
    put_report(0, "the second");
    cr_assert_eq(ff_harvest_decode(ff_buf_bytes(&page), &arena, &out, &err), FF_OK, "%s", err.text);
    cr_assert_eq(ff_decode_stored_targets(out.targets, &arena, &targets, &err), FF_OK);
    cr_assert(targets.target_count == 2 && targets.targets[1].steps == 6);
    cr_assert_eq(out.report_count, 2);
    const struct ff_outcome *outcome = out.reports[1].outcomes;
    cr_assert(outcome->target == 0 && outcome->model.size == 10 &&
              memcmp(outcome->model.data, "the second", 10) == 0);
}

Test(harvest, later_pages_have_no_targets_and_the_last_one_nothing)
{
    struct ff_harvest out;
    put_report(1, "x");
    cr_assert_eq(ff_harvest_decode(ff_buf_bytes(&page), &arena, &out, &err), FF_OK);
    cr_assert(out.targets.size == 0 && out.report_count == 1);
    cr_assert_eq(ff_harvest_decode((struct ff_bytes){0}, &arena, &out, &err), FF_OK);
    cr_assert(out.targets.size == 0 && out.report_count == 0);
}

Test(harvest, a_page_that_was_cut_or_changed_is_refused)
{
    struct ff_harvest out;
    put_report(1, "the model of a target");
    for (size_t size = 1; size < page.size; size++)
        cr_assert_neq(ff_harvest_decode((struct ff_bytes){page.data, size}, &arena, &out, &err), FF_OK, "%zu",
                      size);
    uint8_t *last = page.data + page.size - 1; /* of the model */
    *last ^= 1;
    cr_assert_neq(ff_harvest_decode(ff_buf_bytes(&page), &arena, &out, &err), FF_OK);
    cr_assert_str_eq(err.text, "its models are not as they were written");
}

#include "stored.h"
#include "support/capsule.h"

static struct ff_buf bytes;
static struct ff_arena arena;

static void teardown(void)
{
    ff_buf_fini(&bytes);
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_capsule, .init = open_state, .fini = teardown);

static void report_with(const struct ff_capsule *capsules, size_t count)
{
    struct ff_outcome outcome = without_model(5, FF_QUARANTINED, FF_CODE_CRASHED, "signal 11");
    struct ff_stored_report stored = {.worker = "host-1",
                                      .profile = "p1",
                                      .outcomes = &outcome,
                                      .outcome_count = 1,
                                      .capsules = capsules,
                                      .capsule_count = count};
    must(ff_store_add_report(store, job.id, &stored, &failure));
}

static struct ff_capsule stored_capsule(uint32_t target)
{
    struct ff_capsule capsule;
    bytes.size = 0;
    must(ff_store_capsule(store, job.id, target, &bytes, &failure));
    must(ff_capsule_decode(ff_buf_bytes(&bytes), &arena, &capsule, &failure));
    return capsule;
}

Test(store_capsule, comes_with_the_report_of_its_target)
{
    struct ff_capsule capsule = sample_capsule();
    report_with(&capsule, 1);
    cr_assert_str_eq(stored_capsule(5).task.name, "TX5");
}

Test(store_capsule, goes_with_its_report_if_that_is_rolled_back)
{
    struct ff_capsule capsule = sample_capsule();
    must(ff_store_begin(store, &failure));
    report_with(&capsule, 1);
    ff_store_rollback(store);
    cr_assert_eq(ff_store_capsule(store, job.id, 5, &bytes, &failure), FF_NOT_FOUND);
}

Test(store_capsule, a_later_one_of_a_target_takes_its_place)
{
    struct ff_capsule capsule = sample_capsule();
    must(ff_store_put_capsule(store, job.id, &capsule, &failure));
    capsule.job = "nightly-8";
    must(ff_store_put_capsule(store, job.id, &capsule, &failure));
    cr_assert_str_eq(stored_capsule(5).job, "nightly-8");
}

Test(store_capsule, of_another_target_or_job_is_not_found)
{
    struct ff_capsule capsule = sample_capsule();
    must(ff_store_put_capsule(store, job.id, &capsule, &failure));
    cr_assert_eq(ff_store_capsule(store, job.id, 6, &bytes, &failure), FF_NOT_FOUND);
    cr_assert_eq(ff_store_capsule(store, job.id + 1, 5, &bytes, &failure), FF_NOT_FOUND);
    cr_assert_eq(bytes.size, 0);
}

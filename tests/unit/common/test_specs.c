#include "common/wire.h"

#include <criterion/criterion.h>
#include <math.h>

static struct ff_arena arena;
static struct ff_buf body;
static struct ff_blocks blocks;

static void drop(void)
{
    ff_arena_fini(&arena);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

TestSuite(specs, .fini = drop);

/* What a worker reads of a chunk whose one task asks for this; false: it is refused. */
static bool sent(const struct ff_fit_spec *spec, struct ff_fit_spec *out)
{
    static const double rows[4] = {1, 2, 3, 4};
    static const char *const metrics[] = {"cpu"};
    static const struct ff_fit_spec none = {0};
    struct ff_wire_task task = {.task = {.name = "host",
                                         .model = spec,
                                         .fallback = &none,
                                         .metrics = metrics,
                                         .frame = {0, 1000, 4, 1, rows}}};
    struct ff_chunk chunk = {.covers = 1, .of = 1, .tasks = &task, .task_count = 1}, *got;
    struct ff_error err = {0};
    body.size = 0;
    ff_blocks_fini(&blocks);
    ff_encode_lease_reply(&chunk, &body, &blocks);
    if (ff_decode_lease_reply(ff_buf_bytes(&body), blocks.size, &arena, &got, &err))
        return false;
    *out = *got->tasks[0].task.model;
    return true;
}

Test(specs, what_a_job_says_of_alerts_and_promotion_arrives)
{
    struct ff_fit_spec spec = {.kind = "ewma",
                               .alerts = {0.5, FF_ALERT_BELOW, 60000, 3.5},
                               .promotion = {86400000, 3, 0.1}},
                       got;
    cr_assert(sent(&spec, &got));
    cr_assert_eq(got.alerts.per_week, 0.5);
    cr_assert_eq(got.alerts.direction, FF_ALERT_BELOW);
    cr_assert_eq(got.alerts.least_duration_ms, 60000);
    cr_assert_eq(got.alerts.least_deviation, 3.5);
    cr_assert_eq(got.promotion.last_ms, 86400000);
    cr_assert_eq(got.promotion.max_alerts, 3);
    cr_assert_eq(got.promotion.max_worse, 0.1);
    spec = (struct ff_fit_spec){.kind = "ewma", .promotion = {1000, -1, -1}};
    cr_assert(sent(&spec, &got));
    cr_assert_eq(got.promotion.max_alerts, -1);
    cr_assert_eq(got.alerts.per_week, 0);
}

Test(specs, what_is_not_possible_is_refused)
{
    struct ff_fit_spec got;
    cr_assert_not(sent(&(struct ff_fit_spec){.kind = "ewma", .promotion = {-1, 3, 0}}, &got));
    cr_assert_not(sent(&(struct ff_fit_spec){.kind = "ewma", .promotion = {1000, 3, NAN}}, &got));
    cr_assert_not(sent(&(struct ff_fit_spec){.work = {FF_WORK_FORECAST, 0, 0, 0, 0.95}}, &got));
}

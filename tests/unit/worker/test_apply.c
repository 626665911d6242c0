#include "support/kind_case.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(apply, .init = setup, .fini = teardown);

static double values[64];

static struct ff_frame frame_of(size_t steps, int64_t t0_ms)
{
    return (struct ff_frame){t0_ms, 60000, steps, 1, values};
}

/* 0 1 2 3 0 1 2 3 … with a little of what is not season. */
static void fit_seasonal(void)
{
    static const struct ff_param four = {"season", "4"};
    for (size_t i = 0; i < 64; i++)
        values[i] = (double)(i % 4) + (i % 3 == 0 ? 0.25 : -0.25);
    kind_case_series(&fitted, "seasonal", &four, frame_of(64, 0));
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
}

static const double *array(const char *name, size_t count)
{
    const struct ff_model_param *param = kind_case_param(&fitted, name);
    cr_assert_eq(param->count, count);
    return param->numbers;
}

Test(apply, seasonal_scores_by_the_phase_of_the_time)
{
    fit_seasonal();
    double scale = kind_case_param(&fitted, "scale")->number, level[4];
    memcpy(level, kind_case_param(&fitted, "level")->numbers, sizeof level);
    kind_case_score(&fitted, frame_of(6, 60000 * 4001));
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_str_eq(fitted.model.kind, "score");
    cr_expect_eq(fitted.model.t0_ms, 60000 * 4001);
    for (size_t i = 0; i < 6; i++) {
        cr_expect_eq(array("expected", 6)[i], level[(i + 1) % 4]);
        cr_expect_eq(array("upper", 6)[i], level[(i + 1) % 4] + 4 * scale);
        cr_expect_eq(array("lower", 6)[i], level[(i + 1) % 4] - 4 * scale);
    }
}

Test(apply, forecast_begins_where_the_rows_ended)
{
    fit_seasonal();
    double scale = kind_case_param(&fitted, "scale")->number, level[4];
    memcpy(level, kind_case_param(&fitted, "level")->numbers, sizeof level);
    kind_case_forecast(&fitted, 5, 0.95);
    cr_expect_str_eq(fitted.model.kind, "forecast");
    cr_expect_eq(fitted.model.t0_ms, 64 * 60000);
    cr_expect_eq(fitted.model.steps, 5);
    cr_expect_eq(array("expected", 5)[1], level[1]);
    expect_near(array("upper", 5)[1], level[1] + 1.959963984540054 * scale, 2e-7, "upper");
}

Test(apply, widths_of_the_normal_distribution)
{
    const struct {
        double coverage, width;
    } known[] = {{0.5, 0.6744897501960817},
                 {0.8, 1.2815515655446004},
                 {0.95, 1.959963984540054},
                 {0.99, 2.5758293035489004},
                 {0.9999999, 5.326723886384098}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        static const struct ff_param alpha = {"alpha", "0.5"};
        values[0] = -1, values[1] = 1, values[2] = -1, values[3] = 1;
        kind_case_series(&fitted, "ewma", &alpha, frame_of(4, 0));
        double scale = kind_case_param(&fitted, "scale")->number,
               level = kind_case_param(&fitted, "level")->number;
        kind_case_forecast(&fitted, 2, known[i].coverage);
        expect_near(array("upper", 2)[0] - level, known[i].width * scale, 2e-7, "first step");
        expect_near(array("upper", 2)[1] - level, known[i].width * scale * sqrt(1.25), 2e-7, "second step");
    }
}

Test(apply, rows_of_another_step_are_refused)
{
    fit_seasonal();
    struct ff_frame frame = frame_of(4, 0);
    frame.step_ms = 30000;
    kind_case_score(&fitted, frame);
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
    cr_expect_str_eq(fitted.outcome.errmsg, "rows every 30000 ms for a model of every 60000 ms");
}

Test(apply, bytes_that_are_no_model_are_refused)
{
    static const uint8_t garbage[] = {0xff, 0xff, 0xff};
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = "seasonal", .work = {.type = FF_WORK_SCORE}};
    kind_case_run(&fitted, &(struct ff_task){.name = "t",
                                             .model = &spec,
                                             .metrics = &metric,
                                             .frame = frame_of(4, 0),
                                             .input = {garbage, sizeof garbage}});
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
}

Test(apply, a_model_of_another_version_or_kind_is_named)
{
    static const double level[] = {1};
    struct ff_model_param params[] = {
        {.name = "level", .type = FF_VALUE_NUMBERS, .numbers = level, .count = 1}};
    struct ff_model_part part = {"value", FF_CODE_OK, "", params, 1};
    struct ff_model model = {.kind = "seasonal",
                             .format_version = 99,
                             .parts = &part,
                             .part_count = 1,
                             .step_ms = 60000,
                             .steps = 1};
    const char
        *metric = "value",
        *wanted[] = {
            "a model of seasonal in format 99, this worker reads up to 1: it was fitted by a later version",
            "a model of the kind 'oracle', which this worker does not know",
            "the model does not say which steps it has: it was fitted by an earlier version, train again",
            "not a model of the kind seasonal"};
    struct ff_fit_spec spec = {.kind = "seasonal", .work = {.type = FF_WORK_SCORE}};
    for (int i = 0; i < 4; i++) {
        struct ff_buf bytes = {0};
        model.format_version = i ? 1 : 99;
        model.kind = i == 1 ? "oracle" : "seasonal";
        model.step_ms = i == 2 ? 0 : 60000;
        ff_model_encode(&model, &bytes);
        kind_case_run(&fitted, &(struct ff_task){.name = "t",
                                                 .model = &spec,
                                                 .metrics = &metric,
                                                 .frame = frame_of(4, 0),
                                                 .input = ff_buf_bytes(&bytes)});
        cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
        cr_expect_str_eq(fitted.outcome.errmsg, wanted[i]);
        ff_buf_fini(&bytes);
    }
}

Test(apply, backtest_measures_folds_against_naive2)
{
    static const struct ff_param four = {"season", "4"};
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = "seasonal",
                               .params = &four,
                               .param_count = 1,
                               .work = {.type = FF_WORK_BACKTEST, .horizon = 4, .folds = 3, .coverage = 0.9}};
    for (size_t i = 0; i < 64; i++)
        values[i] = 10 + (double)(i % 4) + (i % 5 == 0 ? 0.1 : 0);
    kind_case_run(&fitted, &(struct ff_task){
                               .name = "t", .model = &spec, .metrics = &metric, .frame = frame_of(64, 0)});
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_str_eq(fitted.model.kind, "backtest");
    cr_expect_eq(kind_case_param(&fitted, "season")->integer, 4);
    for (int i = 0; i < 3; i++) {
        cr_expect_lt(array("smape", 3)[i], 1);
        cr_expect_lt(array("naive_smape", 3)[i], 2);
        cr_expect_eq(array("error", 3)[i], 0);
    }
    cr_expect_eq(array("coverage", 3)[2],
                 0.75); /* of steps 60 to 63 the first has the tenth that medians miss */
}

/* What kinds that follow a level meet: most errors are all but the same, and some are large. */
static double all_but_the_same(int shape, size_t i)
{
    static const double plateaus[] = {30, 31, 28, 42, 33, 30};
    uint32_t random = (uint32_t)(i + 1) * 2654435761U;
    double noise = (double)(random >> 8 & 0xff) * 1e-10;
    switch (shape) {
    case 0: /* a counter of errors */
        return random >> 24 < 12 ? (double)(random >> 20 & 7) : 0;
    case 1: /* memory of a service that is restarted now and then */
        return plateaus[i / 90 % 6] + noise;
    default: /* a latency with one usual value */
        return 0.0046 + noise + (random >> 24 < 30 ? 0.04 : 0);
    }
}

Test(apply, few_training_rows_are_outside_of_the_band_where_most_errors_are_all_but_the_same)
{
    enum { STEPS = 540 };
    static const char *const kinds[] = {"ewma",         "naive", "classical", "theta",   "ets",
                                        "holt_winters", "stl",   "auto",      "ensemble"};
    static double rows[STEPS];
    static const struct ff_param day = {"season", "24"};
    struct ff_frame frame = {0, 60000, STEPS, 1, rows};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (int shape = 0; shape < 3; shape++) {
            for (size_t i = 0; i < STEPS; i++)
                rows[i] = all_but_the_same(shape, i);
            kind_case_series(&fitted, kinds[k], strcmp(kinds[k], "stl") == 0 ? &day : NULL, frame);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", kinds[k], fitted.outcome.errmsg);
            kind_case_score(&fitted, frame);
            size_t outside = 0;
            for (size_t i = 0; i < STEPS; i++)
                outside += rows[i] < array("lower", STEPS)[i] || rows[i] > array("upper", STEPS)[i];
            cr_expect_lt(outside, STEPS / 4, "%s, shape %d: %zu of %d", kinds[k], shape, outside, STEPS);
        }
}

#include "support/kind_case.h"

#include <stdio.h>

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(auto_kinds, .init = setup, .fini = teardown);

enum { MOST = 600 };
static double values[MOST];

static struct ff_frame frame_of(size_t steps, int64_t first)
{
    return (struct ff_frame){60000 * first, 60000, steps, 1, values};
}

static void fit(const char *kind, const struct ff_param *params, size_t count, size_t n)
{
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = kind, .params = params, .param_count = count};
    kind_case_run(
        &fitted, &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame_of(n, 0)});
}

static const double *array(const char *name, size_t count)
{
    const struct ff_model_param *param = kind_case_param(&fitted, name);
    cr_assert_eq(param->count, count, "%s: %zu", name, param->count);
    return param->numbers;
}

/* A small generator, so that the noise is the same everywhere. */
static double noise(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0 - 0.5;
}

static const struct ff_param season_12 = {"season", "12"};

/* ---- naive ---- */

Test(auto_kinds, naive_repeats_the_last_season)
{
    for (int i = 0; i < 60; i++)
        values[i] = i % 12 + i / 12;
    fit("naive", &season_12, 1, 60);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    kind_case_forecast(&fitted, 24, 0.9);
    for (int h = 0; h < 24; h++)
        cr_expect_eq(array("expected", 24)[h], h % 12 + 4);
}

Test(auto_kinds, naive_bands_widen_by_the_season)
{
    for (int i = 0; i < 120; i++)
        values[i] = i % 12 + noise();
    fit("naive", &season_12, 1, 120);
    double scale = kind_case_param(&fitted, "scale")->number;
    kind_case_forecast(&fitted, 36, 0.95);
    for (int h = 0; h < 36; h += 12)
        expect_near(array("upper", 36)[h] - array("expected", 36)[h],
                    1.959963984540054 * scale * sqrt(h / 12 + 1), 2e-7, "width");
}

Test(auto_kinds, naive_judges_by_the_season_before_and_learns_no_outlier)
{
    for (int i = 0; i < 120; i++)
        values[i] = i % 12 + noise() / 10;
    fit("naive", &season_12, 1, 120);
    double scale = kind_case_param(&fitted, "scale")->number, last = values[108];
    for (int i = 0; i < 24; i++)
        values[i] = i % 12;
    values[0] = 1000;
    values[13] = NAN;
    kind_case_score(&fitted, frame_of(24, 120));
    cr_expect_eq(array("expected", 24)[0], last);
    expect_near(array("expected", 24)[12], last + 4 * scale, 1e-9, "the edge of the band");
    cr_expect_eq(array("expected", 24)[13], 1);
}

Test(auto_kinds, naive_expects_nothing_of_its_first_season)
{
    for (int i = 0; i < 120; i++)
        values[i] = i < 60 ? 0 : 100;
    fit("naive", &season_12, 1, 120);
    kind_case_score(&fitted, frame_of(120, 0));
    for (size_t i = 0; i < 24; i++)
        cr_expect(i < 12 ? isnan(array("expected", 120)[i]) : array("expected", 120)[i] == 0, "%zu", i);
}

Test(auto_kinds, classical_refuses_values_that_cannot_be_added_up)
{
    for (int i = 0; i < 120; i++)
        values[i] = i % 2 ? 1.7e308 : -1.7e308;
    fit("classical", NULL, 0, 120);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_CONVERGED, "%s", fitted.outcome.errmsg);
}

Test(auto_kinds, naive_needs_two_pairs)
{
    values[0] = 1, values[1] = 2;
    fit("naive", &(struct ff_param){"season", "1"}, 1, 2);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
}

/* ---- classical ---- */

Test(auto_kinds, classical_finds_an_exact_pattern)
{
    const double pattern[] = {0.5, 1.5, 1.0, 1.0};
    const struct ff_param params[] = {{"season", "4"}, {"seasonal", "multiplicative"}};
    for (int i = 0; i < 40; i++)
        values[i] = 100 * pattern[i % 4];
    fit("classical", params, 2, 40);
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    expect_near(kind_case_param(&fitted, "level")->number, 100, 1e-12, "level");
    for (int k = 0; k < 4; k++)
        expect_near(array("pattern", 4)[k], pattern[k], 1e-12, "pattern");
    kind_case_forecast(&fitted, 8, 0.9);
    for (int h = 0; h < 8; h++)
        expect_near(array("expected", 8)[h], 100 * pattern[h % 4], 1e-12, "forecast");
}

Test(auto_kinds, classical_is_additive_where_values_are_not_positive)
{
    const struct ff_param params[] = {{"season", "4"}, {"seasonal", "multiplicative"}};
    for (int i = 0; i < 40; i++)
        values[i] = i % 4 - 1.5;
    fit("classical", params, 2, 40);
    cr_expect_str_eq(kind_case_param(&fitted, "seasonal")->text, "additive");
    expect_near(array("pattern", 4)[3], 1.5, 1e-12, "pattern");
}

Test(auto_kinds, classical_forgets_old_seasons)
{
    const struct ff_param brief[] = {{"season", "4"}, {"memory", "0.1"}},
                          lasting[] = {{"season", "4"}, {"memory", "1"}};
    for (int i = 0; i < 80; i++)
        values[i] = 10 + (i < 40 ? 1 : 5) * (i % 4 == 0);
    fit("classical", brief, 2, 80);
    double newest = array("pattern", 4)[0];
    fit("classical", lasting, 2, 80);
    cr_expect_gt(newest, 3.5);
    cr_expect_lt(array("pattern", 4)[0], 2.7);
}

/* ---- auto ---- */

Test(auto_kinds, auto_chooses_what_forecasts_best_and_says_so)
{
    for (int i = 0; i < 240; i++)
        values[i] = 20 + 10 * (i % 12 == 3) + 5 * (i % 12 > 6) + noise();
    fit("auto", &season_12, 1, 240);
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    size_t tried = (size_t)kind_case_param(&fitted, "tried")->integer;
    double error = kind_case_param(&fitted, "error")->number;
    cr_expect_gt(tried, 20);
    cr_expect(strstr(kind_case_param(&fitted, "chosen")->text, "season 12"), "%s",
              kind_case_param(&fitted, "chosen")->text);
    for (size_t i = 0; i < tried; i++)
        cr_expect(!(array("errors", tried)[i] < error));
    cr_expect_lt(error, 0.8); /* of the naive forecast's, which has the noise twice */
    kind_case_score(&fitted, frame_of(240, 0));
    for (int i = 0; i < 240; i++)
        cr_expect_lt(fabs(array("expected", 240)[i] - values[i]), 3);
}

Test(auto_kinds, auto_stays_within_its_budget)
{
    const struct ff_param params[] = {{"season", "12"}, {"budget", "5000"}};
    for (int i = 0; i < 240; i++)
        values[i] = i % 12 + noise();
    fit("auto", params, 2, 240);
    int64_t few = kind_case_param(&fitted, "tried")->integer;
    cr_expect_gt(kind_case_param(&fitted, "left_out")->integer, 0);
    cr_expect_leq(few, 3);
    cr_expect_geq(few, 1);
}

Test(auto_kinds, auto_gives_the_same_bytes_again)
{
    for (int i = 0; i < 240; i++)
        values[i] = i % 12 + noise();
    fit("auto", NULL, 0, 240);
    size_t size = fitted.outcome.model.size;
    uint8_t *first = malloc(size);
    memcpy(first, fitted.outcome.model.data, size);
    fit("auto", NULL, 0, 240);
    cr_expect_eq(fitted.outcome.model.size, size);
    cr_expect_eq(memcmp(first, fitted.outcome.model.data, size), 0);
    free(first);
}

Test(auto_kinds, auto_falls_back_to_ewma_and_says_why)
{
    for (int i = 0; i < 10; i++)
        values[i] = i;
    fit("auto", NULL, 0, 10);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_str_eq(kind_case_param(&fitted, "chosen")->text, "ewma");
    cr_expect_str_eq(kind_case_param(&fitted, "why")->text, "too few values to compare kinds");
    for (int i = 0; i < 100; i++)
        values[i] = 5;
    fit("auto", NULL, 0, 100);
    cr_expect_str_eq(kind_case_param(&fitted, "why")->text, "a constant series");
    kind_case_forecast(&fitted, 3, 0.9);
    cr_expect_eq(array("expected", 3)[2], 5);
}

Test(auto_kinds, missing_values_are_lived_with)
{
    for (const char *const *kind = (const char *const[]){"naive", "classical", "auto", "ensemble", NULL};
         *kind; kind++) {
        for (int i = 0; i < 240; i++)
            values[i] = i % 5 == 0 || (i > 100 && i < 130) ? NAN : i % 12 + noise();
        fit(*kind, &season_12, 1, 240);
        cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s: %s", *kind, fitted.outcome.errmsg);
        kind_case_forecast(&fitted, 12, 0.9);
        for (int h = 0; h < 12; h++)
            cr_expect_lt(fabs(array("expected", 12)[h] - h), 3, "%s", *kind);
        for (int i = 0; i < 240; i++)
            values[i] = NAN;
        fit(*kind, &season_12, 1, 240);
        cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA, "%s", *kind);
    }
}

/* ---- ensemble ---- */

Test(auto_kinds, ensemble_is_the_weighted_mean_of_its_members)
{
    static double single[3][12], weights[3];
    const struct ff_param params[] = {{"season", "12"}, {"members", "3"}};
    for (int i = 0; i < 240; i++)
        values[i] = 50 + i % 12 + noise();
    fit("ensemble", params, 2, 240);
    memcpy(weights, array("weights", 3), sizeof weights);
    expect_near(weights[0] + weights[1] + weights[2], 1, 1e-12, "weights");
    cr_expect_geq(weights[0], weights[1]);
    /* members as models of their own: auto's parameters are those of one member */
    struct ff_buf whole = {0};
    ff_buf_append(&whole, fitted.outcome.model.data, fitted.outcome.model.size);
    kind_case_forecast(&fitted, 12, 0.9);
    static double combined[12];
    memcpy(combined, array("expected", 12), sizeof combined);
    for (int member = 0; member < 3; member++) {
        struct ff_arena arena = {0};
        struct ff_model model;
        cr_assert_eq(ff_model_decode(ff_buf_bytes(&whole), &arena, &model, NULL), FF_OK);
        struct ff_model_param *renamed = (struct ff_model_param *)(uintptr_t)model.parts[0].params;
        char prefix[8];
        snprintf(prefix, sizeof prefix, "%d.", member);
        for (size_t i = 0; i < model.parts[0].param_count; i++)
            if (strncmp(renamed[i].name, prefix, 2) == 0) {
                char *name = ff_arena_printf(&arena, "model.%s", renamed[i].name + 2);
                renamed[i].name = name;
            }
        model.kind = "auto";
        struct ff_buf bytes = {0};
        ff_model_encode(&model, &bytes);
        fitted.model = model;
        fitted.outcome.model = ff_buf_bytes(&bytes);
        kind_case_forecast(&fitted, 12, 0.9);
        memcpy(single[member], array("expected", 12), sizeof single[member]);
        ff_buf_fini(&bytes);
        ff_arena_fini(&arena);
    }
    for (int h = 0; h < 12; h++)
        expect_near(combined[h],
                    weights[0] * single[0][h] + weights[1] * single[1][h] + weights[2] * single[2][h], 1e-12,
                    "mean");
    ff_buf_fini(&whole);
}

Test(auto_kinds, a_model_that_names_no_kind_is_refused)
{
    for (const char *const *kind = (const char *const[]){"auto", "ensemble", "naive", "classical", NULL};
         *kind; kind++) {
        struct ff_model_part part = {"value", FF_CODE_OK, "", NULL, 0};
        struct ff_model model = {.kind = *kind,
                                 .format_version = 1,
                                 .parts = &part,
                                 .part_count = 1,
                                 .step_ms = 60000,
                                 .steps = 10};
        struct ff_buf bytes = {0};
        ff_model_encode(&model, &bytes);
        fitted.model = model;
        fitted.outcome.model = ff_buf_bytes(&bytes);
        kind_case_forecast(&fitted, 3, 0.9);
        cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER, "%s", *kind);
        ff_buf_fini(&bytes);
    }
}

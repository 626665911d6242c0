#include "support/golden.h"
#include "support/kind_case.h"
#include "worker/emitter.h"
#include "worker/models/stl.h"

enum { MOST = 512, STEP_MS = 60000 };

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(stl, .init = setup, .fini = teardown);

static struct decomposition {
    struct ff_emitter emitter;
    struct ff_stl_options options[2];
    size_t n, count;
    double values[MOST], trend[MOST], seasonal[2 * MOST];
} parts;

static void decompose(void *arg)
{
    (void)arg;
    ff_mstl_decompose(&parts.emitter.fit, parts.values, NULL, parts.n, parts.options, parts.count,
                      parts.trend, parts.seasonal);
}

static void read_case(struct golden *golden)
{
    golden_word(golden);
    bool robust = strcmp(golden_word(golden), "true") == 0;
    size_t window = (size_t)golden_integer(golden), trend = (size_t)golden_integer(golden), season;
    parts.n = (size_t)golden_integer(golden);
    cr_assert_leq(parts.n, MOST);
    for (parts.count = 0; (season = (size_t)golden_integer(golden)); parts.count++)
        parts.options[parts.count] =
            (struct ff_stl_options){season, window ? window : 11 + 4 * parts.count, trend, robust};
}

static void compare(struct golden *golden, const double *found, double unit)
{
    for (size_t i = 0; i < parts.n; i++)
        cr_expect_lt(fabs(found[i] - golden_number(golden)), 1e-10 * unit);
}

Test(stl, components_agree_with_the_golden_file)
{
    struct golden golden = golden_open("stl.txt");
    struct ff_workspace *workspace = ff_workspace_create(0);
    ff_emitter_init(&parts.emitter, workspace);
    size_t cases = 0, season = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            read_case(&golden);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, parts.values, parts.n);
            cr_assert(ff_workspace_run(workspace, decompose, NULL));
            season = 0;
            cases++;
        } else if (strcmp(word, "trend") == 0) {
            compare(&golden, parts.trend, 100);
        } else {
            compare(&golden, parts.seasonal + season++ * parts.n, 10);
        }
    }
    cr_expect_eq(cases, 8);
    ff_workspace_destroy(workspace);
    golden_close(&golden);
}

static void fit(const char *kind, const double *values, size_t n, const char *season, const char *season2)
{
    const char *metric = "value";
    const struct ff_param params[] = {{"season", season}, {"season2", season2}};
    struct ff_fit_spec spec = {
        .kind = kind, .params = params, .param_count = strcmp(kind, "stl") == 0 ? 1 : 2};
    struct ff_frame frame = {0, STEP_MS, n, 1, values};
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame});
}

static const double *numbers(const char *name)
{
    return kind_case_param(&fitted, name)->numbers;
}

static void fill_wave(double *values, size_t n)
{
    static const double season[] = {0, 3, 7, 2, -4, -9};
    uint32_t state = 7;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = 60 + 0.01 * (double)i + season[i % 6] + (i / 6 % 5 == 0 ? 6 : 0) +
                    (double)(state >> 8) / (1 << 24);
    }
}

Test(stl, several_seasons_leave_less_than_one)
{
    double values[400], sigma;
    fill_wave(values, 400);
    fit("stl", values, 400, "6", "1");
    sigma = kind_case_param(&fitted, "sigma")->number;
    fit("mstl", values, 400, "6", "30");
    cr_expect_eq(kind_case_param(&fitted, "seasons")->count, 2);
    cr_expect_lt(kind_case_param(&fitted, "sigma")->number, sigma);
    cr_expect_lt(kind_case_param(&fitted, "scale")->number, 0.5);
}

Test(stl, score_behind_the_training_data_has_the_season_in_phase)
{
    double values[400];
    fill_wave(values, 400);
    fit("mstl", values, 303, "6", "30");
    kind_case_score(&fitted, (struct ff_frame){305 * STEP_MS, STEP_MS, 95, 1, values + 305});
    for (size_t i = 0; i < 95; i++) {
        cr_expect_lt(numbers("lower")[i], values[305 + i]);
        cr_expect_gt(numbers("upper")[i], values[305 + i]);
    }
}

Test(stl, an_incident_is_not_learned_and_nothing_looks_ahead)
{
    double values[400], before[60];
    fill_wave(values, 400);
    fit("mstl", values, 303, "6", "30");
    kind_case_score(&fitted, (struct ff_frame){303 * STEP_MS, STEP_MS, 60, 1, values + 303});
    memcpy(before, numbers("expected"), sizeof before);
    values[323] = -1e9;
    fit("mstl", values, 303, "6", "30");
    kind_case_score(&fitted, (struct ff_frame){303 * STEP_MS, STEP_MS, 60, 1, values + 303});
    for (size_t i = 0; i <= 20; i++)
        cr_expect_eq(numbers("expected")[i], before[i]);
    cr_expect_lt(fabs(numbers("expected")[21] - before[21]), 3);
}

Test(stl, forecast_repeats_the_season)
{
    double values[400];
    fill_wave(values, 400);
    fit("mstl", values, 300, "6", "30");
    kind_case_forecast(&fitted, 60, 0.9);
    for (size_t h = 0; h < 60; h++)
        cr_expect_lt(fabs(numbers("expected")[h] - values[300 + h]), 3);
    cr_expect_gt(numbers("upper")[0], numbers("lower")[0]);
}

Test(stl, missing_and_extreme_values_are_fitted)
{
    static const double factors[] = {1e-300, 1, 1e290};
    double values[120];
    for (size_t f = 0; f < 3; f++) {
        fill_wave(values, 120);
        for (size_t i = 0; i < 120; i++)
            values[i] = i % 17 == 3 || i < 2 ? NAN : values[i] * factors[f];
        fit("stl", values, 120, "6", "1");
        cr_assert_eq(fitted.outcome.class, FF_FITTED);
        cr_expect(isfinite(kind_case_param(&fitted, "level")->number));
        cr_expect(isfinite(kind_case_param(&fitted, "scale")->number));
    }
}

Test(stl, constant_series_with_a_season_given_is_fitted)
{
    double values[24];
    for (size_t i = 0; i < 24; i++)
        values[i] = 4;
    fit("stl", values, 24, "6", "1");
    expect_near(kind_case_param(&fitted, "level")->number, 4, 1e-12, "level");
}

Test(stl, series_without_two_seasons_is_refused)
{
    double values[] = {1, 2, 1, 2, 4, 2, 1};
    fit("stl", values, 7, "4", "1");
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg,
                     "no season: none was found, or the 7 steps do not hold two of it");
}

Test(stl, even_window_is_refused)
{
    double values[40];
    fill_wave(values, 40);
    kind_case_series(&fitted, "stl", &(struct ff_param){"seasonal_window", "8"},
                     (struct ff_frame){0, STEP_MS, 40, 1, values});
    cr_expect_eq(fitted.outcome.code, FF_CODE_BAD_PARAMETER);
}

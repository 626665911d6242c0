#include "support/golden.h"
#include "support/kind_case.h"
#include "worker/emitter.h"
#include "worker/models/ets_loops.h"

enum { MOST = 1024, STEP_MS = 60000 };

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(ets, .init = setup, .fini = teardown);

static struct ff_frame frame_of(const double *values, size_t n)
{
    return (struct ff_frame){0, STEP_MS, n, 1, values};
}

static void fit_as(const double *values, size_t n, const char *model, const char *damped, const char *season)
{
    const char *metric = "value";
    const struct ff_param params[] = {{"model", model}, {"damped", damped}, {"season", season}};
    struct ff_fit_spec spec = {.kind = "ets", .params = params, .param_count = 3};
    kind_case_run(
        &fitted,
        &(struct ff_task){.name = "t", .model = &spec, .metrics = &metric, .frame = frame_of(values, n)});
}

static void fit(const double *values, size_t n)
{
    fit_as(values, n, "ZZZ", "auto", "auto");
}

static double number(const char *name)
{
    return kind_case_param(&fitted, name)->number;
}

static const double *numbers(const char *name)
{
    return kind_case_param(&fitted, name)->numbers;
}

/* A season of 8 on a slope, with a reproducible disturbance. */
static void fill_wave(double *values, size_t n)
{
    static const double season[] = {0, 3, 7, 8, 6, 2, -4, -9};
    uint32_t state = 7;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = 50 + 0.05 * (double)i + season[i % 8] + (double)(state >> 8) / (1 << 24);
    }
}

Test(ets, likelihood_is_no_worse_than_the_golden_file)
{
    struct golden golden = golden_open("ets.txt");
    static double values[MOST];
    char name[64] = "", model[8] = "", damped[8] = "", season[8] = "";
    size_t n = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            snprintf(model, sizeof model, "%s", golden_word(&golden));
            snprintf(damped, sizeof damped, "%s", golden_word(&golden));
            snprintf(season, sizeof season, "%s", golden_word(&golden));
            n = (size_t)golden_integer(&golden);
            cr_assert_leq(n, MOST);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
        } else if (strcmp(word, "ets") == 0) {
            fit_as(values, n, model, damped, season);
            cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s %s", name, model);
            const char *form = golden_word(&golden);
            double wanted = golden_number(&golden);
            cr_expect_geq(number("loglik"), wanted - 0.05, "%s %s %s: %.9g, %.9g", name, model, form,
                          number("loglik"), wanted);
            if (strcmp(model, "ZZZ") != 0)
                cr_expect_str_eq(kind_case_param(&fitted, "form")->text, form);
            cases++;
        }
    }
    cr_expect_eq(cases, 15);
    golden_close(&golden);
}

static struct ff_emitter emitter;

static void check_gradient(struct ff_ets_form form, bool holes)
{
    static double values[64];
    fill_wave(values, 64);
    if (holes)
        values[5] = values[20] = values[21] = NAN;
    struct ff_ets_series series;
    ff_ets_series_init(&series, &emitter.fit, values, 64, 8);
    double x[FF_ETS_S + 8] = {0.3, form.trend ? 0.05 : 0, form.season ? 0.2 : 0, form.damped ? 0.9 : 1, 51,
                              0.1};
    for (int k = 0; k < 8; k++)
        x[FF_ETS_S + k] = form.season == FF_ETS_MULTIPLICATIVE ? 1 + 0.02 * k : 0.5 * k - 1;
    double grad[FF_ETS_S + 8];
    cr_assert(isfinite(ff_ets_loss(&series, form, x)));
    ff_ets_gradient(&series, form, x, grad);
    for (int i = 0; i < FF_ETS_S + 8; i++) {
        double kept = x[i], small = 1e-6;
        x[i] = kept + small;
        double above = ff_ets_loss(&series, form, x);
        x[i] = kept - small;
        double slope = (above - ff_ets_loss(&series, form, x)) / (2 * small);
        x[i] = kept;
        bool lacks = ((i == FF_ETS_BETA || i == FF_ETS_PHI || i == FF_ETS_TREND) && !form.trend) ||
                     (i == FF_ETS_GAMMA && !form.season);
        if (!lacks)
            cr_expect(fabs(slope - grad[i]) < 1e-4 * (1 + fabs(slope)), "%d: %.9g, %.9g", i, grad[i], slope);
    }
}

static void check_gradients(void *arg)
{
    (void)arg;
    for (int form = 0; form < 24; form++)
        check_gradient((struct ff_ets_form){form & 1, form & 2, (form & 2) && (form & 1),
                                            (enum ff_ets_season)(form / 4 % 3)},
                       form >= 12);
}

Test(ets, gradient_is_that_of_the_loss_in_every_form)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    ff_emitter_init(&emitter, workspace);
    ff_emitter_begin(&emitter);
    cr_assert(ff_workspace_run(workspace, check_gradients, NULL));
    ff_workspace_destroy(workspace);
}

Test(ets, score_of_the_training_data_stays_within_the_band)
{
    double values[160];
    fill_wave(values, 160);
    fit(values, 160);
    kind_case_score(&fitted, frame_of(values, 160));
    for (size_t i = 0; i < 160; i++) {
        cr_expect_leq(numbers("lower")[i], values[i]);
        cr_expect_geq(numbers("upper")[i], values[i]);
    }
}

Test(ets, score_behind_the_training_data_goes_on_from_the_final_states)
{
    double values[200];
    fill_wave(values, 200);
    fit(values, 160);
    kind_case_score(&fitted, frame_of(values, 200));
    double whole[40];
    memcpy(whole, numbers("expected") + 160, sizeof whole);
    fit(values, 160);
    kind_case_score(&fitted, (struct ff_frame){160 * STEP_MS, STEP_MS, 40, 1, values + 160});
    for (size_t i = 0; i < 40; i++)
        expect_near(numbers("expected")[i], whole[i], 1e-9, "expected");
}

Test(ets, score_does_not_look_ahead)
{
    double values[180], changed[180], before[180];
    fill_wave(values, 180);
    memcpy(changed, values, sizeof values);
    changed[170] = 1e6;
    fit(values, 160);
    kind_case_score(&fitted, frame_of(values, 180));
    memcpy(before, numbers("expected"), sizeof before);
    fit(values, 160);
    kind_case_score(&fitted, frame_of(changed, 180));
    for (size_t i = 0; i <= 170; i++)
        cr_expect_eq(numbers("expected")[i], before[i]);
    cr_expect_lt(fabs(numbers("expected")[171] - before[171]), 8, "an incident is not learned");
}

Test(ets, gap_behind_the_training_data_keeps_the_phase_of_the_season)
{
    double values[403];
    fill_wave(values, 403);
    fit_as(values, 160, "ANA", "false", "8");
    kind_case_score(&fitted, (struct ff_frame){395 * STEP_MS, STEP_MS, 8, 1, values + 395});
    cr_expect_gt(numbers("expected")[0], numbers("expected")[4] + 10, "the season's top before its bottom");
}

Test(ets, forecast_has_a_band_that_widens)
{
    double values[160];
    fill_wave(values, 160);
    fit(values, 160);
    kind_case_forecast(&fitted, 48, 0.95);
    const double *expected = numbers("expected"), *lower = numbers("lower"), *upper = numbers("upper");
    double found[200];
    fill_wave(found, 200);
    for (size_t h = 0; h < 40; h++)
        cr_expect_lt(fabs(expected[h] - found[160 + h]), 1.5);
    cr_expect_geq(upper[47] - lower[47], upper[0] - lower[0]);
    cr_expect_lt(lower[0], expected[0]);
}

Test(ets, relative_errors_come_back_from_a_forecast_that_is_not_above_0)
{
    double values[200], after[400];
    for (int i = 0; i < 200; i++)
        values[i] = 100 - 0.45 * i + (i % 2 ? 0.2 : -0.2);
    fit_as(values, 200, "MAN", "false", "1");
    for (int i = 0; i < 400; i++)
        after[i] = i < 100 ? NAN : 50;
    kind_case_score(&fitted, (struct ff_frame){200 * STEP_MS, STEP_MS, 400, 1, after});
    cr_expect_lt(numbers("expected")[99], 0);
    cr_expect(fabs(numbers("expected")[399] - 50) < 5, "%g", numbers("expected")[399]);
}

Test(ets, missing_values_are_forecast_over)
{
    double values[160];
    fill_wave(values, 160);
    values[0] = values[77] = values[159] = NAN;
    fit(values, 160);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_eq(kind_case_param(&fitted, "missing")->integer, 3);
    cr_expect_lt(number("scale"), 1);
}

Test(ets, values_that_are_not_positive_exclude_multiplicative_forms)
{
    double values[160];
    fill_wave(values, 160);
    for (size_t i = 0; i < 160; i++)
        values[i] -= 60;
    fit(values, 160);
    const char *form = kind_case_param(&fitted, "form")->text;
    cr_expect(form[0] == 'A' && form[strlen(form) - 1] != 'M', "%s", form);
    fit_as(values, 160, "MAM", "auto", "8");
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg,
                     "no form of MAM can be fitted to 160 values with a season of 8 steps: M needs "
                     "values above 0");
}

Test(ets, constant_series_is_fitted)
{
    double values[12];
    for (size_t i = 0; i < 12; i++)
        values[i] = -3;
    fit(values, 12);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    expect_near(number("level"), -3, 1e-12, "level");
    expect_near(number("scale"), 3e-9, 1e-6, "scale");
}

Test(ets, zeros_are_fitted_like_any_constant)
{
    double values[12] = {0};
    values[3] = NAN;
    fit(values, 12);
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    cr_expect_eq(number("level"), 0);
    cr_expect_eq(number("scale"), 1e-9);
    cr_expect(isfinite(number("loglik")) && isfinite(number("aicc")));
}

Test(ets, scale_of_the_values_does_not_matter)
{
    const double factors[] = {1e-300, 1e-12, 1e12, 1e290};
    double values[160], scaled[160];
    fill_wave(values, 160);
    fit_as(values, 160, "AAA", "false", "8");
    double level = number("level");
    for (size_t f = 0; f < 4; f++) {
        for (size_t i = 0; i < 160; i++)
            scaled[i] = values[i] * factors[f];
        fit_as(scaled, 160, "AAA", "false", "8");
        cr_assert_eq(fitted.outcome.class, FF_FITTED);
        expect_near(number("level"), level * factors[f], 1e-3, "level");
        cr_expect(isfinite(number("scale")) && isfinite(number("aicc")));
    }
}

Test(ets, short_series_are_refused)
{
    double values[] = {1, 2, NAN, 4, 2, 5, 2};
    fit(values, 7);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "6 of 7 values are there, at least 7 are needed");
}

Test(ets, same_values_give_the_same_bytes)
{
    double values[160];
    fill_wave(values, 160);
    fit(values, 160);
    size_t size = fitted.outcome.model.size;
    uint8_t *first = malloc(size);
    memcpy(first, fitted.outcome.model.data, size);
    fit(values, 160);
    cr_expect_eq(fitted.outcome.model.size, size);
    cr_expect_eq(memcmp(fitted.outcome.model.data, first, size), 0);
    free(first);
}

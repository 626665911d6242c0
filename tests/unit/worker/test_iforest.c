#include "support/judge_case.h"
#include "worker/emitter.h"
#include "worker/models/forest.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(iforest, .init = setup, .fini = teardown);

static const struct ff_param window = {"window", "12"};

Test(iforest, an_incident_stands_out)
{
    judge_expect_use(&fitted, "iforest", &window);
}

Test(iforest, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "iforest", &window);
}

Test(iforest, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "iforest", &window);
}

Test(iforest, window_is_the_season_unless_given)
{
    double values[480];
    judge_wave(values, 480);
    judge_fit(&fitted, "iforest", NULL, values, 480);
    cr_expect_eq(kind_case_param(&fitted, "window")->integer, 12);
    judge_fit(&fitted, "iforest", &(struct ff_param){"window", "20"}, values, 480);
    cr_expect_eq(kind_case_param(&fitted, "window")->integer, 20);
    judge_fit(&fitted, "iforest", &(struct ff_param){"window", "470"}, values, 480);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
}

Test(iforest, other_values_than_the_constant_are_anomalies)
{
    double values[100], scores[100];
    for (size_t i = 0; i < 100; i++)
        values[i] = 3;
    judge_fit(&fitted, "iforest", &window, values, 50);
    cr_expect_eq(kind_case_param(&fitted, "constant")->integer, 1);
    values[70] = 3.1;
    judge_score(&fitted, values, 50, 50, scores);
    for (size_t i = 0; i < 50; i++)
        cr_expect_eq(scores[i] > 1, i == 20);
}

Test(iforest, a_value_that_is_missing_is_held)
{
    double values[200], scores[60];
    judge_wave(values, 200);
    values[150] = NAN;
    judge_fit(&fitted, "iforest", &window, values, 140);
    judge_score(&fitted, values, 140, 60, scores);
    for (size_t i = 0; i < 60; i++)
        cr_expect_eq(isnan(scores[i]), i == 10);
}

/* ---- the forest ---- */

static struct {
    struct ff_emitter emitter;
    double x[300], scores[300];
    size_t rows[300];
    struct ff_forest forest;
} field;

static void grow(void *arg)
{
    size_t sample = *(const size_t *)arg;
    struct ff_forest_data data = {field.x, 1, 1, field.rows, 300};
    field.forest = ff_forest_grow(&field.emitter.fit, &data, 200, sample, (struct ff_random){1});
    ff_forest_scores(&field.forest, &data, field.scores);
}

static struct ff_workspace *grow_field(size_t sample)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    ff_emitter_init(&field.emitter, workspace);
    for (size_t i = 0; i < 300; i++) {
        field.rows[i] = i;
        field.x[i] = i == 17 ? 1000 : (double)(i * 37 % 300);
    }
    cr_assert(ff_workspace_run(workspace, grow, &sample));
    return workspace;
}

/* c(256) = 2(ln 255 + γ) − 2·255/256: Liu, Ting & Zhou 2008, equation 1. */
Test(iforest, scores_are_those_of_the_paper)
{
    double mean = 0;
    struct ff_workspace *workspace = grow_field(256);
    cr_expect_lt(fabs(field.forest.typical - 10.244770), 1e-6);
    for (size_t i = 0; i < 300; i++)
        mean += field.scores[i] / 300;
    cr_expect(mean > 0.4 && mean < 0.55, "%g", mean);
    for (size_t i = 0; i < 300; i++)
        cr_expect(i == 17 || field.scores[i] < field.scores[17]);
    cr_expect_gt(field.scores[17], 0.75);
    ff_workspace_destroy(workspace);
}

Test(iforest, trees_of_two_rows_split_once)
{
    struct ff_workspace *workspace = grow_field(2);
    cr_expect_eq(field.forest.roots[200], 600);
    cr_expect_eq(field.forest.typical, 1);
    ff_workspace_destroy(workspace);
}

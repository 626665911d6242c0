#include "support/golden.h"
#include "support/judge_case.h"
#include "worker/emitter.h"
#include "worker/models/profile_join.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(matrix_profile, .init = setup, .fini = teardown);

static const struct ff_param window = {"window", "12"};

Test(matrix_profile, an_incident_stands_out)
{
    judge_expect_use(&fitted, "matrix_profile", &window);
}

Test(matrix_profile, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "matrix_profile", &window);
}

Test(matrix_profile, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "matrix_profile", &window);
}

/* ---- the join ---- */

enum { MOST = 2048 };

static struct {
    struct ff_emitter emitter;
    double values[MOST], wanted[MOST];
    size_t n, m, first;
    struct ff_profile profile;
} join;

static void run(void *arg)
{
    (void)arg;
    join.profile = ff_profile_join(&join.emitter.fit, join.values, join.n, join.m, join.first);
}

static struct ff_workspace *open_workspace(void)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    ff_emitter_init(&join.emitter, workspace);
    return workspace;
}

static void compare(const char *name)
{
    for (size_t i = join.first; i < join.n - join.m + 1; i++) {
        double found = join.profile.distance[i];
        bool equal = isinf(join.wanted[i]) ? isinf(found) : fabs(found - join.wanted[i]) < 1e-6;
        cr_expect(equal, "%s, window %zu: %.12g instead of %.12g", name, i, found, join.wanted[i]);
    }
}

Test(matrix_profile, left_profiles_agree_with_the_golden_file)
{
    struct golden golden = golden_open("matrix_profile.txt");
    struct ff_workspace *workspace = open_workspace();
    size_t cases = 0;
    char name[32] = "";
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            join.m = (size_t)golden_integer(&golden);
            join.n = (size_t)golden_integer(&golden);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, join.values, join.n);
        } else {
            golden_numbers(&golden, join.wanted, join.n - join.m + 1);
            for (join.first = 0; join.first + join.m <= join.n; join.first += join.n / 3) {
                ff_workspace_reset(workspace);
                cr_assert(ff_workspace_run(workspace, run, NULL));
                compare(name);
            }
            cases++;
        }
    }
    cr_expect_eq(cases, 5);
    ff_workspace_destroy(workspace);
    golden_close(&golden);
}

/* Longer than a tile in both directions: the windows that begin in the second half, from there and from all.
 */
Test(matrix_profile, a_part_of_the_profile_is_that_of_the_whole)
{
    struct ff_workspace *workspace = open_workspace();
    judge_wave(join.values, MOST);
    join.n = MOST;
    join.m = 30;
    join.first = 0;
    cr_assert(ff_workspace_run(workspace, run, NULL));
    memcpy(join.wanted, join.profile.distance, join.profile.count * sizeof(double));
    join.first = 1100;
    ff_workspace_reset(workspace);
    cr_assert(ff_workspace_run(workspace, run, NULL));
    compare("wave");
    ff_workspace_destroy(workspace);
}

/* ---- the kind ---- */

Test(matrix_profile, another_level_and_amplitude_are_no_anomaly_and_another_shape_is)
{
    double values[600], scores[120];
    judge_wave(values, 600);
    for (size_t i = 480; i < 560; i++)
        values[i] = 1000 + 3 * values[i];
    for (size_t i = 560; i < 580; i++)
        values[i] = (double)((i * i) % 11);
    judge_fit(&fitted, "matrix_profile", &window, values, 480);
    judge_score(&fitted, values, 480, 120, scores);
    for (size_t i = 12; i < 80; i++)
        cr_expect_leq(scores[i], 1, "%zu: %g", i, scores[i]);
    cr_expect_gt(scores[95], 1);
}

Test(matrix_profile, rows_behind_a_gap_are_compared_with_the_training_rows)
{
    double values[600], scores[100];
    judge_wave(values, 600);
    judge_fit(&fitted, "matrix_profile", &window, values, 300);
    judge_score(&fitted, values, 500, 100, scores);
    for (size_t i = 0; i < 100; i++)
        cr_expect_eq(isnan(scores[i]), i < 11, "%zu", i);
    cr_expect_lt(scores[11], 1.2);
}

Test(matrix_profile, a_constant_series_is_near_itself)
{
    double values[100], scores[50];
    for (size_t i = 0; i < 100; i++)
        values[i] = 3;
    judge_fit(&fitted, "matrix_profile", &window, values, 50);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    values[80] = 4;
    judge_score(&fitted, values, 50, 50, scores);
    for (size_t i = 0; i < 50; i++)
        cr_expect_eq(scores[i] > 1, i >= 30 && i < 42, "%zu: %g", i, scores[i]);
}

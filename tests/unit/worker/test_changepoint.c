#include "support/judge_case.h"
#include "worker/emitter.h"
#include "worker/models/pelt.h"

static struct kind_case fitted;

static void setup(void)
{
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
}

TestSuite(changepoint, .init = setup, .fini = teardown);

static const struct ff_param season = {"season", "12"};

Test(changepoint, an_incident_stands_out)
{
    judge_expect_use(&fitted, "changepoint", &season);
}

Test(changepoint, same_values_give_the_same_model)
{
    judge_expect_fits(&fitted, "changepoint", &season);
}

Test(changepoint, a_damaged_model_is_survived)
{
    judge_expect_survives(&fitted, "changepoint", &season);
}

/* ---- the search ---- */

enum { MOST = 9000 };

static struct {
    struct ff_emitter emitter;
    double x[MOST];
    size_t n, count, starts[MOST];
    struct ff_pelt_options options;
} search;

static void run(void *arg)
{
    (void)arg;
    search.count = ff_pelt_segments(&search.emitter.fit, search.x, search.n, &search.options, search.starts);
}

static void find_segments(void)
{
    struct ff_workspace *workspace = ff_workspace_create(0);
    ff_emitter_init(&search.emitter, workspace);
    cr_assert(ff_workspace_run(workspace, run, NULL));
    ff_workspace_destroy(workspace);
}

Test(changepoint, segments_are_those_of_the_golden_file)
{
    struct golden golden = golden_open("changepoint.txt");
    size_t cases = 0;
    char name[32] = "";
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            bool mbic = strcmp(golden_word(&golden), "mbic") == 0;
            size_t shortest = (size_t)golden_integer(&golden);
            search.options = (struct ff_pelt_options){mbic ? FF_PELT_MBIC : FF_PELT_BIC, shortest, 0.01};
            search.n = (size_t)golden_integer(&golden);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, search.x, search.n);
            find_segments();
        } else {
            for (size_t i = 0; i < search.count; i++)
                cr_expect_eq(search.starts[i], (size_t)golden_integer(&golden), "%s: segment %zu", name, i);
            cr_expect_str_eq(golden_word(&golden), "", "%s: more segments", name);
            cases++;
        }
    }
    cr_expect_eq(cases, 24);
    golden_close(&golden);
}

Test(changepoint, a_long_series_is_searched_at_some_places)
{
    search.n = MOST;
    search.options = (struct ff_pelt_options){FF_PELT_MBIC, 300, 0.01};
    judge_wave(search.x, MOST);
    for (size_t i = 5000; i < MOST; i++)
        search.x[i] += 100;
    find_segments();
    cr_assert_eq(search.count, 2);
    cr_expect(search.starts[1] >= 4997 && search.starts[1] <= 5003, "%zu", search.starts[1]);
    cr_expect_eq(search.starts[1] % 3, 0);
}

/* ---- the kind ---- */

Test(changepoint, the_last_level_is_what_is_expected)
{
    double values[500], scores[100];
    judge_wave(values, 500);
    for (size_t i = 200; i < 500; i++)
        values[i] += 40;
    judge_fit(&fitted, "changepoint", &season, values, 400);
    cr_expect_eq(kind_case_param(&fitted, "segments")->integer, 2);
    cr_expect_eq(kind_case_param(&fitted, "changed_ms")->integer, 200 * JUDGE_STEP_MS);
    cr_expect_lt(fabs(kind_case_param(&fitted, "level")->number - 92), 3);
    judge_score(&fitted, values, 400, 100, scores);
    for (size_t i = 0; i < 100; i++)
        cr_expect_lt(scores[i], 1);
    judge_score(&fitted, values, 150, 100, scores); /* each by its own segment */
    for (size_t i = 0; i < 100; i++)
        cr_expect_lt(scores[i], 1);
    values[450] -= 40;
    judge_score(&fitted, values, 400, 100, scores);
    cr_expect_gt(scores[50], 1);
}

Test(changepoint, one_outlier_of_any_size_hides_no_change)
{
    double values[400];
    judge_wave(values, 400);
    for (size_t i = 200; i < 400; i++)
        values[i] += 40;
    values[60] = 1e15;
    judge_fit(&fitted, "changepoint", &season, values, 400);
    cr_expect_eq(kind_case_param(&fitted, "changed_ms")->integer, 200 * JUDGE_STEP_MS);
    cr_expect_lt(kind_case_param(&fitted, "scale")->number, 5);
}

Test(changepoint, constant_series_is_one_segment)
{
    double values[50];
    for (size_t i = 0; i < 50; i++)
        values[i] = 3;
    judge_fit(&fitted, "changepoint", &season, values, 50);
    cr_expect_eq(kind_case_param(&fitted, "segments")->integer, 1);
    cr_expect_eq(kind_case_param(&fitted, "level")->number, 3);
    expect_near(kind_case_param(&fitted, "scale")->number, 3e-9, 1e-12, "scale");
}

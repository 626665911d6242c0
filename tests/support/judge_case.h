/* What every univariate kind that judges owes, whatever its algorithm: checks over a series with a season. */
#ifndef FF_TESTS_SUPPORT_JUDGE_CASE_H
#define FF_TESTS_SUPPORT_JUDGE_CASE_H

#include "support/golden.h"
#include "support/kind_case.h"

enum { JUDGE_STEP_MS = 60000 };

/* A season of 12 steps and noise. */
static inline void judge_wave(double *values, size_t n)
{
    uint32_t state = 7;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] =
            50 + 10 * sin(2 * 3.14159265358979 * (double)i / 12) + 4 * (double)(state >> 8) / (1 << 24);
    }
}

/* param NULL: defaults. The series begins at the epoch. */
static inline void judge_fit(struct kind_case *fitted, const char *kind, const struct ff_param *param,
                             const double *values, size_t n)
{
    kind_case_series(fitted, kind, param, (struct ff_frame){0, JUDGE_STEP_MS, n, 1, values});
}

/* Applies the model to values[first, first + count) of the series, and leaves the model in place. out: the
 * score of each step, the kind's own or by the band; NaN: not judged. */
static inline void judge_score(struct kind_case *fitted, const double *values, size_t first, size_t count,
                               double *out)
{
    struct kind_case scored;
    kind_case_open(&scored);
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = fitted->model.kind, .work = {.type = FF_WORK_SCORE}};
    struct ff_frame frame = {(int64_t)first * JUDGE_STEP_MS, JUDGE_STEP_MS, count, 1, values + first};
    kind_case_run(
        &scored,
        &(struct ff_task){
            .name = "t", .model = &spec, .metrics = &metric, .frame = frame, .input = fitted->outcome.model});
    cr_assert_eq(scored.outcome.class, FF_FITTED, "%s", scored.outcome.errmsg);
    const struct ff_model_part *part = &scored.model.parts[0];
    const double *expected = kind_case_param(&scored, "expected")->numbers;
    const double *lower = kind_case_param(&scored, "lower")->numbers;
    const double *upper = kind_case_param(&scored, "upper")->numbers, *own = NULL;
    for (size_t i = 0; i < part->param_count; i++)
        if (strcmp(part->params[i].name, "score") == 0)
            own = part->params[i].numbers;
    for (size_t i = 0; i < count; i++) {
        double value = frame.values[i], bound = value > expected[i] ? upper[i] : lower[i];
        cr_expect(isnan(expected[i]) || (lower[i] <= expected[i] && expected[i] <= upper[i]));
        out[i] = own ? own[i] : value == expected[i] ? 0 : (value - expected[i]) / (bound - expected[i]);
    }
    kind_case_close(&scored);
}

/* Few of the steps behind the training data are called anomalies, and none is left out; an incident of a few
 * steps is one before it ends, and nothing is said differently of the steps before it. */
static inline void judge_expect_use(struct kind_case *fitted, const char *kind, const struct ff_param *param)
{
    enum { ALL = 600, TRAIN = 480, REST = ALL - TRAIN, ODD = 60, LENGTH = 6 };
    double values[ALL], usual[REST], odd[REST], most = 0;
    size_t above = 0;
    judge_wave(values, ALL);
    judge_fit(fitted, kind, param, values, TRAIN);
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s", fitted->outcome.errmsg);
    judge_score(fitted, values, TRAIN, REST, usual);
    for (size_t i = 0; i < REST; i++) {
        cr_expect(usual[i] >= 0, "%s: step %zu", kind, i);
        above += usual[i] > 1;
    }
    cr_expect_leq(above, REST / 20, "%s: %zu steps", kind, above);
    for (size_t i = 0; i < LENGTH; i++)
        values[TRAIN + ODD + i] = 120;
    judge_score(fitted, values, TRAIN, REST, odd);
    for (size_t i = 0; i < LENGTH; i++)
        most = fmax(most, odd[ODD + i]);
    cr_expect_gt(most, 1, "%s: %g", kind, most);
    cr_expect_eq(memcmp(odd, usual, ODD * sizeof *odd), 0, "%s looks ahead", kind);
}

/* The same bytes again, a model from a series with holes, and none from nothing. */
static inline void judge_expect_fits(struct kind_case *fitted, const char *kind, const struct ff_param *param)
{
    enum { N = 480 };
    double values[N], scores[N];
    judge_wave(values, N);
    for (size_t i = 0; i < N; i++)
        if (i < 3 || i % 50 == 20)
            values[i] = NAN;
    judge_fit(fitted, kind, param, values, N);
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s: %s", kind, fitted->outcome.errmsg);
    size_t size = fitted->outcome.model.size, judged = 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, fitted->outcome.model.data, size);
    judge_fit(fitted, kind, param, values, N);
    cr_assert_eq(fitted->outcome.model.size, size);
    cr_expect_eq(memcmp(fitted->outcome.model.data, copy, size), 0, "%s: other bytes", kind);
    free(copy);
    judge_score(fitted, values, 0, N, scores);
    for (size_t i = 0; i < N; i++)
        judged += isnan(scores[i]) ? 0 : 1;
    cr_expect_gt(judged, N / 4, "%s: %zu", kind, judged);
    values[40] = 7;
    judge_fit(fitted, kind, param, values + 40, 1);
    cr_expect_eq(fitted->outcome.code, FF_CODE_NOT_ENOUGH_DATA, "%s", kind);
    judge_fit(fitted, kind, param, values, 3);
    cr_expect_eq(fitted->outcome.code, FF_CODE_NOT_ENOUGH_DATA, "%s", kind);
}

/* Whatever the bytes of a model say, judging by it ends; for the sanitizers. */
static inline void judge_expect_survives(struct kind_case *fitted, const char *kind,
                                         const struct ff_param *param)
{
    enum { N = 120 };
    static const size_t flips = 400;
    double values[N];
    const char *metric = "value";
    judge_wave(values, N);
    judge_fit(fitted, kind, param, values, N);
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s", fitted->outcome.errmsg);
    size_t size = fitted->outcome.model.size;
    uint8_t *copy = malloc(size);
    memcpy(copy, fitted->outcome.model.data, size);
    struct ff_fit_spec spec = {.kind = kind, .work = {.type = FF_WORK_SCORE}};
    struct ff_task task = {.name = "t",
                           .model = &spec,
                           .metrics = &metric,
                           .frame = {30 * JUDGE_STEP_MS, JUDGE_STEP_MS, N, 1, values},
                           .input = {copy, size}};
    for (size_t i = 0; i < flips; i++) {
        uint8_t *at = &copy[i < size ? i : i * 7919 % size], kept = *at;
        *at = (uint8_t)(kept ^ (i % 3 ? 0x81 : 0x40));
        ff_fit_task(fitted->fitter, &task, &fitted->outcome);
        *at = kept;
    }
    free(copy);
}

/* Limits and the scores of the training rows, as a file has them: case NAME window n, values, limits, score.
 */
static inline void judge_expect_golden(struct kind_case *fitted, const char *kind, const char *file,
                                       size_t wanted)
{
    enum { MOST = 1024 };
    struct golden golden = golden_open(file);
    double values[MOST], scores[MOST];
    char name[32] = "", window[32] = "";
    size_t n = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            snprintf(name, sizeof name, "%s", golden_word(&golden));
            snprintf(window, sizeof window, "%s", golden_word(&golden));
            n = (size_t)golden_integer(&golden);
            cr_assert_leq(n, MOST);
        } else if (strcmp(word, "values") == 0) {
            golden_numbers(&golden, values, n);
            judge_fit(fitted, kind, &(struct ff_param){"window", window}, values, n);
            cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s: %s", name, fitted->outcome.errmsg);
        } else if (strcmp(word, "limits") == 0) {
            expect_near(kind_case_param(fitted, "low")->number, golden_number(&golden), 1e-8, name);
            expect_near(kind_case_param(fitted, "limit")->number, golden_number(&golden), 1e-8, name);
        } else {
            judge_score(fitted, values, 0, n, scores);
            for (size_t i = strtoul(window, NULL, 10) - 1; i < n; i++)
                cr_expect_lt(fabs(scores[i] - golden_number(&golden)), 1e-8, "%s %zu", name, i);
            cases++;
        }
    }
    cr_expect_eq(cases, wanted);
    golden_close(&golden);
}

#endif

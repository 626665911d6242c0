/* What every multivariate kind that judges owes, over tables of named columns. */
#ifndef FF_TESTS_SUPPORT_TABLE_CASE_H
#define FF_TESTS_SUPPORT_TABLE_CASE_H

#include "support/kind_case.h"

enum { TABLE_COLUMNS = 8, TABLE_STEP_MS = 60000 };

struct table {
    size_t rows, columns;
    const double *values; /* column by column */
    const char *names[TABLE_COLUMNS];
};

static inline struct ff_task table_task(const struct table *table, const struct ff_fit_spec *spec)
{
    return (struct ff_task){.name = "all",
                            .model = spec,
                            .metrics = table->names,
                            .frame = {0, TABLE_STEP_MS, table->rows, table->columns, table->values}};
}

static inline void table_fit(struct kind_case *fitted, const char *kind, const struct table *table)
{
    struct ff_fit_spec spec = {.kind = kind};
    struct ff_task task = table_task(table, &spec);
    kind_case_run(fitted, &task);
}

/* By the model of fitted, into scored. */
static inline void table_score(struct kind_case *scored, const struct kind_case *fitted,
                               const struct table *table)
{
    struct ff_fit_spec spec = {.kind = fitted->model.kind, .work = {.type = FF_WORK_SCORE}};
    struct ff_task task = table_task(table, &spec);
    task.input = fitted->outcome.model;
    kind_case_run(scored, &task);
    cr_assert_eq(scored->outcome.class, FF_FITTED, "%s", scored->outcome.errmsg);
}

/* Four columns: two that go together, one that goes against them, and one by itself. */
static inline void table_fill(double *values, size_t rows)
{
    uint32_t state = 11;
    for (size_t i = 0; i < rows; i++) {
        double noise[5];
        for (size_t k = 0; k < 5; k++) {
            state = state * 1664525u + 1013904223u;
            noise[k] = (double)(state >> 8) / (1 << 24) + (double)(state >> 20) / (1 << 12) - 1;
        }
        double load = 10 * noise[0];
        values[i] = 50 + load + noise[1];
        values[rows + i] = 1000 + 20 * load + 20 * noise[2];
        values[2 * rows + i] = 5 - load / 10 + noise[3] / 10;
        values[3 * rows + i] = 1e-6 * noise[4];
    }
}

/* Rows as before are usual; of one that is far off in three columns these are named first, whatever columns
 * the table has beside those of the model. */
static inline void table_expect_use(struct kind_case *fitted, struct kind_case *scored, const char *kind)
{
    enum { ROWS = 400, LATER = 40, ODD = 25 };
    static double values[4 * (ROWS + LATER)], before[4 * ROWS], later[5 * LATER];
    size_t above = 0;
    table_fill(values, ROWS + LATER);
    for (size_t c = 0; c < 4; c++) {
        memcpy(before + c * ROWS, values + c * (ROWS + LATER), ROWS * sizeof *values);
        memcpy(later + (4 - c) * LATER, values + c * (ROWS + LATER) + ROWS, LATER * sizeof *values);
    }
    for (size_t i = 0; i < LATER; i++)
        later[i] = (double)i;
    later[4 * LATER + 3] = NAN;
    for (size_t c = 1; c < 5; c++)
        later[c * LATER + 7] = NAN;
    later[1 * LATER + ODD] += 1e-5;
    later[2 * LATER + ODD] += 20;
    later[3 * LATER + ODD] += 2000;
    table_fit(fitted, kind, &(struct table){ROWS, 4, before, {"a", "b", "c", "d"}});
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s", fitted->outcome.errmsg);
    table_score(scored, fitted, &(struct table){LATER, 5, later, {"other", "d", "c", "b", "a"}});
    const double *score = kind_case_param(scored, "score")->numbers;
    for (size_t i = 0; i < LATER; i++)
        above += score[i] > 1 && i != ODD;
    cr_expect_leq(above, 2, "%s: %zu rows", kind, above);
    cr_expect_gt(score[ODD], 1, "%s: %g", kind, score[ODD]);
    cr_expect(isnan(score[7]), "a row without values is not judged");
    cr_expect(!isnan(score[3]));
    const struct ff_model_param *at = kind_case_param(scored, "at");
    const char *const *named = kind_case_param(scored, "columns")->texts;
    for (size_t i = 0; i < at->count; i++)
        if (at->numbers[i] == ODD)
            for (size_t k = 0; k < 3; k++)
                cr_expect(strchr("bcd", *named[5 * i + k]), "%s: %s", kind, named[5 * i + k]);
}

/* The same bytes again, and refusals with their reasons. */
static inline void table_expect_fits(struct kind_case *fitted, const char *kind)
{
    enum { ROWS = 200 };
    static double values[4 * ROWS];
    struct table table = {ROWS, 4, values, {"a", "b", "c", "d"}};
    table_fill(values, ROWS);
    values[ROWS + 9] = NAN;
    for (size_t i = 0; i < ROWS; i++)
        values[3 * ROWS + i] = 4;
    table_fit(fitted, kind, &table);
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s", fitted->outcome.errmsg);
    cr_expect_str_eq(kind_case_param(fitted, "dropped_names")->texts[0], "d");
    size_t size = fitted->outcome.model.size;
    uint8_t *copy = malloc(size);
    memcpy(copy, fitted->outcome.model.data, size);
    table_fit(fitted, kind, &table);
    cr_assert_eq(fitted->outcome.model.size, size);
    cr_expect_eq(memcmp(fitted->outcome.model.data, copy, size), 0, "%s: other bytes", kind);
    free(copy);
    table_fit(fitted, kind, &(struct table){ROWS, 1, values + 3 * ROWS, {"d"}});
    cr_expect_eq(fitted->outcome.code, FF_CODE_CONSTANT);
    table_fit(fitted, kind, &(struct table){2, 1, values, {"a"}});
    cr_expect_eq(fitted->outcome.code, FF_CODE_NOT_ENOUGH_DATA);
}

/* Whatever the bytes of a model say, judging by it ends; for the sanitizers. */
static inline void table_expect_survives(struct kind_case *fitted, const char *kind)
{
    enum { ROWS = 40 };
    static const size_t flips = 600;
    static double values[4 * ROWS];
    struct table table = {ROWS, 4, values, {"a", "b", "c", "d"}};
    table_fill(values, ROWS);
    values[20] += 1000;
    table_fit(fitted, kind, &table);
    cr_assert_eq(fitted->outcome.class, FF_FITTED, "%s", fitted->outcome.errmsg);
    size_t size = fitted->outcome.model.size;
    uint8_t *copy = malloc(size);
    memcpy(copy, fitted->outcome.model.data, size);
    struct ff_fit_spec spec = {.kind = kind, .work = {.type = FF_WORK_SCORE}};
    struct ff_task task = table_task(&table, &spec);
    task.input = (struct ff_bytes){copy, size};
    for (size_t i = 0; i < flips; i++) {
        uint8_t *at = &copy[i < size ? i : i * 7919 % size], kept = *at;
        *at = (uint8_t)(kept ^ (i % 3 ? 0x81 : 0x40));
        ff_fit_task(fitted->fitter, &task, &fitted->outcome);
        *at = kept;
    }
    free(copy);
}

#endif

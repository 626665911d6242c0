#include "support/golden.h"
#include "support/kind_case.h"

static struct kind_case fitted, scored;

static void setup(void)
{
    ff_fit_warm_up();
    kind_case_open(&fitted);
    kind_case_open(&scored);
}

static void teardown(void)
{
    kind_case_close(&fitted);
    kind_case_close(&scored);
}

TestSuite(pca, .init = setup, .fini = teardown);

enum { MOST_COLUMNS = 64, NAME = 32 };

struct table {
    size_t rows, columns;
    double *values;
    char names[MOST_COLUMNS][NAME];
};

static void fit(const struct table *table)
{
    const char *names[MOST_COLUMNS];
    for (size_t c = 0; c < table->columns; c++)
        names[c] = table->names[c];
    struct ff_fit_spec spec = {.kind = "pca"};
    kind_case_run(&fitted,
                  &(struct ff_task){.name = "all",
                                    .model = &spec,
                                    .metrics = names,
                                    .frame = {0, 60000, table->rows, table->columns, table->values}});
}

/* By the model that was fitted. */
static void score(const struct table *table)
{
    const char *names[MOST_COLUMNS];
    for (size_t c = 0; c < table->columns; c++)
        names[c] = table->names[c];
    struct ff_fit_spec spec = {.kind = "pca", .work = {.type = FF_WORK_SCORE}};
    kind_case_run(&scored, &(struct ff_task){.name = "all",
                                             .model = &spec,
                                             .metrics = names,
                                             .frame = {0, 60000, table->rows, table->columns, table->values},
                                             .input = fitted.outcome.model});
    cr_assert_eq(scored.outcome.class, FF_FITTED, "%s", scored.outcome.errmsg);
}

static const struct ff_model_param *scored_param(const char *statistic, const char *name)
{
    for (size_t i = 0; i < scored.model.part_count; i++)
        for (size_t j = 0; j < scored.model.parts[i].param_count; j++)
            if (strcmp(scored.model.parts[i].metric, statistic) == 0 &&
                strcmp(scored.model.parts[i].params[j].name, name) == 0)
                return &scored.model.parts[i].params[j];
    cr_assert_fail("no %s of %s", name, statistic);
    abort();
}

static void expect_scores(struct golden *golden, const struct table *table, bool q_wanted)
{
    const char *statistic = q_wanted ? "Q" : "T2";
    const double *values = scored_param(statistic, "value")->numbers;
    cr_assert_eq(scored_param(statistic, "value")->count, table->rows);
    for (size_t row = 0; row < table->rows; row++)
        expect_near(values[row], golden_number(golden), 1e-8, statistic);
}

static void begin_case(struct golden *golden, struct table *table)
{
    golden_word(golden);
    table->rows = (size_t)golden_integer(golden);
    table->columns = (size_t)golden_integer(golden);
    table->values = realloc(table->values, table->rows * table->columns * sizeof(double));
    for (size_t c = 0; c < table->columns; c++) {
        cr_assert_str_eq(golden_next(golden), "column");
        snprintf(table->names[c], NAME, "%s", golden_word(golden));
        golden_numbers(golden, table->values + c * table->rows, table->rows);
    }
    fit(table);
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    score(table);
}

static void expect_dropped(struct golden *golden, size_t at)
{
    cr_expect_str_eq(kind_case_param(&fitted, "dropped_names")->texts[at], golden_word(golden));
    cr_expect_str_eq(kind_case_param(&fitted, "dropped_reasons")->texts[at], golden_word(golden));
}

static void expect_limits(struct golden *golden)
{
    expect_near(kind_case_param(&fitted, "limit_t2")->number, golden_number(golden), 1e-8, "limit of T2");
    expect_near(kind_case_param(&fitted, "limit_q")->number, golden_number(golden), 1e-8, "limit of Q");
}

Test(pca, agrees_with_the_golden_file)
{
    struct golden golden = golden_open("pca.txt");
    static struct table table;
    size_t dropped = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            begin_case(&golden, &table);
            dropped = 0;
            cases++;
        } else if (strcmp(word, "dropped") == 0) {
            expect_dropped(&golden, dropped++);
        } else if (strcmp(word, "components") == 0) {
            cr_expect_eq(kind_case_param(&fitted, "dropped")->integer, (int64_t)dropped);
            cr_expect_eq(kind_case_param(&fitted, "components")->integer, golden_integer(&golden));
        } else if (strcmp(word, "limits") == 0) {
            expect_limits(&golden);
        } else {
            expect_scores(&golden, &table, strcmp(word, "q") == 0);
        }
    }
    cr_expect_eq(cases, 3);
    golden_close(&golden);
    free(table.values);
}

Test(pca, names_the_columns_that_made_a_row_odd)
{
    enum { ROWS = 200 };
    static double values[3 * ROWS], later[2 * 3];
    for (int i = 0; i < ROWS; i++) {
        values[i] = i % 7;
        values[ROWS + i] = 2 * (i % 7) + 0.1 * (i % 3);
        values[2 * ROWS + i] = i % 5;
    }
    fit(&(struct table){ROWS, 3, values, {"a", "b", "c"}});
    /* other columns, in another order; the second row breaks the bond of a and b */
    memcpy(later, (double[]){4, 4, 3, 3, 6, -20}, sizeof later);
    struct table after = {2, 3, later, {"x", "a", "b"}};
    score(&after);
    cr_expect_lt(scored_param("Q", "score")->numbers[0], 1);
    cr_expect_gt(scored_param("Q", "score")->numbers[1], 1);
    cr_assert_eq(scored_param("Q", "at")->count, 1);
    cr_expect_eq(scored_param("Q", "at")->numbers[0], 1);
    cr_expect_str_eq(scored_param("Q", "columns")->texts[0], "b");
    cr_expect_gt(scored_param("Q", "shares")->numbers[0], scored_param("Q", "shares")->numbers[1]);
    cr_expect_eq(scored_param("Q", "shares")->numbers[2], 0); /* of x, which the model does not know */
}

static void fit_two_columns(size_t rows, double *values)
{
    fit(&(struct table){rows, 2, values, {"a", "b"}});
}

Test(pca, largest_loading_of_each_component_is_positive)
{
    double values[] = {1, 2, 3, 4, -1, -2.5, -3, -4.5};
    fit_two_columns(4, values);
    const struct ff_model_param *loadings = kind_case_param(&fitted, "loadings");
    cr_expect_gt(fmax(loadings->numbers[0], loadings->numbers[1]), 0.7);
    cr_expect_lt(fmin(loadings->numbers[0], loadings->numbers[1]), -0.7);
}

Test(pca, columns_that_one_component_explains_have_a_limit_above_zero)
{
    double values[] = {1, 2, 3, 4, 2, 4, 6, 8};
    fit_two_columns(4, values);
    cr_expect_eq(kind_case_param(&fitted, "components")->integer, 1);
    cr_expect_gt(kind_case_param(&fitted, "limit_q")->number, 0);
}

Test(pca, constant_columns_only_are_an_error_of_their_own)
{
    double values[] = {1, 1, 1, NAN, NAN, 3};
    fit_two_columns(3, values);
    cr_expect_eq(fitted.outcome.class, FF_FAILED);
    cr_expect_eq(fitted.outcome.code, FF_CODE_CONSTANT);
    cr_expect_str_eq(fitted.outcome.errmsg,
                     "no column of 2 can be used: 1 constant, 1 more than half missing, 0 too large");
}

Test(pca, mostly_missing_columns_only_are_not_enough_data)
{
    double values[] = {1, NAN, NAN, NAN, NAN, 3};
    fit_two_columns(3, values);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
}

Test(pca, two_rows_are_not_enough_data)
{
    double values[] = {1, 2, 3, 4};
    fit_two_columns(2, values);
    cr_expect_eq(fitted.outcome.code, FF_CODE_NOT_ENOUGH_DATA);
    cr_expect_str_eq(fitted.outcome.errmsg, "2 rows, at least 3 are needed");
}

Test(pca, column_whose_spread_overflows_is_dropped)
{
    double values[] = {1e300, -1e300, 1e300, 1, 2, 4};
    fit_two_columns(3, values);
    cr_assert_eq(fitted.outcome.class, FF_FITTED);
    cr_expect_str_eq(kind_case_param(&fitted, "dropped_reasons")->texts[0], "not finite");
}

Test(pca, summary_is_of_the_whole_frame)
{
    double values[] = {1, 2, 3, 4, -1, -2.5, -3, -4.5};
    fit_two_columns(4, values);
    cr_expect_eq(
        strncmp(fitted.outcome.summary, "{\"n\":4,\"columns\":2,\"dropped\":0,\"components\":1,", 44), 0,
        "%s", fitted.outcome.summary);
}

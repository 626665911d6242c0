#include "support/golden.h"
#include "support/kind_case.h"

static struct kind_case fitted;

static void setup(void)
{
    ff_fit_warm_up();
    kind_case_open(&fitted);
}

static void teardown(void)
{
    kind_case_close(&fitted);
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

static size_t column_of(const struct table *table, const char *name)
{
    for (size_t c = 0; c < table->columns; c++)
        if (strcmp(table->names[c], name) == 0)
            return c;
    cr_assert_fail("no column '%s'", name);
    abort();
}

/* Row standardized as the exported parameters say. */
static void standardized(const struct table *table, size_t row, double *z)
{
    const struct ff_model_param *names = kind_case_param(&fitted, "names");
    const double *means = kind_case_param(&fitted, "means")->numbers;
    const double *sds = kind_case_param(&fitted, "sds")->numbers;
    for (size_t c = 0; c < names->count; c++) {
        double value = table->values[column_of(table, names->texts[c]) * table->rows + row];
        z[c] = isnan(value) ? 0 : (value - means[c]) / sds[c];
    }
}

static void score(const struct table *table, size_t row, double *t2, double *q)
{
    size_t p = kind_case_param(&fitted, "names")->count, k = kind_case_param(&fitted, "eigenvalues")->count;
    const double *loadings = kind_case_param(&fitted, "loadings")->numbers;
    double z[MOST_COLUMNS], rest[MOST_COLUMNS];
    standardized(table, row, z);
    memcpy(rest, z, sizeof rest);
    *t2 = *q = 0;
    for (size_t j = 0; j < k; j++) {
        double t = 0;
        for (size_t c = 0; c < p; c++)
            t += z[c] * loadings[j * p + c];
        for (size_t c = 0; c < p; c++)
            rest[c] -= t * loadings[j * p + c];
        *t2 += t * t / kind_case_param(&fitted, "eigenvalues")->numbers[j];
    }
    for (size_t c = 0; c < p; c++)
        *q += rest[c] * rest[c];
}

static void expect_scores(struct golden *golden, const struct table *table, bool q_wanted)
{
    for (size_t row = 0; row < table->rows; row++) {
        double t2, q;
        score(table, row, &t2, &q);
        expect_near(q_wanted ? q : t2, golden_number(golden), 1e-8, q_wanted ? "Q" : "T2");
    }
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

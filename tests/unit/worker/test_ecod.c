#include "support/golden.h"
#include "support/table_case.h"

static struct kind_case fitted, scored;

static void setup(void)
{
    kind_case_open(&fitted);
    kind_case_open(&scored);
}

static void teardown(void)
{
    kind_case_close(&fitted);
    kind_case_close(&scored);
}

TestSuite(ecod, .init = setup, .fini = teardown);

Test(ecod, names_the_columns_that_made_a_row_odd)
{
    table_expect_use(&fitted, &scored, "ecod");
}

Test(ecod, same_values_give_the_same_model)
{
    table_expect_fits(&fitted, "ecod");
}

Test(ecod, a_damaged_model_is_survived)
{
    table_expect_survives(&fitted, "ecod");
}

enum { MOST = 1024 };
static double values[3 * MOST], all[3 * MOST];

static void compare(struct golden *golden, size_t rows, size_t columns, size_t total)
{
    for (size_t c = 0; c < columns; c++)
        memcpy(values + c * rows, all + c * total, rows * sizeof *values);
    table_fit(&fitted, "ecod", &(struct table){rows, columns, values, {"a", "b", "c"}});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    table_score(&scored, &fitted, &(struct table){total, columns, all, {"a", "b", "c"}});
    const double *found = kind_case_param(&scored, "value")->numbers;
    for (size_t i = 0; i < total; i++)
        expect_near(found[i], golden_number(golden), 1e-9, i < rows ? "row" : "later row");
}

Test(ecod, agrees_with_the_golden_file)
{
    struct golden golden = golden_open("ecod.txt");
    size_t rows = 0, columns = 0, total = 0, column = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            golden_word(&golden);
            rows = (size_t)golden_integer(&golden);
            columns = (size_t)golden_integer(&golden);
            total = rows + (size_t)golden_integer(&golden);
            column = 0;
        } else if (strcmp(word, "column") == 0) {
            golden_numbers(&golden, all + column++ * total, total);
        } else {
            compare(&golden, rows, columns, total);
            cases++;
        }
    }
    cr_expect_eq(cases, 2);
    golden_close(&golden);
}

/* More rows than knots: exact in the tails, close between them. */
Test(ecod, a_long_column_keeps_its_tails)
{
    for (size_t i = 0; i < MOST; i++)
        values[i] = (double)(i * 421 % MOST);
    table_fit(&fitted, "ecod", &(struct table){MOST, 1, values, {"a"}});
    cr_expect_eq(kind_case_param(&fitted, "values")->count, 257);
    table_score(&scored, &fitted, &(struct table){MOST, 1, values, {"a"}});
    const double *found = kind_case_param(&scored, "value")->numbers;
    for (size_t i = 0; i < MOST; i++) {
        double below = values[i] + 1, above = MOST - values[i], n = MOST;
        double wanted = -log(fmin(below, above) / n), most = fmin(below, above) <= 64 ? 1e-12 : 0.02;
        cr_expect_lt(fabs(found[i] - wanted), most, "%g: %g instead of %g", values[i], found[i], wanted);
    }
}

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

TestSuite(iforest_rows, .init = setup, .fini = teardown);

Test(iforest_rows, names_the_columns_that_made_a_row_odd)
{
    table_expect_use(&fitted, &scored, "iforest_rows");
}

Test(iforest_rows, same_values_give_the_same_model)
{
    table_expect_fits(&fitted, "iforest_rows");
}

Test(iforest_rows, a_damaged_model_is_survived)
{
    table_expect_survives(&fitted, "iforest_rows");
}

/* The forest that is read is the one that was grown: the limit is the largest of its scores. */
Test(iforest_rows, training_rows_are_judged_as_when_they_were_fitted)
{
    enum { ROWS = 600 };
    static double values[4 * ROWS];
    struct table table = {ROWS, 4, values, {"a", "b", "c", "d"}};
    table_fill(values, ROWS);
    table_fit(&fitted, "iforest_rows", &table);
    table_score(&scored, &fitted, &table);
    const double *value = kind_case_param(&scored, "value")->numbers;
    double most = 0;
    for (size_t i = 0; i < ROWS; i++)
        most = fmax(most, value[i]);
    cr_expect_eq(most, kind_case_param(&fitted, "limit")->number);
}

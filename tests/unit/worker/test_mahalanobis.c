#include "support/golden.h"
#include "support/table_case.h"
#include "worker/emitter.h"
#include "worker/models/mcd.h"

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

TestSuite(mahalanobis, .init = setup, .fini = teardown);

Test(mahalanobis, names_the_columns_that_made_a_row_odd)
{
    table_expect_use(&fitted, &scored, "mahalanobis");
}

Test(mahalanobis, same_values_give_the_same_model)
{
    table_expect_fits(&fitted, "mahalanobis");
}

Test(mahalanobis, a_damaged_model_is_survived)
{
    table_expect_survives(&fitted, "mahalanobis");
}

/* ---- the estimate ---- */

enum { MOST = 500, COLUMNS = 3 };

static struct {
    struct ff_emitter emitter;
    double x[MOST * COLUMNS];
    size_t n, p;
    struct ff_mcd_options options;
    struct ff_mcd mcd;
    int code;
} field;

static void run(void *arg)
{
    (void)arg;
    field.code = ff_mcd_fit(&field.emitter.fit, field.x, field.n, field.p, &field.options,
                            (struct ff_random){3}, &field.mcd);
}

static double distance_of(size_t row)
{
    double sum = 0;
    for (size_t j = 0; j < field.p; j++) {
        double t = 0;
        for (size_t c = 0; c < field.p; c++)
            t += field.mcd.vectors[j * field.p + c] * (field.x[c * field.n + row] - field.mcd.centre[c]);
        sum += t * t / field.mcd.variances[j];
    }
    return sqrt(sum);
}

/* As if the odd rows had not been mixed in, more or less. */
static void compare(struct golden *golden, const char *word)
{
    if (strcmp(word, "determinant") == 0) {
        double wanted = golden_number(golden);
        cr_expect_lt(field.mcd.determinant, wanted + 1e-3, "%g, %g", field.mcd.determinant, wanted);
        return;
    }
    if (strcmp(word, "centre") == 0) {
        for (size_t c = 0; c < field.p; c++)
            cr_expect_lt(fabs(field.mcd.centre[c] - golden_number(golden)), 0.05);
        return;
    }
    for (size_t i = 0; i < field.n; i++) {
        double wanted = golden_number(golden), found = distance_of(i);
        cr_expect(fabs(found - wanted) < 0.25 * fmax(wanted, 1), "%g, %g", found, wanted);
    }
}

Test(mahalanobis, odd_rows_have_no_part_in_the_estimate)
{
    struct golden golden = golden_open("mcd.txt");
    struct ff_workspace *workspace = ff_workspace_create(0);
    size_t column = 0, cases = 0;
    for (const char *word; (word = golden_next(&golden));) {
        if (strcmp(word, "case") == 0) {
            golden_word(&golden);
            field.options = (struct ff_mcd_options){golden_number(&golden), 100};
            field.n = (size_t)golden_integer(&golden);
            field.p = (size_t)golden_integer(&golden);
            column = 0;
            cases++;
        } else if (strcmp(word, "column") == 0) {
            golden_numbers(&golden, field.x + column++ * field.n, field.n);
            if (column < field.p)
                continue;
            ff_workspace_reset(workspace);
            ff_emitter_init(&field.emitter, workspace);
            cr_assert(ff_workspace_run(workspace, run, NULL));
            cr_assert_eq(field.code, FF_FIT_OK);
        } else {
            compare(&golden, word);
        }
    }
    cr_expect_eq(cases, 2);
    ff_workspace_destroy(workspace);
    golden_close(&golden);
}

Test(mahalanobis, columns_that_say_the_same_are_shrunk)
{
    double values[3 * 100];
    table_fill(values, 75);
    for (size_t i = 0; i < 100; i++)
        values[100 + i] = values[200 + i] = 2 * values[i] + 1;
    table_fit(&fitted, "mahalanobis", &(struct table){100, 3, values, {"a", "b", "c"}});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    cr_expect_gt(kind_case_param(&fitted, "shrinkage")->number, 0);
    const double *variances = kind_case_param(&fitted, "eigenvalues")->numbers;
    cr_expect_leq(variances[2] / variances[0], 1000 * (1 + 1e-9));
}

Test(mahalanobis, a_column_that_mostly_stays_is_no_obstacle)
{
    double values[2 * 100];
    table_fill(values, 50);
    for (size_t i = 0; i < 100; i++)
        values[100 + i] = i % 20 == 0 ? 3 : 0;
    table_fit(&fitted, "mahalanobis", &(struct table){100, 2, values, {"a", "b"}});
    cr_assert_eq(fitted.outcome.class, FF_FITTED, "%s", fitted.outcome.errmsg);
    cr_expect(isfinite(kind_case_param(&fitted, "limit")->number));
}

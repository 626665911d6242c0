#include "support/kind_case.h"
#include "worker/emitter.h"
#include "worker/models/sketch.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 300, COLUMNS = 200, RANK = 5 };

static struct ff_workspace *workspace;
static struct ff_emitter emitter;
static double x[ROWS * COLUMNS], variances[COLUMNS], directions[COLUMNS * COLUMNS];

static void setup(void)
{
    ff_fit_warm_up();
    workspace = ff_workspace_create(0);
    ff_emitter_init(&emitter, workspace);
}

static void teardown(void)
{
    ff_workspace_destroy(workspace);
}

TestSuite(sketch, .init = setup, .fini = teardown);

/* Direction j is the j-th cosine over the columns, with the standard deviation 2^-j. */
static double cosine(size_t j, size_t c)
{
    return sqrt(2.0 / COLUMNS) * cos(3.14159265358979 * ((double)c + 0.5) * (double)(j + 1) / COLUMNS);
}

static double wave(size_t j, size_t r)
{
    return sqrt(2.0) * cos(3.14159265358979 * ((double)r + 0.5) * (double)(j + 1) / ROWS);
}

static void fill(double noise)
{
    uint32_t state = 1;
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (size_t j = 0; j < RANK; j++)
                sum += ldexp(1, -(int)j) * wave(j, r) * cosine(j, c);
            state = state * 1664525 + 1013904223;
            x[c * ROWS + r] = sum + noise * (state / 4294967296.0 - 0.5);
        }
}

static void solve(void *unused)
{
    (void)unused;
    cr_assert_eq(ff_sketch(&emitter.fit, x, ROWS, COLUMNS, RANK, variances, directions), FF_FIT_OK);
}

Test(sketch, a_matrix_of_small_rank_is_found_exactly)
{
    fill(0);
    cr_assert(ff_workspace_run(workspace, solve, NULL));
    for (size_t j = 0; j < RANK; j++) {
        double along = 0;
        for (size_t c = 0; c < COLUMNS; c++)
            along += directions[j * COLUMNS + c] * cosine(j, c);
        cr_assert_float_eq(fabs(along), 1, 1e-10);
        cr_assert_float_eq(variances[j], ldexp(1, -2 * (int)j), 1e-10);
    }
}

Test(sketch, noise_moves_the_leading_directions_little)
{
    fill(0.01);
    cr_assert(ff_workspace_run(workspace, solve, NULL));
    for (size_t j = 0; j < RANK; j++) {
        double along = 0, length = 0;
        for (size_t c = 0; c < COLUMNS; c++) {
            along += directions[j * COLUMNS + c] * cosine(j, c);
            length += directions[j * COLUMNS + c] * directions[j * COLUMNS + c];
        }
        cr_assert_float_eq(length, 1, 1e-9);
        cr_assert_gt(fabs(along), 0.99);
    }
}

/* Randomized subspace iteration: x is applied to random vectors, then xᵀ and x in turn, each time made
 * orthonormal; what the vectors span comes to hold the leading directions, and the small problem within it is
 * solved exactly (Halko, Martinsson & Tropp, "Finding structure with randomness", SIAM Review 53 (2011),
 * algorithms 4.4 and 5.1). The random signs are always the same. */
#include "worker/models/sketch.h"

#include "worker/models/eigen.h"
#include "worker/models/random.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>

enum { ROUNDS = 2, SPARE = 16 }; /* vectors beyond those asked for */

struct matrix {
    double *values; /* column by column */
    int rows, columns;
};

static struct matrix make(struct ff_fit *fit, size_t rows, size_t columns)
{
    return (struct matrix){fit->alloc(fit, rows * columns, sizeof(double)), (int)rows, (int)columns};
}

/* Columns of the same span that are orthonormal (Householder). */
static int orthonormalize(struct ff_fit *fit, const struct matrix *m)
{
    double size = 0, more = 0, *scales = fit->alloc(fit, (size_t)m->columns, sizeof *scales);
    LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m->rows, m->columns, m->values, m->rows, scales, &size, -1);
    LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, m->rows, m->columns, m->columns, m->values, m->rows, scales, &more,
                        -1);
    int room = (int)fmax(size, more);
    double *work = fit->alloc(fit, (size_t)room, sizeof *work);
    int info =
        LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, m->rows, m->columns, m->values, m->rows, scales, work, room);
    if (info == 0)
        info = LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, m->rows, m->columns, m->columns, m->values, m->rows,
                                   scales, work, room);
    return info ? fit->fail(fit, FF_FIT_NOT_CONVERGED, "dgeqrf gave up on a %d x %d matrix", m->rows,
                            m->columns)
                : FF_FIT_OK;
}

/* out = x · in, or xᵀ · in. */
static void apply(const struct matrix *x, bool transposed, const struct matrix *in, const struct matrix *out)
{
    cblas_dgemm(CblasColMajor, transposed ? CblasTrans : CblasNoTrans, CblasNoTrans, out->rows, out->columns,
                in->rows, 1, x->values, x->rows, in->values, in->rows, 0, out->values, out->rows);
}

/* Of the span of left (orthonormal) the leading directions of x: right = xᵀ·left, whose small Gram matrix has
 * their variances. */
static int solve_within(struct ff_fit *fit, const struct matrix *right, size_t count, int rows,
                        double *variances, double *directions)
{
    int order = right->columns;
    double *gram = fit->alloc(fit, (size_t)order * (size_t)order, sizeof *gram);
    double *values = fit->alloc(fit, (size_t)order, sizeof *values);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, order, right->rows, 1, right->values, right->rows, 0,
                gram, order);
    int code = ff_eigen_solve(fit, gram, order, values);
    for (size_t j = 0; code == FF_FIT_OK && j < count; j++) {
        double value = fmax(values[(size_t)order - 1 - j], 0), length = sqrt(value);
        variances[j] = value / rows;
        cblas_dgemv(CblasColMajor, CblasNoTrans, right->rows, order, length > 0 ? 1 / length : 0,
                    right->values, right->rows, gram + ((size_t)order - 1 - j) * (size_t)order, 1, 0,
                    directions + j * (size_t)right->rows, 1);
    }
    return code;
}

int ff_sketch(struct ff_fit *fit, const double *x, size_t rows, size_t columns, size_t count,
              double *variances, double *directions)
{
    size_t smaller = rows < columns ? rows : columns;
    size_t vectors = count + SPARE < smaller ? count + SPARE : smaller;
    const struct matrix all = {(double *)(uintptr_t)x, (int)rows, (int)columns};
    struct matrix left = make(fit, rows, vectors), right = make(fit, columns, vectors);
    struct ff_random random = {vectors};
    int code = FF_FIT_OK;
    for (size_t i = 0; i < columns * vectors; i++)
        right.values[i] = ff_random_next(&random) & 1 ? 1 : -1;
    for (int round = 0; round <= ROUNDS && code == FF_FIT_OK; round++) {
        if (round)
            code = orthonormalize(fit, &right);
        apply(&all, false, &right, &left);
        if (code == FF_FIT_OK)
            code = orthonormalize(fit, &left);
        apply(&all, true, &left, &right);
    }
    return code == FF_FIT_OK ? solve_within(fit, &right, count, (int)rows, variances, directions) : code;
}

/* Divide and conquer (LAPACK dsyevd). Its work arrays come from the workspace, so the target's memory limit
 * holds for them too. */
#include "worker/models/eigen.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>

int ff_eigen_solve(struct ff_fit *fit, double *matrix, int order, double *values)
{
    double work_size;
    int integer_size;
    LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', order, matrix, order, values, &work_size, -1,
                        &integer_size, -1);
    double *work = fit->alloc(fit, (size_t)work_size, sizeof *work);
    int *integers = fit->alloc(fit, (size_t)integer_size, sizeof *integers);
    int info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', order, matrix, order, values, work,
                                   (int)work_size, integers, integer_size);
    if (info != 0)
        return fit->fail(fit, FF_FIT_NOT_CONVERGED, "dsyevd gave up on a %d x %d matrix (info %d)", order,
                         order, info);
    return FF_FIT_OK;
}

size_t ff_eigen_leading(const double *values, int order, double share, double *explained)
{
    double total = 0, kept = 0;
    size_t k = 0;
    for (int i = order; i-- > 0;)
        total += fmax(values[i], 0);
    for (int i = order; i-- > 0 && values[i] > 0 && (k == 0 || kept < share * total); k++)
        kept += values[i];
    *explained = kept / total;
    return k;
}

void ff_eigen_orient(double *vector, size_t p)
{
    size_t largest = cblas_idamax((int)p, vector, 1);
    if (vector[largest] < 0)
        cblas_dscal((int)p, -1, vector, 1);
}

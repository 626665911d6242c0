/* The few directions in which the rows of a large matrix vary most, without its full eigenproblem. */
#ifndef FF_WORKER_MODELS_SKETCH_H
#define FF_WORKER_MODELS_SKETCH_H

#include "worker/models/kind.h"

/* x: rows × columns, column by column. Fills variances[count], the largest eigenvalues of xᵀx/rows,
 * descending, and directions[count * columns], their unit eigenvectors one behind the other, both
 * approximated from below: those far from the end of the list to a few digits. count <= rows, columns.
 * FF_FIT_OK or NOT_CONVERGED with a message. */
int ff_sketch(struct ff_fit *fit, const double *x, size_t rows, size_t columns, size_t count,
              double *variances, double *directions);

#endif

/* Symmetric eigenproblems by LAPACK, in the workspace's memory. */
#ifndef FF_WORKER_MODELS_EIGEN_H
#define FF_WORKER_MODELS_EIGEN_H

#include "worker/models/kind.h"

/* Replaces matrix[order * order], of which the lower triangle is read, by its eigenvectors, column by column;
 * values ascend. FF_FIT_OK or FF_FIT_NOT_CONVERGED with a message. */
int ff_eigen_solve(struct ff_fit *fit, double *matrix, int order, double *values);

/* How many of the largest of values[order], which ascend, make up that share of their sum; 1 at least, if one
 * is positive. *explained: the share that they make up. */
size_t ff_eigen_leading(const double *values, int order, double share, double *explained);

/* Turns a vector of p so that its largest |entry| is positive: an eigenvector has no sign of its own. */
void ff_eigen_orient(double *vector, size_t p);

#endif

/* Minimum covariance determinant: mean and covariance of the share of rows that lie closest together. */
#ifndef FF_WORKER_MODELS_MCD_H
#define FF_WORKER_MODELS_MCD_H

#include "worker/models/kind.h"
#include "worker/models/random.h"

struct ff_mcd_options {
    double support; /* share of the rows, 0.5 to 1 */
    size_t starts;  /* at least 1 */
};

struct ff_mcd {
    double *centre;     /* p */
    double *variances;  /* p eigenvalues of the covariance, ascending, all above 0 */
    double *vectors;    /* eigenvector by eigenvector */
    double determinant; /* log, of the rows' covariance before reweighting */
    double shrinkage;   /* share of the mean eigenvalue in each */
};

/* x[n * p]: column by column, of the order of 1, none missing; n >= 2p. FF_FIT_OK or FF_FIT_NOT_CONVERGED
 * with a message. */
int ff_mcd_fit(struct ff_fit *fit, const double *x, size_t n, size_t p, const struct ff_mcd_options *options,
               struct ff_random random, struct ff_mcd *out);

#endif

/* The kinds that are built in. A new one is a file here, a line in registry.c, and its schema in
 * common/kinds.c. */
#ifndef FF_WORKER_MODELS_REGISTRY_H
#define FF_WORKER_MODELS_REGISTRY_H

#include "worker/models/kind.h"

extern const struct ff_kind ff_kind_seasonal;
extern const struct ff_kind ff_kind_ewma;
extern const struct ff_kind ff_kind_pca;
extern const struct ff_kind ff_kind_busy;
extern const struct ff_kind ff_kind_naive;
extern const struct ff_kind ff_kind_classical;
extern const struct ff_kind ff_kind_auto;
extern const struct ff_kind ff_kind_ensemble;
extern const struct ff_kind ff_kind_online;
extern const struct ff_kind ff_kind_ets;
extern const struct ff_kind ff_kind_holt_winters;
extern const struct ff_kind ff_kind_theta;
extern const struct ff_kind ff_kind_stl;
extern const struct ff_kind ff_kind_mstl;
extern const struct ff_kind ff_kind_iforest;
extern const struct ff_kind ff_kind_matrix_profile;
extern const struct ff_kind ff_kind_sub_pca;
extern const struct ff_kind ff_kind_spectral_residual;
extern const struct ff_kind ff_kind_quantile;
extern const struct ff_kind ff_kind_changepoint;
extern const struct ff_kind ff_kind_ecod;
extern const struct ff_kind ff_kind_mahalanobis;
extern const struct ff_kind ff_kind_iforest_rows;

/* NULL if there is none of that name. */
const struct ff_kind *ff_registry_find(const char *name);

#endif

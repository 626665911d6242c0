/* A handful of kinds: a table read from the front. */
#include "worker/models/registry.h"

#include <string.h>

/* clang-format off */
static const struct ff_kind *const kinds[] = {
    &ff_kind_seasonal,
    &ff_kind_ewma,
    &ff_kind_pca,
    &ff_kind_busy,
    &ff_kind_naive,
    &ff_kind_classical,
    &ff_kind_auto,
    &ff_kind_ensemble,
    &ff_kind_online,
    &ff_kind_ets,
    &ff_kind_holt_winters,
    &ff_kind_theta,
    &ff_kind_stl,
    &ff_kind_mstl,
    &ff_kind_iforest,
    &ff_kind_matrix_profile,
    &ff_kind_sub_pca,
    &ff_kind_spectral_residual,
    &ff_kind_quantile,
    &ff_kind_changepoint,
    &ff_kind_ecod,
    &ff_kind_mahalanobis,
    &ff_kind_iforest_rows,
};
/* clang-format on */

const struct ff_kind *ff_registry_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

/* How the built-in kinds read their parameters: the job's text, checked before it came here, into numbers. */
#ifndef FF_WORKER_MODELS_PARAMS_H
#define FF_WORKER_MODELS_PARAMS_H

#include "worker/models/kind.h"

struct ff_season {
    enum { FF_SEASON_AUTO, FF_SEASON_STEPS, FF_SEASON_DURATION } type;
    int64_t value; /* steps, or milliseconds; 0 for auto */
};

/* The value of a parameter, otherwise if it was not given. Returns FF_FIT_OK, or FF_FIT_BAD_PARAMETER with a
 * message in fit. */
int ff_params_number(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const char *name,
                     double otherwise, double *value);
/* The text of a parameter, NULL if it was not given. */
const char *ff_params_text(const struct ff_kind_param *params, size_t count, const char *name);
int ff_params_season(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const char *name,
                     struct ff_season *value);

#endif

/* The columns of a frame made comparable: unusable ones dropped and named, holes filled, mean 0, deviation 1.
 */
#ifndef FF_WORKER_MODELS_STANDARDIZE_H
#define FF_WORKER_MODELS_STANDARDIZE_H

#include "worker/models/kind.h"

struct ff_columns {
    size_t rows;
    size_t count;       /* of columns kept */
    double *x;          /* rows * count, column by column */
    const char **names; /* of the columns kept, in the order of the frame */
    double *means;
    double *sds;
    const char **dropped; /* names */
    const char **reasons; /* "constant", "missing" (more than half of it) or "not finite" */
    size_t dropped_count;
};

/* Everything in columns is allocated from fit. */
void ff_standardize(struct ff_fit *fit, const struct ff_kind_frame *frame, struct ff_columns *columns);

/* FF_FIT_OK, or NOT_ENOUGH_DATA or CONSTANT with a message if there are fewer rows or no column. */
int ff_columns_check(struct ff_fit *fit, const struct ff_columns *columns, size_t least_rows);
/* The parameters n, columns, dropped; those that ff_fitted_columns reads; dropped_names, dropped_reasons. */
void ff_columns_summarize(struct ff_fit *fit, const struct ff_columns *columns);
void ff_columns_export(struct ff_fit *fit, const struct ff_columns *columns);
void ff_columns_export_dropped(struct ff_fit *fit, const struct ff_columns *columns);

#define FF_NO_COLUMN SIZE_MAX

/* The same columns of a frame that is judged by a model with "names", "means" and "sds". */
struct ff_fitted_columns {
    size_t count;         /* of the model */
    const size_t *places; /* of each in the frame; FF_NO_COLUMN: the frame does not have it */
    const double *means;
    const double *sds;
};

/* false: the model does not have them, or they do not fit together. Allocates from fit. */
bool ff_fitted_columns(struct ff_fit *fit, const struct ff_kind_model *model,
                       const struct ff_kind_frame *frame, struct ff_fitted_columns *out);
/* Whether one of them has a value at the step. */
bool ff_fitted_columns_any(const struct ff_fitted_columns *columns, const struct ff_kind_frame *frame,
                           size_t step);
/* Standardized values of a step into row; 0 where one is missing. */
void ff_fitted_columns_row(const struct ff_fitted_columns *columns, const struct ff_kind_frame *frame,
                           size_t step, double *row);

/* Of a statistic that is 0 or more, and an anomaly above the limit. */
void ff_statistic_put(struct ff_kind_scores *scores, size_t step, double value, double limit);

#endif

/* A kind within a kind: fitted like any other, with what it emits caught, so that the outer one can try it,
 * forecast with it, and take its parameters over under a prefix. */
#ifndef FF_WORKER_MODELS_NESTED_H
#define FF_WORKER_MODELS_NESTED_H

#include "worker/models/kind.h"

struct ff_nested_param;

/* fit is first: what the inner kind is given is the address of the whole. */
struct ff_nested {
    struct ff_fit fit;
    struct ff_fit *outer;
    const struct ff_kind *kind;
    struct ff_nested_param *params; /* newest first */
    struct ff_kind_frame frame;     /* that was fitted */
};

/* Configures and fits; everything is allocated from outer, and so is the message of a failure. The kind's
 * params: those that are given, others have the kind's own defaults. Returns an ff_fit_code. */
int ff_nested_fit(struct ff_nested *nested, struct ff_fit *outer, const struct ff_kind *kind,
                  const struct ff_kind_param *params, size_t count, const struct ff_kind_frame *frame);
int ff_nested_score(struct ff_nested *nested, const struct ff_kind_frame *frame,
                    struct ff_kind_scores *scores);
int ff_nested_forecast(struct ff_nested *nested, size_t horizon, double coverage,
                       struct ff_kind_scores *scores);
/* Emits what was caught, its names behind the prefix. */
void ff_nested_emit(const struct ff_nested *nested, const char *prefix);

/* A model's parameters behind the prefix as a model of their own, of that format. Both are borrowed. */
struct ff_nested_model {
    struct ff_kind_model model; /* first */
    const struct ff_kind_model *outer;
    const char *prefix;
};
struct ff_nested_model ff_nested_view(const struct ff_kind_model *outer, const char *prefix,
                                      uint32_t format_version);

/* Arrays for so many steps, all NaN. */
struct ff_kind_scores ff_nested_scores(struct ff_fit *fit, size_t steps);

#endif

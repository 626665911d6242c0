/* Applies a fitted model: scores the steps of a frame, or forecasts.
 *
 * What comes out has the form of a model too, so that it travels and is stored as one: kind "score" or
 * "forecast", a part for each metric (of a multivariate model: for each of its statistics), and in it the
 * arrays "expected", "lower", "upper", where the kind judges by itself "score", and for statistics "value".
 * Runs within a workspace (ff_workspace_run): what is returned is in there. */
#ifndef FF_WORKER_APPLY_H
#define FF_WORKER_APPLY_H

#include "common/task.h"
#include "worker/emitter.h"

#define FF_APPLY_SCORE "score"
#define FF_APPLY_FORECAST "forecast"

/* The steps of a multivariate frame whose contributions are named: those above the limit, the worst first. */
enum { FF_APPLY_EXPLAINED_STEPS = 200, FF_APPLY_EXPLAINED_COLUMNS = 10 };

/* model is task->input, decoded. Returns FF_CODE_OK with *out, or a code with a message in the emitter:
 * BAD_PARAMETER if the kind is not known, cannot do it, or the model is not one of its own. */
enum ff_code ff_apply(struct ff_emitter *emitter, const struct ff_task *task, const struct ff_model *model,
                      struct ff_model *out);

/* The kind of that name: built in, or the plug-in that the task's specification names. NULL with a message.
 */
const struct ff_kind *ff_apply_kind(struct ff_fit *fit, const char *name, const struct ff_fit_spec *spec);
/* The same for one part of a model and one metric, into arrays of `count` steps (all NaN at first). */
int ff_apply_score(struct ff_fit *fit, const struct ff_kind *kind, const struct ff_model *model, size_t part,
                   const struct ff_kind_frame *frame, struct ff_kind_scores *scores);
int ff_apply_forecast(struct ff_fit *fit, const struct ff_kind *kind, const struct ff_model *model,
                      size_t part, size_t horizon, double coverage, struct ff_kind_scores *scores);
/* The scores of a column of the task's frame by the model's part for its metric, with what the model says of
 * alerts: an ff_fit_code, or NO_MODEL. */
int ff_apply_column(struct ff_fit *fit, const struct ff_task *task, const struct ff_model *model,
                    size_t column, struct ff_kind_scores *scores);
/* Arrays for so many steps, all NaN. */
struct ff_kind_scores ff_apply_arrays(struct ff_fit *fit, size_t steps);

#endif

/* Whether a new model may take the place of the one in use: both judge the last rows. */
#ifndef FF_WORKER_PROMOTION_H
#define FF_WORKER_PROMOTION_H

#include "common/task.h"
#include "worker/emitter.h"

/* Both were fitted to the target or its past; task->model->promotion says what is allowed. Runs within a
 * workspace. FF_CODE_OK, or NOT_PROMOTED with a message that names the metric. A metric for which one of the
 * models says nothing of the last rows is not compared. */
enum ff_code ff_promotion_check(struct ff_emitter *emitter, const struct ff_task *task,
                                const struct ff_model *old, const struct ff_model *made);

#endif

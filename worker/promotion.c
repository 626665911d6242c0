/* The new model has seen the rows that it is judged by, the old one mostly has not: one that is worse
 * nonetheless has lost its way (a kind that fell for an outage, a season that is not there any more). */
#include "worker/promotion.h"

#include "common/text.h"
#include "worker/alerts.h"
#include "worker/apply.h"

#include <math.h>
#include <stdlib.h>

struct judgement {
    bool is_there; /* the model judges the metric */
    size_t alerts; /* stretches above the threshold */
    struct ff_kind_scores scores;
};

static size_t first_step(const struct ff_task *task)
{
    const struct ff_frame *frame = &task->frame;
    uint64_t last = (uint64_t)((task->model->promotion.last_ms + frame->step_ms - 1) / frame->step_ms);
    return last < frame->steps ? frame->steps - (size_t)last : 0;
}

static struct judgement judge(struct ff_emitter *emitter, const struct ff_task *task,
                              const struct ff_model *model, size_t column)
{
    const double *values = ff_frame_column(&task->frame, column);
    struct judgement out = {.scores = ff_apply_arrays(&emitter->fit, task->frame.steps)};
    bool inside = false;
    out.is_there = ff_apply_column(&emitter->fit, task, model, column, &out.scores) == FF_FIT_OK;
    for (size_t i = first_step(task); out.is_there && i < task->frame.steps; i++) {
        bool above = ff_alerts_score(FF_ALERT_BOTH, values[i], &out.scores, i) > 1;
        out.alerts += above && !inside;
        inside = above;
    }
    return out;
}

/* A kind without a band judges by a score of its own: what it expects is a side, and no prediction. */
static bool predicts(const struct ff_kind_scores *scores, size_t step)
{
    return isfinite(scores->lower[step]) || isfinite(scores->upper[step]);
}

/* Mean |error| of each over the steps that both predict; false: there are none. */
static bool compare(const struct ff_task *task, size_t column, const struct judgement *old,
                    const struct judgement *made, double *old_error, double *made_error)
{
    const double *values = ff_frame_column(&task->frame, column);
    size_t count = 0;
    *old_error = *made_error = 0;
    for (size_t i = first_step(task); i < task->frame.steps; i++) {
        double a = fabs(values[i] - old->scores.expected[i]), b = fabs(values[i] - made->scores.expected[i]);
        if (isnan(a) || isnan(b) || !predicts(&old->scores, i) || !predicts(&made->scores, i))
            continue;
        *old_error += a;
        *made_error += b;
        count++;
    }
    *old_error /= (double)count;
    *made_error /= (double)count;
    return count > 0;
}

static enum ff_code check_column(struct ff_emitter *emitter, const struct ff_task *task,
                                 const struct ff_model *old_model, const struct ff_model *made_model,
                                 size_t column, size_t *alerts)
{
    const struct ff_promotion *allowed = &task->model->promotion;
    struct ff_fit *fit = &emitter->fit;
    struct judgement made = judge(emitter, task, made_model, column);
    struct judgement old = judge(emitter, task, old_model, column);
    double old_error, made_error;
    *alerts += made.alerts;
    if (allowed->max_alerts >= 0 && *alerts > (uint64_t)allowed->max_alerts && old.is_there)
        return (enum ff_code)fit->fail(
            fit, FF_CODE_NOT_PROMOTED,
            "the new model raises %zu alert%s in the last %g h, at most %lld are allowed", *alerts,
            ff_plural(*alerts), (double)allowed->last_ms / 3600000, (long long)allowed->max_alerts);
    if (allowed->max_worse < 0 || !old.is_there || !made.is_there ||
        !compare(task, column, &old, &made, &old_error, &made_error))
        return FF_CODE_OK;
    if (made_error > (1 + allowed->max_worse) * old_error)
        return (enum ff_code)fit->fail(fit, FF_CODE_NOT_PROMOTED,
                                       "%s: the new model's mean error in the last %g h is %.6g, %.6g for "
                                       "the one in use: at most %g %% more is "
                                       "allowed",
                                       task->metrics[column], (double)allowed->last_ms / 3600000, made_error,
                                       old_error, 100 * allowed->max_worse);
    return FF_CODE_OK;
}

enum ff_code ff_promotion_check(struct ff_emitter *emitter, const struct ff_task *task,
                                const struct ff_model *old, const struct ff_model *made)
{
    enum ff_code code = FF_CODE_OK;
    size_t alerts = 0;
    for (size_t i = 0; i < task->frame.columns && code == FF_CODE_OK; i++)
        code = check_column(emitter, task, old, made, i, &alerts);
    return code;
}

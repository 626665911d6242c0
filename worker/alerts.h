/* How far a score must go before somebody is woken: a threshold from the tail of a target's own scores, so
 * that alerts come as often as the job allows, whatever the kind and however its scores are distributed. */
#ifndef FF_WORKER_ALERTS_H
#define FF_WORKER_ALERTS_H

#include "common/alert_rule.h"
#include "worker/emitter.h"
#include "worker/models/nested.h"

struct ff_alert_case {
    const struct ff_kind *kind;
    const struct ff_kind_param *params;
    size_t param_count;
    const struct ff_alerts *alerts;
    size_t metrics;           /* of the target, which share what it is allowed */
    struct ff_nested *fitted; /* the model */
};

/* Emits alert_threshold and what else the job says of alerts, for a model that was just fitted to frame. The
 * threshold is taken from scores of rows that the kind has not seen: those of the last third by a fit of what
 * is before it, in units of the model's own band there. Where that cannot be done it is NaN, and the kind's
 * own band counts. */
void ff_alerts_emit(struct ff_fit *fit, const struct ff_alert_case *of, const struct ff_kind_frame *frame);

/* Bends the bands and scores of a frame to what its model says of alerts. */
void ff_alerts_apply(const struct ff_alert_rule *rule, const struct ff_kind_frame *frame,
                     struct ff_kind_scores *scores);

/* As ff_alert_score(), of a step. */
double ff_alerts_score(enum ff_alert_direction direction, double value, const struct ff_kind_scores *scores,
                       size_t step);

/* The level that the peaks of a tail exceed `wanted` times: peaks over threshold. Sorts peaks, count >= 1. */
double ff_alerts_level(double *peaks, size_t count, double wanted);

#endif

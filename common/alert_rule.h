/* From what a kind says of a value to what people are told: the threshold of a model, and what its job says
 * of alerts. One rule for whoever judges: executors, step by step of a frame, and score --online, row by row.
 */
#ifndef FF_COMMON_ALERT_RULE_H
#define FF_COMMON_ALERT_RULE_H

#include "common/model.h"
#include "common/task.h"

/* What is said of a value. */
struct ff_score {
    double expected, lower, upper, score; /* NaN: not known; a score: the place in the band says it all */
};

struct ff_alert_rule {
    double threshold; /* of scores */
    enum ff_alert_direction direction;
    double least_deviation; /* from what is expected; whatever the threshold and the kind's own score */
    int64_t least_length;   /* of a stretch, in steps or whatever ff_alert_rule_wait() counts; 0: any */
};

/* Values above the threshold, one behind the other. All zero: there are none. */
struct ff_alert_stretch {
    int64_t length;      /* up to the least */
    double lower, upper; /* the band as it was for the first */
    double score;        /* the largest */
};

/* By enum ff_alert_direction: both, above, below. */
extern const char *const ff_alert_directions[FF_ALERT_DIRECTIONS];

/* Steps that a stretch must last; 0: one is enough. */
int64_t ff_alert_least_steps(int64_t least_duration_ms, int64_t step_ms);

/* What a model of one metric says; its least length is in steps. */
struct ff_alert_rule ff_alert_rule_of(const struct ff_model_part *part);

/* The score of a value by the band, or the kind's own; 0 on the side that does not count, NaN: not judged. */
double ff_alert_score(enum ff_alert_direction direction, double value, const struct ff_score *score);

/* Bends band and score of a value to the rule, whatever its least length. */
void ff_alert_rule_bend(const struct ff_alert_rule *rule, double value, struct ff_score *score);

/* The next value behind those that the stretch was told of, and how long it lasts. A stretch goes on while
 * the score is above 1; by a kind's own score, which may tell no more than that something has begun (online),
 * also while values stay outside of the band that was there before. Until it is long enough its values count
 * as if they were on the edge; the one with which it is counts as the worst of them, should the kind's own
 * score have forgotten it. A missing value neither ends a stretch nor is part of it. */
void ff_alert_rule_wait(const struct ff_alert_rule *rule, double value, int64_t lasts,
                        struct ff_alert_stretch *stretch, struct ff_score *score);

#endif

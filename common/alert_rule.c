#include "common/alert_rule.h"

#include <math.h>
#include <string.h>

const char *const ff_alert_directions[FF_ALERT_DIRECTIONS] = {"both", "above", "below"};

int64_t ff_alert_least_steps(int64_t least_duration_ms, int64_t step_ms)
{
    return least_duration_ms > step_ms ? (least_duration_ms - 1) / step_ms + 1 : 0;
}

/* ---- what a model says ---- */

static double positive(const struct ff_model_part *part, const char *name, double otherwise)
{
    const struct ff_model_param *param = ff_model_param(part, name, FF_VALUE_NUMBER);
    return param && param->number > 0 ? param->number : otherwise;
}

static enum ff_alert_direction direction_of(const struct ff_model_part *part)
{
    const struct ff_model_param *param = ff_model_param(part, "alert_direction", FF_VALUE_TEXT);
    for (int i = 0; param && i < FF_ALERT_DIRECTIONS; i++)
        if (strcmp(param->text, ff_alert_directions[i]) == 0)
            return (enum ff_alert_direction)i;
    return FF_ALERT_BOTH;
}

struct ff_alert_rule ff_alert_rule_of(const struct ff_model_part *part)
{
    const struct ff_model_param *steps = ff_model_param(part, "alert_min_steps", FF_VALUE_INTEGER);
    return (struct ff_alert_rule){positive(part, "alert_threshold", 1), direction_of(part),
                                  positive(part, "alert_min_deviation", 0),
                                  steps && steps->integer > 0 ? steps->integer : 0};
}

/* ---- using it ---- */

static double side_score(double value, double expected, double bound)
{
    return bound == expected ? INFINITY : (value - expected) / (bound - expected);
}

double ff_alert_score(enum ff_alert_direction direction, double value, const struct ff_score *score)
{
    if (isnan(value) || isnan(score->expected))
        return NAN;
    bool above = value > score->expected, below = value < score->expected;
    if ((direction == FF_ALERT_ABOVE && !above) || (direction == FF_ALERT_BELOW && !below))
        return 0;
    if (!isnan(score->score))
        return score->score;
    if (!above && !below)
        return 0;
    return side_score(value, score->expected, above ? score->upper : score->lower);
}

void ff_alert_rule_bend(const struct ff_alert_rule *rule, double value, struct ff_score *score)
{
    double expected = score->expected, deviation = rule->least_deviation;
    score->upper = fmax(expected + rule->threshold * (score->upper - expected), expected + deviation);
    score->lower = fmin(expected - rule->threshold * (expected - score->lower), expected - deviation);
    score->score /= rule->threshold;
    if (!isnan(score->score) &&
        (fabs(value - expected) < deviation || ff_alert_score(rule->direction, value, score) == 0))
        score->score = 0; /* too near, or on the side that does not count */
    if (rule->direction == FF_ALERT_ABOVE)
        score->lower = -INFINITY;
    if (rule->direction == FF_ALERT_BELOW)
        score->upper = INFINITY;
}

static bool goes_on(const struct ff_alert_stretch *stretch, double value, const struct ff_score *score)
{
    bool has_own = !isnan(score->score);
    return stretch->score > 0 && has_own && (value < stretch->lower || value > stretch->upper);
}

void ff_alert_rule_wait(const struct ff_alert_rule *rule, double value, int64_t lasts,
                        struct ff_alert_stretch *stretch, struct ff_score *score)
{
    double now = ff_alert_score(rule->direction, value, score);
    int64_t least = rule->least_length, before;
    if (isnan(now) || least == 0)
        return;
    if (now <= 1 && !goes_on(stretch, value, score)) {
        *stretch = (struct ff_alert_stretch){0};
        return;
    }
    if (stretch->score == 0)
        *stretch = (struct ff_alert_stretch){0, score->lower, score->upper, 0};
    before = stretch->length;
    stretch->length = lasts < least - before ? before + lasts : least;
    stretch->score = fmax(stretch->score, now);
    if (stretch->length < least)
        score->score = fmin(now, 1);
    else if (before < least && now <= 1)
        score->score = stretch->score;
}

/* Alerts are counted as people count them: a stretch of steps above the threshold is one. So the tail is that
 * of the peaks of stretches, runs of scores above their own 90 % quantile.
 *
 * Where the rows that were held back hold enough peaks for what is wanted, the threshold lies between two of
 * them; beyond that a generalized Pareto distribution of the largest tenth is followed (Pickands 1975;
 * probability weighted moments by Hosking & Wallis, "Parameter and quantile estimation for the generalized
 * Pareto distribution", Technometrics 29 (1987); as in SPOT, Siffer et al. 2017). */
#include "worker/alerts.h"

#include "worker/models/stats.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_STEPS = 60, FEW_PEAKS = 8, LEAST_TAIL = 10, ENOUGH = 5 };

static const double week_ms = 7 * 86400000.0, held_back = 1.0 / 3, base_share = 0.9;

/* ---- the tail ---- */

static int descending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a < b) - (a > b);
}

/* Level that a share of the exceedances over u lies above; y: exceedances, sorted from the largest. */
static double pareto_level(const double *peaks, size_t tail, double share)
{
    double u = peaks[tail], mean = 0, weighted = 0;
    for (size_t i = 0; i < tail; i++) {
        double y = peaks[i] - u;
        mean += y / (double)tail;
        weighted += y * ((double)i + 0.65) / (double)tail / (double)tail; /* plotting position of 1 − F */
    }
    double spread = mean - 2 * weighted;
    if (!(mean > 0) || !(spread > 0))
        return peaks[0];
    double xi = 2 - mean / spread, sigma = 2 * mean * weighted / spread;
    xi = xi < -0.5 ? -0.5 : xi > 0.5 ? 0.5 : xi;
    if (fabs(xi) < 1e-6)
        return u - sigma * log(share);
    return u + sigma / xi * (pow(share, -xi) - 1);
}

double ff_alerts_level(double *peaks, size_t count, double wanted)
{
    qsort(peaks, count, sizeof *peaks, descending);
    size_t tail = count / 10 > LEAST_TAIL ? count / 10 : LEAST_TAIL;
    if (wanted >= (double)count)
        return peaks[count - 1];
    if (wanted >= ENOUGH || tail >= count) {
        size_t at = (size_t)wanted;
        double part = wanted - (double)at, next = at + 1 < count ? peaks[at + 1] : peaks[at];
        return tail >= count && wanted < 1 ? peaks[0] * (1 + 0.25 * log(1 / fmax(wanted, 1e-3)))
                                           : peaks[at] + part * (next - peaks[at]);
    }
    return pareto_level(peaks, tail, wanted / (double)tail);
}

/* ---- scores of rows that were held back ---- */

static struct ff_score score_at(const struct ff_kind_scores *scores, size_t i)
{
    return (struct ff_score){scores->expected[i], scores->lower[i], scores->upper[i], scores->score[i]};
}

double ff_alerts_score(enum ff_alert_direction direction, double value, const struct ff_kind_scores *scores,
                       size_t i)
{
    struct ff_score score = score_at(scores, i);
    return ff_alert_score(direction, value, &score);
}

/* The same, 0 where it is too near to what is expected for an alert. */
static double score_for(const struct ff_alerts *alerts, double value, const struct ff_kind_scores *scores,
                        size_t i)
{
    bool is_near = fabs(value - scores->expected[i]) < alerts->least_deviation;
    return is_near ? 0 : ff_alerts_score(alerts->direction, value, scores, i);
}

/* The largest score of each stretch above the base; returns how many. */
static size_t find_peaks(const double *scores, size_t n, double base, double *peaks)
{
    size_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        bool above = scores[i] > base;
        if (above && !inside)
            peaks[count++] = scores[i];
        else if (above)
            peaks[count - 1] = fmax(peaks[count - 1], scores[i]);
        inside = above;
    }
    return count;
}

static double base_of(struct ff_fit *fit, const double *scores, size_t n)
{
    double *sorted = fit->alloc(fit, n, sizeof *sorted);
    size_t count = ff_finite_values(scores, n, sorted);
    if (count == 0)
        return INFINITY;
    qsort(sorted, count, sizeof *sorted, descending);
    return sorted[(size_t)((1 - base_share) * (double)(count - 1))];
}

/* The band of the fit that has not seen the rows, over the model's own: an odd value among the rows of one
 * may have widened it. 1 for kinds without a band. */
static double compare_bands(struct ff_fit *fit, struct ff_nested *model, const struct ff_kind_frame *frame,
                            const struct ff_kind_scores *unseen)
{
    struct ff_kind_scores seen = ff_nested_scores(fit, frame->steps);
    double *ratios = fit->alloc(fit, frame->steps, sizeof *ratios);
    size_t count = 0;
    if (ff_nested_score(model, frame, &seen) != FF_FIT_OK)
        return 1;
    for (size_t i = 0; i < frame->steps; i++) {
        double ratio = (unseen->upper[i] - unseen->lower[i]) / (seen.upper[i] - seen.lower[i]);
        if (isfinite(ratio) && ratio > 0)
            ratios[count++] = ratio;
    }
    return count ? ff_median(ratios, count) : 1;
}

/* Fewer peaks than FEW_PEAKS (windows change slowly; most scores are alike) are enough to say that the kind's
 * own band gives too many alerts, not that it could be narrower. Where no score stands out at all, the
 * largest is a single peak. */
static double level_of(struct ff_fit *fit, const double *judged, size_t n, double wanted, double unit)
{
    double *peaks = fit->alloc(fit, n, sizeof *peaks), base = base_of(fit, judged, n);
    size_t count = find_peaks(judged, n, base, peaks);
    bool is_few = count < FEW_PEAKS;
    if (count == 0)
        peaks[count++] = base;
    double level = unit * ff_alerts_level(peaks, count, wanted);
    return is_few ? fmax(level, 1) : level;
}

/* NaN: it cannot be told. */
static double find_threshold(struct ff_fit *fit, const struct ff_alert_case *of,
                             const struct ff_kind_frame *frame)
{
    size_t origin = frame->steps - (size_t)((double)frame->steps * held_back), n = frame->steps - origin;
    struct ff_kind_frame before = *frame, after = *frame;
    struct ff_nested nested;
    before.steps = origin;
    after.steps = n;
    after.values += origin;
    after.t0_ms += (int64_t)origin * frame->step_ms;
    if (frame->steps < LEAST_STEPS || !of->kind->score ||
        ff_nested_fit(&nested, fit, of->kind, of->params, of->param_count, &before) != FF_FIT_OK)
        return NAN;
    struct ff_kind_scores scores = ff_nested_scores(fit, n);
    if (ff_nested_score(&nested, &after, &scores) != FF_FIT_OK)
        return NAN;
    double *judged = fit->alloc(fit, n, sizeof *judged);
    for (size_t i = 0; i < n; i++)
        judged[i] = score_for(of->alerts, after.values[i], &scores, i);
    double weeks = (double)n * (double)frame->step_ms / week_ms;
    return level_of(fit, judged, n, of->alerts->per_week * weeks / (double)of->metrics,
                    compare_bands(fit, of->fitted, &after, &scores));
}

void ff_alerts_emit(struct ff_fit *fit, const struct ff_alert_case *of, const struct ff_kind_frame *frame)
{
    const struct ff_alerts *alerts = of->alerts;
    double threshold = alerts->per_week > 0 ? find_threshold(fit, of, frame) : NAN;
    int64_t least = ff_alert_least_steps(alerts->least_duration_ms, frame->step_ms);
    if (alerts->per_week > 0)
        fit->number(fit, "alert_threshold", isfinite(threshold) && threshold > 0 ? threshold : NAN,
                    FF_SUMMARY);
    if (alerts->direction != FF_ALERT_BOTH)
        fit->text(fit, "alert_direction", ff_alert_directions[alerts->direction], FF_EXPORT);
    if (alerts->least_deviation > 0)
        fit->number(fit, "alert_min_deviation", alerts->least_deviation, FF_EXPORT);
    if (least)
        fit->integer(fit, "alert_min_steps", least, FF_EXPORT);
}

/* ---- using it ---- */

void ff_alerts_apply(const struct ff_alert_rule *rule, const struct ff_kind_frame *frame,
                     struct ff_kind_scores *scores)
{
    struct ff_alert_stretch stretch = {0};
    for (size_t i = 0; i < frame->steps; i++) {
        struct ff_score score = score_at(scores, i);
        ff_alert_rule_bend(rule, frame->values[i], &score);
        ff_alert_rule_wait(rule, frame->values[i], 1, &stretch, &score);
        scores->lower[i] = score.lower;
        scores->upper[i] = score.upper;
        scores->score[i] = score.score;
    }
}

/* How good scores are by what is known to be anomalous. Pure.
 *
 * A series is the rows of one target in order of time: a score each (NaN counts as 0), and whether it is
 * anomalous. An event is a stretch of anomalous rows, an alarm a stretch of rows with score > threshold. */
#ifndef FF_COORDINATOR_EVALUATION_H
#define FF_COORDINATOR_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ff_event {
    size_t first, last; /* rows, both belong to it */
};

struct ff_judged {
    const char *target;
    const int64_t *times_ms;
    const double *scores;
    const struct ff_event *events; /* in order, apart from each other */
    size_t event_count;
    size_t rows;
};

/* ---- at one threshold ---- */

/* Sums over series. */
struct ff_detection {
    uint64_t rows, anomalous_rows, alarm_rows, true_rows; /* true: both */
    uint64_t events, detected;
    uint64_t alarms, true_alarms; /* true: overlaps an event */
    double delay_ms, delay_rows;  /* from an event's first row to its first alarm row, over detected ones */
    double days;                  /* from first to last row, over targets */
};
/* Adds a series. */
void ff_detection_add(struct ff_detection *sum, const struct ff_judged *series, double threshold);

/* 0 to 1; NaN: there is nothing to divide by. */
struct ff_rates {
    double precision, recall, f1;
};
struct ff_rates ff_detection_by_row(const struct ff_detection *sum);
struct ff_rates ff_detection_by_event(const struct ff_detection *sum);

/* ---- over all thresholds ---- */

/* The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015), normalised: 0 is a detector that is
 * silent, 100 a perfect one. Rows before min(0.15·n, 750) do not count. */
enum ff_nab_profile { FF_NAB_STANDARD, FF_NAB_LOW_FP, FF_NAB_LOW_FN, FF_NAB_PROFILES };
struct ff_nab {
    double at_threshold; /* with score >= threshold as detection */
    double best;         /* with the one threshold for all series that gives most */
    double best_threshold;
};
/* NaN where there is no event. */
struct ff_nab ff_nab_score(const struct ff_judged *series, size_t count, enum ff_nab_profile profile,
                           double threshold);

/* Volume under the surface (Paparrizos et al. 2022): the areas under the range-based ROC and precision-recall
 * curves, averaged over buffers of 0 … buffer rows around each event, with 250 thresholds. NaN without events
 * or where every row is anomalous. */
struct ff_vus {
    double roc, pr;
};
struct ff_vus ff_vus_score(const struct ff_judged *series, size_t buffer);

#endif

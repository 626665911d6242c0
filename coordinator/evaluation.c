#include "coordinator/evaluation.h"

#include "common/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- at one threshold ---- */

static bool is_alarm(const struct ff_judged *series, size_t row, double threshold)
{
    return series->scores[row] > threshold;
}

static void add_event(struct ff_detection *sum, const struct ff_judged *series, const struct ff_event *event,
                      double threshold)
{
    bool found = false;
    for (size_t row = event->first; row <= event->last; row++) {
        if (!is_alarm(series, row, threshold))
            continue;
        if (!found) {
            sum->delay_rows += (double)(row - event->first);
            sum->delay_ms += (double)(series->times_ms[row] - series->times_ms[event->first]);
        }
        found = true;
        sum->true_rows++;
    }
    sum->events++;
    sum->detected += found;
    sum->anomalous_rows += event->last - event->first + 1;
}

/* Whether an event overlaps the rows; *at moves on over events that end before them. */
static bool overlaps(const struct ff_judged *series, size_t first, size_t last, size_t *at)
{
    while (*at < series->event_count && series->events[*at].last < first)
        ++*at;
    return *at < series->event_count && series->events[*at].first <= last;
}

void ff_detection_add(struct ff_detection *sum, const struct ff_judged *series, double threshold)
{
    size_t at = 0;
    for (size_t i = 0; i < series->event_count; i++)
        add_event(sum, series, &series->events[i], threshold);
    for (size_t row = 0; row < series->rows; row++) {
        size_t first = row;
        if (!is_alarm(series, row, threshold))
            continue;
        while (row + 1 < series->rows && is_alarm(series, row + 1, threshold))
            row++;
        sum->alarms++;
        sum->alarm_rows += row - first + 1;
        sum->true_alarms += overlaps(series, first, row, &at);
    }
    sum->rows += series->rows;
    if (series->rows)
        sum->days += (double)(series->times_ms[series->rows - 1] - series->times_ms[0]) / 86400000;
}

static struct ff_rates rates(uint64_t right, uint64_t alarmed, uint64_t found, uint64_t wanted)
{
    struct ff_rates out = {alarmed ? (double)right / (double)alarmed : NAN,
                           wanted ? (double)found / (double)wanted : NAN, NAN};
    double sum = out.precision + out.recall;
    if (!isnan(sum))
        out.f1 = sum > 0 ? 2 * out.precision * out.recall / sum : 0;
    return out;
}

struct ff_rates ff_detection_by_row(const struct ff_detection *sum)
{
    return rates(sum->true_rows, sum->alarm_rows, sum->true_rows, sum->anomalous_rows);
}

struct ff_rates ff_detection_by_event(const struct ff_detection *sum)
{
    return rates(sum->true_alarms, sum->alarms, sum->detected, sum->events);
}

/* ---- NAB ---- */

struct nab_row {
    double score;
    size_t event; /* over all series; SIZE_MAX: outside */
    double value;
};

/* 1 at the left edge of a window (x = −1), 0 at its right, −1 far behind it. */
static double nab_shape(double x)
{
    return x > 3 ? -1 : 2 / (1 + exp(5 * x)) - 1;
}

static size_t probation(size_t rows)
{
    size_t part = rows * 15 / 100;
    return part < 750 ? part : 750;
}

/* The value of an alarm at a row, before weights. next: the first event that does not end before it. */
static double nab_value(const struct ff_judged *series, size_t row, size_t next)
{
    static const double most = 0.98661429815143;
    if (next < series->event_count && series->events[next].first <= row) {
        const struct ff_event *event = &series->events[next];
        double width = (double)(event->last - event->first + 1);
        return nab_shape(-(double)(event->last - row + 1) / width) / most;
    }
    if (next == 0)
        return -1;
    const struct ff_event *last = &series->events[next - 1];
    return nab_shape((double)(row - last->last) / (double)(last->last - last->first));
}

static size_t nab_rows(const struct ff_judged *series, size_t first_event, struct nab_row *out)
{
    size_t count = 0, next = 0;
    for (size_t row = 0; row < series->rows; row++) {
        while (next < series->event_count && series->events[next].last < row)
            next++;
        if (row < probation(series->rows))
            continue;
        bool inside = next < series->event_count && series->events[next].first <= row;
        double score = series->scores[row];
        out[count++] = (struct nab_row){isnan(score) ? 0 : score, inside ? first_event + next : SIZE_MAX,
                                        nab_value(series, row, next)};
    }
    return count;
}

static int by_score(const void *left, const void *right)
{
    double a = ((const struct nab_row *)left)->score, b = ((const struct nab_row *)right)->score;
    return (a < b) - (a > b);
}

struct nab_weights {
    double fp, fn;
};

/* Adds the detections of all rows with one score; returns the first row behind them. */
static size_t nab_take(const struct nab_row *rows, size_t count, size_t at, const struct nab_weights *weights,
                       double *parts, double *total)
{
    for (double score = rows[at].score; at < count && rows[at].score == score; at++) {
        const struct nab_row *row = &rows[at];
        if (row->event == SIZE_MAX) {
            *total += weights->fp * row->value;
        } else if (row->value > parts[row->event]) {
            *total += row->value - parts[row->event];
            parts[row->event] = row->value;
        }
    }
    return at;
}

/* 100 is perfect: the constant of nab_value, which is NAB's, is a little smaller than the shape's highest
 * value. */
static double nab_normal(double total, double base, size_t events)
{
    double score = 100 * (total - base) / ((double)events - base);
    return score > 100 ? 100 : score;
}

static struct ff_nab nab_sweep(struct nab_row *rows, size_t count, size_t events,
                               const struct nab_weights *weights, double threshold)
{
    double *parts = ff_xalloc((events + 1) * sizeof *parts), base = 0;
    for (size_t i = 0; i < events; i++)
        parts[i] = NAN;
    for (size_t i = 0; i < count; i++)
        if (rows[i].event != SIZE_MAX && isnan(parts[rows[i].event])) {
            parts[rows[i].event] = -weights->fn; /* a window inside the probation counts for nobody */
            base -= weights->fn;
        }
    qsort(rows, count, sizeof *rows, by_score);
    double total = base, at_threshold = base, best = base, best_threshold = INFINITY;
    for (size_t i = 0; i < count;) {
        double score = rows[i].score;
        i = nab_take(rows, count, i, weights, parts, &total);
        if (score >= threshold)
            at_threshold = total;
        if (total > best) {
            best = total;
            best_threshold = score;
        }
    }
    free(parts);
    return (struct ff_nab){nab_normal(at_threshold, base, events), nab_normal(best, base, events),
                           best_threshold};
}

struct ff_nab ff_nab_score(const struct ff_judged *series, size_t count, enum ff_nab_profile profile,
                           double threshold)
{
    static const struct nab_weights weights[] = {{0.11, 1}, {0.22, 1}, {0.11, 2}};
    size_t total = 0, used = 0, events = 0;
    for (size_t i = 0; i < count; i++)
        total += series[i].rows;
    struct nab_row *rows = ff_xalloc((total + 1) * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        used += nab_rows(&series[i], events, rows + used);
        events += series[i].event_count;
    }
    struct ff_nab out = {NAN, NAN, NAN};
    if (events)
        out = nab_sweep(rows, used, events, &weights[profile], threshold);
    free(rows);
    return out;
}

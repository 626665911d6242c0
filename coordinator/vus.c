/* For a buffer of w rows a row at distance d ≤ w/2 of an event counts √(1 − d/w) of an anomalous row; events
 * whose zones of w/2 rows to each side touch are one for the existence reward. Thresholds are 250 places in
 * the sorted scores, so a row has a rank: the first threshold at which it is an alarm. What the curves need
 * are sums over ranks, so that a buffer costs one pass over the rows near events. */
#include "coordinator/evaluation.h"

#include "common/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { THRESHOLDS = 250 };

struct vus {
    const struct ff_judged *series;
    uint32_t *rank;            /* of each row */
    double alarms[THRESHOLDS]; /* rows at or above each threshold */
    double hits[THRESHOLDS];   /* of them in events */
    double anomalous;          /* rows in events */
    double *weight;            /* of each row, for the current buffer; 0 in events */
    struct ff_event *zones;
};

static double score_at(const struct ff_judged *series, size_t row)
{
    return isnan(series->scores[row]) ? 0 : series->scores[row];
}

static int descending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a < b) - (a > b);
}

static void find_thresholds(const struct ff_judged *series, double *thresholds)
{
    double *sorted = ff_xalloc(series->rows * sizeof *sorted);
    for (size_t row = 0; row < series->rows; row++)
        sorted[row] = score_at(series, row);
    qsort(sorted, series->rows, sizeof *sorted, descending);
    for (size_t k = 0; k < THRESHOLDS; k++)
        thresholds[k] = sorted[(size_t)((double)k * ((double)(series->rows - 1) / (THRESHOLDS - 1)))];
    free(sorted);
}

static uint32_t rank_of(const double *thresholds, double score)
{
    uint32_t low = 0, high = THRESHOLDS - 1; /* every score reaches the last one */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (score >= thresholds[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void accumulate(double *counts)
{
    for (size_t k = 1; k < THRESHOLDS; k++)
        counts[k] += counts[k - 1];
}

static void rank_rows(struct vus *vus)
{
    const struct ff_judged *series = vus->series;
    double thresholds[THRESHOLDS];
    find_thresholds(series, thresholds);
    for (size_t row = 0; row < series->rows; row++) {
        vus->rank[row] = rank_of(thresholds, score_at(series, row));
        vus->alarms[vus->rank[row]]++;
    }
    for (size_t i = 0; i < series->event_count; i++)
        for (size_t row = series->events[i].first; row <= series->events[i].last; row++) {
            vus->hits[vus->rank[row]]++;
            vus->anomalous++;
        }
    accumulate(vus->alarms);
    accumulate(vus->hits);
}

static size_t minus(size_t row, size_t distance)
{
    return row > distance ? row - distance : 0;
}

/* Events with half a buffer around them, those that touch together; returns how many. */
static size_t find_zones(struct vus *vus, size_t buffer)
{
    const struct ff_judged *series = vus->series;
    size_t count = 0, half = buffer / 2;
    for (size_t i = 0; i < series->event_count; i++) {
        size_t first = minus(series->events[i].first, half), last = series->events[i].last + half;
        last = last < series->rows ? last : series->rows - 1;
        if (count && first <= vus->zones[count - 1].last)
            vus->zones[count - 1].last = last;
        else
            vus->zones[count++] = (struct ff_event){first, last};
    }
    return count;
}

static void add_weight(struct vus *vus, size_t row, size_t distance, size_t buffer)
{
    vus->weight[row] = fmin(1, vus->weight[row] + sqrt(1 - (double)distance / (double)buffer));
}

static void weigh(struct vus *vus, size_t zones, size_t buffer)
{
    const struct ff_judged *series = vus->series;
    for (size_t z = 0; z < zones; z++)
        for (size_t row = vus->zones[z].first; row <= vus->zones[z].last; row++)
            vus->weight[row] = 0;
    for (size_t i = 0; i < series->event_count; i++) {
        const struct ff_event *event = &series->events[i];
        for (size_t d = 1; d <= buffer / 2; d++) {
            if (event->first >= d)
                add_weight(vus, event->first - d, d, buffer);
            if (event->last + d < series->rows)
                add_weight(vus, event->last + d, d, buffer);
        }
    }
    for (size_t i = 0; i < series->event_count; i++)
        for (size_t row = series->events[i].first; row <= series->events[i].last; row++)
            vus->weight[row] = 0;
}

struct curve {
    double near[THRESHOLDS]; /* weights of alarms beside events */
    double met[THRESHOLDS];  /* zones with an alarm */
};

static void follow(struct vus *vus, size_t zones, struct curve *curve)
{
    memset(curve, 0, sizeof *curve);
    for (size_t z = 0; z < zones; z++) {
        uint32_t first = THRESHOLDS - 1;
        for (size_t row = vus->zones[z].first; row <= vus->zones[z].last; row++) {
            curve->near[vus->rank[row]] += vus->weight[row];
            first = vus->rank[row] < first ? vus->rank[row] : first;
        }
        curve->met[first]++;
    }
    accumulate(curve->near);
    accumulate(curve->met);
}

static struct ff_vus areas(const struct vus *vus, const struct curve *curve, size_t zones)
{
    struct ff_vus area = {0, 0};
    double rate = 0, false_rate = 0;
    for (size_t k = 0; k < THRESHOLDS; k++) {
        double found = vus->hits[k] + curve->near[k];
        double wanted = vus->anomalous + curve->near[k] / 2;
        double next = fmin(found / wanted, 1) * curve->met[k] / (double)zones;
        double next_false = (vus->alarms[k] - found) / ((double)vus->series->rows - wanted);
        area.roc += (next_false - false_rate) * (next + rate) / 2;
        area.pr += (next - rate) * found / vus->alarms[k];
        rate = next;
        false_rate = next_false;
    }
    area.roc += (1 - false_rate) * (1 + rate) / 2;
    area.roc = area.roc > 1 ? 1 : area.roc; /* they are shares: sums of rounded parts may exceed them */
    area.pr = area.pr > 1 ? 1 : area.pr;
    return area;
}

static struct ff_vus mean_area(struct vus *vus, size_t buffer)
{
    struct ff_vus sum = {0, 0};
    struct curve curve;
    rank_rows(vus);
    for (size_t w = 0; w <= buffer; w++) {
        size_t zones = find_zones(vus, w);
        weigh(vus, zones, w);
        follow(vus, zones, &curve);
        struct ff_vus area = areas(vus, &curve, zones);
        sum.roc += area.roc;
        sum.pr += area.pr;
    }
    return (struct ff_vus){sum.roc / (double)(buffer + 1), sum.pr / (double)(buffer + 1)};
}

struct ff_vus ff_vus_score(const struct ff_judged *series, size_t buffer)
{
    struct vus vus = {.series = series};
    uint64_t anomalous = 0;
    for (size_t i = 0; i < series->event_count; i++)
        anomalous += series->events[i].last - series->events[i].first + 1;
    if (!anomalous || anomalous >= series->rows)
        return (struct ff_vus){NAN, NAN};
    vus.rank = ff_xcalloc(series->rows, sizeof *vus.rank);
    vus.weight = ff_xcalloc(series->rows, sizeof *vus.weight);
    vus.zones = ff_xcalloc(series->event_count, sizeof *vus.zones);
    struct ff_vus out = mean_area(&vus, buffer);
    free(vus.rank);
    free(vus.weight);
    free(vus.zones);
    return out;
}

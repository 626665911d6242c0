/* Distances, depths and residuals are skewed: only the scores above the median say how far the usual ones
 * reach, and their median deviation minds up to a quarter of anomalies little. The factors are those of the
 * bands (series.h) and of the robust scale (stats.h). */
#include "worker/models/limit.h"

#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <string.h>

struct ff_limit ff_limit_learn(const double *scores, size_t n, double *scratch)
{
    double low = INFINITY, most = -INFINITY;
    size_t above = 0;
    memcpy(scratch, scores, n * sizeof *scores);
    double middle = ff_median(scratch, n);
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, scores[i]);
        most = fmax(most, scores[i]);
        if (scores[i] > middle)
            scratch[above++] = scores[i] - middle;
    }
    double reach = above ? FF_SERIES_BAND * 1.4826 * ff_median(scratch, above) : most - middle;
    double least = 1e-9 * fmax(1, fabs(middle));
    return (struct ff_limit){low, fmax(middle + reach, low + least)};
}

double ff_limit_score(const struct ff_limit *limit, double score)
{
    return fmax(0, (score - limit->low) / (limit->limit - limit->low));
}

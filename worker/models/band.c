#include "worker/models/band.h"

#include <math.h>

void ff_band_open(struct ff_kind_scores *scores, size_t steps)
{
    for (size_t i = 0; i < steps; i++) {
        if (isnan(scores->expected[i]))
            continue;
        if (isnan(scores->lower[i]))
            scores->lower[i] = -INFINITY;
        if (isnan(scores->upper[i]))
            scores->upper[i] = INFINITY;
    }
}

size_t ff_band_crossed(const struct ff_kind_scores *scores, size_t steps)
{
    size_t i = 0;
    while (i < steps && !(scores->lower[i] > scores->upper[i]))
        i++;
    return i;
}

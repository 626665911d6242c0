/* The band that an algorithm of somebody's own says, made one that can be judged by. */
#ifndef FF_WORKER_MODELS_BAND_H
#define FF_WORKER_MODELS_BAND_H

#include "worker/models/kind.h"

/* A bound that is NaN where a value is expected is none: infinite. */
void ff_band_open(struct ff_kind_scores *scores, size_t steps);
/* The first step whose lower bound is above its upper one; steps: there is none. */
size_t ff_band_crossed(const struct ff_kind_scores *scores, size_t steps);

#endif

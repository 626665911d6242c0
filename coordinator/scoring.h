/* Errands: which targets a job has that applies the models of a kit to data, forecasts by them, or tests its
 * own, and what data its rows come from. */
#ifndef FF_COORDINATOR_SCORING_H
#define FF_COORDINATOR_SCORING_H

#include "common/kit.h"
#include "coordinator/loader.h"

struct ff_scoring {
    const struct ff_kit *kit; /* borrowed, like everything below; not for a backtest */
    struct ff_work work;
    bool with_all;      /* the model of all too */
    const char *folder; /* for rows beyond data.memory, as ff_spill_create */
};

/* A job's spec as the one that these rows are read with: all of them, by the columns that the models were
 * fitted on. Strings are in the arena. */
struct ff_jobspec ff_scoring_spec(const struct ff_scoring *scoring, const struct ff_jobspec *spec,
                                  struct ff_arena *arena);

/* Targets with rows and models. context: the struct ff_scoring, which outlives the set. */
ff_target_source ff_scoring_source;

#endif

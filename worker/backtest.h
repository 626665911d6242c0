/* How well a kind forecasts rows that it has not seen: rolling origin (Tashman 2000, "Out-of-sample tests of
 * forecasting accuracy"). The last folds * horizon steps are cut into `folds` parts; for each the kind is
 * fitted on all steps before it and forecasts it.
 *
 * A part of the result for each metric, with an entry for each fold in the arrays
 *   smape    mean of 200·|y − f| / (|y| + |f|) over the fold's values
 *   mase     mean |y − f| over the mean |y[t] − y[t − m]| before the fold; m: the season asked for, or found
 * as by `season: auto` naive_smape, naive_mase   the same of Naive2 (the last value, seasonally adjusted:
 * Makridakis et al. 2020) coverage share of values within the band width    mean width of the band, over the
 * mean |y| of the fold error    code of a fold that could not be fitted, else 0 and the numbers "season" (m),
 * "horizon" and "folds". NaN where there is nothing to be measured. */
#ifndef FF_WORKER_BACKTEST_H
#define FF_WORKER_BACKTEST_H

#include "common/task.h"
#include "worker/emitter.h"

#define FF_BACKTEST "backtest"

/* config: what the kind's configure made. Fills out; a metric of which no fold can be fitted gets the error
 * of the last. Runs within a workspace. */
void ff_backtest(struct ff_emitter *emitter, const struct ff_task *task, const struct ff_kind *kind,
                 const void *config, struct ff_model *out);

#endif

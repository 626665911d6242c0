/* Which of several kinds forecasts the end of a series' own rows best: rolling origin (Tashman 2000).
 *
 * The last parts of `horizon` steps are forecast by each candidate from what is before them; the error of a
 * part is mean |y − f| relative to that of the naive forecast before it, so that no part outweighs the
 * others. Candidates come in a fixed order, cheap ones first, and each costs the points that it is fitted on
 * times what a point costs it (in units of a naive one); the first that exceeds the budget and all behind it
 * are left out. Nothing is measured in seconds, so the outcome is the same on every machine.
 *
 *   season (given or found) s ─► seasons tried: s, 7·s or s/7 (a week of days), none
 *   for each: naive, classical in several settings; then theta, holt_winters (for the trends that none of
 *   those follow), stl, ets */
#ifndef FF_WORKER_MODELS_CONTEST_H
#define FF_WORKER_MODELS_CONTEST_H

#include "worker/models/nested.h"
#include "worker/models/params.h"

enum { FF_CONTEST_FOLDS = 4, FF_CONTEST_PARAMS = 4 };

struct ff_contest_config {
    struct ff_season season;
    double horizon; /* steps; 0: two seasons, 12 steps without one */
    double budget;
};

struct ff_candidate {
    const struct ff_kind *kind;
    struct ff_kind_param params[FF_CONTEST_PARAMS];
    size_t param_count;
    const char *label;
    double cost;  /* of a point */
    double error; /* NaN: not tried; INFINITY: it cannot forecast every part */
};

struct ff_contest {
    struct ff_fit *fit;
    const struct ff_kind_frame *frame;
    size_t horizon;
    double budget, spent;
    struct ff_candidate *list;
    size_t count, tried;
    double naive[FF_CONTEST_FOLDS]; /* mean |error| of the naive forecast; NaN: nothing to compare with */
    const char *why; /* there was nothing to compare: the only candidate is ewma. NULL: there was */
};

/* Reads the parameters season, horizon and budget. */
int ff_contest_configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                         struct ff_contest_config *out);
/* Tries candidates. NOT_ENOUGH_DATA if every value is missing. */
int ff_contest_run(struct ff_contest *contest, struct ff_fit *fit, const struct ff_contest_config *config,
                   const struct ff_kind_frame *frame);
/* The usable candidates, best first (ties: the earlier one), as indices into list; at least one. */
size_t ff_contest_ranking(const struct ff_contest *contest, size_t *order);
/* What was tried, with the errors. */
void ff_contest_emit(const struct ff_contest *contest);
/* Fits a candidate on everything and emits its parameters behind the prefix, with its name and format as
 * PREFIXkind and PREFIXformat. */
int ff_contest_take(const struct ff_contest *contest, const struct ff_candidate *candidate,
                    const char *prefix);
/* The kind that was taken under that prefix and its model; NULL with a message if the model is damaged. */
const struct ff_kind *ff_contest_taken(struct ff_fit *fit, const struct ff_kind_model *model,
                                       const char *prefix, struct ff_nested_model *out);

#endif

/* What a backtest found, put together: accuracy by target and metric, and of all of them.
 *
 * A series' figure is the mean over its folds, the whole's the mean over series; OWA is the mean of sMAPE and
 * MASE relative to those of Naive2 (Makridakis et al. 2020). */
#ifndef FF_COORDINATOR_TESTED_H
#define FF_COORDINATOR_TESTED_H

#include "common/arena.h"
#include "common/error.h"
#include "common/outcome.h"

struct ff_accuracy {
    double smape, mase, owa, coverage, width; /* NaN: nothing to be measured */
    double naive_smape, naive_mase;
};

struct ff_tested_series {
    const char *target;
    const char *metric;
    enum ff_code code; /* not OK: no fold could be fitted */
    const char *errmsg;
    uint64_t season; /* steps, of the yardsticks */
    uint64_t folds;  /* that were measured */
    struct ff_accuracy accuracy;
};

struct ff_tested {
    struct ff_arena arena;
    struct ff_tested_series *series;
    size_t count, capacity;
};

/* Takes what came out for a target, whose name is borrowed. DATA_LOSS if it cannot be read. */
FF_NODISCARD enum ff_status ff_tested_add(struct ff_tested *tested, const char *target,
                                          const struct ff_outcome *outcome, struct ff_error *err);
void ff_tested_fini(struct ff_tested *tested);
/* Of all series with something measured; their number. */
size_t ff_tested_mean(const struct ff_tested *tested, struct ff_accuracy *out);

/* format: "table", "csv" or "json". table: the whole, then the worst series by MASE, 20 unless all. */
void ff_tested_print(const struct ff_tested *tested, const char *format, bool all, struct ff_buf *out);

#endif

/* The lines of a table of scores: time,target,metric,value,expected,lower,upper,score,anomaly, as CONTRACT
 * says: what is not known is empty, an anomaly is a score above 1. */
#ifndef FF_COORDINATOR_SCORELINE_H
#define FF_COORDINATOR_SCORELINE_H

#include "common/alert_rule.h"
#include "common/buf.h"
#include "common/model.h"

#include <stdio.h>

struct ff_score_counts {
    uint64_t lines;
    uint64_t anomalies;
    uint64_t unknown_rows;
    uint64_t unknown_targets;
    char unknown[200];         /* the first of them */
    uint64_t unfitted_metrics; /* of targets of which others have a model */
    uint64_t unfitted_targets; /* that have some */
    char unfitted[200];        /* the first of them, and why */
};

/* Counts those metrics of a target whose part of what came out has an error. */
void ff_score_counts_add_unfitted(struct ff_score_counts *counts, const char *target,
                                  const struct ff_model *model);
/* One line on standard error, if there are any. */
void ff_score_counts_tell_unfitted(const struct ff_score_counts *counts);

void ff_scoreline_header(struct ff_buf *out);
/* score NULL: there is none. */
void ff_scoreline_put(struct ff_buf *out, const char *time, const char *target, const char *metric,
                      double value, const struct ff_score *score, struct ff_score_counts *counts);
/* Writes and empties what was gathered, if it is so much at least. INTERNAL. */
FF_NODISCARD enum ff_status ff_scoreline_flush(struct ff_buf *out, FILE *file, size_t least,
                                               struct ff_error *err);

#endif

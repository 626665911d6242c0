/* The lines of a table of scores: time,target,metric,value,expected,lower,upper,score,anomaly, as CONTRACT
 * says: what is not known is empty, an anomaly is a score above 1. */
#ifndef FF_COORDINATOR_SCORELINE_H
#define FF_COORDINATOR_SCORELINE_H

#include "common/alert_rule.h"
#include "common/buf.h"

#include <stdio.h>

struct ff_score_counts {
    uint64_t lines;
    uint64_t anomalies;
    uint64_t unknown_rows;
    uint64_t unknown_targets;
};

void ff_scoreline_header(struct ff_buf *out);
/* score NULL: there is none. */
void ff_scoreline_put(struct ff_buf *out, const char *time, const char *target, const char *metric,
                      double value, const struct ff_score *score, struct ff_score_counts *counts);
/* Writes and empties what was gathered, if it is so much at least. INTERNAL. */
FF_NODISCARD enum ff_status ff_scoreline_flush(struct ff_buf *out, FILE *file, size_t least,
                                               struct ff_error *err);

#endif

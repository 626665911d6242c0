/* What became of data that a job scored, by target and step, and the table of it as `fitfleet score` writes
 * it: a line for each row and metric in the order of the rows (for the aggregates sum and count: for each
 * target and step), then the frame of all.
 *
 * time,target,metric,value,expected,lower,upper,score,anomaly: what CONTRACT says. */
#ifndef FF_COORDINATOR_SCORED_H
#define FF_COORDINATOR_SCORED_H

#include "common/outcome.h"
#include "coordinator/rowscan.h"
#include "coordinator/scoreline.h"

struct ff_scored;

/* metrics are borrowed. */
struct ff_scored *ff_scored_create(const char *const *metrics, size_t metric_count);
void ff_scored_destroy(struct ff_scored *scored);
/* Takes what came out for a target: names in order of bytes, borrowed. DATA_LOSS if it cannot be read. */
FF_NODISCARD enum ff_status ff_scored_add(struct ff_scored *scored, const char *target,
                                          const struct ff_outcome *outcome, struct ff_error *err);

/* Reads the files again and writes the table, with all cores. only: a glob that targets must match, "" for
 * all. INVALID_ARGUMENT with file:line; INTERNAL if out takes nothing more. */
FF_NODISCARD enum ff_status ff_scored_write(const struct ff_scored *scored, const struct ff_jobspec *spec,
                                            const struct ff_data_file *files, size_t file_count,
                                            const char *only, FILE *out, struct ff_score_counts *counts,
                                            struct ff_error *err);
/* Of the outcome of all: a line for each step and statistic. DATA_LOSS, INTERNAL. */
FF_NODISCARD enum ff_status ff_scored_write_all(const struct ff_outcome *outcome, FILE *out,
                                                struct ff_error *err);
/* Of a target's forecast: lines of time,target,metric,expected,lower,upper, below a header that is written
 * where `first`. Counts metrics without a model. DATA_LOSS, INTERNAL. */
FF_NODISCARD enum ff_status ff_forecast_write(const char *target, const struct ff_outcome *outcome,
                                              bool first, FILE *out, struct ff_score_counts *counts,
                                              struct ff_error *err);
/* Which columns had the largest share in the statistics where they were above their limits, or each column's
 * at the time that was asked for: time,statistic,score,column,share. *lines: below the header. */
FF_NODISCARD enum ff_status ff_scored_write_causes(const struct ff_outcome *outcome, FILE *out, size_t *lines,
                                                   struct ff_error *err);

#endif

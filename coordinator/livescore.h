/* Judging rows one after the other as they come, each before it is learned, by a streaming detector for each
 * target and metric (common/online.h). Nothing is put on an axis: a row is a value behind the one before it.
 */
#ifndef FF_COORDINATOR_LIVESCORE_H
#define FF_COORDINATOR_LIVESCORE_H

#include "common/kit.h"
#include "coordinator/rowscan.h"
#include "coordinator/scoreline.h"

struct ff_livescore {
    const struct ff_jobspec *spec;
    const struct ff_kit *kit; /* NULL: each target begins from nothing, by the job's rule for it */
    const char *only;         /* a glob that targets must match, "" for all */
    const struct ff_data_file *files;
    size_t file_count;
    FILE *out; /* flushed whenever it waits for rows */
};

/* By a kit a target goes on from its model, or, if its first row is not behind those that the model was
 * fitted on, begins from nothing with the model's warm-up; what it says of alerts counts as everywhere.
 * Without a kit the job's direction, least duration and least deviation count. Targets that neither has are
 * counted and get lines without a score. INVALID_ARGUMENT: files, or a target with a model of another kind;
 * DATA_LOSS: a model that cannot be read; INTERNAL: out takes no more. */
FF_NODISCARD enum ff_status ff_livescore_run(const struct ff_livescore *what, struct ff_score_counts *counts,
                                             struct ff_error *err);

#endif

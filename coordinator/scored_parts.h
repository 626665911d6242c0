/* What scored.c and scored_rows.c share. */
#ifndef FF_COORDINATOR_SCORED_PARTS_H
#define FF_COORDINATOR_SCORED_PARTS_H

#include "coordinator/scored.h"
#include "coordinator/show.h"

/* Lines are handed to the file by the megabyte. */
enum { FF_SCORED_FLUSH_BYTES = 1 << 20 };

/* Arrays of one metric; NULL: there are none. */
struct ff_scores {
    const double *expected, *lower, *upper;
    const double *score; /* NULL: by the band */
    const double *value; /* of statistics */
};

struct ff_scored_target {
    const char *name;
    int64_t t0_ms, step_ms;
    size_t steps;
    struct ff_scores *metrics; /* by metric; NULL: the target was not scored */
};

struct ff_scored {
    struct ff_arena arena;
    const char *const *metrics;
    size_t metric_count;
    struct ff_scored_target *targets;
    size_t count, capacity;
    struct ff_score_counts unfitted; /* nothing else of it */
};

/* NULL: there is none. */
const struct ff_scored_target *ff_scored_find(const struct ff_scored *scored, const char *name);

/* Lines as they are written one after the other. */
struct ff_scored_lines {
    struct ff_buf out;
    struct ff_score_counts counts;
    int64_t time_ms;
    struct ff_shown time;
};

/* scores NULL: there is no model. */
void ff_scored_put(struct ff_scored_lines *lines, int64_t time_ms, const char *target, const char *metric,
                   const struct ff_scores *scores, size_t step, double value);

#endif

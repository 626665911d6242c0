/* Which targets of the data a job asks for: window, include and exclude, rank, top. Pure. */
#ifndef FF_COORDINATOR_SELECT_H
#define FF_COORDINATOR_SELECT_H

#include "coordinator/jobspec.h"
#include "coordinator/rows.h"

bool ff_select_includes(const struct ff_jobspec *spec, const char *name);
/* Of rows in order of time those inside the window, which ends with the newest time of all data. */
struct ff_rows ff_select_window(const struct ff_jobspec *spec, const struct ff_rows *rows, int64_t newest_ms);
/* The metric that targets are ranked by, 0 if none is. INVALID_ARGUMENT if it is not there. */
FF_NODISCARD enum ff_status ff_select_metric(const struct ff_jobspec *spec, const struct ff_strings *metrics,
                                             size_t *metric, struct ff_error *err);
/* Of rows inside the window; without any value below everything. */
double ff_select_rank(const struct ff_jobspec *spec, const struct ff_rows *rows, size_t metric);

struct ff_candidate {
    const char *name;
    double rank;
    size_t series; /* the caller's */
};
/* Puts the targets.top best in front, in order of name bytes; returns how many they are. */
size_t ff_select_best(const struct ff_jobspec *spec, struct ff_candidate *candidates, size_t count);

#endif

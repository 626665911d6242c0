/* Which targets of the data a job asks for: window, include and exclude, rank, top. Pure. */
#ifndef FF_COORDINATOR_SELECT_H
#define FF_COORDINATOR_SELECT_H

#include "coordinator/jobspec.h"
#include "coordinator/series.h"

struct ff_selected {
    size_t series;
    struct ff_rows rows; /* inside the window */
};

/* In order of name bytes. Free items. */
struct ff_selection {
    struct ff_selected *items;
    size_t count;
    uint64_t not_selected;
};

/* The series are sorted by time. INVALID_ARGUMENT if rank_by names a metric that is not there. */
FF_NODISCARD enum ff_status ff_select(const struct ff_jobspec *spec, const struct ff_series *series,
                                      size_t count, const struct ff_strings *metrics, int64_t newest_ms,
                                      struct ff_selection *out, struct ff_error *err);

#endif

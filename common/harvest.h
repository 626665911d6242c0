/* What came of a job whose outcomes are for whoever submitted it: pages of reports with the bytes of their
 * models, as a coordinator sends them and the client puts them together. Pure. */
#ifndef FF_COMMON_HARVEST_H
#define FF_COMMON_HARVEST_H

#include "common/wire.h"

/* A page is full with that many bytes; one report is never split. */
enum { FF_HARVEST_PAGE_BYTES = 8 << 20 };

struct ff_harvest {
    struct ff_bytes targets; /* for ff_decode_stored_targets; size 0: it is not the first page */
    const struct ff_stored_report *reports;
    size_t report_count; /* 0: the last page */
};

/* Each appends to a page. */
void ff_harvest_put_targets(const struct ff_stored_targets *targets, struct ff_buf *page);
void ff_harvest_put_report(const struct ff_stored_report *report, struct ff_buf *page);

/* Everything is in the arena. INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_harvest_decode(struct ff_bytes page, struct ff_arena *arena,
                                              struct ff_harvest *out, struct ff_error *err);

#endif

/* The rows of data files one after the other, as they stand in the files. */
#ifndef FF_COORDINATOR_ROWSCAN_H
#define FF_COORDINATOR_ROWSCAN_H

#include "coordinator/columns.h"
#include "coordinator/rows.h"
#include "coordinator/targetset.h"

struct ff_scanned_row {
    const char *target;               /* layouts long and file; NULL for wide */
    const struct ff_columns *columns; /* for wide each is a target */
    int64_t time_ms;
    const union ff_cell *values; /* of the columns; NaN where missing */
};

/* Not FF_OK: the scan ends with it. What it is given ends with the call. row NULL (ff_rowscan): every row
 * that is there was visited, more are waited for. */
typedef enum ff_status ff_row_visitor(void *context, const struct ff_scanned_row *row, struct ff_error *err);

/* Visits every row, as soon as it can be read. Blocks. Bad rows are skipped if the spec says so.
 * INVALID_ARGUMENT with file:line. */
FF_NODISCARD enum ff_status ff_rowscan(const struct ff_jobspec *spec, const struct ff_data_file *files,
                                       size_t count, ff_row_visitor *visit, void *context,
                                       struct ff_error *err);

/* The same some hundreds of kilobytes at a time. Borrows spec and files. After an error it can only be
 * closed. */
struct ff_rowscan;
FF_NODISCARD enum ff_status ff_rowscan_open(const struct ff_jobspec *spec, const struct ff_data_file *files,
                                            size_t count, struct ff_rowscan **out, struct ff_error *err);
/* Visits the next rows; *more false: there are none any more. */
FF_NODISCARD enum ff_status ff_rowscan_next(struct ff_rowscan *scan, ff_row_visitor *visit, void *context,
                                            bool *more, struct ff_error *err);
void ff_rowscan_close(struct ff_rowscan *scan);

#endif

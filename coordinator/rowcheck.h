/* Whether a row of a data file can be taken, and what it says. */
#ifndef FF_COORDINATOR_ROWCHECK_H
#define FF_COORDINATOR_ROWCHECK_H

#include "coordinator/columns.h"
#include "coordinator/rows.h"
#include "coordinator/timeparse.h"

/* All borrowed; of one thread. */
struct ff_rowcheck {
    const struct ff_jobspec *spec;
    const struct ff_columns *columns;
    struct ff_timeparse *times;
    const char *file;
};

struct ff_checked_row {
    const struct ff_csv_cell *target; /* NULL unless layout long */
    /* An automatic column in which the row, good otherwise, has a text; FF_NO_CELL: none. With one, the cells
     * behind it are not written. */
    size_t text_column;
};

/* Fills cells, of which there is one more than value columns: time and values. INVALID_ARGUMENT "FILE:LINE:
 * why" for a bad row. */
FF_NODISCARD enum ff_status ff_rowcheck(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                                        struct ff_checked_row *checked, union ff_cell *cells,
                                        struct ff_error *err);

#endif

/* A CSV file whose columns are asked for by name: labels, scores. */
#ifndef FF_COORDINATOR_CSVFILE_H
#define FF_COORDINATOR_CSVFILE_H

#include "coordinator/csv.h"

struct ff_csvfile_column {
    const char *names; /* that it may have, separated by blanks, the first in the file's header counts */
    bool required;
};

/* One row: the cells of the columns asked for, in their order; text NULL where the file has no such column.
 * Not FF_OK: reading ends with it. */
typedef enum ff_status ff_csvfile_visitor(void *context, uint64_t line, const struct ff_csv_cell *cells,
                                          struct ff_error *err);

enum { FF_CSVFILE_COLUMNS = 16 };

/* Blocks. .gz and .zst are unpacked. INVALID_ARGUMENT with file:line. */
FF_NODISCARD enum ff_status ff_csvfile_read(const char *path, const struct ff_csvfile_column *columns,
                                            size_t count, ff_csvfile_visitor *visit, void *context,
                                            struct ff_error *err);

#endif

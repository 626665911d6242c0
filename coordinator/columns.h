/* Which cells of a row are the time, the target and the values: by name, in each file anew. */
#ifndef FF_COORDINATOR_COLUMNS_H
#define FF_COORDINATOR_COLUMNS_H

#include "common/arena.h"
#include "coordinator/csv.h"
#include "coordinator/jobspec.h"

#define FF_NO_CELL SIZE_MAX

struct ff_column {
    const char *name;
    size_t cell; /* in the rows of the current file */
};

struct ff_columns {
    const struct ff_jobspec *spec;
    struct ff_arena *arena;
    size_t cell_count; /* of a row in the current file */
    size_t time;
    size_t target; /* FF_NO_CELL unless layout long */
    const char *time_name;
    /* data.values, or (automatic) the other columns of the first file that were numbers so far. */
    bool automatic;
    struct ff_column *values;
    size_t count;
    /* Columns of a later file that the first one lacks, as long as they look like values. */
    struct ff_column *extra;
    size_t extra_count;
    const char *first_file;  /* NULL before the first header */
    struct ff_column *first; /* its columns, by name */
    size_t first_count;
};

void ff_columns_init(struct ff_columns *columns, const struct ff_jobspec *spec, struct ff_arena *arena);
void ff_columns_fini(struct ff_columns *columns);
/* Takes the header of the next file. INVALID_ARGUMENT "FILE:LINE: no column 'x', did you mean 'y'?" */
FF_NODISCARD enum ff_status ff_columns_header(struct ff_columns *columns, const char *file,
                                              const struct ff_csv_row *header, struct ff_error *err);
/* Forgets a value column that is not numeric; those behind it move up. */
void ff_columns_drop(struct ff_columns *columns, size_t value);
/* Drops the extra columns whose cell in this row is a text. */
void ff_columns_check_extra(struct ff_columns *columns, const struct ff_csv_row *row);
/* At the end of a file: INVALID_ARGUMENT if an extra column held numbers only. */
FF_NODISCARD enum ff_status ff_columns_end_file(const struct ff_columns *columns, const char *file,
                                                struct ff_error *err);

#endif

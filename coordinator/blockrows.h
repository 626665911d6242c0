/* The rows of one block as columns of targets and cells: the part of loading that several threads do at once.
 *
 * What a row means may depend on the rows before its block: a text may end an automatic column, a bad row
 * ends the load. A block in which such a row is found says so, and is read again in its turn. */
#ifndef FF_COORDINATOR_BLOCKROWS_H
#define FF_COORDINATOR_BLOCKROWS_H

#include "coordinator/names.h"
#include "coordinator/rowcheck.h"

#define FF_NO_SERIES SIZE_MAX

/* Of one thread at a time. */
struct ff_blockrows {
    struct ff_rowcheck check;
    struct ff_columns columns; /* those that the block is read with */
    struct ff_csv *csv;
    struct ff_arena arena;
    struct ff_names names; /* of targets in this and former blocks */
    size_t *series;        /* for each of them a number of the caller's, FF_NO_SERIES at first */
    size_t series_count;
    size_t series_capacity;
    struct ff_block block; /* filled by the caller */
    /* What ff_blockrows_read found. */
    bool again;        /* read the block again: nothing below counts */
    size_t good;       /* rows */
    size_t skipped;    /* bad rows, on_bad_row: skip */
    uint64_t lines;    /* of the block */
    int64_t newest_ms; /* of the good rows */
    /* The good rows that have a value, columns.count + 1 cells each. Layout long: those of a name are
     * together, from starts[name] to starts[name + 1]. Layout wide: those of a column are, of two cells each,
     * in the same way. */
    union ff_cell *cells;
    size_t count; /* layouts long and file */
    uint32_t *starts;
    /* Private. */
    uint32_t *places; /* the name of each row, as they come */
    union ff_cell *grouped;
    size_t start_capacity;
    size_t place_capacity;
    size_t cell_capacity;
    size_t grouped_capacity;
};

/* Borrows spec; INVALID_ARGUMENT as ff_timeparse_create. */
FF_NODISCARD enum ff_status ff_blockrows_init(struct ff_blockrows *rows, const struct ff_jobspec *spec,
                                              struct ff_error *err);
void ff_blockrows_fini(struct ff_blockrows *rows);
/* What later blocks are read with; file is borrowed, columns are copied. */
void ff_blockrows_use(struct ff_blockrows *rows, const char *file, const struct ff_columns *columns);
void ff_blockrows_read(struct ff_blockrows *rows);

#endif

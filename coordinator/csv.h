/* Rows of a CSV file: RFC 4180 with quotes, newlines within quotes, CRLF or LF, and a byte order mark.
 *
 * Empty lines are passed over. What cells mean, and how many a row must have, is the caller's. */
#ifndef FF_COORDINATOR_CSV_H
#define FF_COORDINATOR_CSV_H

#include "coordinator/blocks.h"

/* Borrowed bytes without quotes, good until the next row. */
struct ff_csv_cell {
    const char *text;
    size_t size;
};

struct ff_csv_row {
    const struct ff_csv_cell *cells;
    size_t count;
    uint64_t line;       /* where the row begins, from 1 */
    const char *problem; /* NULL, or why the row as such is bad (a NUL byte, text behind a closing quote) */
};

struct ff_csv;

/* Borrows reader and path (for messages). reader NULL: no rows before ff_csv_begin. */
struct ff_csv *ff_csv_create(struct ff_reader *reader, const char *path);
void ff_csv_destroy(struct ff_csv *csv);
/* Goes on with the rows of a block of a file, the first of which is on this line; both are borrowed. Leaves
 * the block as it is. */
void ff_csv_begin(struct ff_csv *csv, const char *path, const struct ff_block *block, uint64_t line);
/* *more is false at the end, and row is not written then. INVALID_ARGUMENT with file:line: a line longer than
 * FF_CSV_MAX_LINE, a quote that is never closed, or what the reader says. */
FF_NODISCARD enum ff_status ff_csv_next(struct ff_csv *csv, struct ff_csv_row *row, bool *more,
                                        struct ff_error *err);
/* Where the next row begins: its line, and its offset in the block. */
uint64_t ff_csv_line(const struct ff_csv *csv);
size_t ff_csv_offset(const struct ff_csv *csv);

#endif

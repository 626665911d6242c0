/* Aligned tables of text for people: a row of titles, then the rows, two blanks between columns, no lines. */
#ifndef FF_COORDINATOR_TABLE_H
#define FF_COORDINATOR_TABLE_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdbool.h>

struct ff_table_column {
    const char *title;
    bool right;    /* numbers */
    bool optional; /* left out if every cell is empty */
    size_t width;  /* longer cells are cut and end with "…"; 0: never */
};

struct ff_table {
    const struct ff_table_column *columns;
    size_t column_count;
    struct ff_arena arena;
    const char **cells;
    size_t cell_count;
    size_t capacity;
};

/* columns are borrowed until fini. */
void ff_table_init(struct ff_table *table, const struct ff_table_column *columns, size_t count);
void ff_table_fini(struct ff_table *table);

/* The next cell, row by row. The text is cleaned (ff_show_clean). */
void ff_table_text(struct ff_table *table, const char *text);
void ff_table_cell(struct ff_table *table, const char *format, ...) FF_PRINTF(2, 3);

/* Appends the table; the last row must be complete. */
void ff_table_write(const struct ff_table *table, struct ff_buf *out);

#endif

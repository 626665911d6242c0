#include "coordinator/table.h"

#include "coordinator/show.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xE2\x80\xA6"

void ff_table_init(struct ff_table *table, const struct ff_table_column *columns, size_t count)
{
    *table = (struct ff_table){.columns = columns, .column_count = count};
}

void ff_table_fini(struct ff_table *table)
{
    ff_arena_fini(&table->arena);
    free(table->cells);
}

/* Cleaned, and cut to the column's width. */
static const char *cell_text(struct ff_table *table, const char *text, size_t width)
{
    struct ff_buf clean = {0};
    ff_show_clean((struct ff_bytes){(const uint8_t *)text, strlen(text)}, false, &clean);
    if (width && ff_show_width(ff_buf_text(&clean)) > width) {
        clean.size = ff_show_prefix(ff_buf_text(&clean), width - 1);
        ff_buf_append(&clean, ELLIPSIS, strlen(ELLIPSIS));
    }
    const char *kept = ff_arena_strdup(&table->arena, ff_buf_text(&clean));
    ff_buf_fini(&clean);
    return kept;
}

void ff_table_text(struct ff_table *table, const char *text)
{
    if (table->cell_count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->cells = ff_xrealloc(table->cells, table->capacity * sizeof *table->cells);
    }
    size_t width = table->columns[table->cell_count % table->column_count].width;
    table->cells[table->cell_count++] = cell_text(table, text, width);
}

void ff_table_cell(struct ff_table *table, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ff_table_text(table, text);
}

/* Of the widest cell; 0: the column is left out. */
static size_t column_width(const struct ff_table *table, size_t column)
{
    size_t widest = 0;
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t width = ff_show_width(table->cells[i]);
        widest = width > widest ? width : widest;
    }
    if (widest == 0 && table->columns[column].optional)
        return 0;
    size_t title = ff_show_width(table->columns[column].title);
    return title > widest ? title : widest;
}

static void write_row(const struct ff_table *table, const char *const *cells, const size_t *widths,
                      struct ff_buf *out)
{
    size_t blanks = 0; /* owed: none are written at the end of a line */
    bool first = true;
    for (size_t i = 0; i < table->column_count; i++) {
        if (widths[i] == 0)
            continue;
        size_t room = widths[i] - ff_show_width(cells[i]);
        blanks += (first ? 0 : 2) + (table->columns[i].right ? room : 0);
        first = false;
        if (*cells[i]) {
            ff_buf_printf(out, "%*s%s", (int)blanks, "", cells[i]);
            blanks = 0;
        }
        blanks += table->columns[i].right ? 0 : room;
    }
    ff_buf_append(out, "\n", 1);
}

void ff_table_write(const struct ff_table *table, struct ff_buf *out)
{
    assert(table->cell_count % table->column_count == 0);
    size_t *widths = ff_xcalloc(table->column_count, sizeof *widths);
    const char **titles = ff_xcalloc(table->column_count, sizeof *titles);
    for (size_t i = 0; i < table->column_count; i++) {
        widths[i] = column_width(table, i);
        titles[i] = table->columns[i].title;
    }
    write_row(table, titles, widths, out);
    for (size_t i = 0; i < table->cell_count; i += table->column_count)
        write_row(table, table->cells + i, widths, out);
    free(titles);
    free(widths);
}

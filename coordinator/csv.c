/* Scans the rows of a block, which holds whole rows only: each byte is looked at once.
 *
 * Inside an unquoted cell only three bytes matter: comma, newline, and NUL, which makes a row suspect;
 * stops.h finds them many bytes at a time. The block is not changed, for it may have to be read again: a cell
 * with doubled quotes is copied to be freed of them. */
#include "coordinator/csv.h"

#include "common/arena.h"
#include "common/buf.h"
#include "coordinator/stops.h"

#include <stdlib.h>
#include <string.h>

struct ff_csv {
    struct ff_blocks *blocks; /* NULL: the block at hand is all there is */
    struct ff_block own;      /* filled from blocks */
    const char *path;
    const char *data;
    size_t size;
    size_t at; /* where the next row begins */
    bool is_cut;
    uint64_t line; /* of the next row */
    struct ff_stops stops;
    struct ff_csv_cell *cells;
    size_t count;
    size_t capacity;
    bool has_quotes;          /* the row at hand */
    uint64_t lines;           /* in its quotes */
    const char *problem;      /* of it */
    struct ff_arena unquoted; /* cells of it */
};

struct ff_csv *ff_csv_create(struct ff_reader *reader, const char *path)
{
    struct ff_csv *csv = ff_xcalloc(1, sizeof *csv);
    csv->path = path;
    csv->line = 1;
    if (reader)
        csv->blocks = ff_blocks_create(reader, FF_BLOCK_BYTES);
    return csv;
}

void ff_csv_destroy(struct ff_csv *csv)
{
    if (!csv)
        return;
    ff_blocks_destroy(csv->blocks);
    ff_block_fini(&csv->own);
    ff_arena_fini(&csv->unquoted);
    free(csv->cells);
    free(csv);
}

void ff_csv_begin(struct ff_csv *csv, const char *path, const struct ff_block *block, uint64_t line)
{
    csv->path = path;
    csv->data = block->data;
    csv->size = block->size;
    csv->is_cut = block->is_cut;
    csv->at = 0;
    csv->line = line;
    csv->stops.data = block->data;
    ff_stops_seek(&csv->stops, 0);
}

uint64_t ff_csv_line(const struct ff_csv *csv)
{
    return csv->line;
}

size_t ff_csv_offset(const struct ff_csv *csv)
{
    return csv->at;
}

static enum ff_status fail_long(struct ff_csv *csv, struct ff_error *err)
{
    return ff_error_set(err, FF_INVALID_ARGUMENT,
                        "%s:%llu: a line longer than 8 MiB (or a quote that is not closed)", csv->path,
                        (unsigned long long)csv->line);
}

static inline void add_cell(struct ff_csv *csv, const char *text, size_t size)
{
    if (csv->count == csv->capacity) {
        csv->capacity = csv->capacity ? csv->capacity * 2 : 64;
        csv->cells = ff_xrealloc(csv->cells, csv->capacity * sizeof *csv->cells);
    }
    csv->cells[csv->count++] = (struct ff_csv_cell){text, size};
}

/* The end of an unquoted cell: a comma, a newline, or that of the block. */
static inline size_t scan_plain(struct ff_csv *csv, size_t from)
{
    size_t at = ff_stops_next(&csv->stops);
    while (csv->data[at] == '\0' && at < csv->size) {
        csv->problem = "a NUL byte";
        at = ff_stops_next(&csv->stops);
    }
    bool has_return = csv->data[at] != ',' && at > from && csv->data[at - 1] == '\r';
    add_cell(csv, csv->data + from, at - from - has_return);
    return at;
}

/* The quote that closes a cell; csv->size if none does. */
static size_t find_close(const struct ff_csv *csv, size_t at, bool *is_doubled)
{
    for (;;) {
        const char *quote = memchr(csv->data + at, '"', csv->size - at);
        if (!quote)
            return csv->size;
        at = (size_t)(quote - csv->data) + 1;
        if (csv->data[at] != '"')
            return at - 1;
        *is_doubled = true;
        at++;
    }
}

static void add_unquoted(struct ff_csv *csv, const char *text, size_t size)
{
    char *copy = ff_arena_alloc(&csv->unquoted, size), *to = copy;
    for (const char *from = text; from < text + size; from++) {
        *to++ = *from;
        from += *from == '"';
    }
    add_cell(csv, copy, (size_t)(to - copy));
}

/* What the bytes in quotes mean for the row. */
static void look_into(struct ff_csv *csv, const char *text, const char *end)
{
    if (memchr(text, '\0', (size_t)(end - text)))
        csv->problem = "a NUL byte";
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        csv->lines++;
        text++;
    }
}

/* Between a closing quote and the comma or newline there may be a CR only. */
static size_t skip_behind_quote(struct ff_csv *csv, size_t at)
{
    if (csv->data[at] == '\r' && (at + 1 == csv->size || csv->data[at + 1] == '\n'))
        at++;
    for (; at < csv->size && csv->data[at] != ',' && csv->data[at] != '\n'; at++)
        csv->problem = "text behind a closing quote";
    return at;
}

/* from is behind the opening quote. False if no quote closes it. */
static bool scan_quoted(struct ff_csv *csv, size_t from, size_t *end)
{
    bool is_doubled = false;
    size_t close = find_close(csv, from, &is_doubled);
    if (close == csv->size)
        return false;
    if (is_doubled)
        add_unquoted(csv, csv->data + from, close - from);
    else
        add_cell(csv, csv->data + from, close - from);
    csv->has_quotes = true;
    look_into(csv, csv->data + from, csv->data + close);
    *end = skip_behind_quote(csv, close + 1);
    ff_stops_seek(&csv->stops, *end);
    ff_stops_next(&csv->stops); /* is *end itself */
    return true;
}

/* Finds the cells of the row at csv->at; *end is where its newline is. False for a quote that stays open. */
static bool scan_row(struct ff_csv *csv, size_t *end)
{
    size_t at = csv->at;
    csv->count = 0;
    csv->lines = 1;
    csv->problem = NULL;
    if (csv->has_quotes)
        ff_arena_reset(&csv->unquoted);
    csv->has_quotes = false;
    for (;; at++) {
        if (csv->data[at] != '"')
            at = scan_plain(csv, at);
        else if (!scan_quoted(csv, at + 1, &at))
            return false;
        if (csv->data[at] != ',')
            break;
    }
    *end = at;
    return true;
}

/* Passes over the scanned row. One empty unquoted cell is an empty line: false. */
static inline bool finish_row(struct ff_csv *csv, size_t end, struct ff_csv_row *row)
{
    bool is_empty = csv->count == 1 && csv->cells->size == 0 && !csv->has_quotes;
    if (!is_empty)
        *row = (struct ff_csv_row){csv->cells, csv->count, csv->line, csv->problem};
    csv->line += csv->lines;
    csv->at = end + (end < csv->size);
    return !is_empty;
}

static enum ff_status next_block(struct ff_csv *csv, bool *more, struct ff_error *err)
{
    *more = false;
    if (!csv->blocks)
        return FF_OK;
    enum ff_status status = ff_blocks_next(csv->blocks, &csv->own, err);
    if (status)
        return status;
    ff_csv_begin(csv, csv->path, &csv->own, csv->line);
    *more = csv->size > 0;
    return FF_OK;
}

enum ff_status ff_csv_next(struct ff_csv *csv, struct ff_csv_row *row, bool *more, struct ff_error *err)
{
    for (;;) {
        if (csv->at == csv->size) {
            enum ff_status status = next_block(csv, more, err);
            if (status || !*more)
                return status;
        }
        size_t end;
        if (csv->is_cut)
            return fail_long(csv, err);
        if (!scan_row(csv, &end))
            return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: a quote that is not closed", csv->path,
                                (unsigned long long)csv->line);
        if (end - csv->at >= FF_CSV_MAX_LINE)
            return fail_long(csv, err);
        if (finish_row(csv, end, row))
            return *more = true, FF_OK;
    }
}

/* Scans rows in place in one buffer of file bytes.
 *
 * A row is first found to its end (cells as offsets, quoted ones marked) and only then changed (quotes taken
 * out), so a row that reaches past the buffer is scanned again after more bytes came. The buffer doubles for
 * a row that does not fit, which keeps scanning again linear, up to the longest line accepted.
 *
 * Inside an unquoted cell only four bytes matter: comma, newline, and two that make a row suspect (NUL) or
 * end it (CR before LF). A table finds them at about a byte per nanosecond. */
#include "coordinator/csv.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BUFFER = 1 << 20 };

struct raw_cell {
    size_t start; /* behind the opening quote */
    size_t size;  /* up to the closing quote */
    bool quoted;
};

struct ff_csv {
    struct ff_reader *reader;
    const char *path;
    char *data;
    size_t capacity;
    size_t size;
    size_t at; /* where the next row begins */
    bool ended;
    bool started;
    uint64_t line; /* of the next row */
    struct raw_cell *raw;
    struct ff_csv_cell *cells;
    size_t count;
    size_t cell_capacity;
    const char *problem;
};

enum scan { SCAN_ROW, SCAN_MORE, SCAN_OPEN_QUOTE };

struct ff_csv *ff_csv_create(struct ff_reader *reader, const char *path)
{
    struct ff_csv *csv = ff_xcalloc(1, sizeof *csv);
    csv->reader = reader;
    csv->path = path;
    csv->line = 1;
    csv->capacity = FIRST_BUFFER;
    csv->data = ff_xalloc(csv->capacity);
    return csv;
}

void ff_csv_destroy(struct ff_csv *csv)
{
    if (!csv)
        return;
    free(csv->data);
    free(csv->raw);
    free(csv->cells);
    free(csv);
}

static enum ff_status fail_long(struct ff_csv *csv, struct ff_error *err)
{
    return ff_error_set(err, FF_INVALID_ARGUMENT,
                        "%s:%llu: a line longer than 8 MiB (or a quote that is not closed)", csv->path,
                        (unsigned long long)csv->line);
}

/* Moves what is not used to the front and fills the rest of the buffer. */
static enum ff_status fill(struct ff_csv *csv, struct ff_error *err)
{
    memmove(csv->data, csv->data + csv->at, csv->size - csv->at);
    csv->size -= csv->at;
    csv->at = 0;
    if (csv->size > FF_CSV_MAX_LINE)
        return fail_long(csv, err);
    if (csv->size > csv->capacity / 2) {
        csv->capacity *= 2;
        csv->data = ff_xrealloc(csv->data, csv->capacity);
    }
    while (csv->size < csv->capacity && !csv->ended) {
        size_t got = 0;
        enum ff_status status =
            ff_reader_read(csv->reader, csv->data + csv->size, csv->capacity - csv->size, &got, err);
        if (status)
            return status;
        csv->size += got;
        csv->ended = got == 0;
    }
    return FF_OK;
}

static struct raw_cell *add_cell(struct ff_csv *csv)
{
    if (csv->count == csv->cell_capacity) {
        csv->cell_capacity = csv->cell_capacity ? csv->cell_capacity * 2 : 64;
        csv->raw = ff_xrealloc(csv->raw, csv->cell_capacity * sizeof *csv->raw);
        csv->cells = ff_xrealloc(csv->cells, csv->cell_capacity * sizeof *csv->cells);
    }
    return &csv->raw[csv->count++];
}

/* Ends an unquoted cell at a comma or newline, or at the end of the bytes; *end is where. */
static void scan_plain(struct ff_csv *csv, size_t at, size_t *end)
{
    static const bool stops[256] = {[','] = true, ['\n'] = true, ['\0'] = true};
    const char *data = csv->data;
    struct raw_cell *cell = add_cell(csv);
    size_t from = at;
    for (; at < csv->size; at++) {
        if (!stops[(unsigned char)data[at]])
            continue;
        if (data[at] != '\0')
            break;
        csv->problem = "a NUL byte";
    }
    *cell = (struct raw_cell){from, at - from, false};
    *end = at;
}

/* at is behind the opening quote. False if the closing quote is not in the buffer. */
static bool scan_quoted(struct ff_csv *csv, size_t at, size_t *end)
{
    size_t from = at;
    for (;;) {
        const char *quote = memchr(csv->data + at, '"', csv->size - at);
        if (!quote)
            return false;
        at = (size_t)(quote - csv->data) + 1;
        if (at == csv->size && !csv->ended)
            return false;
        if (at < csv->size && csv->data[at] == '"') {
            at++;
            continue;
        }
        break;
    }
    *add_cell(csv) = (struct raw_cell){from, at - 1 - from, true};
    if (memchr(csv->data + from, '\0', at - from))
        csv->problem = "a NUL byte";
    *end = at;
    return true;
}

/* Between a closing quote and the comma or newline there may be a CR only. */
static size_t skip_behind_quote(struct ff_csv *csv, size_t at)
{
    if (at < csv->size && csv->data[at] == '\r' && (at + 1 == csv->size || csv->data[at + 1] == '\n'))
        at++;
    for (; at < csv->size && csv->data[at] != ',' && csv->data[at] != '\n'; at++)
        csv->problem = "text behind a closing quote";
    return at;
}

/* Finds the cells of the row at csv->at; *end is behind its newline. */
static enum scan scan_row(struct ff_csv *csv, size_t *end)
{
    size_t at = csv->at;
    csv->count = 0;
    csv->problem = NULL;
    for (;;) {
        bool quoted = at < csv->size && csv->data[at] == '"';
        if (!quoted)
            scan_plain(csv, at, &at);
        else if (scan_quoted(csv, at + 1, &at))
            at = skip_behind_quote(csv, at);
        else
            return csv->ended ? SCAN_OPEN_QUOTE : SCAN_MORE;
        if (at == csv->size)
            break;
        if (csv->data[at++] == '\n') {
            *end = at;
            return SCAN_ROW;
        }
    }
    *end = at;
    return csv->ended ? SCAN_ROW : SCAN_MORE;
}

/* Doubled quotes become one, in place. */
static size_t unquote(char *text, size_t size)
{
    char *quote = memchr(text, '"', size);
    if (!quote)
        return size;
    char *to = quote;
    for (const char *from = quote; from < text + size; from++) {
        *to++ = *from;
        from += *from == '"';
    }
    return (size_t)(to - text);
}

static uint64_t count_newlines(const char *text, const char *end)
{
    uint64_t count = 0;
    while ((text = memchr(text, '\n', (size_t)(end - text)))) {
        count++;
        text++;
    }
    return count;
}

/* Takes the scanned row, which ends before end. A row of one empty unquoted cell is an empty line. */
static bool finish_row(struct ff_csv *csv, size_t end, struct ff_csv_row *row)
{
    struct raw_cell *last = &csv->raw[csv->count - 1];
    if (!last->quoted && last->size > 0 && csv->data[last->start + last->size - 1] == '\r')
        last->size--;
    uint64_t lines = 1;
    bool empty = csv->count == 1 && last->size == 0 && !last->quoted;
    for (size_t i = 0; i < csv->count; i++) {
        struct raw_cell *raw = &csv->raw[i];
        char *text = csv->data + raw->start;
        if (raw->quoted) {
            lines += count_newlines(text, text + raw->size);
            raw->size = unquote(text, raw->size);
        }
        csv->cells[i] = (struct ff_csv_cell){text, raw->size};
    }
    if (!empty)
        *row = (struct ff_csv_row){csv->cells, csv->count, csv->line, csv->problem};
    csv->line += lines;
    csv->at = end;
    return !empty;
}

static void skip_mark(struct ff_csv *csv)
{
    if (csv->size >= 3 && memcmp(csv->data, "\xef\xbb\xbf", 3) == 0)
        csv->at = 3;
    csv->started = true;
}

enum ff_status ff_csv_next(struct ff_csv *csv, struct ff_csv_row *row, bool *more, struct ff_error *err)
{
    for (;;) {
        size_t end = csv->at;
        enum scan scan = SCAN_MORE;
        if (csv->at < csv->size)
            scan = scan_row(csv, &end);
        else if (csv->ended)
            return *more = false, FF_OK;
        if (scan == SCAN_OPEN_QUOTE)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: a quote that is not closed", csv->path,
                                (unsigned long long)csv->line);
        if (scan == SCAN_ROW && end - csv->at > FF_CSV_MAX_LINE)
            return fail_long(csv, err);
        if (scan == SCAN_ROW && finish_row(csv, end, row))
            return *more = true, FF_OK;
        if (scan == SCAN_ROW)
            continue;
        enum ff_status status = fill(csv, err);
        if (status)
            return status;
        if (!csv->started)
            skip_mark(csv);
    }
}

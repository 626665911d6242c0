/* One thread, one block at a time: where rows are wanted in their order, what is done with them takes longer
 * than to read them. */
#include "coordinator/rowscan.h"

#include "coordinator/rowcheck.h"

#include <stdlib.h>

struct ff_rowscan {
    const struct ff_jobspec *spec;
    const struct ff_data_file *files;
    size_t count, next; /* files; the next one to open */
    bool hurry;
    ff_row_visitor *visit;
    void *context;
    struct ff_arena arena;
    struct ff_columns columns;
    struct ff_rowcheck check;
    struct ff_csv *csv;
    struct ff_block block;
    const struct ff_data_file *file; /* NULL: none is open */
    struct ff_reader *reader;
    struct ff_blocks *blocks;
    bool first; /* its first block comes */
    uint64_t line;
    union ff_cell *cells;
    struct ff_buf name;
    struct ff_error *err;
};

static const char *target_of(struct ff_rowscan *scan, const struct ff_checked_row *checked)
{
    if (scan->spec->data.layout == FF_LAYOUT_WIDE)
        return NULL;
    if (!checked->target)
        return scan->file->name;
    scan->name.size = 0;
    ff_buf_append(&scan->name, checked->target->text, checked->target->size);
    return ff_buf_text(&scan->name);
}

static enum ff_status take_row(struct ff_rowscan *scan, const struct ff_csv_row *row)
{
    struct ff_checked_row checked;
    enum ff_status status = ff_rowcheck(&scan->check, row, &checked, scan->cells, scan->err);
    while (status == FF_OK && checked.text_column != FF_NO_CELL) {
        ff_columns_drop(&scan->columns, checked.text_column);
        status = ff_rowcheck(&scan->check, row, &checked, scan->cells, scan->err);
    }
    if (status)
        return scan->spec->data.skip_bad_rows ? FF_OK : status;
    struct ff_scanned_row out = {target_of(scan, &checked), &scan->columns, scan->cells[0].time_ms,
                                 scan->cells + 1};
    return scan->visit(scan->context, &out, scan->err);
}

static enum ff_status take_header(struct ff_rowscan *scan)
{
    struct ff_csv_row row;
    bool more = false;
    enum ff_status status = ff_csv_next(scan->csv, &row, &more, scan->err);
    if (status || !more)
        return status;
    status = ff_columns_header(&scan->columns, scan->file->path, &row, scan->err);
    if (!scan->cells)
        scan->cells = ff_xcalloc(scan->columns.count + 1, sizeof *scan->cells);
    return status;
}

static enum ff_status take_block(struct ff_rowscan *scan)
{
    struct ff_csv_row row;
    bool more = true;
    ff_csv_begin(scan->csv, scan->file->path, &scan->block, scan->line);
    enum ff_status status = scan->first ? take_header(scan) : FF_OK;
    scan->first = false;
    while (status == FF_OK && more) {
        status = ff_csv_next(scan->csv, &row, &more, scan->err);
        if (status == FF_OK && more)
            status = take_row(scan, &row);
    }
    scan->line = ff_csv_line(scan->csv);
    return status;
}

static enum ff_status open_file(struct ff_rowscan *scan, struct ff_error *err)
{
    const struct ff_data_file *file = &scan->files[scan->next];
    enum ff_status status = ff_reader_open(file->path, &scan->reader, err);
    if (status)
        return status;
    scan->next++;
    scan->file = file;
    scan->blocks = ff_blocks_create(scan->reader, FF_BLOCK_BYTES);
    if (scan->hurry)
        ff_blocks_hurry(scan->blocks);
    scan->first = true;
    scan->line = 1;
    scan->check.file = file->path;
    return FF_OK;
}

static void close_file(struct ff_rowscan *scan)
{
    if (!scan->file)
        return;
    ff_blocks_destroy(scan->blocks);
    ff_reader_close(scan->reader);
    scan->file = NULL;
}

enum ff_status ff_rowscan_open(const struct ff_jobspec *spec, const struct ff_data_file *files, size_t count,
                               struct ff_rowscan **out, struct ff_error *err)
{
    struct ff_rowscan *scan = ff_xcalloc(1, sizeof *scan);
    *scan = (struct ff_rowscan){.spec = spec, .files = files, .count = count};
    ff_columns_init(&scan->columns, spec, &scan->arena);
    scan->check = (struct ff_rowcheck){.spec = spec, .columns = &scan->columns};
    scan->csv = ff_csv_create(NULL, NULL);
    enum ff_status status = ff_timeparse_create(spec->data.time_format, spec->data.timezone,
                                                spec->prepare.step_ms, &scan->check.times, err);
    if (status)
        ff_rowscan_close(scan);
    else
        *out = scan;
    return status;
}

enum ff_status ff_rowscan_next(struct ff_rowscan *scan, ff_row_visitor *visit, void *context, bool *more,
                               struct ff_error *err)
{
    enum ff_status status = FF_OK;
    scan->visit = visit;
    scan->context = context;
    scan->err = err;
    while (scan->file || scan->next < scan->count) {
        if (!scan->file && (status = open_file(scan, err)))
            return status;
        if ((status = ff_blocks_next(scan->blocks, &scan->block, err)))
            return status;
        if (scan->block.size) {
            *more = true;
            return take_block(scan);
        }
        close_file(scan);
    }
    *more = false;
    return FF_OK;
}

void ff_rowscan_close(struct ff_rowscan *scan)
{
    if (!scan)
        return;
    close_file(scan);
    ff_csv_destroy(scan->csv);
    ff_timeparse_destroy(scan->check.times);
    ff_columns_fini(&scan->columns);
    ff_block_fini(&scan->block);
    ff_buf_fini(&scan->name);
    free(scan->cells);
    ff_arena_fini(&scan->arena);
    free(scan);
}

enum ff_status ff_rowscan(const struct ff_jobspec *spec, const struct ff_data_file *files, size_t count,
                          ff_row_visitor *visit, void *context, struct ff_error *err)
{
    struct ff_rowscan *scan;
    bool more = true;
    enum ff_status status = ff_rowscan_open(spec, files, count, &scan, err);
    if (status)
        return status;
    scan->hurry = true;
    while (more && !(status = ff_rowscan_next(scan, visit, context, &more, err)) && more &&
           !(status = visit(context, NULL, err))) {
    }
    ff_rowscan_close(scan);
    return status;
}

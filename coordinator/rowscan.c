/* One thread, one block at a time: where rows are wanted in their order, what is done with them takes longer
 * than to read them. */
#include "coordinator/rowscan.h"

#include "coordinator/rowcheck.h"

#include <stdlib.h>

struct scan {
    const struct ff_jobspec *spec;
    ff_row_visitor *visit;
    void *context;
    struct ff_arena arena;
    struct ff_columns columns;
    struct ff_rowcheck check;
    struct ff_csv *csv;
    struct ff_block block;
    const struct ff_data_file *file;
    uint64_t line;
    union ff_cell *cells;
    struct ff_buf name;
    struct ff_error *err;
};

static const char *target_of(struct scan *scan, const struct ff_checked_row *checked)
{
    if (scan->spec->data.layout == FF_LAYOUT_WIDE)
        return NULL;
    if (!checked->target)
        return scan->file->name;
    scan->name.size = 0;
    ff_buf_append(&scan->name, checked->target->text, checked->target->size);
    return ff_buf_text(&scan->name);
}

static enum ff_status take_row(struct scan *scan, const struct ff_csv_row *row)
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

static enum ff_status take_header(struct scan *scan)
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

static enum ff_status take_block(struct scan *scan, bool first)
{
    struct ff_csv_row row;
    bool more = true;
    ff_csv_begin(scan->csv, scan->file->path, &scan->block, scan->line);
    enum ff_status status = first ? take_header(scan) : FF_OK;
    while (status == FF_OK && more) {
        status = ff_csv_next(scan->csv, &row, &more, scan->err);
        if (status == FF_OK && more)
            status = take_row(scan, &row);
    }
    scan->line = ff_csv_line(scan->csv);
    return status ? status : scan->visit(scan->context, NULL, scan->err);
}

static enum ff_status scan_file(struct scan *scan)
{
    struct ff_reader *reader;
    enum ff_status status = ff_reader_open(scan->file->path, &reader, scan->err);
    if (status)
        return status;
    struct ff_blocks *blocks = ff_blocks_create(reader, FF_BLOCK_BYTES);
    ff_blocks_hurry(blocks);
    bool first = true;
    scan->line = 1;
    scan->check.file = scan->file->path;
    do {
        status = ff_blocks_next(blocks, &scan->block, scan->err);
        if (status == FF_OK && scan->block.size)
            status = take_block(scan, first);
        first = false;
    } while (status == FF_OK && scan->block.size);
    ff_blocks_destroy(blocks);
    ff_reader_close(reader);
    return status;
}

enum ff_status ff_rowscan(const struct ff_jobspec *spec, const struct ff_data_file *files, size_t count,
                          ff_row_visitor *visit, void *context, struct ff_error *err)
{
    struct scan scan = {.spec = spec, .visit = visit, .context = context, .err = err};
    ff_columns_init(&scan.columns, spec, &scan.arena);
    scan.check = (struct ff_rowcheck){.spec = spec, .columns = &scan.columns};
    enum ff_status status = ff_timeparse_create(spec->data.time_format, spec->data.timezone,
                                                spec->prepare.step_ms, &scan.check.times, err);
    scan.csv = ff_csv_create(NULL, NULL);
    for (size_t i = 0; i < count && status == FF_OK; i++) {
        scan.file = &files[i];
        status = scan_file(&scan);
    }
    ff_csv_destroy(scan.csv);
    ff_timeparse_destroy(scan.check.times);
    ff_columns_fini(&scan.columns);
    ff_block_fini(&scan.block);
    ff_buf_fini(&scan.name);
    free(scan.cells);
    ff_arena_fini(&scan.arena);
    return status;
}

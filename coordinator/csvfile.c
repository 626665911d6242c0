#include "coordinator/csvfile.h"

#include <assert.h>
#include <string.h>

#define NONE SIZE_MAX

struct file {
    const char *path;
    const struct ff_csvfile_column *columns;
    size_t count;
    size_t places[FF_CSVFILE_COLUMNS]; /* in a row; NONE */
    size_t width;
    bool has_header;
    ff_csvfile_visitor *visit;
    void *context;
    struct ff_error *err;
};

static bool is_one_of(const char *names, const struct ff_csv_cell *cell)
{
    while (*names) {
        size_t length = strcspn(names, " ");
        if (length == cell->size && memcmp(names, cell->text, length) == 0)
            return true;
        names += length + (names[length] == ' ');
    }
    return false;
}

static enum ff_status take_header(struct file *file, const struct ff_csv_row *row)
{
    file->has_header = true;
    file->width = row->count;
    for (size_t i = 0; i < file->count; i++) {
        file->places[i] = NONE;
        for (size_t c = row->count; c-- > 0;)
            if (is_one_of(file->columns[i].names, &row->cells[c]))
                file->places[i] = c;
        if (file->places[i] == NONE && file->columns[i].required)
            return ff_error_set(file->err, FF_INVALID_ARGUMENT, "%s:%llu: no column '%.*s'", file->path,
                                (unsigned long long)row->line, (int)strcspn(file->columns[i].names, " "),
                                file->columns[i].names);
    }
    return FF_OK;
}

static enum ff_status take_row(struct file *file, const struct ff_csv_row *row)
{
    struct ff_csv_cell cells[FF_CSVFILE_COLUMNS];
    if (row->problem)
        return ff_error_set(file->err, FF_INVALID_ARGUMENT, "%s:%llu: %s", file->path,
                            (unsigned long long)row->line, row->problem);
    if (!file->has_header)
        return take_header(file, row);
    if (row->count != file->width)
        return ff_error_set(file->err, FF_INVALID_ARGUMENT, "%s:%llu: expected %zu cells, found %zu",
                            file->path, (unsigned long long)row->line, file->width, row->count);
    for (size_t i = 0; i < file->count; i++)
        cells[i] = file->places[i] == NONE ? (struct ff_csv_cell){NULL, 0} : row->cells[file->places[i]];
    return file->visit(file->context, row->line, cells, file->err);
}

static enum ff_status read_block(struct file *file, struct ff_csv *csv, const struct ff_block *block,
                                 uint64_t *line)
{
    struct ff_csv_row row;
    bool more = true;
    enum ff_status status = FF_OK;
    ff_csv_begin(csv, file->path, block, *line);
    while (status == FF_OK && more) {
        status = ff_csv_next(csv, &row, &more, file->err);
        if (status == FF_OK && more)
            status = take_row(file, &row);
    }
    *line = ff_csv_line(csv);
    return status;
}

enum ff_status ff_csvfile_read(const char *path, const struct ff_csvfile_column *columns, size_t count,
                               ff_csvfile_visitor *visit, void *context, struct ff_error *err)
{
    struct file file = {
        .path = path, .columns = columns, .count = count, .visit = visit, .context = context, .err = err};
    struct ff_reader *reader;
    struct ff_block block = {0};
    uint64_t line = 1;
    assert(count <= FF_CSVFILE_COLUMNS);
    enum ff_status status = ff_reader_open(path, &reader, err);
    if (status)
        return status;
    struct ff_blocks *blocks = ff_blocks_create(reader, FF_BLOCK_BYTES);
    struct ff_csv *csv = ff_csv_create(NULL, NULL);
    do {
        status = ff_blocks_next(blocks, &block, err);
        if (status == FF_OK && block.size)
            status = read_block(&file, csv, &block, &line);
    } while (status == FF_OK && block.size);
    if (status == FF_OK && !file.has_header)
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: the file is empty", path);
    ff_csv_destroy(csv);
    ff_block_fini(&block);
    ff_blocks_destroy(blocks);
    ff_reader_close(reader);
    return status;
}

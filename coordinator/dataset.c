/* Reads file by file, block by block. Several threads read blocks at once (crew.h): each takes the next
 * block of the file, unpacked if need be, turns it into cells (blockrows.h), and stores them when its turn
 * comes, in the order of the file. So one thread unpacks while another one parses, and what comes out does
 * not depend on how many there are.
 *
 * A block that can't be read by itself is read again in its turn, row by row. A row is first checked as a
 * whole and only then stored, so that a bad row that is skipped leaves no trace.
 *
 * The series that a row belongs to depends on the layout: in long the target's cell, in file the file, in
 * wide each value column is a series of its own. A row goes to a series only where one of its metrics has a
 * value, but the series of a target without any exists.
 *
 * An automatic column whose cell is a text is dropped, also from what was read so far (which is done when it
 * is put together, by gather.c); most texts show in the first row, when nothing has been. */
#include "coordinator/dataset.h"

#include "common/buf.h"
#include "common/host.h"
#include "coordinator/blockrows.h"
#include "coordinator/crew.h"
#include "coordinator/gather.h"
#include "coordinator/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITION_BITS = 6, SPARE_READINGS = 2 };
static_assert(1 << PARTITION_BITS == FF_PARTITIONS, "a partition is as many bits of a name's hash");

/* What one block at a time is read with. */
struct reading {
    struct ff_blockrows rows;
    uint64_t bytes_done; /* of all files, when its block was taken */
    enum ff_status status;
    struct ff_error err; /* of taking it */
};

struct loader {
    const struct ff_jobspec *spec;
    struct ff_dataset *dataset;
    struct ff_dataset_storage *storage;
    struct ff_columns columns;
    struct ff_names names;
    uint32_t *column_series; /* layout wide */
    struct ff_load_progress *progress;
    const struct ff_load_options *options;
    uint64_t bytes_before; /* of the files read so far */
    size_t capacity;       /* of dataset->series */
    const char *file;
    size_t file_series;
    size_t threads;
    struct reading *readings; /* more than threads: a block that takes long holds nobody up */
    size_t reading_count;
    struct ff_reader *reader; /* of the file at hand */
    struct ff_blocks *blocks;
    uint64_t line; /* of the next block to be stored */
    /* For rows that are read one by one. */
    struct ff_csv *csv;
    struct ff_rowcheck check;
    union ff_cell *cells;
    enum ff_status status;
    struct ff_error *err;
};

static bool is_wide(const struct loader *loader)
{
    return loader->spec->data.layout == FF_LAYOUT_WIDE;
}

static size_t metric_count(const struct loader *loader)
{
    return is_wide(loader) ? 1 : loader->columns.count;
}

/* The series of a name, new or known. */
static size_t series_of(struct loader *loader, const char *name, size_t size)
{
    struct ff_dataset *dataset = loader->dataset;
    struct ff_dataset_storage *storage = loader->storage;
    size_t index = ff_names_add(&loader->names, name, size);
    if (index < dataset->count)
        return index;
    if (dataset->count == loader->capacity) {
        loader->capacity = loader->capacity ? loader->capacity * 2 : 256;
        dataset->series = ff_xrealloc(dataset->series, loader->capacity * sizeof *dataset->series);
        storage->partitions =
            ff_xrealloc(storage->partitions, loader->capacity * sizeof *storage->partitions);
    }
    const struct ff_name *added = &loader->names.items[index];
    storage->partitions[dataset->count] = (uint8_t)(added->hash >> (64 - PARTITION_BITS));
    dataset->series[dataset->count++] = (struct ff_series){.name = added->text};
    return index;
}

static void drop_column(struct loader *loader, size_t value)
{
    size_t metrics = loader->columns.count;
    if (is_wide(loader))
        memmove(loader->column_series + value, loader->column_series + value + 1,
                (metrics - value - 1) * sizeof *loader->column_series);
    else
        loader->storage->dropped[metrics] = value;
    ff_columns_drop(&loader->columns, value);
}

static enum ff_status store_run(struct loader *loader, size_t series, const union ff_cell *cells, size_t rows)
{
    struct ff_row_run run = {(uint32_t)series, (uint32_t)metric_count(loader), rows, cells};
    loader->dataset->series[series].count += rows;
    return ff_rowpool_add(loader->storage->pool, loader->storage->partitions[series], &run, loader->err);
}

static void count_rows(struct ff_dataset *dataset, uint64_t count, int64_t newest_ms)
{
    if (count && (dataset->rows == 0 || newest_ms > dataset->newest_ms))
        dataset->newest_ms = newest_ms;
    dataset->rows += count;
}

static enum ff_status store_row(struct loader *loader, const struct ff_checked_row *checked)
{
    const union ff_cell *cells = loader->cells;
    size_t columns = loader->columns.count;
    count_rows(loader->dataset, 1, cells->time_ms);
    if (!is_wide(loader)) {
        size_t series = checked->target ? series_of(loader, checked->target->text, checked->target->size)
                                        : loader->file_series;
        return ff_cells_have_value(cells + 1, columns) ? store_run(loader, series, cells, 1) : FF_OK;
    }
    enum ff_status status = FF_OK;
    for (size_t i = 0; i < columns && status == FF_OK; i++) {
        const union ff_cell row[] = {cells[0], cells[1 + i]};
        if (ff_cells_have_value(row + 1, 1))
            status = store_run(loader, loader->column_series[i], row, 1);
    }
    return status;
}

static enum ff_status take_row(struct loader *loader, const struct ff_csv_row *row)
{
    struct ff_checked_row checked;
    enum ff_status status = ff_rowcheck(&loader->check, row, &checked, loader->cells, loader->err);
    while (status == FF_OK && checked.text_column != FF_NO_CELL) {
        drop_column(loader, checked.text_column);
        status = ff_rowcheck(&loader->check, row, &checked, loader->cells, loader->err);
    }
    if (status && loader->spec->data.skip_bad_rows) {
        loader->dataset->rows_skipped++;
        return FF_OK;
    }
    if (status)
        return status;
    if (loader->columns.extra_count)
        ff_columns_check_extra(&loader->columns, row);
    return store_row(loader, &checked);
}

static enum ff_status read_again(struct loader *loader, const struct ff_block *block)
{
    bool more = true;
    enum ff_status status = FF_OK;
    ff_csv_begin(loader->csv, loader->file, block, loader->line);
    while (more && status == FF_OK) {
        struct ff_csv_row row;
        status = ff_csv_next(loader->csv, &row, &more, loader->err);
        if (status == FF_OK && more)
            status = take_row(loader, &row);
    }
    loader->line = ff_csv_line(loader->csv);
    return status;
}

/* Those of a name or column of a block. */
static enum ff_status store_group(struct loader *loader, size_t series, const struct ff_blockrows *rows,
                                  size_t group)
{
    size_t first = rows->starts[group], count = rows->starts[group + 1] - first;
    return count ? store_run(loader, series, rows->cells + first * (metric_count(loader) + 1), count) : FF_OK;
}

/* Layout long. Names are numbered in order of appearance, so those whose series is new make them in that
 * order. */
static enum ff_status store_names(struct loader *loader, struct ff_blockrows *rows)
{
    enum ff_status status = FF_OK;
    for (size_t i = 0; i < rows->names.count && status == FF_OK; i++) {
        const struct ff_name *name = &rows->names.items[i];
        size_t *series = &rows->series[i];
        if (*series == FF_NO_SERIES)
            *series = series_of(loader, name->text, name->size);
        status = store_group(loader, *series, rows, i);
    }
    return status;
}

static enum ff_status store_cells(struct loader *loader, struct ff_blockrows *rows)
{
    enum ff_status status = FF_OK;
    if (rows->columns.target != FF_NO_CELL)
        return store_names(loader, rows);
    if (!is_wide(loader))
        return rows->count ? store_run(loader, loader->file_series, rows->cells, rows->count) : FF_OK;
    for (size_t i = 0; i < rows->columns.count && status == FF_OK; i++)
        status = store_group(loader, loader->column_series[i], rows, i);
    return status;
}

/* Columns only ever go, so a block was read with those of now if it was with as many. */
static enum ff_status store_block(struct loader *loader, struct ff_blockrows *rows)
{
    if (rows->again || rows->columns.count != loader->columns.count)
        return read_again(loader, &rows->block);
    count_rows(loader->dataset, rows->good, rows->newest_ms);
    loader->dataset->rows_skipped += rows->skipped;
    loader->line += rows->lines;
    return store_cells(loader, rows);
}

static enum ff_status report_progress(struct loader *loader, uint64_t bytes_done)
{
    struct ff_load_progress *progress = loader->progress;
    if (!progress)
        return FF_OK;
    atomic_store(&progress->bytes_done, bytes_done);
    if (atomic_load(&progress->cancel))
        return ff_error_set(loader->err, FF_CANCELLED, "cancelled while reading %s", loader->file);
    return FF_OK;
}

static bool take_block(void *state, size_t worker)
{
    struct loader *loader = state;
    struct reading *reading = &loader->readings[worker];
    reading->status = ff_blocks_next(loader->blocks, &reading->rows.block, &reading->err);
    reading->bytes_done = loader->bytes_before + ff_reader_position(loader->reader);
    return reading->status || reading->rows.block.size;
}

static void read_block(void *state, size_t worker)
{
    struct loader *loader = state;
    if (loader->readings[worker].status == FF_OK)
        ff_blockrows_read(&loader->readings[worker].rows);
}

static bool give_block(void *state, size_t worker)
{
    struct loader *loader = state;
    struct reading *reading = &loader->readings[worker];
    struct ff_blockrows *rows = &reading->rows;
    loader->status = report_progress(loader, reading->bytes_done);
    if (loader->status == FF_OK && reading->status) {
        *loader->err = reading->err;
        loader->status = reading->status;
    }
    if (loader->status == FF_OK)
        loader->status = store_block(loader, rows);
    if (rows->columns.count != loader->columns.count || rows->columns.extra_count)
        ff_blockrows_use(rows, loader->file, &loader->columns);
    return loader->status == FF_OK;
}

/* After a file's header: the series that are there whatever its rows hold. */
static enum ff_status begin_series(struct loader *loader, const struct ff_data_file *file)
{
    struct ff_dataset *dataset = loader->dataset;
    if (loader->spec->data.layout == FF_LAYOUT_FILE) {
        size_t before = dataset->count;
        loader->file_series = series_of(loader, file->name, strlen(file->name));
        if (dataset->count == before)
            return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: another file is target '%s', too",
                                file->path, file->name);
    }
    if (loader->cells)
        return FF_OK;
    size_t columns = loader->columns.count;
    struct ff_dataset_storage *storage = loader->storage;
    loader->cells = ff_xcalloc(columns + 1, sizeof *loader->cells);
    storage->dropped = ff_arena_alloc(&storage->arena, (columns + 1) * sizeof *storage->dropped);
    loader->column_series = ff_xcalloc(columns + 1, sizeof *loader->column_series);
    for (size_t i = 0; is_wide(loader) && i < columns; i++) {
        const char *name = loader->columns.values[i].name;
        loader->column_series[i] = (uint32_t)series_of(loader, name, strlen(name));
    }
    return FF_OK;
}

/* Takes the header off the first block and puts the rest back. */
static enum ff_status read_header(struct loader *loader, const struct ff_data_file *file)
{
    struct ff_block *block = &loader->readings->rows.block;
    struct ff_csv_row row;
    bool more = false;
    enum ff_status status = ff_blocks_next(loader->blocks, block, loader->err);
    if (status)
        return status;
    ff_csv_begin(loader->csv, file->path, block, 1);
    status = ff_csv_next(loader->csv, &row, &more, loader->err);
    if (status)
        return status;
    if (!more)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT,
                            "%s: the file is empty: expected a line with the columns' names", file->path);
    status = ff_columns_header(&loader->columns, file->path, &row, loader->err);
    ff_blocks_return(loader->blocks, block, ff_csv_offset(loader->csv));
    loader->line = ff_csv_line(loader->csv);
    return status ? status : begin_series(loader, file);
}

/* A file of a block or two is not worth threads. */
static enum ff_status read_rows(struct loader *loader, const struct ff_data_file *file)
{
    const struct ff_crew crew = {loader, take_block, read_block, give_block};
    loader->check.file = file->path;
    for (size_t i = 0; i < loader->reading_count; i++)
        ff_blockrows_use(&loader->readings[i].rows, file->path, &loader->columns);
    ff_crew_run(&crew, file->size < loader->options->block_bytes ? 1 : loader->threads,
                loader->reading_count);
    return loader->status;
}

static enum ff_status read_file(struct loader *loader, const struct ff_data_file *file)
{
    enum ff_status status = ff_reader_open(file->path, &loader->reader, loader->err);
    if (status)
        return status;
    loader->blocks = ff_blocks_create(loader->reader, loader->options->block_bytes);
    loader->file = file->path;
    status = read_header(loader, file);
    if (status == FF_OK)
        status = read_rows(loader, file);
    if (status == FF_OK)
        status = ff_columns_end_file(&loader->columns, file->path, loader->err);
    loader->bytes_before += file->size;
    ff_blocks_destroy(loader->blocks);
    ff_reader_close(loader->reader);
    return status;
}

static enum ff_status check_rows(const struct loader *loader)
{
    const struct ff_dataset *dataset = loader->dataset;
    if (dataset->rows == 0 && dataset->rows_skipped == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: no rows below the columns' names",
                            loader->file);
    if (dataset->rows == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: every row is a bad one (%llu skipped)",
                            loader->file, (unsigned long long)dataset->rows_skipped);
    if (loader->columns.count == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: no column holds numbers only",
                            loader->file);
    return FF_OK;
}

/* Layout wide: the series of columns that were dropped go, those behind them move up. */
static void keep_columns(struct loader *loader)
{
    struct ff_dataset *dataset = loader->dataset;
    struct ff_dataset_storage *storage = loader->storage;
    if (loader->columns.count == dataset->count)
        return;
    storage->numbers = ff_arena_alloc(&storage->arena, dataset->count * sizeof *storage->numbers);
    memset(storage->numbers, 0xff, dataset->count * sizeof *storage->numbers);
    dataset->count = loader->columns.count;
    for (size_t i = 0; i < dataset->count; i++) {
        uint32_t from = loader->column_series[i];
        storage->numbers[from] = (uint32_t)i;
        storage->partitions[i] = storage->partitions[from];
        dataset->series[i] = dataset->series[from];
    }
}

static void name_metrics(struct loader *loader)
{
    struct ff_strings *metrics = &loader->dataset->metrics;
    struct ff_arena *arena = &loader->storage->arena;
    metrics->count = metric_count(loader);
    metrics->items = ff_arena_alloc(arena, metrics->count * sizeof(char *));
    for (size_t i = 0; i < metrics->count; i++)
        metrics->items[i] =
            is_wide(loader) ? "value" : ff_arena_strdup(arena, loader->columns.values[i].name);
}

static enum ff_status finish(struct loader *loader)
{
    struct ff_dataset *dataset = loader->dataset;
    enum ff_status status = check_rows(loader);
    if (status == FF_OK)
        status = ff_rowpool_finish(loader->storage->pool, loader->err);
    if (status)
        return status;
    if (is_wide(loader))
        keep_columns(loader);
    name_metrics(loader);
    dataset->is_spilled = ff_rowpool_is_spilled(loader->storage->pool);
    dataset->memory_bytes = ff_rowpool_memory(loader->storage->pool);
    return ff_dataset_make_batches(dataset, loader->options->memory_bytes, loader->threads, loader->err);
}

static void start_progress(struct ff_load_progress *progress, const struct ff_data_file *files, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += files[i].size;
    if (progress) {
        atomic_store(&progress->bytes_done, 0);
        atomic_store(&progress->bytes_total, total);
    }
}

static enum ff_status begin_readings(struct loader *loader)
{
    size_t count = loader->threads > 1 ? loader->threads + SPARE_READINGS : 1;
    loader->readings = ff_xcalloc(count, sizeof *loader->readings);
    for (size_t i = 0; i < count; i++) {
        enum ff_status status = ff_blockrows_init(&loader->readings[i].rows, loader->spec, loader->err);
        if (status)
            return status;
        loader->reading_count++;
    }
    loader->csv = ff_csv_create(NULL, NULL);
    loader->check = (struct ff_rowcheck){.spec = loader->spec, .columns = &loader->columns};
    return ff_timeparse_create(loader->spec->data.time_format, loader->spec->data.timezone,
                               loader->spec->prepare.step_ms, &loader->check.times, loader->err);
}

static void end_readings(struct loader *loader)
{
    for (size_t i = 0; i < loader->reading_count; i++)
        ff_blockrows_fini(&loader->readings[i].rows);
    free(loader->readings);
    ff_csv_destroy(loader->csv);
    ff_timeparse_destroy(loader->check.times);
}

static enum ff_status load(struct loader *loader, const struct ff_data_file *files, size_t count)
{
    enum ff_status status = begin_readings(loader);
    start_progress(loader->progress, files, count);
    for (size_t i = 0; i < count && status == FF_OK; i++)
        status = read_file(loader, &files[i]);
    if (status == FF_OK)
        status = finish(loader);
    if (status == FF_OK && loader->progress)
        atomic_store(&loader->progress->bytes_done, loader->bytes_before);
    return status;
}

static void create_pool(struct loader *loader)
{
    const struct ff_load_options *options = loader->options;
    loader->threads = options->threads ? options->threads : ff_host_cpus();
    loader->storage->pool = ff_rowpool_create(&(struct ff_rowpool_options){
        ff_memory_for_rows(options->memory_bytes, loader->threads), options->folder, loader->progress});
}

enum ff_status ff_dataset_load(const struct ff_jobspec *spec, const struct ff_data_file *files,
                               size_t file_count, const struct ff_load_options *options,
                               struct ff_load_progress *progress, struct ff_dataset **out,
                               struct ff_error *err)
{
    struct ff_dataset *dataset = ff_xcalloc(1, sizeof *dataset);
    struct ff_dataset_storage *storage = ff_xcalloc(1, sizeof *storage);
    struct ff_error ignored = {0};
    dataset->storage = storage;
    struct loader loader = {.spec = spec,
                            .dataset = dataset,
                            .storage = storage,
                            .options = options,
                            .progress = progress,
                            .err = err ? err : &ignored};
    create_pool(&loader);
    ff_columns_init(&loader.columns, spec, &storage->arena);
    ff_names_init(&loader.names, &storage->arena);
    enum ff_status status = load(&loader, files, file_count);
    end_readings(&loader);
    ff_columns_fini(&loader.columns);
    ff_names_fini(&loader.names);
    free(loader.cells);
    free(loader.column_series);
    if (status)
        ff_dataset_destroy(dataset);
    else
        *out = dataset;
    return status;
}

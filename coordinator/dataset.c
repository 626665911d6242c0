/* Reads file by file, row by row. A row is first checked as a whole and only then stored, so that a bad row
 * that is skipped leaves no trace.
 *
 * The series that a row belongs to depends on the layout: in long the target's cell, in file the file, in
 * wide each value column is a series of its own (series i = column i). A row goes to a series only where one
 * of its metrics has a value, but the series of a target without any exists.
 *
 * An automatic column whose cell is a text is dropped from what was read so far; most texts show in the first
 * row, when nothing has been. */
#include "coordinator/dataset.h"

#include "common/arena.h"
#include "common/buf.h"
#include "coordinator/cell.h"
#include "coordinator/columns.h"
#include "coordinator/names.h"
#include "coordinator/timeparse.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 4096, ROWS_BETWEEN_CHECKS = 1024 };

struct storage {
    struct ff_arena arena;
};

struct loader {
    const struct ff_jobspec *spec;
    struct ff_dataset *dataset;
    struct ff_arena *arena;
    struct ff_columns columns;
    struct ff_names names;
    struct ff_timeparse *times;
    struct ff_load_progress *progress;
    uint64_t bytes_before; /* of the files read so far */
    size_t capacity;       /* of dataset->series */
    const char *file;
    size_t file_series;
    double *values; /* of the row at hand */
    struct ff_error *err;
};

/* A row's place and meaning, found before anything is stored. */
struct checked_row {
    int64_t time_ms;
    const struct ff_csv_cell *target;
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
    size_t index = ff_names_add(&loader->names, name, size);
    if (index < dataset->count)
        return index;
    if (dataset->count == loader->capacity) {
        loader->capacity = loader->capacity ? loader->capacity * 2 : 256;
        dataset->series = ff_xrealloc(dataset->series, loader->capacity * sizeof *dataset->series);
    }
    dataset->series[dataset->count++] = (struct ff_series){.name = loader->names.items[index].text};
    return index;
}

static void drop_column(struct loader *loader, size_t value)
{
    struct ff_dataset *dataset = loader->dataset;
    size_t metrics = loader->columns.count;
    if (is_wide(loader)) {
        ff_series_fini(&dataset->series[value]);
        memmove(dataset->series + value, dataset->series + value + 1,
                (dataset->count - value - 1) * sizeof *dataset->series);
        dataset->count--;
    } else {
        for (size_t i = 0; i < dataset->count; i++)
            ff_series_drop_metric(&dataset->series[i], metrics, value);
    }
    ff_columns_drop(&loader->columns, value);
}

static enum ff_status fail_row(const struct loader *loader, const struct ff_csv_row *row, const char *format,
                               ...) FF_PRINTF(3, 4);

static enum ff_status fail_row(const struct loader *loader, const struct ff_csv_row *row, const char *format,
                               ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s:%llu: %s", loader->file,
                        (unsigned long long)row->line, text);
}

static int shown(const struct ff_csv_cell *cell)
{
    return cell->size < 60 ? (int)cell->size : 60;
}

static enum ff_status check_time(struct loader *loader, const struct ff_csv_row *row,
                                 struct checked_row *checked)
{
    const struct ff_csv_cell *cell = &row->cells[loader->columns.time];
    if (ff_timeparse(loader->times, cell->text, cell->size, &checked->time_ms))
        return FF_OK;
    return fail_row(loader, row, "expected a time (%s) in column '%s', found '%.*s'",
                    loader->spec->data.time_format, loader->columns.time_name, shown(cell), cell->text);
}

static enum ff_status check_target(struct loader *loader, const struct ff_csv_row *row,
                                   struct checked_row *checked)
{
    if (loader->columns.target == FF_NO_CELL)
        return FF_OK;
    checked->target = &row->cells[loader->columns.target];
    if (checked->target->size == 0)
        return fail_row(loader, row, "no target in column '%s'", loader->spec->data.target);
    if (checked->target->size > MAX_NAME)
        return fail_row(loader, row, "a target's name longer than %d bytes", MAX_NAME);
    return FF_OK;
}

/* Fills loader->values. An automatic column that shows a text is dropped: the row is good by then. */
static enum ff_status check_values(struct loader *loader, const struct ff_csv_row *row)
{
    for (size_t i = 0; i < loader->columns.count;) {
        const struct ff_column *column = &loader->columns.values[i];
        const struct ff_csv_cell *cell = &row->cells[column->cell];
        if (ff_cell_read(cell->text, cell->size, &loader->values[i]) != FF_CELL_TEXT)
            i++;
        else if (loader->columns.automatic)
            drop_column(loader, i);
        else
            return fail_row(loader, row, "expected a number in column '%s', found '%.*s'", column->name,
                            shown(cell), cell->text);
    }
    return FF_OK;
}

static enum ff_status check_row(struct loader *loader, const struct ff_csv_row *row,
                                struct checked_row *checked)
{
    if (row->problem)
        return fail_row(loader, row, "%s", row->problem);
    if (row->count != loader->columns.cell_count)
        return fail_row(loader, row, "expected %zu cells, found %zu", loader->columns.cell_count, row->count);
    enum ff_status status = check_time(loader, row, checked);
    if (status == FF_OK)
        status = check_target(loader, row, checked);
    if (status == FF_OK)
        status = check_values(loader, row);
    return status;
}

static enum ff_status store(struct loader *loader, size_t series, int64_t time_ms, const double *values)
{
    size_t metrics = metric_count(loader);
    bool has_value = false;
    for (size_t i = 0; i < metrics; i++)
        has_value |= !isnan(values[i]);
    if (!has_value)
        return FF_OK;
    union ff_cell *cells = ff_series_append(&loader->dataset->series[series], metrics);
    if (!cells)
        return ff_error_set(loader->err, FF_RESOURCE_EXHAUSTED, "%s: no memory for the rows", loader->file);
    cells[0].time_ms = time_ms;
    for (size_t i = 0; i < metrics; i++)
        cells[i + 1].value = values[i];
    return FF_OK;
}

static enum ff_status store_row(struct loader *loader, const struct checked_row *checked)
{
    struct ff_dataset *dataset = loader->dataset;
    if (dataset->rows++ == 0 || checked->time_ms > dataset->newest_ms)
        dataset->newest_ms = checked->time_ms;
    if (!is_wide(loader)) {
        size_t series = checked->target ? series_of(loader, checked->target->text, checked->target->size)
                                        : loader->file_series;
        return store(loader, series, checked->time_ms, loader->values);
    }
    enum ff_status status = FF_OK;
    for (size_t i = 0; i < dataset->count && status == FF_OK; i++)
        status = store(loader, i, checked->time_ms, &loader->values[i]);
    return status;
}

static enum ff_status take_row(struct loader *loader, const struct ff_csv_row *row)
{
    struct checked_row checked = {0};
    enum ff_status status = check_row(loader, row, &checked);
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

static enum ff_status report_progress(struct loader *loader, const struct ff_reader *reader)
{
    struct ff_load_progress *progress = loader->progress;
    if (!progress)
        return FF_OK;
    atomic_store(&progress->bytes_done, loader->bytes_before + ff_reader_position(reader));
    if (atomic_load(&progress->cancel))
        return ff_error_set(loader->err, FF_CANCELLED, "cancelled while reading %s", loader->file);
    return FF_OK;
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
    if (is_wide(loader) && !loader->values)
        for (size_t i = 0; i < loader->columns.count; i++)
            series_of(loader, loader->columns.values[i].name, strlen(loader->columns.values[i].name));
    if (!loader->values)
        loader->values = ff_xcalloc(loader->columns.count + 1, sizeof *loader->values);
    return FF_OK;
}

static enum ff_status read_header(struct loader *loader, const struct ff_data_file *file, struct ff_csv *csv)
{
    struct ff_csv_row row;
    bool more = false;
    enum ff_status status = ff_csv_next(csv, &row, &more, loader->err);
    if (status)
        return status;
    if (!more)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT,
                            "%s: the file is empty: expected a line with the columns' names", file->path);
    status = ff_columns_header(&loader->columns, file->path, &row, loader->err);
    return status ? status : begin_series(loader, file);
}

static enum ff_status read_rows(struct loader *loader, struct ff_reader *reader, struct ff_csv *csv)
{
    bool more = true;
    enum ff_status status = FF_OK;
    for (size_t row_number = 0; more && status == FF_OK; row_number++) {
        struct ff_csv_row row;
        if (row_number % ROWS_BETWEEN_CHECKS == 0)
            status = report_progress(loader, reader);
        if (status == FF_OK)
            status = ff_csv_next(csv, &row, &more, loader->err);
        if (status == FF_OK && more)
            status = take_row(loader, &row);
    }
    return status;
}

static enum ff_status read_file(struct loader *loader, const struct ff_data_file *file)
{
    struct ff_reader *reader;
    enum ff_status status = ff_reader_open(file->path, &reader, loader->err);
    if (status)
        return status;
    struct ff_csv *csv = ff_csv_create(reader, file->path);
    loader->file = file->path;
    status = read_header(loader, file, csv);
    if (status == FF_OK)
        status = read_rows(loader, reader, csv);
    if (status == FF_OK)
        status = ff_columns_end_file(&loader->columns, file->path, loader->err);
    loader->bytes_before += file->size;
    ff_csv_destroy(csv);
    ff_reader_close(reader);
    return status;
}

/* Hands the metrics' names over and puts rows in order. */
static enum ff_status finish(struct loader *loader)
{
    struct ff_dataset *dataset = loader->dataset;
    size_t metrics = metric_count(loader);
    if (dataset->rows == 0 && dataset->rows_skipped == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: no rows below the columns' names",
                            loader->file);
    if (dataset->rows == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: every row is a bad one (%llu skipped)",
                            loader->file, (unsigned long long)dataset->rows_skipped);
    if (loader->columns.count == 0)
        return ff_error_set(loader->err, FF_INVALID_ARGUMENT, "%s: no column holds numbers only",
                            loader->file);
    dataset->metrics.items = ff_arena_alloc(loader->arena, metrics * sizeof(char *));
    dataset->metrics.count = metrics;
    for (size_t i = 0; i < metrics; i++)
        dataset->metrics.items[i] =
            is_wide(loader) ? "value" : ff_arena_strdup(loader->arena, loader->columns.values[i].name);
    for (size_t i = 0; i < dataset->count; i++)
        if (!ff_series_sort(&dataset->series[i], metrics))
            return ff_error_set(loader->err, FF_RESOURCE_EXHAUSTED, "no memory to sort the rows of %s",
                                dataset->series[i].name);
    return FF_OK;
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

static enum ff_status load(struct loader *loader, const struct ff_data_file *files, size_t count)
{
    const struct ff_jobspec *spec = loader->spec;
    enum ff_status status = ff_timeparse_create(spec->data.time_format, spec->data.timezone,
                                                spec->prepare.step_ms, &loader->times, loader->err);
    start_progress(loader->progress, files, count);
    for (size_t i = 0; i < count && status == FF_OK; i++)
        status = read_file(loader, &files[i]);
    if (status == FF_OK)
        status = finish(loader);
    if (status == FF_OK && loader->progress)
        atomic_store(&loader->progress->bytes_done, loader->bytes_before);
    return status;
}

enum ff_status ff_dataset_load(const struct ff_jobspec *spec, const struct ff_data_file *files,
                               size_t file_count, struct ff_load_progress *progress, struct ff_dataset **out,
                               struct ff_error *err)
{
    struct ff_dataset *dataset = ff_xcalloc(1, sizeof *dataset);
    struct storage *storage = ff_xcalloc(1, sizeof *storage);
    dataset->storage = storage;
    struct loader loader = {
        .spec = spec, .dataset = dataset, .arena = &storage->arena, .progress = progress, .err = err};
    ff_columns_init(&loader.columns, spec, loader.arena);
    ff_names_init(&loader.names, loader.arena);
    enum ff_status status = load(&loader, files, file_count);
    ff_columns_fini(&loader.columns);
    ff_names_fini(&loader.names);
    ff_timeparse_destroy(loader.times);
    free(loader.values);
    if (status)
        ff_dataset_destroy(dataset);
    else
        *out = dataset;
    return status;
}

void ff_dataset_release(struct ff_dataset *dataset, size_t series)
{
    ff_series_fini(&dataset->series[series]);
}

void ff_dataset_destroy(struct ff_dataset *dataset)
{
    if (!dataset)
        return;
    struct storage *storage = dataset->storage;
    for (size_t i = 0; i < dataset->count; i++)
        ff_series_fini(&dataset->series[i]);
    free(dataset->series);
    ff_arena_fini(&storage->arena);
    free(storage);
    free(dataset);
}

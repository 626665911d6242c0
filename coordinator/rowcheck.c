#include "coordinator/rowcheck.h"

#include "coordinator/cell.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_NAME = 4096 };

static enum ff_status fail(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                           struct ff_error *err, const char *format, ...) FF_PRINTF(4, 5);

static enum ff_status fail(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                           struct ff_error *err, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: %s", check->file, (unsigned long long)row->line,
                        text);
}

static int shown(const struct ff_csv_cell *cell)
{
    return cell->size < 60 ? (int)cell->size : 60;
}

static enum ff_status check_time(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                                 int64_t *time_ms, struct ff_error *err)
{
    const struct ff_csv_cell *cell = &row->cells[check->columns->time];
    if (ff_timeparse(check->times, cell->text, cell->size, time_ms))
        return FF_OK;
    return fail(check, row, err, "expected a time (%s) in column '%s', found '%.*s'",
                check->spec->data.time_format, check->columns->time_name, shown(cell), cell->text);
}

static enum ff_status check_target(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                                   struct ff_checked_row *checked, struct ff_error *err)
{
    checked->target = NULL;
    if (check->columns->target == FF_NO_CELL)
        return FF_OK;
    checked->target = &row->cells[check->columns->target];
    if (checked->target->size == 0)
        return fail(check, row, err, "no target in column '%s'", check->spec->data.target);
    if (checked->target->size > MAX_NAME)
        return fail(check, row, err, "a target's name longer than %d bytes", MAX_NAME);
    return FF_OK;
}

static enum ff_status check_values(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                                   struct ff_checked_row *checked, union ff_cell *values,
                                   struct ff_error *err)
{
    const struct ff_columns *columns = check->columns;
    checked->text_column = FF_NO_CELL;
    for (size_t i = 0; i < columns->count; i++) {
        const struct ff_csv_cell *cell = &row->cells[columns->values[i].cell];
        if (ff_cell_read(cell->text, cell->size, &values[i].value) != FF_CELL_TEXT)
            continue;
        checked->text_column = i;
        if (columns->automatic)
            return FF_OK;
        return fail(check, row, err, "expected a number in column '%s', found '%.*s'",
                    columns->values[i].name, shown(cell), cell->text);
    }
    return FF_OK;
}

enum ff_status ff_rowcheck(const struct ff_rowcheck *check, const struct ff_csv_row *row,
                           struct ff_checked_row *checked, union ff_cell *cells, struct ff_error *err)
{
    const struct ff_columns *columns = check->columns;
    if (row->problem)
        return fail(check, row, err, "%s", row->problem);
    if (row->count != columns->cell_count)
        return fail(check, row, err, "expected %zu cells, found %zu", columns->cell_count, row->count);
    enum ff_status status = check_time(check, row, &cells[0].time_ms, err);
    if (status == FF_OK)
        status = check_target(check, row, checked, err);
    if (status == FF_OK)
        status = check_values(check, row, checked, cells + 1, err);
    return status;
}

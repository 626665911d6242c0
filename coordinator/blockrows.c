/* The rows of a name (or wide column) are put together here, while other threads do the same, so that storing
 * them, which is done by one thread at a time, is one copy for each name.
 *
 * Names are numbered by each thread for itself and kept from block to block, for most blocks have the names
 * of those before. Where there are very many they are forgotten before a block, so that they take no more
 * memory with more threads. */
#include "coordinator/blockrows.h"

#include "common/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 1 << 16 };

enum ff_status ff_blockrows_init(struct ff_blockrows *rows, const struct ff_jobspec *spec,
                                 struct ff_error *err)
{
    *rows = (struct ff_blockrows){.check = {.spec = spec, .columns = &rows->columns}};
    enum ff_status status = ff_timeparse_create(spec->data.time_format, spec->data.timezone,
                                                spec->prepare.step_ms, &rows->check.times, err);
    if (status)
        return status;
    rows->csv = ff_csv_create(NULL, NULL);
    ff_names_init(&rows->names, &rows->arena);
    return FF_OK;
}

void ff_blockrows_fini(struct ff_blockrows *rows)
{
    ff_timeparse_destroy(rows->check.times);
    ff_csv_destroy(rows->csv);
    ff_names_fini(&rows->names);
    ff_arena_fini(&rows->arena);
    ff_block_fini(&rows->block);
    free(rows->columns.values);
    free(rows->series);
    free(rows->places);
    free(rows->starts);
    free(rows->cells);
    free(rows->grouped);
}

void ff_blockrows_use(struct ff_blockrows *rows, const char *file, const struct ff_columns *columns)
{
    struct ff_column *values = rows->columns.values;
    values = ff_xrealloc(values, (columns->count + 1) * sizeof *values);
    if (columns->count)
        memcpy(values, columns->values, columns->count * sizeof *values);
    rows->columns = *columns;
    rows->columns.values = values;
    rows->check.file = file;
}

static void begin(struct ff_blockrows *rows)
{
    rows->count = rows->good = rows->skipped = 0;
    rows->newest_ms = INT64_MIN;
    if (rows->names.count > MOST_NAMES) {
        ff_names_fini(&rows->names);
        ff_arena_reset(&rows->arena);
        ff_names_init(&rows->names, &rows->arena);
        rows->series_count = 0;
    }
    ff_csv_begin(rows->csv, rows->check.file, &rows->block, 1);
}

/* An array with room for so many items. */
static void *grow(void *items, size_t *capacity, size_t wanted, size_t size)
{
    if (wanted <= *capacity)
        return items;
    *capacity = 2 * *capacity > wanted ? 2 * *capacity : wanted + 4096;
    return ff_xrealloc(items, *capacity * size);
}

/* Where the next row's cells go. */
static union ff_cell *make_room(struct ff_blockrows *rows)
{
    size_t stride = rows->columns.count + 1, used = rows->count * stride;
    rows->places = grow(rows->places, &rows->place_capacity, rows->count + 1, sizeof *rows->places);
    rows->cells = grow(rows->cells, &rows->cell_capacity, used + stride, sizeof *rows->cells);
    return rows->cells + used;
}

static uint32_t place_of(struct ff_blockrows *rows, const struct ff_csv_cell *target)
{
    size_t place = ff_names_add(&rows->names, target->text, target->size);
    if (place < rows->series_count)
        return (uint32_t)place;
    rows->series = grow(rows->series, &rows->series_capacity, place + 1, sizeof *rows->series);
    rows->series[rows->series_count++] = FF_NO_SERIES;
    return (uint32_t)place;
}

static inline void copy_row(union ff_cell *to, const union ff_cell *from, size_t stride)
{
    for (size_t i = 0; i < stride; i++)
        to[i] = from[i];
}

static void swap_cells(struct ff_blockrows *rows)
{
    union ff_cell *cells = rows->cells;
    size_t capacity = rows->cell_capacity;
    rows->cells = rows->grouped;
    rows->cell_capacity = rows->grouped_capacity;
    rows->grouped = cells;
    rows->grouped_capacity = capacity;
}

/* False: the block has to be read again. */
static bool take_row(struct ff_blockrows *rows, const struct ff_csv_row *row)
{
    struct ff_checked_row checked;
    union ff_cell *cells = make_room(rows);
    if (ff_rowcheck(&rows->check, row, &checked, cells, NULL)) {
        rows->skipped++;
        return rows->check.spec->data.skip_bad_rows;
    }
    if (checked.text_column != FF_NO_CELL)
        return false;
    uint32_t place = checked.target ? place_of(rows, checked.target) : 0;
    rows->newest_ms = cells->time_ms > rows->newest_ms ? cells->time_ms : rows->newest_ms;
    rows->good++;
    rows->places[rows->count] = place;
    rows->count += ff_cells_have_value(cells + 1, rows->columns.count);
    return true;
}

/* Where the rows of each name go; the next one of a name at starts[name + 1], which ends where those of the
 * name behind it start. */
static uint32_t *make_starts(struct ff_blockrows *rows)
{
    size_t names = rows->names.count;
    rows->starts = grow(rows->starts, &rows->start_capacity, names + 2, sizeof *rows->starts);
    memset(rows->starts, 0, (names + 2) * sizeof *rows->starts);
    uint32_t *next = rows->starts + 1;
    for (size_t row = 0; row < rows->count; row++)
        next[rows->places[row] + 1]++;
    for (size_t name = 0; name < names; name++)
        next[name + 1] += next[name];
    return next;
}

/* Puts the rows of each name behind one another. */
static void group(struct ff_blockrows *rows)
{
    size_t stride = rows->columns.count + 1;
    uint32_t *next = make_starts(rows);
    rows->grouped = grow(rows->grouped, &rows->grouped_capacity, rows->count * stride, sizeof *rows->grouped);
    for (size_t row = 0; row < rows->count; row++)
        copy_row(rows->grouped + next[rows->places[row]]++ * stride, rows->cells + row * stride, stride);
    swap_cells(rows);
}

/* Takes the columns apart. */
static void separate(struct ff_blockrows *rows)
{
    size_t columns = rows->columns.count, stride = columns + 1, used = 0;
    rows->starts = grow(rows->starts, &rows->start_capacity, columns + 1, sizeof *rows->starts);
    rows->grouped =
        grow(rows->grouped, &rows->grouped_capacity, 2 * rows->count * columns + 1, sizeof *rows->grouped);
    for (size_t column = 0; column < columns; column++) {
        const union ff_cell *cells = rows->cells;
        rows->starts[column] = (uint32_t)used;
        for (size_t row = 0; row < rows->count; row++, cells += stride) {
            rows->grouped[2 * used] = cells[0];
            rows->grouped[2 * used + 1] = cells[column + 1];
            used += isnan(cells[column + 1].value) ? 0u : 1u;
        }
    }
    rows->starts[columns] = (uint32_t)used;
    swap_cells(rows);
}

void ff_blockrows_read(struct ff_blockrows *rows)
{
    struct ff_csv_row row;
    bool more = true;
    begin(rows);
    rows->again = rows->columns.extra_count > 0;
    while (more && !rows->again) {
        rows->again = ff_csv_next(rows->csv, &row, &more, NULL) != FF_OK;
        if (more && !rows->again)
            rows->again = !take_row(rows, &row);
    }
    rows->lines = ff_csv_line(rows->csv) - 1;
    if (!rows->again && rows->columns.target != FF_NO_CELL)
        group(rows);
    if (!rows->again && rows->check.spec->data.layout == FF_LAYOUT_WIDE)
        separate(rows);
}

/* The first file decides which columns there are, every later file must have them: a column that is missing
 * there (or only there) would silently train on part of the data.
 *
 * Without data.values every other column is taken for a value until a cell of it is a text. Columns without a
 * name (an index that some tool wrote) are never values. */
#include "coordinator/columns.h"

#include "common/buf.h"
#include "common/text.h"
#include "coordinator/cell.h"

#include <stdlib.h>
#include <string.h>

struct header {
    const char *file;
    uint64_t line;
    const char **names;
    struct ff_column *sorted; /* by name, then cell */
    size_t count;
};

void ff_columns_init(struct ff_columns *columns, const struct ff_jobspec *spec, struct ff_arena *arena)
{
    *columns = (struct ff_columns){.spec = spec, .arena = arena, .target = FF_NO_CELL};
    columns->automatic = spec->data.values.count == 0;
}

void ff_columns_fini(struct ff_columns *columns)
{
    free(columns->values);
    free(columns->extra);
}

static int by_name(const void *a, const void *b)
{
    const struct ff_column *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* The first of the sorted columns with this name; NULL if there is none. */
static const struct ff_column *find(const struct ff_column *sorted, size_t count, const char *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(sorted[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strcmp(sorted[low].name, name) == 0 ? &sorted[low] : NULL;
}

static enum ff_status fail_missing(const struct header *header, const char *name, struct ff_error *err)
{
    const char *nearest = ff_suggest(name, header->names, header->count);
    if (nearest)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: no column '%s', did you mean '%s'?",
                            header->file, (unsigned long long)header->line, name, nearest);
    struct ff_buf list = {0};
    for (size_t i = 0; i < header->count && list.size < 300; i++)
        ff_buf_printf(&list, "%s%.60s", i ? ", " : "", header->names[i]);
    ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: no column '%s' (there are: %.400s)", header->file,
                 (unsigned long long)header->line, name, ff_buf_text(&list));
    ff_buf_fini(&list);
    return FF_INVALID_ARGUMENT;
}

static enum ff_status locate(const struct header *header, const char *name, size_t *cell,
                             struct ff_error *err)
{
    const struct ff_column *found = find(header->sorted, header->count, name);
    if (!found)
        return fail_missing(header, name, err);
    if (found + 1 < header->sorted + header->count && strcmp(found[1].name, name) == 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: two columns are named '%s'", header->file,
                            (unsigned long long)header->line, name);
    *cell = found->cell;
    return FF_OK;
}

static enum ff_status locate_time(struct ff_columns *columns, const struct header *header,
                                  struct ff_error *err)
{
    static const char *const usual[] = {"time", "timestamp", "ts", "date"};
    if (!columns->time_name)
        columns->time_name = columns->spec->data.time;
    for (size_t i = 0; i < sizeof usual / sizeof *usual && !columns->time_name; i++)
        if (find(header->sorted, header->count, usual[i]))
            columns->time_name = usual[i];
    if (columns->time_name)
        return locate(header, columns->time_name, &columns->time, err);
    return ff_error_set(err, FF_INVALID_ARGUMENT,
                        "%s:%llu: no column 'time', 'timestamp', 'ts' or 'date': name it with data.time",
                        header->file, (unsigned long long)header->line);
}

static bool is_ignored(const struct ff_columns *columns, const char *name)
{
    const struct ff_strings *ignore = &columns->spec->data.ignore;
    for (size_t i = 0; i < ignore->count; i++)
        if (ff_glob_match(ignore->items[i], name))
            return true;
    return false;
}

/* Whether a cell of the header may be a value that nobody named. */
static bool is_candidate(const struct ff_columns *columns, const struct header *header, size_t cell)
{
    const char *name = header->names[cell];
    const char *target = columns->spec->data.target;
    if (!*name || cell == columns->time || (target && strcmp(name, target) == 0))
        return false;
    return !is_ignored(columns, name);
}

/* Names of the first file's values; locate_values finds their cells. */
static void choose_values(struct ff_columns *columns, const struct header *header)
{
    const struct ff_strings *named = &columns->spec->data.values;
    columns->values = ff_xcalloc(named->count + header->count + 1, sizeof *columns->values);
    for (size_t i = 0; i < named->count; i++)
        columns->values[columns->count++].name = named->items[i];
    for (size_t i = 0; i < header->count && columns->automatic; i++)
        if (is_candidate(columns, header, i))
            columns->values[columns->count++].name = header->names[i];
}

static enum ff_status locate_values(struct ff_columns *columns, const struct header *header,
                                    struct ff_error *err)
{
    for (size_t i = 0; i < columns->count; i++) {
        enum ff_status status = locate(header, columns->values[i].name, &columns->values[i].cell, err);
        if (status)
            return status;
    }
    return FF_OK;
}

static void choose_extra(struct ff_columns *columns, const struct header *header)
{
    free(columns->extra);
    columns->extra = ff_xcalloc(header->count + 1, sizeof *columns->extra);
    columns->extra_count = 0;
    for (size_t i = 0; i < header->count && columns->automatic; i++)
        if (is_candidate(columns, header, i) && !find(columns->first, columns->first_count, header->names[i]))
            columns->extra[columns->extra_count++] = (struct ff_column){header->names[i], i};
}

static struct header read_header(struct ff_columns *columns, const char *file, const struct ff_csv_row *row)
{
    struct header header = {.file = file, .line = row->line, .count = row->count};
    header.names = ff_arena_alloc(columns->arena, row->count * sizeof *header.names);
    header.sorted = ff_arena_alloc(columns->arena, row->count * sizeof *header.sorted);
    for (size_t i = 0; i < row->count; i++) {
        header.names[i] = ff_arena_strndup(columns->arena, row->cells[i].text, row->cells[i].size);
        header.sorted[i] = (struct ff_column){header.names[i], i};
    }
    qsort(header.sorted, header.count, sizeof *header.sorted, by_name);
    return header;
}

static void remember_first(struct ff_columns *columns, const struct header *header)
{
    columns->first_file = ff_arena_strdup(columns->arena, header->file);
    columns->first = header->sorted;
    columns->first_count = header->count;
    choose_values(columns, header);
}

enum ff_status ff_columns_header(struct ff_columns *columns, const char *file, const struct ff_csv_row *row,
                                 struct ff_error *err)
{
    if (row->problem)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: the header has %s", file,
                            (unsigned long long)row->line, row->problem);
    struct header header = read_header(columns, file, row);
    columns->cell_count = row->count;
    enum ff_status status = locate_time(columns, &header, err);
    if (status == FF_OK && columns->spec->data.layout == FF_LAYOUT_LONG)
        status = locate(&header, columns->spec->data.target, &columns->target, err);
    if (status)
        return status;
    if (!columns->first_file)
        remember_first(columns, &header);
    choose_extra(columns, &header);
    return locate_values(columns, &header, err);
}

static void remove_at(struct ff_column *items, size_t *count, size_t at)
{
    memmove(items + at, items + at + 1, (*count - at - 1) * sizeof *items);
    --*count;
}

void ff_columns_drop(struct ff_columns *columns, size_t value)
{
    remove_at(columns->values, &columns->count, value);
}

void ff_columns_check_extra(struct ff_columns *columns, const struct ff_csv_row *row)
{
    for (size_t i = 0; i < columns->extra_count;) {
        const struct ff_csv_cell *cell = &row->cells[columns->extra[i].cell];
        double value;
        if (ff_cell_read(cell->text, cell->size, &value) == FF_CELL_TEXT)
            remove_at(columns->extra, &columns->extra_count, i);
        else
            i++;
    }
}

enum ff_status ff_columns_end_file(const struct ff_columns *columns, const char *file, struct ff_error *err)
{
    if (columns->extra_count == 0)
        return FF_OK;
    return ff_error_set(
        err, FF_INVALID_ARGUMENT,
        "%s: column '%s' is missing in %s: give every file the same columns, name those you want in "
        "data.values or put it into data.ignore",
        columns->first_file, columns->extra[0].name, file);
}

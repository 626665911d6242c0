#include "coordinator/scorefile.h"

#include "common/buf.h"
#include "common/text.h"
#include "coordinator/csvfile.h"
#include "coordinator/names.h"
#include "coordinator/timeparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct rows {
    int64_t *times_ms;
    double *scores;
    size_t count, capacity;
    struct ff_event *events;
    /* Of the line before. */
    char *first_metric; /* of the row; a row begins anew where it comes again */
};

struct storage {
    struct ff_names names;
    struct rows *rows;
    size_t capacity;
};

enum { TIME, TARGET, METRIC, SCORE, COLUMNS };

struct reading {
    const char *path;
    const char *metric;
    struct ff_scorefile *file;
    struct ff_timeparse *times;
};

static struct rows *of_target(struct reading *reading, const struct ff_csv_cell *target)
{
    struct ff_scorefile *file = reading->file;
    struct storage *storage = file->storage;
    size_t index = ff_names_add(&storage->names, target->text ? target->text : "", target->size);
    if (index < file->count)
        return &storage->rows[index];
    if (file->count == storage->capacity) {
        storage->capacity = storage->capacity ? 2 * storage->capacity : 64;
        storage->rows = ff_xrealloc(storage->rows, storage->capacity * sizeof *storage->rows);
    }
    storage->rows[file->count] = (struct rows){0};
    return &storage->rows[file->count++];
}

static bool is_metric(const char *metric, const struct ff_csv_cell *cell)
{
    return strlen(metric) == cell->size && memcmp(metric, cell->text, cell->size) == 0;
}

/* Whether the line says more about the row of the line before. */
static bool goes_on(const struct rows *rows, int64_t time_ms, const struct ff_csv_cell *metric)
{
    return rows->count && metric->text && rows->times_ms[rows->count - 1] == time_ms &&
           !is_metric(rows->first_metric, metric);
}

static void append(struct rows *rows, int64_t time_ms, const struct ff_csv_cell *metric)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 1024;
        rows->times_ms = ff_xrealloc(rows->times_ms, rows->capacity * sizeof *rows->times_ms);
        rows->scores = ff_xrealloc(rows->scores, rows->capacity * sizeof *rows->scores);
    }
    if (!rows->first_metric)
        rows->first_metric = strndup(metric->text ? metric->text : "", metric->size);
    rows->times_ms[rows->count] = time_ms;
    rows->scores[rows->count++] = NAN;
}

static enum ff_status wrong(const struct reading *reading, uint64_t line, const char *expected,
                            const struct ff_csv_cell *cell, struct ff_error *err)
{
    return ff_error_set(err, FF_INVALID_ARGUMENT, "%s:%llu: expected %s, found '%.*s'", reading->path,
                        (unsigned long long)line, expected, (int)(cell->size < 60 ? cell->size : 60),
                        cell->text);
}

static enum ff_status take_row(void *context, uint64_t line, const struct ff_csv_cell *cells,
                               struct ff_error *err)
{
    struct reading *reading = context;
    const struct ff_csv_cell *metric = &cells[METRIC];
    int64_t time_ms;
    double score = NAN;
    if (reading->metric && metric->text && !is_metric(reading->metric, metric))
        return FF_OK;
    if (!ff_timeparse(reading->times, cells[TIME].text, cells[TIME].size, &time_ms))
        return wrong(reading, line, "a time", &cells[TIME], err);
    if (cells[SCORE].size && !ff_parse_double(cells[SCORE].text, cells[SCORE].size, &score))
        return wrong(reading, line, "a number in column 'score'", &cells[SCORE], err);
    struct rows *rows = of_target(reading, &cells[TARGET]);
    if (!goes_on(rows, time_ms, metric))
        append(rows, time_ms, metric);
    double *worst = &rows->scores[rows->count - 1];
    if (isnan(*worst) || score > *worst)
        *worst = score;
    return FF_OK;
}

static void finish(struct ff_scorefile *file)
{
    struct storage *storage = file->storage;
    file->series = ff_arena_alloc(&file->arena, (file->count + 1) * sizeof *file->series);
    for (size_t i = 0; i < file->count; i++)
        file->series[i] = (struct ff_judged){.target = storage->names.items[i].text,
                                             .times_ms = storage->rows[i].times_ms,
                                             .scores = storage->rows[i].scores,
                                             .rows = storage->rows[i].count};
}

enum ff_status ff_scorefile_read(const char *path, const char *metric, struct ff_scorefile *out,
                                 struct ff_error *err)
{
    static const struct ff_csvfile_column columns[COLUMNS] = {[TIME] = {"time timestamp ts date", true},
                                                              [TARGET] = {"target", false},
                                                              [METRIC] = {"metric", false},
                                                              [SCORE] = {"score anomaly_score", true}};
    struct reading reading = {path, metric, out, NULL};
    *out = (struct ff_scorefile){0};
    struct storage *storage = out->storage = ff_xcalloc(1, sizeof *storage);
    ff_names_init(&storage->names, &out->arena);
    enum ff_status status = ff_timeparse_create("auto", "UTC", 1000, &reading.times, err);
    if (!status)
        status = ff_csvfile_read(path, columns, COLUMNS, take_row, &reading, err);
    ff_timeparse_destroy(reading.times);
    if (!status && !out->count)
        status = metric ? ff_error_set(err, FF_INVALID_ARGUMENT, "%s: no row of metric '%s'", path, metric)
                        : ff_error_set(err, FF_INVALID_ARGUMENT, "%s: no rows", path);
    finish(out);
    return status;
}

void ff_scorefile_fini(struct ff_scorefile *file)
{
    struct storage *storage = file->storage;
    if (!storage)
        return;
    for (size_t i = 0; i < file->count; i++) {
        free(storage->rows[i].times_ms);
        free(storage->rows[i].scores);
        free(storage->rows[i].events);
        free(storage->rows[i].first_metric);
    }
    free(storage->rows);
    ff_names_fini(&storage->names);
    ff_arena_fini(&file->arena);
    free(storage);
    *file = (struct ff_scorefile){0};
}

/* ---- events ---- */

/* The rows from the window's start to its end: the first at or behind each. Times may stand still or step
 * back for a while. */
static bool find_rows(const struct rows *rows, const struct ff_window *window, struct ff_event *out)
{
    size_t first = 0;
    while (first < rows->count && rows->times_ms[first] < window->start_ms)
        first++;
    if (first == rows->count || rows->times_ms[first] > window->end_ms)
        return false;
    size_t last = first;
    while (last + 1 < rows->count && rows->times_ms[last] < window->end_ms &&
           rows->times_ms[last + 1] <= window->end_ms)
        last++;
    *out = (struct ff_event){first, last};
    return true;
}

static int by_first(const void *left, const void *right)
{
    const struct ff_event *a = left, *b = right;
    return (a->first > b->first) - (a->first < b->first);
}

/* Those that overlap (points: also those that touch) become one; returns how many are left. */
static size_t merge(struct ff_event *events, size_t count, bool touching)
{
    size_t kept = 0;
    qsort(events, count, sizeof *events, by_first);
    for (size_t i = 0; i < count; i++) {
        if (kept && events[i].first <= events[kept - 1].last + touching)
            events[kept - 1].last =
                events[i].last > events[kept - 1].last ? events[i].last : events[kept - 1].last;
        else
            events[kept++] = events[i];
    }
    return kept;
}

/* Points are as many as rows, so both are gone through together. */
static size_t take_points(struct rows *rows, const struct ff_labelled *labelled, size_t *outside)
{
    size_t count = 0, at = 0, used = 0;
    for (size_t row = 0; row < rows->count; row++) {
        const struct ff_window key = {rows->times_ms[row], 0};
        if (row && rows->times_ms[row] < rows->times_ms[row - 1])
            at = 0;
        while (at < labelled->count && labelled->windows[at].start_ms < key.start_ms)
            at++;
        if (at == labelled->count || labelled->windows[at].start_ms != key.start_ms)
            continue;
        used++;
        rows->events[count++] = (struct ff_event){row, row};
    }
    *outside += labelled->count > used ? labelled->count - used : 0;
    return count;
}

static size_t take_windows(struct rows *rows, const struct ff_labelled *labelled, size_t *outside)
{
    size_t count = 0;
    for (size_t i = 0; i < labelled->count; i++)
        if (find_rows(rows, &labelled->windows[i], &rows->events[count]))
            count++;
        else
            ++*outside;
    return count;
}

size_t ff_scorefile_label(struct ff_scorefile *file, const struct ff_labels *labels)
{
    struct storage *storage = file->storage;
    size_t outside = 0;
    for (size_t i = 0; i < file->count; i++) {
        const struct ff_labelled *labelled = ff_labels_find(labels, file->series[i].target);
        struct rows *rows = &storage->rows[i];
        if (!labelled || !labelled->count)
            continue;
        bool points = labelled->are_points;
        rows->events = ff_xalloc(((points ? rows->count : labelled->count) + 1) * sizeof *rows->events);
        size_t count =
            points ? take_points(rows, labelled, &outside) : take_windows(rows, labelled, &outside);
        file->series[i].events = rows->events;
        file->series[i].event_count = merge(rows->events, count, points);
    }
    return outside;
}

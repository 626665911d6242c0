/* The lines of rows. One thread at a time reads the next rows, finds each its target by name (mostly that of
 * the row before) and its step by its time; making lines of them takes several times as long, so others do
 * that meanwhile, and whoever has the piece that is next hands it to the file (crew.h). */
#include "coordinator/scored_parts.h"

#include "common/host.h"
#include "common/text.h"
#include "coordinator/crew.h"
#include "coordinator/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPARE_PIECES = 2 };

/* One value; target NULL, or without metrics: no model. */
struct cell {
    const char *name;
    const struct ff_scored_target *target;
    int64_t time_ms;
    size_t metric;
    double value;
};

/* Of the rows that are read together. */
struct piece {
    struct cell *cells;
    size_t count, capacity;
    struct ff_scored_lines lines;
    enum ff_status status; /* of reading them */
    struct ff_error err;
};

struct writer {
    const struct ff_scored *scored;
    const struct ff_jobspec *spec;
    const char *only;
    FILE *file;
    struct ff_score_counts *counts;
    struct ff_rowscan *scan;
    struct piece *pieces;
    struct piece *piece; /* that is being read */
    bool is_read;
    enum ff_status status;
    struct ff_error *err;
    struct ff_arena arena;
    struct ff_names unknown;
    /* The row before. */
    const char *name;
    bool is_wanted;
    const struct ff_scored_target *target;
    struct ff_buf unwanted; /* its name, where nothing else keeps it */
    double **sums;          /* by target and metric: for the aggregates sum and count */
};

/* ---- reading ---- */

static const char *keep_unknown(struct writer *writer, const char *name)
{
    struct ff_score_counts *counts = writer->counts;
    size_t index = ff_names_add(&writer->unknown, name, strlen(name));
    if (counts->unknown_targets < writer->unknown.count && counts->unknown_targets++ == 0)
        snprintf(counts->unknown, sizeof counts->unknown, "%s", name);
    return writer->unknown.items[index].text;
}

static void meet(struct writer *writer, const char *name)
{
    if (writer->name && strcmp(writer->name, name) == 0)
        return;
    writer->is_wanted = !*writer->only || ff_glob_match(writer->only, name);
    writer->target = ff_scored_find(writer->scored, name);
    if (writer->target) {
        writer->name = writer->target->name;
    } else if (writer->is_wanted) {
        writer->name = keep_unknown(writer, name);
    } else {
        writer->unwanted.size = 0;
        ff_buf_append(&writer->unwanted, name, strlen(name));
        writer->name = ff_buf_text(&writer->unwanted);
    }
}

static size_t step_of(const struct ff_scored_target *target, int64_t time_ms)
{
    return (size_t)((time_ms - target->t0_ms) / target->step_ms);
}

/* Whether the time is on the axis: the files may have changed since they were scored. */
static bool is_on_axis(const struct ff_scored_target *target, int64_t time_ms)
{
    return target && target->metrics && time_ms >= target->t0_ms && step_of(target, time_ms) < target->steps;
}

static bool is_summed(const struct ff_jobspec *spec)
{
    return spec->prepare.aggregate == FF_AGG_SUM || spec->prepare.aggregate == FF_AGG_COUNT;
}

static void add_cell(struct writer *writer, int64_t time_ms, size_t metric, double value)
{
    const struct ff_scored_target *target = writer->target;
    if (!is_on_axis(target, time_ms))
        return;
    size_t place = (size_t)(target - writer->scored->targets) * writer->scored->metric_count + metric;
    bool counts = writer->spec->prepare.aggregate == FF_AGG_COUNT;
    if (!writer->sums[place]) {
        writer->sums[place] = ff_xalloc(target->steps * sizeof(double));
        for (size_t i = 0; i < target->steps; i++)
            writer->sums[place][i] = counts ? 0 : NAN;
    }
    double *sum = &writer->sums[place][step_of(target, time_ms)];
    if (counts)
        *sum += !isnan(value);
    else if (!isnan(value))
        *sum = isnan(*sum) ? value : *sum + value;
}

static void put_cell(struct writer *writer, int64_t time_ms, size_t metric, double value)
{
    struct piece *piece = writer->piece;
    if (piece->count == piece->capacity) {
        piece->capacity = piece->capacity ? 2 * piece->capacity : 4096;
        piece->cells = ff_xrealloc(piece->cells, piece->capacity * sizeof *piece->cells);
    }
    piece->cells[piece->count++] = (struct cell){writer->name, writer->target, time_ms, metric, value};
}

static enum ff_status take_row(void *context, const struct ff_scanned_row *row, struct ff_error *err)
{
    struct writer *writer = context;
    const struct ff_columns *columns = row->columns;
    (void)err;
    for (size_t i = 0; i < columns->count; i++) {
        if (i == 0 || !row->target) {
            meet(writer, row->target ? row->target : columns->values[i].name);
            writer->counts->unknown_rows += writer->is_wanted && !writer->target;
        }
        if (!writer->is_wanted)
            continue;
        size_t metric = row->target ? i : 0;
        if (writer->sums)
            add_cell(writer, row->time_ms, metric, row->values[i].value);
        else
            put_cell(writer, row->time_ms, metric, row->values[i].value);
    }
    return FF_OK;
}

static bool take(void *state, size_t slot)
{
    struct writer *writer = state;
    struct piece *piece = writer->piece = &writer->pieces[slot];
    bool more = true;
    piece->count = 0;
    if (writer->is_read)
        return false;
    piece->status = ff_rowscan_next(writer->scan, take_row, writer, &more, &piece->err);
    writer->is_read = piece->status || !more;
    return more;
}

/* ---- making lines, and handing them over ---- */

static void work(void *state, size_t slot)
{
    const struct writer *writer = state;
    struct piece *piece = &writer->pieces[slot];
    for (size_t i = 0; i < piece->count; i++) {
        const struct cell *cell = &piece->cells[i];
        const char *metric = writer->scored->metrics[cell->metric];
        bool judged = is_on_axis(cell->target, cell->time_ms);
        ff_scored_put(&piece->lines, cell->time_ms, cell->name, metric,
                      judged ? &cell->target->metrics[cell->metric] : NULL,
                      judged ? step_of(cell->target, cell->time_ms) : 0, cell->value);
    }
}

static bool give(void *state, size_t slot)
{
    struct writer *writer = state;
    struct piece *piece = &writer->pieces[slot];
    writer->status = ff_scoreline_flush(&piece->lines.out, writer->file, 0, writer->err);
    if (!writer->status && piece->status) {
        writer->status = piece->status;
        *writer->err = piece->err;
    }
    return writer->status == FF_OK;
}

static enum ff_status write_sums(struct writer *writer)
{
    const struct ff_scored *scored = writer->scored;
    struct ff_scored_lines *lines = &writer->pieces[0].lines;
    for (size_t i = 0; i < scored->count; i++) {
        const struct ff_scored_target *target = &scored->targets[i];
        double **sums = writer->sums + i * scored->metric_count;
        for (size_t step = 0; sums[0] && step < target->steps; step++)
            for (size_t m = 0; m < scored->metric_count; m++)
                ff_scored_put(lines, target->t0_ms + (int64_t)step * target->step_ms, target->name,
                              scored->metrics[m], &target->metrics[m], step, sums[m][step]);
        if (ff_scoreline_flush(&lines->out, writer->file, FF_SCORED_FLUSH_BYTES, writer->err))
            return writer->err->status;
    }
    return ff_scoreline_flush(&lines->out, writer->file, 0, writer->err);
}

/* A block or two are not worth threads. */
static size_t choose_workers(const struct ff_data_file *files, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += files[i].size;
    return bytes < 2 * FF_BLOCK_BYTES ? 1 : ff_host_cpus();
}

static void write_lines(struct writer *writer, size_t workers)
{
    const struct ff_crew crew = {writer, take, work, give};
    size_t pieces = workers + SPARE_PIECES, cells = writer->scored->count * writer->scored->metric_count;
    writer->pieces = ff_xcalloc(pieces, sizeof *writer->pieces);
    if (is_summed(writer->spec))
        writer->sums = ff_xcalloc(cells + 1, sizeof *writer->sums);
    ff_scoreline_header(&writer->pieces[0].lines.out);
    writer->status = ff_scoreline_flush(&writer->pieces[0].lines.out, writer->file, 0, writer->err);
    if (!writer->status)
        ff_crew_run(&crew, workers, pieces);
    if (!writer->status && writer->sums)
        writer->status = write_sums(writer);
    for (size_t i = 0; i < pieces; i++) {
        writer->counts->lines += writer->pieces[i].lines.counts.lines;
        writer->counts->anomalies += writer->pieces[i].lines.counts.anomalies;
        ff_buf_fini(&writer->pieces[i].lines.out);
        free(writer->pieces[i].cells);
    }
    for (size_t i = 0; writer->sums && i < cells; i++)
        free(writer->sums[i]);
    free(writer->sums);
    free(writer->pieces);
}

enum ff_status ff_scored_write(const struct ff_scored *scored, const struct ff_jobspec *spec,
                               const struct ff_data_file *files, size_t file_count, const char *only,
                               FILE *out, struct ff_score_counts *counts, struct ff_error *err)
{
    struct writer writer = {
        .scored = scored, .spec = spec, .only = only, .file = out, .counts = counts, .err = err};
    *counts = scored->unfitted;
    enum ff_status status = ff_rowscan_open(spec, files, file_count, &writer.scan, err);
    if (status)
        return status;
    ff_names_init(&writer.unknown, &writer.arena);
    write_lines(&writer, choose_workers(files, file_count));
    ff_rowscan_close(writer.scan);
    ff_names_fini(&writer.unknown);
    ff_arena_fini(&writer.arena);
    ff_buf_fini(&writer.unwanted);
    return writer.status;
}

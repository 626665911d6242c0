/* The runs of a partition are dealt out to the series of a batch, each of which has exactly the room that its
 * rows take; then each is put in order. Runs that were stored before a column was dropped lose it here.
 *
 * A partition is one batch, unless its rows are more than may be in memory: then it is read once for each
 * batch that it is cut into. */
#include "coordinator/gather.h"

#include "common/buf.h"
#include "coordinator/memory.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE_BYTES = 32 }; /* of a row while it is put in order, and of qsort's copy of that */

/* ---- batches ---- */

static uint64_t row_bytes(const struct ff_dataset *dataset)
{
    return (dataset->metrics.count + 1) * sizeof(union ff_cell);
}

/* What a row takes while its series is put in order: as it is, as it was, and its place. */
static uint64_t open_bytes(const struct ff_dataset *dataset)
{
    return 2 * row_bytes(dataset) + PLACE_BYTES;
}

/* The series by partition, in order of number; starts[partition] is where those of one begin. */
static uint32_t *order_by_partition(const struct ff_dataset *dataset, size_t starts[FF_PARTITIONS + 1])
{
    const struct ff_dataset_storage *storage = dataset->storage;
    struct ff_arena *arena = &((struct ff_dataset_storage *)dataset->storage)->arena;
    uint32_t *order = ff_arena_alloc(arena, (dataset->count + 1) * sizeof *order);
    size_t next[FF_PARTITIONS + 1] = {0};
    for (size_t i = 0; i < dataset->count; i++)
        next[storage->partitions[i] + 1]++;
    for (size_t i = 0; i < FF_PARTITIONS; i++)
        next[i + 1] += next[i];
    memcpy(starts, next, sizeof next);
    for (size_t i = 0; i < dataset->count; i++)
        order[next[storage->partitions[i]]++] = (uint32_t)i;
    return order;
}

static struct ff_batch *add_batch(struct ff_dataset *dataset, unsigned partition, const uint32_t *series)
{
    dataset->batches = ff_xrealloc(dataset->batches, (dataset->batch_count + 1) * sizeof *dataset->batches);
    struct ff_batch *batch = &dataset->batches[dataset->batch_count++];
    *batch = (struct ff_batch){.series = series, .partition = partition};
    return batch;
}

static void divide(struct ff_dataset *dataset, unsigned partition, const uint32_t *series, size_t count,
                   uint64_t most_rows)
{
    struct ff_batch *batch = NULL;
    for (size_t i = 0; i < count; i++) {
        struct ff_series *one = &dataset->series[series[i]];
        if (!batch || (batch->rows && one->count && batch->rows + one->count > most_rows))
            batch = add_batch(dataset, partition, series + i);
        one->batch = (uint32_t)(dataset->batch_count - 1);
        one->position = (uint32_t)batch->count++;
        batch->rows += one->count;
    }
}

static void divide_all(struct ff_dataset *dataset, uint64_t most_rows)
{
    size_t starts[FF_PARTITIONS + 1];
    const uint32_t *order = order_by_partition(dataset, starts);
    for (unsigned i = 0; i < FF_PARTITIONS; i++)
        divide(dataset, i, order + starts[i], starts[i + 1] - starts[i], most_rows);
}

static const struct ff_series *find_largest(const struct ff_dataset *dataset)
{
    const struct ff_series *largest = dataset->series;
    for (size_t i = 1; i < dataset->count; i++)
        largest = dataset->series[i].count > largest->count ? &dataset->series[i] : largest;
    return largest;
}

static enum ff_status fail_largest(const struct ff_series *series, uint64_t bytes, uint64_t limit_bytes,
                                   struct ff_error *err)
{
    return ff_error_set(err, FF_RESOURCE_EXHAUSTED,
                        "target '%s' has %llu rows, which take %llu MiB while they are prepared: data.memory "
                        "is %llu MiB, give it %llu MiB",
                        series->name, (unsigned long long)series->count, (unsigned long long)(bytes >> 20),
                        (unsigned long long)(limit_bytes >> 20),
                        (unsigned long long)(ff_memory_limit_for(bytes, 1) >> 20) + 1);
}

static uint64_t rows_of_largest_partition(const struct ff_dataset *dataset)
{
    const struct ff_dataset_storage *storage = dataset->storage;
    uint64_t rows[FF_PARTITIONS] = {0}, most = 0;
    for (size_t i = 0; i < dataset->count; i++)
        rows[storage->partitions[i]] += dataset->series[i].count;
    for (size_t i = 0; i < FF_PARTITIONS; i++)
        most = rows[i] > most ? rows[i] : most;
    return most;
}

/* Partitions are opened beside the rows that are in memory: by as many threads as there is room for, and if
 * there is none, the rows go to the file. */
static enum ff_status make_room_beside_rows(struct ff_dataset *dataset, uint64_t memory, struct ff_error *err)
{
    const struct ff_dataset_storage *storage = dataset->storage;
    uint64_t each = rows_of_largest_partition(dataset) * open_bytes(dataset);
    uint64_t left = memory > dataset->memory_bytes ? memory - dataset->memory_bytes : 0;
    if (each > left) {
        dataset->is_spilled = true;
        dataset->memory_bytes = 0;
        return ff_rowpool_spill(storage->pool, err);
    }
    if (each > left / dataset->threads)
        dataset->threads = (size_t)(left / each);
    dataset->open_bytes = each * dataset->threads;
    return FF_OK;
}

enum ff_status ff_dataset_make_batches(struct ff_dataset *dataset, uint64_t limit_bytes, size_t threads,
                                       struct ff_error *err)
{
    uint64_t memory = ff_memory_for_rows(limit_bytes, threads);
    dataset->threads = threads;
    enum ff_status status = dataset->is_spilled ? FF_OK : make_room_beside_rows(dataset, memory, err);
    if (status)
        return status;
    if (!dataset->is_spilled)
        return divide_all(dataset, UINT64_MAX), FF_OK;
    const struct ff_series *largest = find_largest(dataset);
    uint64_t most = largest->count * open_bytes(dataset);
    if (most > memory)
        return fail_largest(largest, most, limit_bytes, err);
    if (most > memory / threads)
        dataset->threads = 1;
    divide_all(dataset, memory / dataset->threads / open_bytes(dataset));
    return FF_OK;
}

/* ---- opening ---- */

struct gathering {
    const struct ff_dataset *dataset;
    const struct ff_batch *batch;
    struct ff_opened *opened;
    size_t *columns; /* of a run with more metrics: which of them stay */
    size_t columns_of;
};

/* Which metrics of rows that had so many are the dataset's. */
static void find_columns(struct gathering *g, size_t metrics)
{
    const struct ff_dataset_storage *storage = g->dataset->storage;
    g->columns = ff_xrealloc(g->columns, metrics * sizeof *g->columns);
    g->columns_of = metrics;
    for (size_t i = 0; i < metrics; i++)
        g->columns[i] = i;
    for (; metrics > g->dataset->metrics.count; metrics--) {
        size_t dropped = storage->dropped[metrics];
        memmove(g->columns + dropped, g->columns + dropped + 1, (metrics - dropped - 1) * sizeof *g->columns);
    }
}

static void copy_columns(struct gathering *g, const struct ff_row_run *run, union ff_cell *to)
{
    size_t metrics = g->dataset->metrics.count;
    if (g->columns_of != run->metrics)
        find_columns(g, run->metrics);
    const union ff_cell *from = run->cells;
    for (size_t row = 0; row < run->rows; row++, from += run->metrics + 1) {
        *to++ = from[0];
        for (size_t i = 0; i < metrics; i++)
            *to++ = from[1 + g->columns[i]];
    }
}

static void deal(void *context, const struct ff_row_run *run)
{
    struct gathering *g = context;
    const struct ff_dataset *dataset = g->dataset;
    const struct ff_dataset_storage *storage = dataset->storage;
    uint32_t number = storage->numbers ? storage->numbers[run->series] : run->series;
    if (number == FF_NO_NUMBER)
        return;
    const struct ff_series *series = &dataset->series[number];
    if (&dataset->batches[series->batch] != g->batch)
        return;
    union ff_cell **next = &g->opened->next[series->position];
    size_t cells = run->rows * (dataset->metrics.count + 1);
    if (run->metrics == dataset->metrics.count)
        memcpy(*next, run->cells, cells * sizeof **next);
    else
        copy_columns(g, run, *next);
    *next += cells;
}

/* False without memory. */
static bool make_room(const struct ff_batch *batch, size_t metrics, struct ff_opened *opened)
{
    size_t cells = batch->rows * (metrics + 1);
    if (batch->count > opened->rows_capacity) {
        opened->rows_capacity = batch->count;
        opened->rows = ff_xrealloc(opened->rows, batch->count * sizeof *opened->rows);
        opened->next = ff_xrealloc(opened->next, batch->count * sizeof *opened->next);
    }
    if (cells > opened->capacity || !opened->cells) {
        free(opened->cells);
        opened->capacity = cells;
        opened->cells = malloc((cells + 1) * sizeof *opened->cells);
    }
    return opened->cells;
}

static void place_series(const struct ff_dataset *dataset, const struct ff_batch *batch,
                         struct ff_opened *opened)
{
    union ff_cell *at = opened->cells;
    for (size_t i = 0; i < batch->count; i++) {
        size_t rows = dataset->series[batch->series[i]].count;
        opened->next[i] = at;
        opened->rows[i] = (struct ff_rows){at, rows, dataset->metrics.count};
        at += rows * (dataset->metrics.count + 1);
    }
}

static bool sort(const struct ff_batch *batch, struct ff_opened *opened)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct ff_rows *rows = &opened->rows[i];
        if (!ff_rows_sort((union ff_cell *)(uintptr_t)rows->cells, rows->count, rows->metrics))
            return false;
    }
    return true;
}

enum ff_status ff_dataset_open(const struct ff_dataset *dataset, const struct ff_batch *batch,
                               struct ff_opened *opened, struct ff_error *err)
{
    const struct ff_dataset_storage *storage = dataset->storage;
    struct gathering g = {.dataset = dataset, .batch = batch, .opened = opened};
    if (!make_room(batch, dataset->metrics.count, opened)) {
        opened->capacity = 0;
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory to put rows together");
    }
    place_series(dataset, batch, opened);
    enum ff_status status = ff_rowpool_visit(storage->pool, batch->partition, deal, &g, err);
    free(g.columns);
    if (status == FF_OK && !sort(batch, opened))
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory to sort rows");
    return status;
}

void ff_opened_fini(struct ff_opened *opened)
{
    free(opened->rows);
    free(opened->next);
    free(opened->cells);
    *opened = (struct ff_opened){0};
}

/* Rows that are in memory make one batch of a partition. */
void ff_dataset_release(struct ff_dataset *dataset, const struct ff_batch *batch)
{
    struct ff_dataset_storage *storage = dataset->storage;
    if (!dataset->is_spilled)
        ff_rowpool_release(storage->pool, batch->partition);
}

/* ---- the end ---- */

void ff_dataset_forget_rows(struct ff_dataset *dataset)
{
    struct ff_dataset_storage *storage = dataset->storage;
    ff_rowpool_destroy(storage->pool);
    storage->pool = NULL;
}

void ff_dataset_destroy(struct ff_dataset *dataset)
{
    if (!dataset)
        return;
    struct ff_dataset_storage *storage = dataset->storage;
    ff_dataset_forget_rows(dataset);
    ff_arena_fini(&storage->arena);
    free(storage->partitions);
    free(storage);
    free(dataset->series);
    free(dataset->batches);
    free(dataset);
}

/* A partition is a list of chunks. In a chunk runs follow one another: a cell that holds series and number of
 * rows, then their cells. A spill writes the chunks of one partition after those of the other, so that
 * reading a partition back is a few long reads, and uses their memory again.
 *
 * Nothing grows by moving: each cell is copied once, to where it stays. Chunks are cut from slabs of the size
 * and alignment of a huge page, for touching memory for the first time costs more than copying to it. A row
 * that is longer than a chunk has one of its own. With much memory chunks are large, with little they are
 * small, for each partition has one that is not full. */
#include "coordinator/rowpool.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SMALL_CHUNK_BYTES = 32 << 10,
    LARGE_CHUNK_BYTES = 256 << 10, /* releasing memory costs by the piece */
    SLAB_BYTES = 2 << 20,
    SMALL_SLABS = 16, /* that are no huge pages: little data should not take any */
};
static const uint64_t enough_for_large_chunks = 4ULL * FF_PARTITIONS * LARGE_CHUNK_BYTES;

struct chunk {
    union ff_cell *cells; /* NULL: in the file */
    uint64_t at;          /* there */
    uint32_t used;        /* cells */
    uint32_t size;        /* cells */
    uint32_t metrics;     /* of its runs */
};

struct partition {
    struct chunk *chunks;
    size_t count;
    size_t capacity;
    size_t spilled; /* the first so many are in the file */
};

struct ff_rowpool {
    struct ff_rowpool_options options;
    struct partition partitions[FF_PARTITIONS];
    void **slabs;
    size_t slab_count;
    uint32_t chunk_cells;
    union ff_cell **free; /* chunks of so many */
    size_t free_count;
    size_t free_capacity;
    uint64_t used_bytes; /* of chunks */
    uint64_t long_bytes; /* of longer ones */
    struct ff_spill *spill;
};

static uint64_t bytes_of(const struct chunk *chunk)
{
    return chunk->size * sizeof *chunk->cells;
}

struct ff_rowpool *ff_rowpool_create(const struct ff_rowpool_options *options)
{
    struct ff_rowpool *pool = ff_xcalloc(1, sizeof *pool);
    bool large = options->memory_bytes >= enough_for_large_chunks;
    pool->options = *options;
    pool->chunk_cells = (uint32_t)((large ? LARGE_CHUNK_BYTES : SMALL_CHUNK_BYTES) / sizeof(union ff_cell));
    return pool;
}

static void free_slabs(struct ff_rowpool *pool)
{
    for (size_t i = 0; i < pool->slab_count; i++)
        munmap(pool->slabs[i], SLAB_BYTES);
    pool->slab_count = pool->free_count = 0;
}

void ff_rowpool_destroy(struct ff_rowpool *pool)
{
    if (!pool)
        return;
    for (unsigned i = 0; i < FF_PARTITIONS; i++) {
        ff_rowpool_release(pool, i);
        free(pool->partitions[i].chunks);
    }
    free_slabs(pool);
    free(pool->slabs);
    free(pool->free);
    ff_spill_destroy(pool->spill);
    free(pool);
}

uint64_t ff_rowpool_memory(const struct ff_rowpool *pool)
{
    return pool->slab_count * (uint64_t)SLAB_BYTES + pool->long_bytes;
}

bool ff_rowpool_is_spilled(const struct ff_rowpool *pool)
{
    return pool->spill != NULL;
}

/* ---- memory ---- */

/* Aligned to its size. */
static void *map_slab(void)
{
    char *wide = mmap(NULL, 2 * SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (wide == MAP_FAILED)
        return NULL;
    size_t before = (SLAB_BYTES - (uintptr_t)wide % SLAB_BYTES) % SLAB_BYTES;
    if (before)
        munmap(wide, before);
    munmap(wide + before + SLAB_BYTES, SLAB_BYTES - before);
    return wide + before;
}

/* A chunk that is free again. */
static void put_back(struct ff_rowpool *pool, union ff_cell *cells)
{
    pool->free[pool->free_count++] = cells;
}

static bool add_slab(struct ff_rowpool *pool)
{
    size_t chunks = SLAB_BYTES / sizeof(union ff_cell) / pool->chunk_cells;
    union ff_cell *slab = map_slab();
    if (!slab)
        return false;
    if (pool->slab_count >= SMALL_SLABS)
        madvise(slab, SLAB_BYTES, MADV_HUGEPAGE);
    pool->slabs = ff_xrealloc(pool->slabs, (pool->slab_count + 1) * sizeof *pool->slabs);
    pool->slabs[pool->slab_count++] = slab;
    pool->free_capacity += chunks;
    pool->free = ff_xrealloc(pool->free, pool->free_capacity * sizeof *pool->free);
    for (size_t i = chunks; i > 0; i--)
        put_back(pool, slab + (i - 1) * pool->chunk_cells);
    return true;
}

static void free_cells(struct ff_rowpool *pool, struct chunk *chunk)
{
    pool->used_bytes -= bytes_of(chunk);
    if (chunk->size == pool->chunk_cells) {
        put_back(pool, chunk->cells);
    } else {
        pool->long_bytes -= bytes_of(chunk);
        free(chunk->cells);
    }
    chunk->cells = NULL;
}

/* ---- spilling ---- */

static enum ff_status spill_partition(struct ff_rowpool *pool, struct partition *partition,
                                      struct ff_error *err)
{
    for (; partition->spilled < partition->count; partition->spilled++) {
        struct chunk *chunk = &partition->chunks[partition->spilled];
        size_t bytes = chunk->used * sizeof *chunk->cells;
        chunk->at = ff_spill_reserve(pool->spill, bytes);
        enum ff_status status =
            ff_spill_write(pool->spill, chunk->at, chunk->cells, bytes, pool->options.progress, err);
        if (status)
            return status;
        free_cells(pool, chunk);
    }
    return FF_OK;
}

static enum ff_status spill(struct ff_rowpool *pool, struct ff_error *err)
{
    enum ff_status status = FF_OK;
    if (!pool->spill)
        status = ff_spill_create(pool->options.folder, &pool->spill, err);
    for (unsigned i = 0; i < FF_PARTITIONS && status == FF_OK; i++)
        status = spill_partition(pool, &pool->partitions[i], err);
    return status;
}

enum ff_status ff_rowpool_finish(struct ff_rowpool *pool, struct ff_error *err)
{
    return pool->spill ? ff_rowpool_spill(pool, err) : FF_OK;
}

enum ff_status ff_rowpool_spill(struct ff_rowpool *pool, struct ff_error *err)
{
    enum ff_status status = spill(pool, err);
    if (status == FF_OK) /* else there are rows in them */
        free_slabs(pool);
    return status;
}

/* ---- adding ---- */

static enum ff_status allocate(struct ff_rowpool *pool, struct chunk *chunk, struct ff_error *err)
{
    uint64_t bytes = bytes_of(chunk);
    if (pool->used_bytes && pool->used_bytes + bytes > pool->options.memory_bytes) {
        enum ff_status status = spill(pool, err);
        if (status)
            return status;
    }
    bool is_long = chunk->size != pool->chunk_cells;
    if (is_long)
        chunk->cells = malloc(bytes);
    else if (pool->free_count > 0 || add_slab(pool))
        chunk->cells = pool->free[--pool->free_count];
    if (!chunk->cells)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory for the rows");
    pool->used_bytes += bytes;
    pool->long_bytes += is_long ? bytes : 0;
    return FF_OK;
}

static enum ff_status begin_chunk(struct ff_rowpool *pool, struct partition *partition, uint32_t metrics,
                                  struct ff_error *err)
{
    struct chunk chunk = {.metrics = metrics, .size = pool->chunk_cells};
    if (metrics + 2 > pool->chunk_cells)
        chunk.size = metrics + 2;
    enum ff_status status = allocate(pool, &chunk, err);
    if (status)
        return status;
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity ? 2 * partition->capacity : 16;
        partition->chunks = ff_xrealloc(partition->chunks, partition->capacity * sizeof *partition->chunks);
    }
    partition->chunks[partition->count++] = chunk;
    return FF_OK;
}

/* Rows of a run with so many metrics that its last chunk has room for. */
static inline size_t rows_left(const struct partition *partition, uint32_t metrics)
{
    if (partition->count == partition->spilled)
        return 0;
    const struct chunk *chunk = &partition->chunks[partition->count - 1];
    if (chunk->metrics != metrics || chunk->used == chunk->size)
        return 0;
    return (chunk->size - chunk->used - 1) / (metrics + 1);
}

static inline void put(struct chunk *chunk, const struct ff_row_run *run, size_t first, size_t rows)
{
    size_t stride = run->metrics + 1;
    union ff_cell *to = chunk->cells + chunk->used;
    to->time_ms = (int64_t)((uint64_t)rows << 32 | run->series);
    memcpy(to + 1, run->cells + first * stride, rows * stride * sizeof *to);
    chunk->used += (uint32_t)(1 + rows * stride);
}

enum ff_status ff_rowpool_add(struct ff_rowpool *pool, unsigned number, const struct ff_row_run *run,
                              struct ff_error *err)
{
    struct partition *partition = &pool->partitions[number];
    for (size_t first = 0; first < run->rows;) {
        size_t room = rows_left(partition, run->metrics), rest = run->rows - first;
        if (room == 0) {
            enum ff_status status = begin_chunk(pool, partition, run->metrics, err);
            if (status)
                return status;
            continue;
        }
        size_t rows = rest < room ? rest : room;
        put(&partition->chunks[partition->count - 1], run, first, rows);
        first += rows;
    }
    return FF_OK;
}

/* ---- visiting ---- */

static void visit_chunk(const struct chunk *chunk, const union ff_cell *cells, ff_row_visitor *visitor,
                        void *context)
{
    size_t stride = chunk->metrics + 1;
    for (const union ff_cell *end = cells + chunk->used; cells < end;) {
        uint64_t head = (uint64_t)cells->time_ms;
        struct ff_row_run run = {(uint32_t)head, chunk->metrics, head >> 32, cells + 1};
        visitor(context, &run);
        cells += 1 + run.rows * stride;
    }
}

enum ff_status ff_rowpool_visit(const struct ff_rowpool *pool, unsigned number, ff_row_visitor *visitor,
                                void *context, struct ff_error *err)
{
    const struct partition *partition = &pool->partitions[number];
    union ff_cell *read = NULL;
    uint32_t read_size = 0;
    enum ff_status status = FF_OK;
    for (size_t i = 0; i < partition->count && status == FF_OK; i++) {
        const struct chunk *chunk = &partition->chunks[i];
        if (!chunk->cells && chunk->size > read_size)
            read = ff_xrealloc(read, (read_size = chunk->size) * sizeof *read);
        if (!chunk->cells)
            status = ff_spill_read(pool->spill, chunk->at, read, chunk->used * sizeof *read, err);
        if (status == FF_OK)
            visit_chunk(chunk, chunk->cells ? chunk->cells : read, visitor, context);
    }
    free(read);
    return status;
}

void ff_rowpool_release(struct ff_rowpool *pool, unsigned number)
{
    struct partition *partition = &pool->partitions[number];
    for (size_t i = partition->spilled; i < partition->count; i++) {
        struct chunk *chunk = &partition->chunks[i];
        if (chunk->size == pool->chunk_cells)
            madvise(chunk->cells, bytes_of(chunk), MADV_DONTNEED);
        else
            free(chunk->cells);
    }
    partition->count = partition->spilled = 0;
}

/* The rows of a job's data files, by target: the three layouts in, one series per target out.
 *
 * Rows are put together batch by batch, as often as they are needed, so that all of them need not be in
 * memory at once. */
#ifndef FF_COORDINATOR_DATASET_H
#define FF_COORDINATOR_DATASET_H

#include "coordinator/jobspec.h"
#include "coordinator/progress.h"
#include "coordinator/series.h"
#include "coordinator/targetset.h"

/* Series whose rows are put together at once. */
struct ff_batch {
    const uint32_t *series;
    size_t count;
    uint64_t rows;
    unsigned partition;
};

/* Immutable once loaded, but for ff_dataset_release. */
struct ff_dataset {
    struct ff_strings metrics; /* "value" for layout wide */
    struct ff_series *series;  /* in order of appearance */
    size_t count;
    uint64_t rows;         /* good rows of the files */
    uint64_t rows_skipped; /* bad rows, on_bad_row: skip */
    int64_t newest_ms;     /* of all good rows */
    struct ff_batch *batches;
    size_t batch_count;
    size_t threads;        /* how many batches may be open at once, and are worth it */
    uint64_t memory_bytes; /* that its rows take while none is open; 0 if they are in a file */
    uint64_t open_bytes;   /* that so many open batches take beside them; not set if they are in a file */
    bool is_spilled;
    void *storage; /* private */
};

struct ff_load_options {
    size_t threads; /* 0: one for each CPU that the caller may use */
    size_t block_bytes;
    uint64_t memory_bytes; /* for rows and what is made of them; 0: no limit */
    const char *folder;    /* for what exceeds it, as ff_spill_create */
};
/* Blocks; progress may be NULL. What it gives depends neither on the threads, nor on the blocks, nor on the
 * memory. INVALID_ARGUMENT with file:line, CANCELLED, RESOURCE_EXHAUSTED (memory, disk). */
FF_NODISCARD enum ff_status ff_dataset_load(const struct ff_jobspec *spec, const struct ff_data_file *files,
                                            size_t file_count, const struct ff_load_options *options,
                                            struct ff_load_progress *progress, struct ff_dataset **out,
                                            struct ff_error *err);
/* Lets every row go; names and numbers stay. */
void ff_dataset_forget_rows(struct ff_dataset *dataset);
void ff_dataset_destroy(struct ff_dataset *dataset);

/* ---- batches: gather.c ---- */

/* The rows of one batch after the other. Of one thread; zero before first use. */
struct ff_opened {
    struct ff_rows *rows; /* of batch->series[i], sorted by time; good until the next one is opened */
    /* Private. */
    size_t rows_capacity;
    union ff_cell *cells;
    size_t capacity;
    union ff_cell **next; /* where the next run of each series goes */
};
/* RESOURCE_EXHAUSTED (memory), DATA_LOSS. */
FF_NODISCARD enum ff_status ff_dataset_open(const struct ff_dataset *dataset, const struct ff_batch *batch,
                                            struct ff_opened *opened, struct ff_error *err);
void ff_opened_fini(struct ff_opened *opened);
/* Lets the memory of a batch's rows go; it is not to be opened again. */
void ff_dataset_release(struct ff_dataset *dataset, const struct ff_batch *batch);

#endif

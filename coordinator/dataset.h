/* The rows of a job's data files, by target: the three layouts in, one series per target out. */
#ifndef FF_COORDINATOR_DATASET_H
#define FF_COORDINATOR_DATASET_H

#include "coordinator/series.h"
#include "coordinator/targetset.h"

struct ff_dataset {
    struct ff_strings metrics; /* "value" for layout wide */
    struct ff_series *series;  /* sorted by time; in order of appearance */
    size_t count;
    uint64_t rows;         /* good rows of the files */
    uint64_t rows_skipped; /* bad rows, on_bad_row: skip */
    int64_t newest_ms;     /* of all good rows */
    void *storage;         /* private */
};

/* Blocks; progress may be NULL. INVALID_ARGUMENT with file:line, CANCELLED, RESOURCE_EXHAUSTED (memory). */
FF_NODISCARD enum ff_status ff_dataset_load(const struct ff_jobspec *spec, const struct ff_data_file *files,
                                            size_t file_count, struct ff_load_progress *progress,
                                            struct ff_dataset **out, struct ff_error *err);
/* Frees the rows of one series. */
void ff_dataset_release(struct ff_dataset *dataset, size_t series);
void ff_dataset_destroy(struct ff_dataset *dataset);

#endif

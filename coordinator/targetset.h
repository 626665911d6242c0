/* The targets of a job with their frames: what loading and preparing a job's data gives.
 *
 * Owned by one thread at a time; immutable once built. */
#ifndef FF_COORDINATOR_TARGETSET_H
#define FF_COORDINATOR_TARGETSET_H

#include "common/frame.h"
#include "common/outcome.h"
#include "coordinator/jobspec.h"

#include <stdatomic.h>

struct ff_target {
    const char *name;
    uint64_t rows;         /* in the window */
    struct ff_frame frame; /* every metric; values NULL if the target is skipped */
    enum ff_code
        code; /* why it is skipped or failed (TOO_MANY_STEPS) before any fit; FF_CODE_OK: dispatch it */
    const char *errmsg; /* "" if none */
    int rule;           /* index in jobspec.top; -1: NO_MODEL */
};

struct ff_targetset {
    const char **metrics; /* data.values as resolved; one "value" for layout wide */
    size_t metric_count;
    struct ff_target *targets; /* "requested", in order of name bytes */
    size_t target_count;
    uint64_t not_selected; /* found in the data but not included or below top */
    uint64_t rows_skipped; /* bad rows, on_bad_row: skip */
    uint64_t file_count;
    uint64_t data_bytes;
    /* The frame of all targets that are not skipped; values NULL if models.all is null. Columns are named
     * "target/metric". If it cannot be built, all_code says why. */
    struct ff_frame all;
    const char **all_columns;
    enum ff_code all_code;
    const char *all_errmsg;
    double load_ms;    /* wall time of reading and parsing */
    double prepare_ms; /* wall time of preparation */
    double prepare_cpu_ms;
    void *storage; /* private */
};

/* Shared with whoever watches or stops a load. */
struct ff_load_progress {
    atomic_uint_fast64_t bytes_done;
    atomic_uint_fast64_t bytes_total;
    atomic_bool cancel; /* set it: the load ends with CANCELLED */
};

/* The data files that the spec's patterns match, sorted by name bytes, each once. INVALID_ARGUMENT: a pattern
 * without a match, or a file that can't be read. Free items and array with ff_files_free. */
struct ff_data_file {
    char *path;
    char *name; /* of the target that it is in layout file: CONTRACT, data.layout */
    uint64_t size;
    int64_t mtime_ns;
};
FF_NODISCARD enum ff_status ff_files_find(const struct ff_jobspec *spec, struct ff_data_file **files,
                                          size_t *count, struct ff_error *err);
void ff_files_free(struct ff_data_file *files, size_t count);

/* Reads, selects and prepares (CONTRACT: "Preparation"). Blocks; progress may be NULL.
 * INVALID_ARGUMENT with file:line for data that can't be used, CANCELLED, RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_targetset_load(const struct ff_jobspec *spec,
                                              struct ff_load_progress *progress, struct ff_targetset **out,
                                              struct ff_error *err);
/* A set that is filled by hand, for up to `room` targets: names in order of bytes, frames copied. metrics
 * must outlive it. Its rules are those of a job with one model for all. */
struct ff_targetset *ff_targetset_create(const char *const *metrics, size_t metric_count, size_t room);
void ff_targetset_add(struct ff_targetset *set, const char *name, uint64_t rows,
                      const struct ff_frame *frame);

/* Frees one target's rows when nobody needs them any more. */
void ff_targetset_release_rows(struct ff_targetset *set, size_t target);
void ff_targetset_destroy(struct ff_targetset *set);

#endif

/* The targets of a job with their frames: what loading and preparing a job's data gives.
 *
 * Owned by one thread at a time; immutable once built. */
#ifndef FF_COORDINATOR_TARGETSET_H
#define FF_COORDINATOR_TARGETSET_H

#include "common/buf.h"
#include "common/frame.h"
#include "common/memfile.h"
#include "common/outcome.h"
#include "common/task.h"
#include "coordinator/jobspec.h"
#include "coordinator/progress.h"

struct ff_target {
    const char *name;
    uint64_t rows;         /* in the window */
    struct ff_frame frame; /* the metrics that its rule's model sees; no values: the target is skipped, or its
                              rows are in the set's file, or released */
    uint64_t place;        /* private */
    enum ff_code
        code; /* why it is skipped or failed (TOO_MANY_STEPS) before any fit; FF_CODE_OK: dispatch it */
    const char *errmsg;                /* "" if none */
    int rule;                          /* index in jobspec.top; -1: NO_MODEL */
    struct ff_fingerprint fingerprint; /* of frame and model, written by the loader; unknown without frame */
    struct ff_bytes input;             /* a model to be applied; borrowed from whoever made the set */
};

struct ff_targetset {
    struct ff_work work;  /* to be done with each target; zero: fit */
    const char **metrics; /* data.values as resolved; one "value" for layout wide */
    size_t metric_count;
    struct ff_target *targets; /* "requested", in order of name bytes */
    size_t target_count;
    uint64_t not_selected; /* found in the data but not included or below top */
    uint64_t rows_skipped; /* bad rows, on_bad_row: skip */
    uint64_t file_count;
    uint64_t data_bytes;
    /* The frame of all targets that are not skipped; without steps if models.all is null. Columns are named
     * "target/metric". If it cannot be built, all_code says why. */
    struct ff_frame all;
    uint64_t all_place; /* private */
    const char **all_columns;
    enum ff_code all_code;
    const char *all_errmsg;
    struct ff_fingerprint all_fingerprint;
    struct ff_bytes all_input;
    double load_ms;    /* wall time of reading and parsing */
    double prepare_ms; /* wall time of preparation */
    double prepare_cpu_ms;
    void *storage; /* private */
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
/* Whether the path, links followed, lies below the folder. */
bool ff_files_is_below(const char *root, const char *path);
void ff_files_free(struct ff_data_file *files, size_t count);
/* A line per file with what tells that it changed: size, mtime_ns, path. Appended to out. */
void ff_files_list(const struct ff_data_file *files, size_t count, struct ff_buf *out);
/* Of such a list, in hexadecimal digits. */
enum { FF_FILES_SUM = 33 };
void ff_files_sum(const char *list, char sum[static FF_FILES_SUM]);

/* What is known of targets before their rows are read. */
struct ff_target_guide {
    void *context;
    /* Whether the target is wanted; *step_ms > 0 on return: the step of its axis, whatever the spec says. */
    bool (*wants)(void *context, const char *target, int64_t *step_ms);
    int64_t all_step_ms; /* of the frame of all; 0: by its members */
};

/* Reads, selects and prepares (CONTRACT: "Preparation"); guide may be NULL. Rows that do not fit into
 * data.memory, before or after they are prepared, are in a file in the folder (ff_spill_create). Blocks;
 * progress may be NULL. INVALID_ARGUMENT with file:line for data that can't be used, CANCELLED,
 * RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_targetset_load(const struct ff_jobspec *spec, const char *folder,
                                              const struct ff_target_guide *guide,
                                              struct ff_load_progress *progress, struct ff_targetset **out,
                                              struct ff_error *err);
/* A set that is filled by hand, for up to `room` targets of at most frame_bytes each: names in order of
 * bytes, frames copied. metrics must outlive it. Its rules are those of a job with one model for all.
 * RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_targetset_create(const char *const *metrics, size_t metric_count, size_t room,
                                                uint64_t frame_bytes, struct ff_targetset **out,
                                                struct ff_error *err);
void ff_targetset_add(struct ff_targetset *set, const char *name, uint64_t rows,
                      const struct ff_frame *frame);

/* In what follows a target may be target_count: the frame of all. */

/* Whether its prepared rows are there. */
bool ff_targetset_has_rows(const struct ff_targetset *set, size_t target);
/* Copies bytes of the values of a frame whose rows are there. DATA_LOSS if they cannot be read back. */
FF_NODISCARD enum ff_status ff_targetset_read(const struct ff_targetset *set, size_t target, uint64_t offset,
                                              void *to, size_t size, struct ff_error *err);
/* Adds one of the targets of another set, with its rows, which are there. DATA_LOSS as ff_targetset_read. */
FF_NODISCARD enum ff_status ff_targetset_copy(struct ff_targetset *set, const struct ff_targetset *from,
                                              size_t index, struct ff_error *err);
/* Hands the frame of all over; `from` keeps its size, and no rows that were in its file. Its columns' names
 * stay borrowed from it. */
void ff_targetset_move_all(struct ff_targetset *from, struct ff_targetset *to);
/* Whether the rows of targets are in memory that processes of this host can read. */
bool ff_targetset_is_shared(const struct ff_targetset *set);
/* Where such a process finds the values of a frame: there, from offset on. false: its rows are gone, or are
 * not in such memory. The frame of all is in memory of its own. */
bool ff_targetset_place(const struct ff_targetset *set, size_t target, struct ff_memory_place *memory,
                        uint64_t *offset);
/* Frees one target's rows when nobody needs them any more. */
void ff_targetset_release_rows(struct ff_targetset *set, size_t target);
/* Whoever reads rows in place goes on with them. */
void ff_targetset_destroy(struct ff_targetset *set);
/* Before that, if nobody needs any rows any more: who still maps them keeps no memory by that. */
void ff_targetset_clear_rows(struct ff_targetset *set);

#endif

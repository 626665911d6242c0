/* Loading: from a job's text to targets with frames, on threads of their own.
 *
 * The coordinator's loop asks and gets the answer as an event. */
#ifndef FF_COORDINATOR_LOADER_H
#define FF_COORDINATOR_LOADER_H

#include "common/queue.h"
#include "common/wire.h"
#include "coordinator/targetset.h"

/* An outcome of a job that was interrupted (or of the one that it retries): the target has it already. */
struct ff_known_outcome {
    uint32_t target;
    struct ff_outcome outcome;
};

/* A job ready to run. */
struct ff_loaded {
    struct ff_jobspec *spec;
    struct ff_targetset *set;
    struct ff_fit_spec *rules; /* by index of spec->top */
    struct ff_fit_spec all;
    struct ff_fit_spec fallback;
    const char ***metrics;   /* by rule: names of the columns that its targets have */
    size_t *metric_counts;
    /* Objects: frames too large for a message. Sorted by target; the frame of all is target_count. */
    struct ff_big_frame {
        uint32_t target;
        struct ff_object_id id;
    } *big;
    size_t big_count;
};
void ff_loaded_destroy(struct ff_loaded *loaded);
const struct ff_big_frame *ff_loaded_big(const struct ff_loaded *loaded, uint32_t target); /* NULL: travels in messages */

enum { FF_BIG_FRAME_BYTES = 4 << 20 };

struct ff_load {
    struct ff_event event; /* first; comes back with the type given */
    uint64_t job;
    struct ff_jobspec_source source; /* borrowed until it comes back */
    struct ff_load_progress progress;
    struct ff_loaded *loaded; /* NULL if it failed */
    struct ff_error error;
};

struct ff_loader;
struct ff_loader *ff_loader_start(struct ff_queue *back);
/* Cancels what is under way; loads that wait come back with CANCELLED. */
void ff_loader_stop(struct ff_loader *loader);
void ff_loader_push(struct ff_loader *loader, struct ff_load *load);

#endif

/* Loading: from a job's text to targets with frames, on threads of their own.
 *
 * The coordinator's loop asks and gets the answer as an event. */
#ifndef FF_COORDINATOR_LOADER_H
#define FF_COORDINATOR_LOADER_H

#include "common/queue.h"
#include "common/wire.h"
#include "coordinator/known.h"
#include "coordinator/sharing.h"
#include "coordinator/targetset.h"

/* Where targets come from: ff_targetset_load, or something else with the same contract (bench, plan's
 * samples). */
typedef enum ff_status ff_target_source(void *context, const struct ff_jobspec *spec,
                                        struct ff_load_progress *progress, struct ff_targetset **out,
                                        struct ff_error *err);

/* A job ready to run. */
struct ff_loaded {
    struct ff_jobspec *spec;
    struct ff_targetset *set;
    struct ff_fit_spec *rules; /* by index of spec->top */
    struct ff_fit_spec all;
    struct ff_fit_spec fallback;
    const char ***metrics; /* by rule: names of the columns that its targets have */
    size_t *metric_counts;
    /* Objects: frames too large for a message. Sorted by target; the frame of all is target_count. */
    struct ff_big_frame {
        uint32_t target;
        uint64_t input_size; /* of the object, behind the frame */
        struct ff_object_id id;
    } * big;
    size_t big_count;
    /* Outcomes that need no fit: those that the job committed before it was interrupted, takes over from the
     * job that it retries, or reuses from the active generation. */
    struct ff_known *known;
    struct ff_arena in_use;     /* models that are applied, or that new ones are compared with */
    struct ff_sharing *sharing; /* files that programs share */
};
struct ff_loaded_options {
    ff_target_source *source; /* NULL: the job's files */
    void *context;            /* of the source */
    const char *folder;       /* for rows of files beyond data.memory, as ff_spill_create */
    const char *state_dir;    /* whose models an errand applies; NULL: it cannot */
    struct ff_load_progress *progress;
};
/* known stays NULL. Takes the spec, also when it fails. Blocks for as long as the source does. */
FF_NODISCARD enum ff_status ff_loaded_create(struct ff_jobspec *spec, const struct ff_loaded_options *options,
                                             struct ff_loaded **out, struct ff_error *err);
void ff_loaded_destroy(struct ff_loaded *loaded);
/* The model that comes along with a target's frame; of the frame of all with target_count. */
struct ff_bytes ff_loaded_input(const struct ff_loaded *loaded, uint32_t target);
const struct ff_big_frame *ff_loaded_big(const struct ff_loaded *loaded,
                                         uint32_t target); /* NULL: travels in messages */

/* A frame, or a model that comes along with it, that is larger travels as an object: the frame, and behind it
 * such a model. */
enum { FF_BIG_FRAME_BYTES = 4 << 20, FF_BIG_INPUT_BYTES = 1 << 20 };

struct ff_load {
    struct ff_event event; /* first; comes back with the type given */
    uint64_t job;
    struct ff_jobspec_source source; /* borrowed until it comes back */
    const char *state_dir;
    uint64_t retry_of;         /* job whose outcomes are taken over, 0: none */
    const char *retry_classes; /* except of these classes */
    bool reuse;                /* take models of the active generation whose fingerprint is the same */
    struct ff_load_progress progress;
    struct ff_loaded *loaded; /* NULL if it failed */
    struct ff_error error;
};

struct ff_loader;
/* source NULL: the job's files. */
struct ff_loader *ff_loader_start(struct ff_queue *back, ff_target_source *source, void *context);
/* Cancels what is under way; loads that wait come back with CANCELLED. */
void ff_loader_stop(struct ff_loader *loader);
void ff_loader_push(struct ff_loader *loader, struct ff_load *load);

#endif

/* From loaded rows to a set's targets and their frames. Private to targetset.c and targetset_prepare.c. */
#ifndef FF_COORDINATOR_TARGETSET_PREPARE_H
#define FF_COORDINATOR_TARGETSET_PREPARE_H

#include "common/arena.h"
#include "coordinator/dataset.h"
#include "coordinator/framestore.h"
#include "coordinator/spill.h"

struct ff_targetset_storage {
    struct ff_arena arena;
    struct ff_dataset *dataset; /* its names are the targets' names */
    /* Where frames are: in memory, the frame of all apart, or in the set's file. NULL: none is there. */
    struct ff_framestore *frames, *all;
    struct ff_spill *spill;
};

/* Fills the set from its dataset, whose rows are gone then. folder, guide, progress: as ff_targetset_load. */
FF_NODISCARD enum ff_status ff_targetset_prepare(struct ff_targetset *set, const struct ff_jobspec *spec,
                                                 const char *folder, const struct ff_target_guide *guide,
                                                 uint64_t limit_bytes, struct ff_load_progress *progress,
                                                 int64_t *cpu_us, struct ff_error *err);

#endif

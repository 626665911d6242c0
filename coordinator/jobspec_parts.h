/* The parts of reading a job file, for jobspec.c alone. */
#ifndef FF_COORDINATOR_JOBSPEC_PARTS_H
#define FF_COORDINATOR_JOBSPEC_PARTS_H

#include "common/arena.h"
#include "common/config.h"
#include "coordinator/jobspec.h"

struct ff_jobspec_reader {
    const struct ff_jobspec_source *source;
    struct ff_jobspec *spec;
    struct ff_arena *arena; /* home of everything in spec */
    struct ff_error *err;
};

/* node is the map "data" (NULL if it is not there). prepare.step is read before. */
FF_NODISCARD enum ff_status ff_jobspec_read_data(struct ff_jobspec_reader *reader,
                                                 const struct ff_config_node *root);
FF_NODISCARD enum ff_status ff_jobspec_read_models(struct ff_jobspec_reader *reader,
                                                   const struct ff_config_node *node);
/* node is the map "errand" (NULL if it is not there). */
FF_NODISCARD enum ff_status ff_jobspec_read_errand(struct ff_jobspec_reader *reader,
                                                   const struct ff_config_node *node);
/* Copies a checked list of texts (or NULL). */
struct ff_strings ff_jobspec_strings(struct ff_jobspec_reader *reader, const struct ff_config_node *list);

#endif

/* The models of a generation with their bytes. */
#ifndef FF_COORDINATOR_SETMODELS_H
#define FF_COORDINATOR_SETMODELS_H

#include "common/kit.h"
#include "coordinator/store.h"

/* Of targets that the glob matches ("": of all targets, and "" itself, the model of all), in order of name
 * bytes, that of all last; everything is in the arena. DATA_LOSS if one is missing. */
FF_NODISCARD enum ff_status ff_setmodels_read(struct ff_store *store,
                                              const struct ff_stored_generation *generation,
                                              const char *target, struct ff_arena *arena,
                                              const struct ff_kit_model **out, size_t *out_count,
                                              struct ff_error *err);

/* The same of a set's generation (0: the active one), with the job that it comes from. NOT_FOUND. */
FF_NODISCARD enum ff_status ff_setmodels_kit(struct ff_store *store, const char *set, uint64_t number,
                                             const char *target, struct ff_arena *arena, struct ff_kit *out,
                                             struct ff_error *err);

#endif

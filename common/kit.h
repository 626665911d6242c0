/* The models of a set's generation with the job that they come from: what it takes to apply them elsewhere.
 */
#ifndef FF_COMMON_KIT_H
#define FF_COMMON_KIT_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/error.h"

struct ff_kit_model {
    const char *target; /* "" for all */
    struct ff_bytes model;
    int64_t step_ms; /* of the model's axis; does not travel, 0: not known */
};

struct ff_kit {
    const char *set;
    uint64_t generation;
    const char *job; /* NAME-NUMBER */
    const char *yaml, *file, *base_dir, *override_dir;
    const char *const *overrides;
    size_t override_count;
    const char *const *metrics;
    size_t metric_count;
    const struct ff_kit_model *models; /* in order of name bytes, that of all last */
    size_t model_count;
};

void ff_kit_encode(const struct ff_kit *kit, struct ff_buf *out);
/* Everything is in the arena. INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_kit_decode(struct ff_bytes bytes, struct ff_arena *arena, struct ff_kit *out,
                                          struct ff_error *err);
/* NULL if there is none. */
const struct ff_kit_model *ff_kit_find(const struct ff_kit *kit, const char *target);

#endif

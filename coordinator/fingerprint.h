/* Fingerprints: what a model depends on, in 16 bytes, so that a target whose rows and model have not changed
 * since the active generation needs no fit.
 *
 * Covers the prepared rows with their axis (and so data, window, step, aggregation and interpolation as far
 * as they show in them), the names of the metrics, and of model and fallback the kind, its revision and every
 * parameter, given or default. Two that are equal by chance: 2^-128 (XXH3). Pure. */
#ifndef FF_COORDINATOR_FINGERPRINT_H
#define FF_COORDINATOR_FINGERPRINT_H

#include "common/frame.h"
#include "common/hash.h"
#include "common/task.h"

/* fallback: NULL, or of kind NULL, if there is none. columns: names of the frame's columns. The caller adds
 * the frame's values to the hash, which are not looked at here, and finishes it. */
void ff_fingerprint_start(struct ff_hash *hash, const struct ff_fit_spec *model,
                          const struct ff_fit_spec *fallback, const char *const *columns,
                          const struct ff_frame *frame);
struct ff_fingerprint ff_fingerprint_finish(struct ff_hash *hash);

#endif

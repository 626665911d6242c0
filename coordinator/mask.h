/* prepare.mask: times whose rows are not learned. */
#ifndef FF_COORDINATOR_MASK_H
#define FF_COORDINATOR_MASK_H

#include "coordinator/dataset.h"
#include "coordinator/labels.h"
#include "coordinator/prepare.h"

/* Reads the windows, and logs those of targets that the data lack: names that are written otherwise would
 * leave their rows in. INVALID_ARGUMENT with file:line. Free out with ff_labels_fini. */
FF_NODISCARD enum ff_status ff_mask_read(const char *path, const struct ff_dataset *dataset,
                                         struct ff_labels *out, struct ff_error *err);
/* Values of steps that overlap a window of the target, or of every target, become NaN. */
void ff_mask_apply(const struct ff_labels *mask, const char *target, const struct ff_axis *axis, double *y);

#endif

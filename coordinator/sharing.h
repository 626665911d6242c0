/* The files that programs of somebody's own share (kind command): read once when the job is loaded, then
 * served to agents as objects, so that every host reads the same bytes, whatever becomes of the file. */
#ifndef FF_COORDINATOR_SHARING_H
#define FF_COORDINATOR_SHARING_H

#include "common/task.h"

struct ff_sharing;

struct ff_sharing *ff_sharing_create(void);
void ff_sharing_destroy(struct ff_sharing *sharing);

/* Reads what spec names and gives it the objects, which belong to sharing. root: files must lie below it;
 * NULL: anywhere. INVALID_ARGUMENT or PERMISSION_DENIED with the path. */
FF_NODISCARD enum ff_status ff_sharing_add(struct ff_sharing *sharing, struct ff_fit_spec *spec,
                                           const char *root, struct ff_error *err);
/* data NULL: no such object. Borrowed. */
struct ff_bytes ff_sharing_find(const struct ff_sharing *sharing, const struct ff_object_id *id);

#endif

/* A file for rows that do not fit in memory. It has no name, so it is gone with its last user, however that
 * one ends.
 *
 * Several threads may write and read different places at once. */
#ifndef FF_COORDINATOR_SPILL_H
#define FF_COORDINATOR_SPILL_H

#include "common/error.h"
#include "coordinator/progress.h"

#include <stddef.h>
#include <stdint.h>

struct ff_spill;

/* In the folder; NULL: in TMPDIR or /var/tmp. */
FF_NODISCARD enum ff_status ff_spill_create(const char *folder, struct ff_spill **out, struct ff_error *err);
void ff_spill_destroy(struct ff_spill *spill);
/* Where so many bytes may be written that nobody else has. */
uint64_t ff_spill_reserve(struct ff_spill *spill, uint64_t size);
/* While the disk is full it waits, as progress then says, for room or to be cancelled; RESOURCE_EXHAUSTED
 * without progress, for nobody would know. */
FF_NODISCARD enum ff_status ff_spill_write(struct ff_spill *spill, uint64_t at, const void *data, size_t size,
                                           struct ff_load_progress *progress, struct ff_error *err);
/* Bytes that were written. DATA_LOSS if the disk does not give them back. */
FF_NODISCARD enum ff_status ff_spill_read(const struct ff_spill *spill, uint64_t at, void *data, size_t size,
                                          struct ff_error *err);
/* Bytes that the file system of the folder has room for; UINT64_MAX if it does not say. */
uint64_t ff_spill_room(const char *folder);
/* Removes files that were left in the folder, where those without a name have one for a moment. */
void ff_spill_clean(const char *folder);

#endif

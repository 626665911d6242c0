/* Frames in memory that executors on this host can read where it is (common/memfile.h).
 *
 * All of them lie in one file of a size that is known before the first is made. What is released goes back to
 * the system by blocks of a megabyte, as soon as no other frame is in the block. Not thread-safe. */
#ifndef FF_COORDINATOR_FRAMESTORE_H
#define FF_COORDINATOR_FRAMESTORE_H

#include "common/memfile.h"

#include <stdbool.h>

struct ff_framestore;

/* Bytes that a frame of so many takes in a store. */
uint64_t ff_framestore_bytes(uint64_t frame_bytes);
/* For frames that take size bytes together; memory that is never written costs nothing. Where it cannot be
 * shared it is ordinary memory. RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_framestore_create(uint64_t size, struct ff_framestore **out,
                                                 struct ff_error *err);
/* Who still maps it keeps what is in it. */
void ff_framestore_destroy(struct ff_framestore *store);
/* Before that, if nobody needs any frame any more: who still maps it keeps no memory by that. */
void ff_framestore_clear(struct ff_framestore *store);

/* Zeros, aligned for any vector unit; NULL if there is no room left. */
double *ff_framestore_add(struct ff_framestore *store, uint64_t frame_bytes);
/* Of a frame that was added; its values read as zeros some time after this. */
void ff_framestore_release(struct ff_framestore *store, const double *values, uint64_t frame_bytes);

/* Where others find the file (size 0: nowhere), and a frame in it. */
struct ff_memory_place ff_framestore_place(const struct ff_framestore *store);
uint64_t ff_framestore_offset(const struct ff_framestore *store, const double *values);

#endif

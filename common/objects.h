/* Immutable bytes named by their content hash, moved in ranges of at most FF_OBJECT_RANGE: what is too large
 * for a message (the frame of all, large models, uploaded files, long listings).
 *
 * A table in memory; one thread. */
#ifndef FF_COMMON_OBJECTS_H
#define FF_COMMON_OBJECTS_H

#include "common/wire.h"

struct ff_objects;

struct ff_objects *ff_objects_create(void);
void ff_objects_destroy(struct ff_objects *objects);

struct ff_object_id ff_object_hash(struct ff_bytes bytes);

/* Adds complete bytes. owned: freed with free() when dropped; else they must outlive the entry. expires_ms:
 * when ff_objects_expire() may drop it, 0 for never; adding or reading again moves it. Returns its id. */
struct ff_object_id ff_objects_add(struct ff_objects *objects, struct ff_bytes bytes, bool owned,
                                   int64_t expires_ms);

/* The bytes of a complete object, or data NULL. Borrowed until it is dropped. */
struct ff_bytes ff_objects_get(struct ff_objects *objects, const struct ff_object_id *id, int64_t expires_ms);
/* The same, and the caller owns the bytes of an owned object from now on; the entry is gone. */
struct ff_bytes ff_objects_take(struct ff_objects *objects, const struct ff_object_id *id);

/* A range of an object that somebody uploads. Ranges come in order; one that is there already is ignored. The
 * last one completes it if the hash is right. limit: bytes that all incomplete and uploaded objects may take
 * together. */
FF_NODISCARD enum ff_status ff_objects_put(struct ff_objects *objects, const struct ff_put_request *range,
                                           struct ff_bytes bytes, uint64_t limit, int64_t expires_ms,
                                           bool *complete, struct ff_error *err);

void ff_objects_drop(struct ff_objects *objects, const struct ff_object_id *id);
void ff_objects_expire(struct ff_objects *objects, int64_t now_ms);

#endif

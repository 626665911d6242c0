/* A short list: objects are few (one frame of all per job, a few uploads), lookups rare and megabytes apart.
 */
#include "common/objects.h"

#include "common/hash.h"

#include <stdlib.h>
#include <string.h>

struct object {
    struct object *next;
    struct ff_object_id id;
    uint8_t *data;
    uint64_t size;
    uint64_t received; /* == size: complete */
    bool owned;
    bool uploaded;
    bool complete;
    int64_t expires_ms;
};

struct ff_objects {
    struct object *first;
    uint64_t uploaded_bytes;
};

struct ff_objects *ff_objects_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_objects));
}

static void unlink_object(struct ff_objects *objects, struct object **link)
{
    struct object *object = *link;
    *link = object->next;
    if (object->uploaded)
        objects->uploaded_bytes -= object->size;
    if (object->owned)
        free(object->data);
    free(object);
}

void ff_objects_destroy(struct ff_objects *objects)
{
    if (!objects)
        return;
    while (objects->first)
        unlink_object(objects, &objects->first);
    free(objects);
}

struct ff_object_id ff_object_hash(struct ff_bytes bytes)
{
    struct ff_object_id id;
    struct ff_hash hash;
    _Static_assert(sizeof id.bytes == FF_HASH_STRONG_SIZE, "an id is a hash");
    ff_hash_start(&hash, FF_HASH_STRONG);
    ff_hash_add(&hash, bytes.data, bytes.size);
    ff_hash_finish(&hash, id.bytes);
    return id;
}

static struct object **find(struct ff_objects *objects, const struct ff_object_id *id)
{
    struct object **link = &objects->first;
    while (*link && memcmp(&(*link)->id, id, sizeof *id) != 0)
        link = &(*link)->next;
    return link;
}

static struct object *insert(struct ff_objects *objects, const struct ff_object_id *id)
{
    struct object *object = ff_xcalloc(1, sizeof *object);
    object->id = *id;
    object->next = objects->first;
    objects->first = object;
    return object;
}

struct ff_object_id ff_objects_add(struct ff_objects *objects, struct ff_bytes bytes, bool owned,
                                   int64_t expires_ms)
{
    struct ff_object_id id = ff_object_hash(bytes);
    struct object *object = *find(objects, &id);
    if (object && object->complete) {
        object->expires_ms = expires_ms && object->expires_ms ? expires_ms : 0;
        if (owned)
            free((void *)(uintptr_t)bytes.data);
        return id;
    }
    if (object)
        unlink_object(objects, find(objects, &id));
    object = insert(objects, &id);
    object->data = (uint8_t *)(uintptr_t)bytes.data;
    object->size = object->received = bytes.size;
    object->owned = owned;
    object->complete = true;
    object->expires_ms = expires_ms;
    return id;
}

struct ff_bytes ff_objects_get(struct ff_objects *objects, const struct ff_object_id *id, int64_t expires_ms)
{
    struct object *object = *find(objects, id);
    if (!object || !object->complete)
        return (struct ff_bytes){0};
    if (object->expires_ms)
        object->expires_ms = expires_ms;
    return (struct ff_bytes){object->data, object->size};
}

struct ff_bytes ff_objects_take(struct ff_objects *objects, const struct ff_object_id *id)
{
    struct object **link = find(objects, id);
    if (!*link || !(*link)->complete)
        return (struct ff_bytes){0};
    struct ff_bytes bytes = {(*link)->data, (*link)->size};
    (*link)->owned = false;
    unlink_object(objects, link);
    return bytes;
}

static enum ff_status begin_upload(struct ff_objects *objects, const struct ff_put_request *range,
                                   uint64_t limit, struct object **out, struct ff_error *err)
{
    if (range->size == 0 || range->size > limit || objects->uploaded_bytes > limit - range->size)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED,
                            "an object of %llu bytes exceeds the room for uploads",
                            (unsigned long long)range->size);
    uint8_t *data = malloc(range->size);
    if (!data)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory for an object of %llu bytes",
                            (unsigned long long)range->size);
    struct object *object = insert(objects, &range->object);
    object->data = data;
    object->size = range->size;
    object->owned = object->uploaded = true;
    objects->uploaded_bytes += range->size;
    *out = object;
    return FF_OK;
}

enum ff_status ff_objects_put(struct ff_objects *objects, const struct ff_put_request *range,
                              struct ff_bytes bytes, uint64_t limit, int64_t expires_ms, bool *complete,
                              struct ff_error *err)
{
    struct object *object = *find(objects, &range->object);
    if (!object && range->offset > 0)
        return ff_error_set(err, FF_FAILED_PRECONDITION, "a range before its predecessor");
    if (!object) {
        enum ff_status status = begin_upload(objects, range, limit, &object, err);
        if (status)
            return status;
    }
    object->expires_ms = expires_ms;
    if (!object->complete && range->offset == object->received) {
        if (bytes.size > object->size - object->received)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "a range past the end of its object");
        if (bytes.size)
            memcpy(object->data + object->received, bytes.data, bytes.size);
        object->received += bytes.size;
    } else if (!object->complete && range->offset > object->received) {
        return ff_error_set(err, FF_FAILED_PRECONDITION, "a range before its predecessor");
    }
    if (!object->complete && object->received == object->size) {
        struct ff_object_id id = ff_object_hash((struct ff_bytes){object->data, object->size});
        if (memcmp(&id, &object->id, sizeof id) != 0) {
            unlink_object(objects, find(objects, &range->object));
            return ff_error_set(err, FF_DATA_LOSS, "an object arrived with other bytes than its name says");
        }
        object->complete = true;
    }
    *complete = object->complete;
    return FF_OK;
}

void ff_objects_drop(struct ff_objects *objects, const struct ff_object_id *id)
{
    struct object **link = find(objects, id);
    if (*link)
        unlink_object(objects, link);
}

void ff_objects_expire(struct ff_objects *objects, int64_t now_ms)
{
    struct object **link = &objects->first;
    while (*link) {
        if ((*link)->expires_ms && (*link)->expires_ms <= now_ms)
            unlink_object(objects, link);
        else
            link = &(*link)->next;
    }
}

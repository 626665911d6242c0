#include "coordinator/framestore.h"

#include "common/buf.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, BLOCK = 1 << 20 };

struct ff_framestore {
    struct ff_memfile file;
    struct ff_memory_place place;
    uint64_t used;
    uint32_t *frames; /* per block: how many lie in it, wholly or in part */
};

uint64_t ff_framestore_bytes(uint64_t frame_bytes)
{
    return (frame_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

enum ff_status ff_framestore_create(uint64_t size, struct ff_framestore **out, struct ff_error *err)
{
    struct ff_memfile file;
    uint64_t whole = size ? size : ALIGNMENT;
    if (whole > SIZE_MAX / 2)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "%llu bytes of frames", (unsigned long long)size);
    if (ff_memfile_create("fitfleet-frames", whole, &file, err)) {
        enum ff_status status = ff_memfile_create_private(whole, &file, err);
        if (status)
            return status;
    }
    *out = ff_xcalloc(1, sizeof **out);
    (*out)->file = file;
    (*out)->place = ff_memfile_place(&file);
    (*out)->frames = ff_xcalloc(whole / BLOCK + 1, sizeof *(*out)->frames);
    return FF_OK;
}

void ff_framestore_clear(struct ff_framestore *store)
{
    if (store)
        ff_memfile_punch(&store->file, 0, store->file.size);
}

void ff_framestore_destroy(struct ff_framestore *store)
{
    if (!store)
        return;
    ff_memfile_fini(&store->file);
    free(store->frames);
    free(store);
}

double *ff_framestore_add(struct ff_framestore *store, uint64_t frame_bytes)
{
    uint64_t bytes = ff_framestore_bytes(frame_bytes), at = store->used;
    if (bytes == 0 || bytes > store->file.size - at)
        return NULL;
    store->used += bytes;
    for (uint64_t block = at / BLOCK; block <= (at + bytes - 1) / BLOCK; block++)
        store->frames[block]++;
    return (double *)(void *)(store->file.data + at);
}

void ff_framestore_release(struct ff_framestore *store, const double *values, uint64_t frame_bytes)
{
    uint64_t bytes = ff_framestore_bytes(frame_bytes), at = ff_framestore_offset(store, values);
    for (uint64_t block = at / BLOCK; block <= (at + bytes - 1) / BLOCK; block++) {
        uint64_t start = block * BLOCK, left = store->file.size - start;
        if (--store->frames[block] == 0)
            ff_memfile_punch(&store->file, start, left < BLOCK ? left : BLOCK);
    }
}

struct ff_memory_place ff_framestore_place(const struct ff_framestore *store)
{
    return store->place;
}

uint64_t ff_framestore_offset(const struct ff_framestore *store, const double *values)
{
    return (uint64_t)((const uint8_t *)values - store->file.data);
}

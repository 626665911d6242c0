#include "coordinator/sharing.h"

#include "common/file.h"
#include "common/objects.h"
#include "common/texts.h"
#include "coordinator/targetset.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES = 256 << 20, MOST_FILES = FF_CHUNK_MOST_SHARED };

struct ff_sharing {
    struct ff_arena arena; /* of what specs get */
    struct {
        const char *path;
        struct ff_buf bytes;
        struct ff_shared object;
    } files[MOST_FILES];
    size_t count;
};

struct ff_sharing *ff_sharing_create(void)
{
    return ff_xcalloc(1, sizeof(struct ff_sharing));
}

void ff_sharing_destroy(struct ff_sharing *sharing)
{
    for (size_t i = 0; sharing && i < sharing->count; i++)
        ff_buf_fini(&sharing->files[i].bytes);
    if (sharing)
        ff_arena_fini(&sharing->arena);
    free(sharing);
}

static enum ff_status read_file(struct ff_sharing *sharing, const char *path, const char *root,
                                struct ff_shared *out, struct ff_error *err)
{
    for (size_t i = 0; i < sharing->count; i++)
        if (strcmp(sharing->files[i].path, path) == 0)
            return *out = sharing->files[i].object, FF_OK;
    if (root && !ff_files_is_below(root, path))
        return ff_error_set(err, FF_PERMISSION_DENIED,
                            "shared: %s is outside the coordinator's --data-root %s", path, root);
    if (sharing->count == MOST_FILES)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "shared: more than %d files", MOST_FILES);
    struct ff_buf bytes = {0};
    enum ff_status status = ff_file_read(path, FILE_BYTES, &bytes, err);
    if (!status && bytes.size > FILE_BYTES)
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: larger than %d MiB", path, FILE_BYTES >> 20);
    if (status) {
        ff_buf_fini(&bytes);
        return ff_error_wrap(err, "shared");
    }
    out->id = ff_object_hash(ff_buf_bytes(&bytes));
    out->size = bytes.size;
    sharing->files[sharing->count].path = ff_arena_strdup(&sharing->arena, path);
    sharing->files[sharing->count].bytes = bytes;
    sharing->files[sharing->count++].object = *out;
    return FF_OK;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A program knows them by their names alone. */
static enum ff_status check_names(const char *const *paths, size_t count, struct ff_error *err)
{
    if (count > FF_MOST_SHARED)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "shared: expected at most %d files, found %zu",
                            FF_MOST_SHARED, count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(name_of(paths[i]), name_of(paths[k])) == 0)
                return ff_error_set(err, FF_INVALID_ARGUMENT, "shared: two files called %s",
                                    name_of(paths[i]));
    return FF_OK;
}

enum ff_status ff_sharing_add(struct ff_sharing *sharing, struct ff_fit_spec *spec, const char *root,
                              struct ff_error *err)
{
    bool is_command = spec->kind && strcmp(spec->kind, "command") == 0;
    const char *text = is_command ? ff_fit_spec_given(spec, "shared") : NULL;
    const char *const *paths;
    size_t count;
    if (!text || !ff_texts_read(text, &sharing->arena, &paths, &count))
        return FF_OK;
    struct ff_shared *shared = ff_arena_alloc(&sharing->arena, (count + 1) * sizeof *shared);
    enum ff_status status = check_names(paths, count, err);
    for (size_t i = 0; i < count && !status; i++)
        status = read_file(sharing, paths[i], root, &shared[i], err);
    if (status)
        return status;
    spec->shared = shared;
    spec->shared_count = count;
    return FF_OK;
}

struct ff_bytes ff_sharing_find(const struct ff_sharing *sharing, const struct ff_object_id *id)
{
    for (size_t i = 0; sharing && i < sharing->count; i++)
        if (memcmp(&sharing->files[i].object.id, id, sizeof *id) == 0)
            return ff_buf_bytes(&sharing->files[i].bytes);
    return (struct ff_bytes){0};
}

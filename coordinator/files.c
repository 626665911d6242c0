/* Finds the data files of a job: each pattern by glob(3), folders left out, sorted by bytes.
 *
 * A file that two patterns (or two paths) reach is read once: the first pattern's path stays, which also
 * gives the name that it has as a target in layout file. glob's own order follows the locale, so it is not
 * used. */
#include "common/buf.h"
#include "common/hash.h"
#include "coordinator/targetset.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct found {
    struct ff_data_file file;
    dev_t device;
    ino_t inode;
    size_t pattern; /* index of the pattern that found it */
};

struct finder {
    struct found *items;
    size_t count;
    size_t capacity;
    size_t pattern;    /* the one being searched */
    const char *place; /* where that one is written */
    const char *limit; /* files must lie below it; NULL: anywhere */
};

/* Length of the pattern's folder before its first wildcard, with the final slash. */
static size_t folder_before_wildcard(const char *pattern)
{
    size_t end = strcspn(pattern, "*?[\\");
    while (end > 0 && pattern[end - 1] != '/')
        end--;
    return end;
}

/* path without root, as its target is called: without the suffix, too. */
static char *name_of(const char *path, const char *root, const char *pattern)
{
    static const char *const suffixes[] = {".csv", ".csv.gz", ".csv.zst"};
    size_t root_size = strlen(root);
    const char *name = path;
    if (root_size == 0)
        name += folder_before_wildcard(pattern);
    else if (strncmp(path, root, root_size) == 0)
        name += root_size;
    name += strspn(name, "/");
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        size_t suffix = strlen(suffixes[i]);
        if (size > suffix && strcmp(name + size - suffix, suffixes[i]) == 0)
            return ff_xstrndup(name, size - suffix);
    }
    return ff_xstrndup(name, size);
}

static void add(struct finder *finder, const char *path, const struct stat *info, char *name)
{
    if (finder->count == finder->capacity) {
        finder->capacity = finder->capacity ? finder->capacity * 2 : 16;
        finder->items = ff_xrealloc(finder->items, finder->capacity * sizeof *finder->items);
    }
    struct found *found = &finder->items[finder->count++];
    found->file.path = ff_xstrdup(path);
    found->file.name = name;
    found->file.size = (uint64_t)info->st_size;
    found->file.mtime_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
    found->device = info->st_dev;
    found->inode = info->st_ino;
    found->pattern = finder->pattern;
}

bool ff_files_is_below(const char *root, const char *path)
{
    char *real_root = realpath(root, NULL);
    char *real_path = realpath(path, NULL);
    size_t length = real_root ? strlen(real_root) : 0;
    bool below = real_root && real_path && strncmp(real_path, real_root, length) == 0 &&
                 (real_path[length] == '/' || real_path[length] == '\0' || strcmp(real_root, "/") == 0);
    free(real_root);
    free(real_path);
    return below;
}

static enum ff_status add_matches(struct finder *finder, const glob_t *matches, const char *root,
                                  const char *pattern, struct ff_error *err)
{
    size_t files = 0;
    for (size_t i = 0; i < matches->gl_pathc; i++) {
        const char *path = matches->gl_pathv[i];
        struct stat info;
        if (stat(path, &info) != 0)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: data.files: %s: %s", finder->place, path,
                                strerror(errno));
        if (S_ISDIR(info.st_mode))
            continue;
        if (!S_ISREG(info.st_mode) || access(path, R_OK) != 0)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: data.files: %s: %s", finder->place, path,
                                S_ISREG(info.st_mode) ? strerror(errno) : "not a regular file");
        if (finder->limit && !ff_files_is_below(finder->limit, path))
            return ff_error_set(err, FF_PERMISSION_DENIED,
                                "%s: data.files: %s is outside the coordinator's --data-root %s",
                                finder->place, path, finder->limit);
        add(finder, path, &info, name_of(path, root, pattern));
        files++;
    }
    return files ? FF_OK
                 : ff_error_set(err, FF_INVALID_ARGUMENT,
                                "%s: data.files: '%s' is a folder: name the files in it, such as '%s/*.csv'",
                                finder->place, pattern, pattern);
}

/* A folder that is not there means no match; one that can't be read might hide files: stop. */
static int is_serious(const char *path, int error)
{
    (void)path;
    errno = error;
    return error != ENOENT && error != ENOTDIR;
}

static enum ff_status find_pattern(struct finder *finder, const char *pattern, const char *root,
                                   struct ff_error *err)
{
    glob_t matches;
    int result = glob(pattern, GLOB_NOSORT, is_serious, &matches);
    enum ff_status status;
    if (result == 0)
        status = add_matches(finder, &matches, root, pattern, err);
    else if (result == GLOB_NOMATCH)
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: data.files: no file matches '%s'", finder->place,
                              pattern);
    else
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: data.files: '%s': %s", finder->place, pattern,
                              result == GLOB_NOSPACE ? "too many files" : strerror(errno));
    globfree(&matches);
    return status;
}

static void drop(struct found *found)
{
    free(found->file.path);
    free(found->file.name);
}

/* Paths of one file together, the one that stays first. */
static int by_identity(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    if (x->inode != y->inode)
        return x->inode < y->inode ? -1 : 1;
    if (x->pattern != y->pattern)
        return x->pattern < y->pattern ? -1 : 1;
    return strcmp(x->file.path, y->file.path);
}

static int by_path(const void *a, const void *b)
{
    const struct ff_data_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

static bool is_same_file(const struct found *a, const struct found *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* Moves the files, each once and sorted, out of the finder. */
static void take_files(struct finder *finder, struct ff_data_file **files, size_t *count)
{
    qsort(finder->items, finder->count, sizeof *finder->items, by_identity);
    struct ff_data_file *result = ff_xcalloc(finder->count, sizeof *result);
    size_t kept = 0;
    for (size_t i = 0; i < finder->count; i++) {
        if (i > 0 && is_same_file(&finder->items[i - 1], &finder->items[i]))
            drop(&finder->items[i]);
        else
            result[kept++] = finder->items[i].file;
    }
    qsort(result, kept, sizeof *result, by_path);
    *files = result;
    *count = kept;
    finder->count = 0;
}

enum ff_status ff_files_find(const struct ff_jobspec *spec, struct ff_data_file **files, size_t *count,
                             struct ff_error *err)
{
    struct finder finder = {.limit = spec->data.root};
    enum ff_status status = FF_OK;
    for (; finder.pattern < spec->data.files.count && status == FF_OK; finder.pattern++) {
        finder.place = spec->data.places.items[finder.pattern];
        status = find_pattern(&finder, spec->data.files.items[finder.pattern],
                              spec->data.roots.items[finder.pattern], err);
    }
    if (status == FF_OK)
        take_files(&finder, files, count);
    for (size_t i = 0; i < finder.count; i++)
        drop(&finder.items[i]);
    free(finder.items);
    return status;
}

void ff_files_free(struct ff_data_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(files[i].path);
        free(files[i].name);
    }
    free(files);
}

void ff_files_list(const struct ff_data_file *files, size_t count, struct ff_buf *out)
{
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(out, "%llu %lld %s\n", (unsigned long long)files[i].size, (long long)files[i].mtime_ns,
                      files[i].path);
}

void ff_files_sum(const char *list, char sum[static FF_FILES_SUM])
{
    struct ff_hash hash;
    uint8_t bytes[FF_HASH_QUICK_SIZE];
    ff_hash_start(&hash, FF_HASH_QUICK);
    ff_hash_add(&hash, list, strlen(list));
    ff_hash_finish(&hash, bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(sum + 2 * i, 3, "%02x", bytes[i]);
}

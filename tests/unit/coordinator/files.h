/* A folder of data files for one test. */
#ifndef FF_TESTS_COORDINATOR_FILES_H
#define FF_TESTS_COORDINATOR_FILES_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char test_folder[64];

static inline void make_folder(void)
{
    strcpy(test_folder, "/tmp/ff-test-XXXXXX");
    cr_assert_not_null(mkdtemp(test_folder));
}

static inline int remove_one(const char *path, const struct stat *info, int flag, struct FTW *place)
{
    (void)info, (void)flag, (void)place;
    return remove(path);
}

static inline void remove_folder(void)
{
    nftw(test_folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path lives until the next call. */
static inline const char *path_in_folder(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", test_folder, name);
    return path;
}

static inline const char *write_bytes(const char *name, const void *data, size_t size)
{
    const char *path = path_in_folder(name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    fclose(file);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

#endif

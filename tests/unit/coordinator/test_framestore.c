#include "coordinator/framestore.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static struct ff_framestore *store;
static struct ff_error err;

static void make(uint64_t size)
{
    cr_assert_eq(ff_framestore_create(size, &store, &err), FF_OK);
}

static double *add(uint64_t bytes)
{
    double *values = ff_framestore_add(store, bytes);
    cr_assert_not_null(values);
    memset(values, 'x', bytes);
    return values;
}

/* Bytes that the file has from the system. */
static uint64_t held(void)
{
    struct ff_memory_place place = ff_framestore_place(store);
    struct stat info;
    int fd = ff_memory_open(&place);
    cr_assert_eq(fstat(fd, &info), 0);
    close(fd);
    return (uint64_t)info.st_blocks * 512;
}

static void end(void)
{
    ff_framestore_destroy(store);
}

TestSuite(framestore, .fini = end);

Test(framestore, frames_are_aligned_zero_and_where_their_offset_says)
{
    double found;
    make(3 * ff_framestore_bytes(24));
    for (int i = 0; i < 3; i++) {
        double *values = ff_framestore_add(store, 24);
        cr_assert_eq((uintptr_t)values % 64, 0);
        cr_assert_eq(values[2], 0);
        values[2] = i;
        struct ff_memory_place place = ff_framestore_place(store);
        int fd = ff_memory_open(&place);
        cr_assert_eq(pread(fd, &found, 8, (off_t)ff_framestore_offset(store, values) + 16), 8);
        cr_assert_eq(found, i);
        close(fd);
    }
    cr_assert_null(ff_framestore_add(store, 8), "full");
}

Test(framestore, a_block_goes_back_with_its_last_frame)
{
    make(4 * MIB);
    double *first = add(MIB / 2), *across = add(MIB), *rest = add(MIB / 2), *last = add(2 * MIB);
    cr_assert_eq(held(), 4 * MIB);
    ff_framestore_release(store, first, MIB / 2);
    cr_assert_eq(held(), 4 * MIB, "the second frame is in the same block");
    ff_framestore_release(store, across, MIB);
    cr_assert_eq(held(), 3 * MIB);
    ff_framestore_release(store, last, 2 * MIB);
    cr_assert_eq(held(), MIB);
    cr_assert_eq(((char *)rest)[0], 'x');
    ff_framestore_release(store, rest, MIB / 2);
    cr_assert_eq(held(), 0);
}

/* A mapping that outlives the store, as an executor's does. */
static const char *map(int *fd, size_t size)
{
    struct ff_memory_place place = ff_framestore_place(store);
    *fd = ff_memory_open(&place);
    const char *data = mmap(NULL, size, PROT_READ, MAP_SHARED, *fd, 0);
    cr_assert_neq(data, MAP_FAILED);
    return data;
}

static void unmap(int fd, const char *data, size_t size)
{
    munmap((void *)(uintptr_t)data, size);
    close(fd);
}

Test(framestore, its_end_takes_nothing_from_who_still_reads)
{
    int fd;
    make(2 * MIB);
    add(2 * MIB);
    const char *data = map(&fd, 2 * MIB);
    ff_framestore_destroy(store);
    store = NULL;
    cr_assert(data[0] == 'x' && data[2 * MIB - 1] == 'x');
    unmap(fd, data, 2 * MIB);
}

Test(framestore, one_that_is_cleared_leaves_no_memory_to_who_still_maps_it)
{
    int fd;
    make(2 * MIB);
    add(2 * MIB);
    const char *data = map(&fd, 2 * MIB);
    ff_framestore_clear(store);
    cr_assert_eq(held(), 0);
    ff_framestore_destroy(store);
    store = NULL;
    cr_assert_eq(data[0], 0);
    unmap(fd, data, 2 * MIB);
}

Test(framestore, without_files_it_is_ordinary_memory)
{
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, RLIM_INFINITY}), 0);
    make(2 * MIB);
    cr_assert_eq(ff_framestore_place(store).size, 0);
    double *values = add(2 * MIB);
    ff_framestore_release(store, values, 2 * MIB);
    cr_assert_eq(values[0], 0, "its pages went back");
}

Test(framestore, an_empty_one_has_no_room)
{
    make(0);
    cr_assert_null(ff_framestore_add(store, 65));
    cr_assert_null(ff_framestore_add(store, 0));
}

#include "common/memfile.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 3 * 4096 };

static struct ff_memfile file = FF_MEMFILE_NONE;
static struct ff_error err;

static void make(void)
{
    cr_assert_eq(ff_memfile_create("test", SIZE, &file, &err), FF_OK);
    memset(file.data, 'x', SIZE);
}

static void end(void)
{
    ff_memfile_fini(&file);
}

TestSuite(memfile, .init = make, .fini = end);

Test(memfile, is_opened_where_it_says_it_is)
{
    struct ff_memory_place place = ff_memfile_place(&file);
    char found[8] = "";
    int fd = ff_memory_open(&place);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pread(fd, found, 7, SIZE - 7), 7);
    cr_assert_str_eq(found, "xxxxxxx");
    file.data[SIZE - 1] = 'y';
    cr_assert_eq(pread(fd, found, 1, SIZE - 1), 1);
    cr_assert_eq(found[0], 'y', "the same memory");
    close(fd);
}

/* Who reads it can neither write it nor make it shorter under others. */
Test(memfile, readers_cannot_change_it)
{
    char path[64];
    ff_memfile_seal(&file);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file.fd);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "y", 1), -1);
    cr_assert_eq(ftruncate(fd, 4096), -1);
    cr_assert_eq(ftruncate(fd, 4 * 4096), -1);
    cr_assert_eq(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    close(fd);
}

Test(memfile, whatever_else_is_there_is_refused)
{
    struct ff_memory_place place = ff_memfile_place(&file), other;
    other = place, other.inode++;
    cr_assert_eq(ff_memory_open(&other), -1);
    other = place, other.size--;
    cr_assert_eq(ff_memory_open(&other), -1);
    other = place, other.pid = 1 << 30;
    cr_assert_eq(ff_memory_open(&other), -1);

    struct stat info;
    int regular = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(fstat(regular, &info), 0);
    other =
        (struct ff_memory_place){(uint32_t)getpid(), (uint32_t)regular, info.st_ino, (uint64_t)info.st_size};
    cr_assert_eq(ff_memory_open(&other), -1, "a file may shrink");
    close(regular);

    int unsealed = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    cr_assert_eq(fstat(unsealed, &info), 0);
    other = (struct ff_memory_place){(uint32_t)getpid(), (uint32_t)unsealed, info.st_ino, 0};
    cr_assert_eq(ff_memory_open(&other), -1, "and so may a memfd without seals");
    close(unsealed);

    int pipes[2];
    cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
    cr_assert_eq(fstat(pipes[0], &info), 0);
    other = (struct ff_memory_place){(uint32_t)getpid(), (uint32_t)pipes[0], info.st_ino, 0};
    cr_assert_eq(ff_memory_open(&other), -1, "a pipe is not waited for");
    close(pipes[0]);
    close(pipes[1]);
}

static long long blocks(void)
{
    struct stat info;
    cr_assert_eq(fstat(file.fd, &info), 0);
    return (long long)info.st_blocks * 512;
}

Test(memfile, whole_pages_go_back)
{
    cr_assert_eq(blocks(), SIZE);
    ff_memfile_punch(&file, 1, 4096);
    cr_assert_eq(blocks(), SIZE, "no page lies wholly in it");
    ff_memfile_punch(&file, 1, SIZE - 1);
    cr_assert_eq(blocks(), SIZE - 2 * 4096);
    cr_assert(file.data[0] == 'x' && file.data[4095] == 'x' && file.data[4096] == 0 &&
              file.data[SIZE - 1] == 0);
}

#include "worker/nearby.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 3 * 4096 };

static struct ff_nearby nearby;
static struct ff_memfile files[FF_NEARBY_FILES + 1];
static uint8_t secret[FF_PROBE_BYTES];

static void make(void)
{
    struct ff_error err;
    nearby = (struct ff_nearby){.reads = true};
    for (int i = 0; i <= FF_NEARBY_FILES; i++) {
        cr_assert_eq(ff_memfile_create("test", SIZE, &files[i], &err), FF_OK);
        memset(files[i].data, 'a' + i, SIZE);
    }
    memset(secret, 'a', sizeof secret);
}

static void end(void)
{
    ff_nearby_fini(&nearby);
    for (int i = 0; i <= FF_NEARBY_FILES; i++)
        ff_memfile_fini(&files[i]);
}

TestSuite(nearby, .init = make, .fini = end);

static int open_file(int i)
{
    struct ff_memory_place place = ff_memfile_place(&files[i]);
    return ff_nearby_open(&nearby, &place);
}

static bool probe(const struct ff_join_reply *reply)
{
    ff_nearby_probe(&nearby, reply);
    return nearby.reads;
}

Test(nearby, who_can_read_the_secret_is_nearby)
{
    struct ff_join_reply reply = {.probe = ff_memfile_place(&files[0]), .secret = {secret, sizeof secret}};
    cr_assert(probe(&reply));
    secret[31] = 'b';
    cr_assert_not(probe(&reply), "another secret");
    secret[31] = 'a';
    reply.secret.size = 31;
    cr_assert_not(probe(&reply), "less of it");
    reply.secret.size = 32;
    reply.probe.inode++;
    cr_assert_not(probe(&reply), "another file");
    cr_assert_not(probe(&(struct ff_join_reply){0}), "none");
}

Test(nearby, each_memory_is_opened_once_while_there_are_few)
{
    char found = 0;
    int first = open_file(0);
    for (int i = 1; i < FF_NEARBY_FILES; i++)
        open_file(i);
    cr_assert_eq(open_file(0), first);
    int last = open_file(FF_NEARBY_FILES); /* instead of the one that was not asked for longest, 1 */
    cr_assert_eq(pread(last, &found, 1, SIZE - 1), 1);
    cr_assert_eq(found, 'a' + FF_NEARBY_FILES);
    cr_assert_eq(open_file(0), first);
    cr_assert(nearby.reads);
}

Test(nearby, memory_that_is_gone_ends_it)
{
    struct ff_memory_place place = ff_memfile_place(&files[1]);
    ff_memfile_fini(&files[1]);
    cr_assert_eq(ff_nearby_open(&nearby, &place), -1);
    cr_assert_not(nearby.reads);
}

/* A coordinator elsewhere could have a fit read what other programs of this host hold. */
Test(nearby, who_is_not_nearby_opens_nothing)
{
    cr_assert_geq(open_file(0), 0);
    cr_assert_not(probe(&(struct ff_join_reply){0}));
    cr_assert_eq(open_file(0), -1);
    cr_assert_eq(open_file(1), -1);
}

/* Executors would die of it, one after the other, and their targets be blamed. */
Test(nearby, memory_that_cannot_be_mapped_ends_it)
{
    struct stat info;
    int fd = memfd_create("huge", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    cr_assert_eq(ftruncate(fd, (off_t)1 << 60), 0);
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    cr_assert_eq(fstat(fd, &info), 0);
    struct ff_memory_place place = {(uint32_t)getpid(), (uint32_t)fd, info.st_ino, (uint64_t)info.st_size};
    cr_assert_eq(ff_nearby_open(&nearby, &place), -1);
    cr_assert_not(nearby.reads);
    close(fd);
}

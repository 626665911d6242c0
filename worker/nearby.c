#include "worker/nearby.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void ff_nearby_probe(struct ff_nearby *nearby, const struct ff_join_reply *reply)
{
    uint8_t found[FF_PROBE_BYTES];
    nearby->reads = false;
    if (reply->probe.size < FF_PROBE_BYTES || reply->secret.size != FF_PROBE_BYTES)
        return;
    int fd = ff_memory_open(&reply->probe);
    if (fd < 0)
        return;
    nearby->reads = pread(fd, found, FF_PROBE_BYTES, 0) == FF_PROBE_BYTES &&
                    memcmp(found, reply->secret.data, FF_PROBE_BYTES) == 0;
    close(fd);
}

/* Executors have the limits of their agent: where it cannot map the memory (RLIMIT_AS), they cannot. */
static int open_to_map(const struct ff_memory_place *place)
{
    int fd = ff_memory_open(place);
    void *data = fd >= 0 ? mmap(NULL, place->size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (data != MAP_FAILED) {
        munmap(data, place->size);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int ff_nearby_open(struct ff_nearby *nearby, const struct ff_memory_place *place)
{
    int oldest = 0;
    if (!nearby->reads)
        return -1;
    for (int i = 0; i < FF_NEARBY_FILES; i++) {
        if (memcmp(&nearby->files[i].place, place, sizeof *place) == 0) {
            nearby->files[i].used = ++nearby->clock;
            return nearby->files[i].fd;
        }
        if (nearby->files[i].used < nearby->files[oldest].used)
            oldest = i;
    }
    int fd = open_to_map(place);
    if (fd < 0) {
        nearby->reads = false;
        return -1;
    }
    if (nearby->files[oldest].place.size)
        close(nearby->files[oldest].fd);
    nearby->files[oldest].place = *place;
    nearby->files[oldest].fd = fd;
    nearby->files[oldest].used = ++nearby->clock;
    return fd;
}

void ff_nearby_fini(struct ff_nearby *nearby)
{
    for (int i = 0; i < FF_NEARBY_FILES; i++)
        if (nearby->files[i].place.size)
            close(nearby->files[i].fd);
    *nearby = (struct ff_nearby){0};
}

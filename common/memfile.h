/* Memory that processes of one host share: a memfd whose size never changes, so that nobody who maps it can
 * be killed by another's mistake. One process writes it, the others map it to read. */
#ifndef FF_COMMON_MEMFILE_H
#define FF_COMMON_MEMFILE_H

#include "common/error.h"

#include <stddef.h>
#include <stdint.h>

/* .fd = -1 and no data: none. With data: memory of this process alone. */
struct ff_memfile {
    int fd;
    uint8_t *data; /* zero at first */
    size_t size;
};
#define FF_MEMFILE_NONE                                                                                      \
    {                                                                                                        \
        .fd = -1                                                                                             \
    }

/* Memory that is not shared, where there may be no such file (RLIMIT_FSIZE counts them). RESOURCE_EXHAUSTED.
 */
FF_NODISCARD enum ff_status ff_memfile_create_private(size_t size, struct ff_memfile *out,
                                                      struct ff_error *err);
/* name: for /proc. RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_memfile_create(const char *name, size_t size, struct ff_memfile *out,
                                              struct ff_error *err);
/* From now on only the mapping that is there writes, and no memory is given back before the end. */
void ff_memfile_seal(struct ff_memfile *file);
void ff_memfile_fini(struct ff_memfile *file);
/* Gives the pages that lie wholly in the range back to the system; they read as zeros from now on, for all.
 * Not of one that is sealed. */
void ff_memfile_punch(struct ff_memfile *file, size_t offset, size_t size);

/* Where another process of the same user and host finds it. */
struct ff_memory_place {
    uint32_t pid;
    uint32_t fd;
    uint64_t inode;
    uint64_t size;
};
/* size 0: nowhere, it is not shared. */
struct ff_memory_place ff_memfile_place(const struct ff_memfile *file);
/* A descriptor to read from, or -1 if what is there is anything else (on another host, another process; a
 * file that could shrink under its reader). Believes nothing. */
int ff_memory_open(const struct ff_memory_place *place);

#endif

/* The coordinator's memory, where the agent runs on its host under its user: frames are read in place instead
 * of travelling. Loop thread only. */
#ifndef FF_WORKER_NEARBY_H
#define FF_WORKER_NEARBY_H

#include "common/wire.h"

enum { FF_NEARBY_FILES = 4 };

/* Zero is empty. */
struct ff_nearby {
    bool reads; /* what Join's probe holds could be read */
    struct {
        struct ff_memory_place place;
        int fd; /* of places with a size */
        uint64_t used;
    } files[FF_NEARBY_FILES];
    uint64_t clock;
};

void ff_nearby_probe(struct ff_nearby *nearby, const struct ff_join_reply *reply);
/* The memory of a chunk, borrowed until others were asked for; -1 if it cannot be had: then the agent is not
 * nearby any more. One that is not opens nothing, whatever it is told. */
int ff_nearby_open(struct ff_nearby *nearby, const struct ff_memory_place *place);
void ff_nearby_fini(struct ff_nearby *nearby);

#endif

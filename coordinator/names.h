/* Names of targets, each kept once and numbered in order of appearance. */
#ifndef FF_COORDINATOR_NAMES_H
#define FF_COORDINATOR_NAMES_H

#include "common/arena.h"

#include <stdint.h>

struct ff_name {
    const char *text; /* in the arena, with a final NUL */
    size_t size;
    uint64_t hash;
    size_t next; /* the name that came behind it last time */
};

struct ff_names {
    struct ff_arena *arena;
    struct ff_name *items;
    size_t count;
    size_t capacity;
    uint32_t *slots; /* index + 1; 0: free */
    size_t slot_count;
    size_t last; /* rows of one target often follow one another, or targets do in the same order */
};

void ff_names_init(struct ff_names *names, struct ff_arena *arena);
void ff_names_fini(struct ff_names *names);
/* The number of a name; a new one gets the number count had before. */
size_t ff_names_add(struct ff_names *names, const char *text, size_t size);

#endif

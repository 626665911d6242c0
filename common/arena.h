/* Memory that is freed as a whole: the home of one decoded message.
 *
 * A limit makes an arena safe for bytes from a peer: past it, ff_arena_try returns NULL. */
#ifndef FF_COMMON_ARENA_H
#define FF_COMMON_ARENA_H

#include <stddef.h>

struct ff_arena_block;

/* Zero is a valid empty arena without limit. Not for several threads at once. */
struct ff_arena {
    struct ff_arena_block *blocks;
    char *next;
    size_t room;
    size_t used;
    size_t limit; /* bytes in all; 0: none */
};

/* 16-byte aligned, not zeroed. NULL past the limit or without memory. */
void *ff_arena_try(struct ff_arena *arena, size_t size);
/* The same for an arena without limit: never NULL, aborts without memory. */
void *ff_arena_alloc(struct ff_arena *arena, size_t size);
void *ff_arena_zalloc(struct ff_arena *arena, size_t size);
/* NULL for nothing. */
void *ff_arena_copy(struct ff_arena *arena, const void *data, size_t size);
char *ff_arena_strdup(struct ff_arena *arena, const char *text);
char *ff_arena_strndup(struct ff_arena *arena, const char *text, size_t size);
char *ff_arena_printf(struct ff_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Forgets everything but keeps one block for the next use. */
void ff_arena_reset(struct ff_arena *arena);
void ff_arena_fini(struct ff_arena *arena);

#endif

#include "common/arena.h"

#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ff_arena_block {
    struct ff_arena_block *below;
    size_t size;
    _Alignas(16) char bytes[];
};

enum { FIRST_BLOCK = 4096, LARGEST_STEP = 1 << 20 };

static char *new_block(struct ff_arena *arena, size_t size)
{
    size_t wanted = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    if (wanted > LARGEST_STEP)
        wanted = LARGEST_STEP;
    if (wanted < size)
        wanted = size;
    struct ff_arena_block *block = malloc(sizeof *block + wanted);
    if (!block)
        return NULL;
    *block = (struct ff_arena_block){arena->blocks, wanted};
    arena->blocks = block;
    arena->next = block->bytes;
    arena->room = wanted;
    return arena->next;
}

void *ff_arena_try(struct ff_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = size ? (size + 15) & ~(size_t)15 : 16; /* an empty array is not a failure */
    if (arena->limit && (size > arena->limit || arena->used > arena->limit - size))
        return NULL;
    if (arena->room < size && !new_block(arena, size))
        return NULL;
    void *block = arena->next;
    arena->next += size;
    arena->room -= size;
    arena->used += size;
    return block;
}

void *ff_arena_alloc(struct ff_arena *arena, size_t size)
{
    void *block = ff_arena_try(arena, size);
    if (!block) {
        fprintf(stderr, "fitfleet: out of memory (%zu bytes)\n", size);
        abort();
    }
    return block;
}

void *ff_arena_zalloc(struct ff_arena *arena, size_t size)
{
    return memset(ff_arena_alloc(arena, size), 0, size);
}

void *ff_arena_copy(struct ff_arena *arena, const void *data, size_t size)
{
    return size ? memcpy(ff_arena_alloc(arena, size), data, size) : NULL;
}

char *ff_arena_strndup(struct ff_arena *arena, const char *text, size_t size)
{
    char *copy = ff_arena_alloc(arena, size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *ff_arena_strdup(struct ff_arena *arena, const char *text)
{
    return ff_arena_strndup(arena, text, strlen(text));
}

char *ff_arena_printf(struct ff_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = ff_arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

void ff_arena_reset(struct ff_arena *arena)
{
    struct ff_arena_block *keep = arena->blocks;
    while (keep && keep->below) {
        struct ff_arena_block *below = keep->below;
        keep->below = below->below;
        free(below);
    }
    arena->used = 0;
    arena->next = keep ? keep->bytes : NULL;
    arena->room = keep ? keep->size : 0;
}

void ff_arena_fini(struct ff_arena *arena)
{
    while (arena->blocks) {
        struct ff_arena_block *below = arena->blocks->below;
        free(arena->blocks);
        arena->blocks = below;
    }
    *arena = (struct ff_arena){.limit = arena->limit};
}

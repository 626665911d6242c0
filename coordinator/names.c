/* Open addressing with linear probing, at most half full; FNV-1a, for names are short. */
#include "coordinator/names.h"

#include "common/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024 };

void ff_names_init(struct ff_names *names, struct ff_arena *arena)
{
    *names = (struct ff_names){.arena = arena, .slot_count = FIRST_SLOTS};
    names->slots = ff_xcalloc(FIRST_SLOTS, sizeof *names->slots);
}

void ff_names_fini(struct ff_names *names)
{
    free(names->items);
    free(names->slots);
}

static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3;
    return hash ^ hash >> 32;
}

static bool is_name(const struct ff_name *name, const char *text, size_t size)
{
    return name->size == size && memcmp(name->text, text, size) == 0;
}

static size_t find_slot(const struct ff_names *names, const char *text, size_t size, uint64_t hash)
{
    size_t slot = hash & (names->slot_count - 1);
    while (names->slots[slot] && !is_name(&names->items[names->slots[slot] - 1], text, size))
        slot = (slot + 1) & (names->slot_count - 1);
    return slot;
}

static void grow(struct ff_names *names)
{
    free(names->slots);
    names->slot_count *= 2;
    names->slots = ff_xcalloc(names->slot_count, sizeof *names->slots);
    for (size_t i = 0; i < names->count; i++) {
        const struct ff_name *name = &names->items[i];
        names->slots[find_slot(names, name->text, name->size, name->hash)] = (uint32_t)i + 1;
    }
}

static void append(struct ff_names *names, const char *text, size_t size, uint64_t hash)
{
    if (names->count == names->capacity) {
        names->capacity = names->capacity ? names->capacity * 2 : 256;
        names->items = ff_xrealloc(names->items, names->capacity * sizeof *names->items);
    }
    names->items[names->count++] = (struct ff_name){ff_arena_strndup(names->arena, text, size), size, hash};
}

size_t ff_names_add(struct ff_names *names, const char *text, size_t size)
{
    if (names->last < names->count && is_name(&names->items[names->last], text, size))
        return names->last;
    uint64_t hash = hash_of(text, size);
    size_t slot = find_slot(names, text, size, hash);
    if (!names->slots[slot]) {
        append(names, text, size, hash);
        names->slots[slot] = (uint32_t)names->count;
        if (names->count * 2 > names->slot_count) {
            grow(names);
            slot = find_slot(names, text, size, hash);
        }
    }
    names->last = names->slots[slot] - 1;
    return names->last;
}

/* Open addressing with linear probing, at most half full; FNV-1a over words, for names are short.
 *
 * Most names need no search: it is the name of the row before, or the one that came behind that one last
 * time, as in data that are in order of targets or go through all targets time by time. */
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

/* Up to 8 bytes as one word. */
static inline uint64_t word_of(const char *text, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, text, size);
    return word;
}

static uint64_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325 ^ size;
    for (; size >= 8; text += 8, size -= 8) {
        hash = (hash ^ word_of(text, 8)) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    hash = (hash ^ word_of(text, size)) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

static inline bool is_name(const struct ff_name *name, const char *text, size_t size)
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
    names->items[names->count++] =
        (struct ff_name){ff_arena_strndup(names->arena, text, size), size, hash, 0};
}

static size_t search(struct ff_names *names, const char *text, size_t size)
{
    uint64_t hash = hash_of(text, size);
    size_t slot = find_slot(names, text, size, hash);
    if (names->slots[slot])
        return names->slots[slot] - 1;
    append(names, text, size, hash);
    names->slots[slot] = (uint32_t)names->count;
    if (names->count * 2 > names->slot_count)
        grow(names);
    return names->count - 1;
}

size_t ff_names_add(struct ff_names *names, const char *text, size_t size)
{
    if (names->count == 0)
        return names->last = search(names, text, size);
    const struct ff_name *last = &names->items[names->last];
    if (is_name(&names->items[last->next], text, size))
        return names->last = last->next;
    if (is_name(last, text, size))
        return names->last;
    size_t found = search(names, text, size);
    names->items[names->last].next = found;
    return names->last = found;
}

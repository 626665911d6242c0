/* A list of texts as one text: a JSON array of strings, which is how parameters carry it. Pure. */
#ifndef FF_COMMON_TEXTS_H
#define FF_COMMON_TEXTS_H

#include "common/arena.h"
#include "common/buf.h"

#include <stdbool.h>

/* Appends the array to out. */
void ff_texts_write(const char *const *items, size_t count, struct ff_buf *out);
/* false: it is no such array, or a string in it has a NUL or half of a surrogate pair. Items and their array
 * are in the arena. */
bool ff_texts_read(const char *text, struct ff_arena *arena, const char *const **items, size_t *count);

#endif

/* Values and foreign text as a person reads them: times, durations, counts, sizes, and names that may be any
 * bytes. */
#ifndef FF_COORDINATOR_SHOW_H
#define FF_COORDINATOR_SHOW_H

#include "common/buf.h"

#include <stdbool.h>

/* By value, so that a printf argument can be ff_show_time(ms).text. */
struct ff_shown {
    char text[48];
};

struct ff_shown ff_show_time(int64_t wall_ms); /* 2026-01-31T23:59:59.123Z */
struct ff_shown ff_show_duration(double ms);   /* 0.4 ms, 340 ms, 3.2 s, 5 min 12 s, 3 h 4 min, 2 d 3 h */
struct ff_shown ff_show_count(uint64_t count); /* 2,980 */
struct ff_shown ff_show_size(uint64_t bytes);  /* 812 B, 5.8 KiB */

/* Appends foreign text: control characters, marks that turn the direction of writing, and bytes that are no
 * UTF-8 become '?'. lines: newlines and tabs stay. */
void ff_show_clean(struct ff_bytes text, bool lines, struct ff_buf *out);
/* Columns of a terminal that clean text takes (East Asian wide characters: two, combining ones: none). */
size_t ff_show_width(const char *text);
/* Bytes of clean text that fit into width columns. */
size_t ff_show_prefix(const char *text, size_t width);

#endif

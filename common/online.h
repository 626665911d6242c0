/* The streaming detector behind the kind `online`: how surprising is a value after those before it?
 *
 * Each value is judged before it is learned; nothing of what comes later counts, not even how much comes. One
 * detector takes 26 KiB whatever it has seen, and about a microsecond for a value. The first
 * `warmup` values only say which range is normal.
 *
 * A value, its mean over 16 and over 64 values are put into the cells of grids from coarse to fine, and each
 * grid predicts the next cell from how often it came, and how often behind the cell before (prediction by
 * partial matching: Cleary & Witten 1984; escapes by distinct symbols: Moffat 1990). The surprise is −ln of
 * what was predicted. An alarm must exceed every surprise of the last while. */
#ifndef FF_COMMON_ONLINE_H
#define FF_COMMON_ONLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FF_ONLINE_LEAST_WARMUP = 50, FF_ONLINE_MOST_WARMUP = 1000, FF_ONLINE_PACKED = 5000 };

struct ff_online;

struct ff_online_verdict {
    double score;                  /* above 1: an anomaly. NaN while it warms up, or for NaN */
    double expected, lower, upper; /* the median and the middle 99 % of what is remembered */
};

/* Bytes of a detector; its memory is the caller's. */
size_t ff_online_size(void);
void ff_online_start(struct ff_online *online, size_t warmup);
size_t ff_online_warmup(const struct ff_online *online);
/* Values taken so far, without those that were NaN. */
uint64_t ff_online_seen(const struct ff_online *online);
/* Judges the value, then learns it. NaN: missing. */
struct ff_online_verdict ff_online_take(struct ff_online *online, double value);

/* The whole state as numbers, at most FF_ONLINE_PACKED; how many. One that warms up cannot be packed: 0. */
size_t ff_online_pack(const struct ff_online *online, double *out);
/* False: they were not written by ff_online_pack. */
bool ff_online_unpack(struct ff_online *online, const double *packed, size_t count);

#endif

/* Walks over the bytes that end a cell: comma, newline, and NUL, which stands behind the last byte.
 *
 * 64 bytes at a time become a mask with a bit for each stop; taking the lowest bit off is the next stop. */
#ifndef FF_COORDINATOR_STOPS_H
#define FF_COORDINATOR_STOPS_H

#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* FF_BLOCK_PADDING zeros are behind its last byte. */
struct ff_stops {
    const char *data;
    size_t base;   /* the window's first byte */
    uint64_t mask; /* stops in it that were not taken */
};

#ifdef __SSE2__
static inline uint64_t ff_stops_of_16(const char *at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i comma = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(','));
    __m128i newline = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
    __m128i nul = _mm_cmpeq_epi8(bytes, _mm_setzero_si128());
    return (uint64_t)(unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(comma, newline), nul));
}

static inline uint64_t ff_stops_of_64(const char *at)
{
    return ff_stops_of_16(at) | ff_stops_of_16(at + 16) << 16 | ff_stops_of_16(at + 32) << 32 |
           ff_stops_of_16(at + 48) << 48;
}
#else
static inline uint64_t ff_stops_of_64(const char *at)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 64; i++)
        mask |= (uint64_t)(at[i] == ',' || at[i] == '\n' || at[i] == '\0') << i;
    return mask;
}
#endif

/* The next stop is the first one at or behind this place. */
static inline void ff_stops_seek(struct ff_stops *stops, size_t at)
{
    stops->base = at;
    stops->mask = ff_stops_of_64(stops->data + at);
}

/* Not to be called again after the final NUL. */
static inline size_t ff_stops_next(struct ff_stops *stops)
{
    while (!stops->mask) {
        stops->base += 64;
        stops->mask = ff_stops_of_64(stops->data + stops->base);
    }
    size_t at = stops->base + (size_t)__builtin_ctzll(stops->mask);
    stops->mask &= stops->mask - 1;
    return at;
}

#endif

/* Random numbers for kinds, which may read none: their seed is what is fitted, so the same values give the
 * same model. Header only: a forest draws a number for every node. */
#ifndef FF_WORKER_MODELS_RANDOM_H
#define FF_WORKER_MODELS_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ff_random {
    uint64_t state;
};

/* splitmix64: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static inline uint64_t ff_random_next(struct ff_random *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Every bit of the values counts, but not those of a NaN. */
static inline struct ff_random ff_random_of(const double *values, size_t n)
{
    struct ff_random random = {n};
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        if (!isnan(values[i]))
            memcpy(&bits, &values[i], sizeof bits);
        random.state ^= bits;
        random.state = ff_random_next(&random);
    }
    return random;
}

/* 0 to count − 1; count is at least 1 and below 2^32, its bias below count / 2^32. */
static inline size_t ff_random_below(struct ff_random *random, size_t count)
{
    return (size_t)(((ff_random_next(random) >> 32) * count) >> 32);
}

/* In [0, 1). */
static inline double ff_random_unit(struct ff_random *random)
{
    return (double)(ff_random_next(random) >> 11) * 0x1p-53;
}

#endif

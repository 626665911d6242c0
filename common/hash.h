/* Content hashes, two kinds of them.
 *
 * FF_HASH_QUICK tells whether bytes are still the same: XXH3 (libxxhash), about as fast as memory is read.
 * Equal by chance: 2^-128. Not made against somebody who looks for two inputs of the same hash; use it where
 * such a one could only deceive himself. FF_HASH_STRONG names bytes that others rely on: BLAKE2b (RFC 7693,
 * libsodium), about 1 GB/s. */
#ifndef FF_COMMON_HASH_H
#define FF_COMMON_HASH_H

#include "common/buf.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

enum { FF_HASH_QUICK_SIZE = 16, FF_HASH_STRONG_SIZE = 32, FF_HASH_STATE = 576 };
enum ff_hash_kind { FF_HASH_QUICK, FF_HASH_STRONG };

/* A hash of what is added piece by piece. */
struct ff_hash {
    alignas(64) unsigned char state[FF_HASH_STATE]; /* the library's */
    enum ff_hash_kind kind;
};

void ff_hash_start(struct ff_hash *hash, enum ff_hash_kind kind);
void ff_hash_add(struct ff_hash *hash, const void *data, size_t size);
/* The number in 8 bytes, least significant first. */
void ff_hash_add_number(struct ff_hash *hash, uint64_t number);
/* The text with its length before it, so that "ab", "c" and "a", "bc" differ. NULL is a text of its own. */
void ff_hash_add_text(struct ff_hash *hash, const char *text);
/* out has room for FF_HASH_QUICK_SIZE or FF_HASH_STRONG_SIZE bytes, which are the same on every machine. */
void ff_hash_finish(struct ff_hash *hash, uint8_t *out);

#endif

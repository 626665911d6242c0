#include "common/hash.h"

#include <sodium.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY /* the size of its state */
#include <xxhash.h>

_Static_assert(FF_HASH_STATE >= sizeof(XXH3_state_t), "libxxhash's state grew");
_Static_assert(FF_HASH_STATE >= sizeof(crypto_generichash_state), "libsodium's state grew");
_Static_assert(FF_HASH_QUICK_SIZE == sizeof(XXH128_canonical_t), "128 bits");

static XXH3_state_t *quick(struct ff_hash *hash)
{
    return (XXH3_state_t *)hash->state;
}

static crypto_generichash_state *strong(struct ff_hash *hash)
{
    return (crypto_generichash_state *)hash->state;
}

void ff_hash_start(struct ff_hash *hash, enum ff_hash_kind kind)
{
    hash->kind = kind;
    if (kind == FF_HASH_QUICK)
        XXH3_128bits_reset(quick(hash));
    else
        crypto_generichash_init(strong(hash), NULL, 0, FF_HASH_STRONG_SIZE);
}

void ff_hash_add(struct ff_hash *hash, const void *data, size_t size)
{
    if (hash->kind == FF_HASH_QUICK)
        XXH3_128bits_update(quick(hash), data, size);
    else
        crypto_generichash_update(strong(hash), data, size);
}

void ff_hash_add_number(struct ff_hash *hash, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    ff_hash_add(hash, bytes, sizeof bytes);
}

void ff_hash_add_text(struct ff_hash *hash, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    ff_hash_add_number(hash, text ? size : UINT64_MAX);
    ff_hash_add(hash, text ? text : "", size);
}

void ff_hash_finish(struct ff_hash *hash, uint8_t *out)
{
    XXH128_canonical_t canonical;
    if (hash->kind == FF_HASH_STRONG) {
        crypto_generichash_final(strong(hash), out, FF_HASH_STRONG_SIZE);
        return;
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(quick(hash)));
    memcpy(out, canonical.digest, sizeof canonical.digest);
}

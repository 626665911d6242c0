/* One open table for all contexts. Two symbols are set aside: one carries a context's total, one the number
 * of its distinct symbols, so that a look costs three probes and nothing points anywhere. */
#include "common/contexts.h"

#include <math.h>
#include <string.h>

enum { TOTAL = FF_CONTEXTS_SYMBOLS, DISTINCT, SYMBOL_BITS = 7, MOST_USED = FF_CONTEXTS_SLOTS / 4 * 3 };
#define HEAVIEST 1e18 /* of a symbol, before all counts are made smaller again */

void ff_contexts_init(struct ff_contexts *contexts)
{
    memset(contexts, 0, sizeof *contexts);
    contexts->weight = 1;
}

static uint32_t key_of(uint32_t context, unsigned symbol)
{
    return (context << SYMBOL_BITS | symbol) + 1;
}

/* The symbol of a key, or what else it counts. */
static unsigned part_of(uint32_t key)
{
    return (key - 1) & ((1U << SYMBOL_BITS) - 1);
}

/* The slot of a key, or the free one where it would be. */
static size_t slot_of(const struct ff_contexts *contexts, uint32_t key)
{
    size_t at = key * UINT32_C(2654435769) >> 21;
    while (contexts->slots[at].key && contexts->slots[at].key != key)
        at = (at + 1) % FF_CONTEXTS_SLOTS;
    return at;
}

static double count_of(const struct ff_contexts *contexts, uint32_t context, unsigned symbol)
{
    return contexts->slots[slot_of(contexts, key_of(context, symbol))].count;
}

struct ff_context_counts ff_contexts_find(const struct ff_contexts *contexts, uint32_t context,
                                          unsigned symbol)
{
    return (struct ff_context_counts){count_of(contexts, context, TOTAL) / contexts->weight,
                                      count_of(contexts, context, DISTINCT),
                                      count_of(contexts, context, symbol) / contexts->weight};
}

/* Whether the key is new. */
static bool raise(struct ff_contexts *contexts, uint32_t key, double amount)
{
    struct ff_context_slot *slot = &contexts->slots[slot_of(contexts, key)];
    bool is_new = !slot->key;
    contexts->used += is_new;
    slot->key = key;
    slot->count = (float)(slot->count + amount);
    return is_new;
}

static void put(struct ff_contexts *contexts, uint32_t context, unsigned symbol, double amount)
{
    raise(contexts, key_of(context, TOTAL), amount);
    if (raise(contexts, key_of(context, symbol), amount))
        raise(contexts, key_of(context, DISTINCT), 1);
}

/* Builds the table again of the symbols that counted at least so much. */
static void keep(struct ff_contexts *contexts, double least)
{
    struct ff_context_slot old[FF_CONTEXTS_SLOTS];
    memcpy(old, contexts->slots, sizeof old);
    memset(contexts->slots, 0, sizeof contexts->slots);
    contexts->used = 0;
    for (size_t i = 0; i < FF_CONTEXTS_SLOTS; i++)
        if (old[i].key && part_of(old[i].key) < FF_CONTEXTS_SYMBOLS && old[i].count >= least)
            put(contexts, (old[i].key - 1) >> SYMBOL_BITS, part_of(old[i].key), old[i].count);
}

void ff_contexts_add(struct ff_contexts *contexts, uint32_t context, unsigned symbol)
{
    for (double least = contexts->weight / 64; contexts->used > MOST_USED; least *= 2)
        keep(contexts, least);
    put(contexts, context, symbol, contexts->weight);
}

void ff_contexts_tick(struct ff_contexts *contexts, double growth)
{
    contexts->weight *= growth;
    if (contexts->weight < HEAVIEST)
        return;
    for (size_t i = 0; i < FF_CONTEXTS_SLOTS; i++)
        if (part_of(contexts->slots[i].key) != DISTINCT)
            contexts->slots[i].count = (float)(contexts->slots[i].count / contexts->weight);
    contexts->weight = 1;
}

/* ---- keeping it ---- */

size_t ff_contexts_pack(const struct ff_contexts *contexts, double *out)
{
    size_t count = 0;
    out[count++] = contexts->weight;
    for (size_t i = 0; i < FF_CONTEXTS_SLOTS; i++)
        if (contexts->slots[i].key) {
            out[count++] = contexts->slots[i].key;
            out[count++] = contexts->slots[i].count;
        }
    return count;
}

bool ff_contexts_unpack(struct ff_contexts *contexts, const double *packed, size_t count)
{
    ff_contexts_init(contexts);
    if (count % 2 == 0 || count > 2 * FF_CONTEXTS_SLOTS || !(packed[0] >= 1 && packed[0] < HEAVIEST))
        return false;
    contexts->weight = packed[0];
    for (size_t i = 1; i < count; i += 2) {
        double key = packed[i], amount = packed[i + 1];
        if (!(key >= 1 && key <= UINT32_MAX && key == floor(key) && amount > 0 && amount < 1e6 * HEAVIEST) ||
            !raise(contexts, (uint32_t)key, amount))
            return false;
    }
    return true;
}

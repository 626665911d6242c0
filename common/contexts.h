/* Counts of symbols in contexts, in a table of fixed size: what the streaming detector remembers.
 *
 * Counts fade: instead of making all of them smaller with each symbol, what is added grows
 * (ff_contexts_tick). When the table is full, the contexts that matter least are forgotten. */
#ifndef FF_COMMON_CONTEXTS_H
#define FF_COMMON_CONTEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FF_CONTEXTS_SLOTS = 2048, FF_CONTEXTS_SYMBOLS = 126, FF_CONTEXTS_PACKED = 2 * FF_CONTEXTS_SLOTS };

/* A context and a symbol in it (0 … FF_CONTEXTS_SYMBOLS − 1) share the low 7 bits and those above. */
struct ff_context_slot {
    uint32_t key; /* (context << 7 | symbol) + 1; 0: free */
    float count;
};

struct ff_contexts {
    struct ff_context_slot slots[FF_CONTEXTS_SLOTS];
    size_t used;
    double weight; /* what a symbol counts now */
};

/* context: below 2^24. */
struct ff_context_counts {
    double total;    /* symbols seen in it, faded */
    double distinct; /* different ones */
    double symbol;   /* times that this one was, faded */
};

void ff_contexts_init(struct ff_contexts *contexts);
struct ff_context_counts ff_contexts_find(const struct ff_contexts *contexts, uint32_t context,
                                          unsigned symbol);
void ff_contexts_add(struct ff_contexts *contexts, uint32_t context, unsigned symbol);
/* Everything that was added before counts less by 1 / growth. growth >= 1. */
void ff_contexts_tick(struct ff_contexts *contexts, double growth);

/* The counts as numbers, at most FF_CONTEXTS_PACKED; how many. */
size_t ff_contexts_pack(const struct ff_contexts *contexts, double *out);
/* False: they were not written by ff_contexts_pack. */
bool ff_contexts_unpack(struct ff_contexts *contexts, const double *packed, size_t count);

#endif

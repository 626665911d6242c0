#include "common/wire.h"

#include "common/rpc.h"

#include <stdlib.h>
#include <string.h>

static const char *const method_names[] = {
#define X(symbol, name) name,
    FF_METHOD_LIST(X)
#undef X
};

const char *ff_method_name(enum ff_method method)
{
    return method_names[method];
}

enum ff_method ff_method_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof method_names / sizeof *method_names; i++)
        if (strcmp(method_names[i], name) == 0)
            return (enum ff_method)i;
    return FF_NO_METHOD;
}

void ff_blocks_fini(struct ff_blocks *blocks)
{
    free(blocks->segments);
    *blocks = (struct ff_blocks){0};
}

static void add_segment(struct ff_blocks *blocks, struct ff_bytes bytes)
{
    if (blocks->count == blocks->capacity) {
        blocks->capacity = blocks->capacity ? blocks->capacity * 2 : 16;
        blocks->segments = ff_xrealloc(blocks->segments, blocks->capacity * sizeof *blocks->segments);
    }
    blocks->segments[blocks->count++] = bytes;
    blocks->size += bytes.size;
}

uint64_t ff_blocks_add(struct ff_blocks *blocks, struct ff_bytes bytes)
{
    static const uint8_t padding[FF_RPC_BLOCK_ALIGN];
    size_t over = blocks->size % FF_RPC_BLOCK_ALIGN;
    if (over)
        add_segment(blocks, (struct ff_bytes){padding, FF_RPC_BLOCK_ALIGN - over});
    uint64_t offset = blocks->size;
    add_segment(blocks, bytes);
    return offset;
}

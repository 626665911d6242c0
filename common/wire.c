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

static size_t add_shared(const struct ff_fit_spec *spec, struct ff_shared *out, size_t count)
{
    for (size_t i = 0; spec && i < spec->shared_count; i++) {
        size_t at = 0;
        while (at < count && memcmp(&out[at].id, &spec->shared[i].id, sizeof out[at].id) != 0)
            at++;
        if (at == count && count < FF_CHUNK_MOST_SHARED && spec->shared[i].size)
            out[count++] = spec->shared[i];
    }
    return count;
}

size_t ff_chunk_shared(const struct ff_chunk *chunk, struct ff_shared *out)
{
    const struct ff_fit_spec *before = NULL, *fallback = NULL; /* neighbours have the same ones, mostly */
    size_t count = 0;
    for (size_t i = 0; i < chunk->task_count; i++) {
        const struct ff_task *task = &chunk->tasks[i].task;
        if (task->model != before)
            count = add_shared(before = task->model, out, count);
        if (task->fallback != fallback)
            count = add_shared(fallback = task->fallback, out, count);
    }
    return count;
}

/* Reads until a block is full, and keeps what is behind the last row's end for the next one.
 *
 * A newline ends a row unless it is in quotes. Quotes count only where a cell begins, so parity alone does
 * not tell: without a quote in the block its last newline is the end (both are found at the speed of memory),
 * with quotes each quoted cell is passed over. A block without an end doubles, which keeps looking for it
 * linear. */
#include "coordinator/blocks.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

struct ff_blocks {
    struct ff_reader *reader;
    size_t block_bytes;
    struct ff_buf rest; /* read, and behind the last block */
    bool started;
    bool hurries;
    bool ended;
};

struct ff_blocks *ff_blocks_create(struct ff_reader *reader, size_t block_bytes)
{
    struct ff_blocks *blocks = ff_xcalloc(1, sizeof *blocks);
    blocks->reader = reader;
    blocks->block_bytes = block_bytes;
    return blocks;
}

void ff_blocks_destroy(struct ff_blocks *blocks)
{
    if (!blocks)
        return;
    ff_buf_fini(&blocks->rest);
    free(blocks);
}

void ff_blocks_hurry(struct ff_blocks *blocks)
{
    blocks->hurries = true;
}

static void make_room(struct ff_block *block, size_t size)
{
    if (block->capacity >= size)
        return;
    block->capacity = size;
    block->data = ff_xrealloc(block->data, size + FF_BLOCK_PADDING);
}

static enum ff_status fill(struct ff_blocks *blocks, struct ff_block *block, size_t size,
                           struct ff_error *err)
{
    make_room(block, size);
    while (block->size < size && !blocks->ended) {
        size_t got = 0;
        enum ff_status status =
            ff_reader_read(blocks->reader, block->data + block->size, size - block->size, &got, err);
        if (status)
            return status;
        block->size += got;
        blocks->ended = got == 0;
        if (blocks->hurries)
            break;
    }
    return FF_OK;
}

/* Behind the quote that closes the cell which begins at text; NULL if it is not there. */
static const char *close_quote(const char *text, const char *end)
{
    while ((text = memchr(text, '"', (size_t)(end - text)))) {
        if (text + 1 == end)
            return NULL; /* perhaps the first of two */
        if (text[1] != '"')
            return text + 1;
        text += 2;
    }
    return NULL;
}

/* Behind the last row that is whole; data begins with a row. */
static size_t find_end(const char *data, size_t size)
{
    const char *at = data, *end = data + size, *last = data;
    while (at) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        const char *newline = memrchr(at, '\n', (size_t)((quote ? quote : end) - at));
        last = newline ? newline + 1 : last;
        if (!quote)
            break;
        bool opens = quote == data || quote[-1] == ',' || quote[-1] == '\n';
        at = opens ? close_quote(quote + 1, end) : quote + 1;
    }
    return (size_t)(last - data);
}

static void skip_mark(struct ff_blocks *blocks, struct ff_block *block)
{
    if (blocks->started || block->size < 3)
        return;
    if (memcmp(block->data, "\xef\xbb\xbf", 3) == 0) {
        block->size -= 3;
        memmove(block->data, block->data + 3, block->size);
    }
    blocks->started = true;
}

static void begin_with_rest(struct ff_blocks *blocks, struct ff_block *block)
{
    make_room(block, blocks->rest.size);
    if (blocks->rest.size)
        memcpy(block->data, blocks->rest.data, blocks->rest.size);
    block->size = blocks->rest.size;
    block->is_cut = false;
    blocks->rest.size = 0;
}

enum ff_status ff_blocks_next(struct ff_blocks *blocks, struct ff_block *block, struct ff_error *err)
{
    begin_with_rest(blocks, block);
    size_t end = 0, want = blocks->block_bytes;
    for (; end == 0; want = block->size > want / 2 ? 2 * block->size : want) {
        enum ff_status status = fill(blocks, block, want, err);
        if (status)
            return status;
        skip_mark(blocks, block);
        block->is_cut = !blocks->ended && block->size > FF_CSV_MAX_LINE;
        end = blocks->ended ? block->size : find_end(block->data, block->size);
        if (blocks->ended || block->is_cut)
            break;
    }
    block->is_cut = block->is_cut && end == 0;
    end = block->is_cut ? block->size : end;
    ff_buf_append(&blocks->rest, block->data + end, block->size - end);
    block->size = end;
    memset(block->data + end, 0, FF_BLOCK_PADDING);
    return FF_OK;
}

void ff_blocks_return(struct ff_blocks *blocks, const struct ff_block *block, size_t from)
{
    struct ff_buf rest = {0};
    ff_buf_append(&rest, block->data + from, block->size - from);
    ff_buf_append(&rest, blocks->rest.data, blocks->rest.size);
    ff_buf_fini(&blocks->rest);
    blocks->rest = rest;
}

void ff_block_fini(struct ff_block *block)
{
    free(block->data);
    *block = (struct ff_block){0};
}

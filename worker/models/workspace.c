/* A stack of mappings, filled from the top one.
 *
 * mmap and not malloc: what a large target used goes back to the system at once, and the ordinary target (a
 * few hundred KiB) finds its pages already touched, which saves more than its arithmetic costs. The lowest
 * block is kept between targets, all others are unmapped. A block is at least as large as all before it
 * together, so n bytes need O(log n) mappings and at most twice the memory.
 *
 * Failure leaves by longjmp to ff_workspace_run; it is the only function here with a setjmp, and has no
 * locals that change after it. Under ASan the unused part of a block is poisoned, with a gap behind every
 * allocation. */
#include "worker/models/workspace.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
enum { GAP = 64 };
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
enum { GAP = 0 };
#endif

enum { ALIGNMENT = 64, FIRST_BLOCK = 1 << 20, MAX_BLOCKS = 64 };

struct block {
    char *base;
    size_t size;
};

struct ff_workspace {
    struct block blocks[MAX_BLOCKS];
    size_t block_count;
    size_t used;   /* of the top block */
    size_t mapped; /* bytes of all blocks */
    size_t taken;  /* bytes since the last reset */
    size_t limit;
    jmp_buf failure;
};

struct ff_workspace *ff_workspace_create(size_t limit_bytes)
{
    struct ff_workspace *workspace = calloc(1, sizeof *workspace);
    if (!workspace)
        abort();
    workspace->limit = limit_bytes ? limit_bytes : SIZE_MAX;
    return workspace;
}

static void unmap_top(struct ff_workspace *workspace)
{
    struct block *top = &workspace->blocks[--workspace->block_count];
    UNPOISON(top->base, top->size);
    munmap(top->base, top->size);
    workspace->mapped -= top->size;
}

void ff_workspace_destroy(struct ff_workspace *workspace)
{
    if (!workspace)
        return;
    while (workspace->block_count > 0)
        unmap_top(workspace);
    free(workspace);
}

void ff_workspace_reset(struct ff_workspace *workspace)
{
    while (workspace->block_count > 1)
        unmap_top(workspace);
    if (workspace->block_count == 1 && workspace->blocks[0].size > FIRST_BLOCK)
        unmap_top(workspace);
    if (workspace->block_count == 1)
        POISON(workspace->blocks[0].base, workspace->blocks[0].size);
    workspace->used = 0;
    workspace->taken = 0;
}

bool ff_workspace_run(struct ff_workspace *workspace, void (*work)(void *arg), void *arg)
{
    if (setjmp(workspace->failure))
        return false;
    work(arg);
    return true;
}

static bool map_block(struct ff_workspace *workspace, size_t least)
{
    size_t size = workspace->mapped > FIRST_BLOCK ? workspace->mapped : FIRST_BLOCK;
    size = least > size ? (least + 4095) & ~(size_t)4095 : size;
    if (workspace->block_count == MAX_BLOCKS)
        return false;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return false;
    POISON(base, size);
    workspace->blocks[workspace->block_count++] = (struct block){base, size};
    workspace->mapped += size;
    workspace->used = 0;
    return true;
}

static size_t room(const struct ff_workspace *workspace)
{
    return workspace->block_count ? workspace->blocks[workspace->block_count - 1].size - workspace->used : 0;
}

void *ff_workspace_alloc(struct ff_workspace *workspace, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > workspace->limit - workspace->taken ||
        bytes > SIZE_MAX / 4)
        longjmp(workspace->failure, 1);
    size_t stride = ((bytes ? bytes : 1) + GAP + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (room(workspace) < stride && !map_block(workspace, stride))
        longjmp(workspace->failure, 1);
    char *place = workspace->blocks[workspace->block_count - 1].base + workspace->used;
    UNPOISON(place, bytes);
    workspace->used += stride;
    workspace->taken += bytes;
    return place;
}

size_t ff_workspace_mapped(const struct ff_workspace *workspace)
{
    return workspace->mapped;
}

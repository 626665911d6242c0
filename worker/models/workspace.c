/* A list of mappings: small allocations fill one after the other, a large one gets a mapping of its own.
 *
 * mmap and not malloc: what a large target used goes back to the system at once, and the ordinary target (a
 * few hundred KiB) finds its pages already touched, which saves more than its arithmetic costs. The first
 * block is kept between targets, all others are unmapped. Blocks to fill double in size up to LARGE, so few
 * mappings are needed, and address space, which is what RLIMIT_AS counts, exceeds what was asked for by about
 * that at most.
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

enum { ALIGNMENT = 64, FIRST_BLOCK = 1 << 20, LARGE = 16 << 20, MAX_BLOCKS = 256 };

struct block {
    char *base;
    size_t size;
};

struct ff_workspace {
    struct block blocks[MAX_BLOCKS];
    size_t block_count;
    size_t filling; /* index of the block that small allocations fill */
    size_t used;    /* of that block */
    size_t mapped;  /* bytes of all blocks */
    size_t taken;   /* bytes since the last reset */
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
    workspace->filling = 0;
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

/* The base of a new block of at least size bytes, NULL without memory. */
static char *map_block(struct ff_workspace *workspace, size_t size)
{
    if (workspace->block_count == MAX_BLOCKS)
        return NULL;
    size = size > FIRST_BLOCK ? (size + 4095) & ~(size_t)4095 : FIRST_BLOCK;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    POISON(base, size);
    workspace->blocks[workspace->block_count++] = (struct block){base, size};
    workspace->mapped += size;
    return base;
}

static char *take_large(struct ff_workspace *workspace, size_t stride)
{
    /* The block that is kept between targets comes first. */
    if (workspace->block_count == 0 && !map_block(workspace, FIRST_BLOCK))
        return NULL;
    return map_block(workspace, stride);
}

static char *take_small(struct ff_workspace *workspace, size_t stride)
{
    size_t room = workspace->block_count ? workspace->blocks[workspace->filling].size - workspace->used : 0;
    if (room < stride) {
        size_t size = workspace->mapped < LARGE ? workspace->mapped : LARGE;
        if (!map_block(workspace, size > stride ? size : stride))
            return NULL;
        workspace->filling = workspace->block_count - 1;
        workspace->used = 0;
    }
    workspace->used += stride;
    return workspace->blocks[workspace->filling].base + workspace->used - stride;
}

void *ff_workspace_alloc(struct ff_workspace *workspace, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > workspace->limit - workspace->taken ||
        bytes > SIZE_MAX / 4)
        longjmp(workspace->failure, 1);
    size_t stride = ((bytes ? bytes : 1) + GAP + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    char *place = stride > LARGE ? take_large(workspace, stride) : take_small(workspace, stride);
    if (!place)
        longjmp(workspace->failure, 1);
    UNPOISON(place, bytes);
    workspace->taken += bytes;
    return place;
}

size_t ff_workspace_mapped(const struct ff_workspace *workspace)
{
    return workspace->mapped;
}

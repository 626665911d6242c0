#include "worker/models/workspace.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

static struct ff_workspace *workspace;
static bool reached;

static void teardown(void)
{
    ff_workspace_destroy(workspace);
}

TestSuite(workspace, .fini = teardown);

static void take_many(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < 3000; i++) {
        char *bytes = ff_workspace_alloc(workspace, i, 3);
        cr_assert_eq((uintptr_t)bytes % 64, 0);
        memset(bytes, (int)i, i * 3);
    }
    reached = true;
}

Test(workspace, memory_is_aligned_and_can_be_written)
{
    workspace = ff_workspace_create(0);
    cr_expect(ff_workspace_run(workspace, take_many, NULL));
    cr_expect(reached);
}

static void take_bytes(void *arg)
{
    size_t *size = arg;
    ff_workspace_alloc(workspace, *size, 1);
    reached = true;
}

Test(workspace, more_than_the_limit_ends_the_run)
{
    workspace = ff_workspace_create(1000);
    cr_expect_not(ff_workspace_run(workspace, take_bytes, &(size_t){1001}));
    cr_expect_not(reached);
    cr_expect(ff_workspace_run(workspace, take_bytes, &(size_t){1000}));
    cr_expect_not(ff_workspace_run(workspace, take_bytes, &(size_t){1}));
}

Test(workspace, reset_gives_the_limit_back)
{
    workspace = ff_workspace_create(1000);
    cr_expect(ff_workspace_run(workspace, take_bytes, &(size_t){900}));
    ff_workspace_reset(workspace);
    cr_expect(ff_workspace_run(workspace, take_bytes, &(size_t){900}));
}

Test(workspace, impossible_sizes_end_the_run)
{
    workspace = ff_workspace_create(0);
    cr_expect_not(ff_workspace_run(workspace, take_bytes, &(size_t){SIZE_MAX}));
    cr_expect_not(ff_workspace_run(workspace, take_bytes, &(size_t){SIZE_MAX / 5}));
}

static void take_overflowing(void *arg)
{
    (void)arg;
    ff_workspace_alloc(workspace, SIZE_MAX / 2, 4);
}

Test(workspace, product_that_overflows_ends_the_run)
{
    workspace = ff_workspace_create(0);
    cr_expect_not(ff_workspace_run(workspace, take_overflowing, NULL));
}

Test(workspace, what_a_large_target_used_goes_back_to_the_system)
{
    workspace = ff_workspace_create(0);
    ff_workspace_run(workspace, take_bytes, &(size_t){1000});
    size_t usual = ff_workspace_mapped(workspace);
    ff_workspace_run(workspace, take_bytes, &(size_t){100 << 20});
    cr_expect_gt(ff_workspace_mapped(workspace), 100 << 20);
    ff_workspace_reset(workspace);
    cr_expect_eq(ff_workspace_mapped(workspace), usual);
}

static void take_large_and_small(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < 8; i++) {
        memset(ff_workspace_alloc(workspace, 20 << 20, 1), 1, 100);
        memset(ff_workspace_alloc(workspace, 1000, 1), 1, 1000);
    }
}

Test(workspace, little_more_is_mapped_than_asked_for)
{
    workspace = ff_workspace_create(0);
    cr_assert(ff_workspace_run(workspace, take_large_and_small, NULL));
    cr_expect_lt(ff_workspace_mapped(workspace), 165 << 20);
}

Test(workspace, destroying_none_is_allowed)
{
    ff_workspace_destroy(NULL);
}

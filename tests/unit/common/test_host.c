#include "common/host.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64];
static char groups[96];

static void setup(void)
{
    strcpy(root, "/tmp/fitfleet-host-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
    snprintf(groups, sizeof groups, "%s/groups", root);
}

static void teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    cr_assert_eq(system(command), 0);
}

TestSuite(host, .init = setup, .fini = teardown);

/* path: below root, with one folder for each slash. */
static void write_text(const char *path, const char *text)
{
    char name[256];
    snprintf(name, sizeof name, "%s/%s", root, path);
    for (char *at = name + strlen(root) + 1; (at = strchr(at, '/')); *at++ = '/') {
        *at = '\0';
        mkdir(name, 0700);
    }
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
}

Test(host, this_one_has_a_cpu_and_memory)
{
    cr_assert_geq(ff_host_cpus(), 1);
    cr_assert_gt(ff_host_memory(), 1 << 20);
}

Test(host, without_groups_there_is_no_limit)
{
    cr_assert_eq(ff_host_quota_in(groups, root), 0);
    cr_assert_eq(ff_host_memory_in(groups, root), 0);
}

Test(host, the_least_limit_of_a_group_and_those_above_counts)
{
    write_text("groups", "0::/a/b\n");
    write_text("cpu.max", "800000 100000\n");
    write_text("a/cpu.max", "150000 100000\n");
    write_text("a/b/cpu.max", "max 100000\n");
    write_text("a/memory.max", "max\n");
    write_text("a/b/memory.max", "1073741824\n");
    cr_assert_float_eq(ff_host_quota_in(groups, root), 1.5, 1e-9);
    cr_assert_eq(ff_host_memory_in(groups, root), 1 << 30);
}

Test(host, a_container_whose_group_is_not_there_has_the_limits_of_the_root)
{
    write_text("groups", "0::/docker/0123\n");
    write_text("cpu.max", "50000 100000\n");
    write_text("memory.max", "4096\n");
    cr_assert_float_eq(ff_host_quota_in(groups, root), 0.5, 1e-9);
    cr_assert_eq(ff_host_memory_in(groups, root), 4096);
}

Test(host, groups_of_version_1_have_a_tree_for_each_controller)
{
    write_text("groups", "5:cpu,cpuacct:/job\n4:memory:/job/step\n1:cpuset:/\n0::/\n");
    write_text("cpu/job/cpu.cfs_quota_us", "-1\n");
    write_text("cpu/cpu.cfs_quota_us", "250000\n");
    write_text("cpu/cpu.cfs_period_us", "100000\n");
    write_text("memory/memory.limit_in_bytes", "9223372036854771712\n");
    write_text("memory/job/step/memory.limit_in_bytes", "65536\n");
    cr_assert_float_eq(ff_host_quota_in(groups, root), 2.5, 1e-9);
    cr_assert_eq(ff_host_memory_in(groups, root), 65536);
}

/* A CSV file through the whole way to frames; the first byte chooses the layout. */
#include "coordinator/targetset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const jobs[] = {
    "data: {files: [%s], target: t}\nmodels: {all: {kind: pca}}\nlimits: {all_memory: 16MiB}\n",
    "data: {files: [%s], layout: wide, on_bad_row: skip}\nprepare: {aggregate: count}\n",
    "data: {files: [%s], layout: file}\nprepare: {interpolate: previous, window: 7d}\n",
    "data: {files: [%s], target: t, time_format: index}\nprepare: {step: 1h, aggregate: last}\n",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    int fd = memfd_create("fuzz", 0);
    char path[64], link[64], yaml[512];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf(link, sizeof link, "/tmp/fitfleet-fuzz-%d.csv", (int)getpid());
    if (write(fd, data + 1, size - 1) != (ssize_t)(size - 1) || (unlink(link), symlink(path, link)) != 0) {
        close(fd);
        return 0;
    }
    snprintf(yaml, sizeof yaml, jobs[data[0] % 4], link);
    struct ff_jobspec_source source = {
        .text = yaml, .size = strlen(yaml), .file = "fuzz.yaml", .base_dir = "/tmp", .override_dir = "/tmp"};
    struct ff_jobspec *spec;
    struct ff_targetset *set;
    struct ff_error err = {0};
    if (ff_jobspec_parse(&source, &spec, &err) != FF_OK)
        abort(); /* the job is ours and right */
    if (ff_targetset_load(spec, NULL, NULL, NULL, &set, &err) == FF_OK)
        ff_targetset_destroy(set);
    ff_jobspec_destroy(spec);
    unlink(link);
    close(fd);
    return 0;
}

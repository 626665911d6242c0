/* JOB.yaml: whatever a client submits. */
#include "coordinator/jobspec.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ff_jobspec_source source = {.text = (const char *)data,
                                       .size = size,
                                       .file = "job.yaml",
                                       .base_dir = "/data",
                                       .override_dir = "/here"};
    struct ff_jobspec *spec;
    struct ff_error err = {0};
    if (ff_jobspec_parse(&source, &spec, &err) == FF_OK) {
        (void)ff_jobspec_rule(spec, "TX0001");
        ff_jobspec_destroy(spec);
    }
    return 0;
}

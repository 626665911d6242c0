/* A capsule to encode, damage and decode. */
#ifndef FF_TESTS_CAPSULE_H
#define FF_TESTS_CAPSULE_H

#include "common/capsule.h"
#include "common/objects.h"

#include <math.h>

/* A crashed target of four steps with two metrics. Static storage. */
static inline struct ff_capsule sample_capsule(void)
{
    static const double values[8] = {1, 2, NAN, 4, -1, -2, -3, -4};
    static const char *const metrics[] = {"count", "elapsed"};
    static const struct ff_param params[] = {{"season", "24"}};
    static const struct ff_fit_spec model = {.kind = "seasonal", .params = params, .param_count = 1},
                                    fallback = {.kind = "ewma"};
    return (struct ff_capsule){
        .version = "0.1.0",
        .job = "nightly-7",
        .timeout_ms = 60000,
        .memory_bytes = 1 << 30,
        .task = {.target = 5,
                 .name = "TX5",
                 .model = &model,
                 .fallback = &fallback,
                 .metrics = metrics,
                 .frame = {.t0_ms = -60000, .step_ms = 60000, .steps = 4, .columns = 2, .values = values}},
        .outcome = {.target = 5,
                    .class = FF_QUARANTINED,
                    .code = FF_CODE_CRASHED,
                    .errmsg = "the executor died of signal 11",
                    .kind = "",
                    .summary = "",
                    .attempts = 3,
                    .signal = 11,
                    .log = {(const uint8_t *)"last words\n", 11}},
        .worker = "host-1",
        .profile = "p1"};
}

#endif

/* busy: burns CPU time and learns nothing, so that a benchmark knows what its fits cost.
 *
 * It counts the thread's own CPU time: on a host with less than a core for each slot the fits take longer, as
 * real ones would. The only kind that reads a clock; what it emits does not depend on it. */
#include "common/clock.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    double *cpu_ms = fit->alloc(fit, 1, sizeof *cpu_ms);
    *config = cpu_ms;
    return ff_params_number(fit, params, count, "cpu_ms", 0, cpu_ms);
}

static void burn(double cpu_ms)
{
    int64_t end = ff_thread_cpu_us() + (int64_t)(cpu_ms * 1000);
    volatile double heat = 1;
    while (ff_thread_cpu_us() < end)
        for (int i = 0; i < 1000; i++)
            heat = heat * 0.999 + 0.001;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const double *cpu_ms = config;
    if (*cpu_ms > 0)
        burn(*cpu_ms);
    fit->integer(fit, "n", (int64_t)frame->steps, FF_SUMMARY);
    fit->number(fit, "cpu_ms", *cpu_ms, FF_SUMMARY);
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_busy = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "busy",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
};

/* busy: burns CPU time and learns nothing, so that a benchmark knows what its fits cost; and does wrong on
 * request, so that a fleet can be tested with the programs as they are.
 *
 * It counts the thread's own CPU time: on a host with less than a core for each slot the fits take longer, as
 * real ones would. The only kind that reads a clock; what it emits does not depend on it. */
#include "common/clock.h"
#include "worker/models/fault.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"

struct busy {
    double cpu_ms;
    double leak_mib;
    const char *fault;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct busy *busy = fit->alloc(fit, 1, sizeof *busy);
    *config = busy;
    busy->fault = ff_params_text(params, count, "fault");
    int code = ff_params_number(fit, params, count, "cpu_ms", 0, &busy->cpu_ms);
    return code ? code : ff_params_number(fit, params, count, "leak_mib", 0, &busy->leak_mib);
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
    const struct busy *busy = config;
    if (busy->cpu_ms > 0)
        burn(busy->cpu_ms);
    if (busy->leak_mib > 0)
        ff_fault_leak((size_t)(busy->leak_mib * (1 << 20)));
    if (busy->fault)
        ff_fault_commit(fit, busy->fault);
    fit->integer(fit, "n", (int64_t)frame->steps, FF_SUMMARY);
    fit->number(fit, "cpu_ms", busy->cpu_ms, FF_SUMMARY);
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

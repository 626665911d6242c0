/* A plug-in that does wrong on request, for the target that its parameter names. */
#include <fitfleet/kind.h>

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    *config = "";
    for (size_t i = 0; i < count; i++)
        if (strcmp(params[i].name, "fault") == 0) {
            char *copy = fit->alloc(fit, strlen(params[i].text) + 1, 1);
            *config = strcpy(copy, params[i].text);
        }
    return FF_FIT_OK;
}

static int fit_value(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const char *fault = config;
    double *values = fit->alloc(fit, 1, sizeof *values);
    if (frame->values[0] == 0) /* the target that is spared */
        fault = "";
    if (strcmp(fault, "crash") == 0)
        raise(SIGSEGV);
    if (strcmp(fault, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(fault, "exit") == 0)
        exit(0);
    if (strcmp(fault, "memory") == 0)
        for (;;)
            memset(fit->alloc(fit, 1 << 20, 1), 1, 1 << 20);
    if (strcmp(fault, "leak") == 0)
        memset(malloc(64 << 20), 1, 64 << 20);
    values[0] = 1;
    fit->numbers(fit, "values", values, strcmp(fault, "length") == 0 ? (size_t)1 << 40 : 1, FF_SUMMARY);
    fit->text(fit, "fault", fault, FF_EXPORT);
    return strcmp(fault, "code") == 0 ? 12345 : FF_FIT_OK;
}

/* A band of 0 to 10 around 5, spoiled by the fault that the model remembers. */
static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    const char *fault = model->text(model, "fault");
    (void)fit;
    for (size_t i = 0; fault && i < frame->steps; i++) {
        scores->expected[i] = 5;
        scores->lower[i] = strcmp(fault, "open") == 0 ? NAN : 0;
        scores->upper[i] = strcmp(fault, "crossed") == 0 ? -1 : 10;
    }
    return FF_FIT_OK;
}

const struct ff_kind fitfleet_kind = {
#ifdef OLD
    .abi_version = FF_KIND_ABI_VERSION + 1,
#else
    .abi_version = FF_KIND_ABI_VERSION,
#endif
    .struct_size = sizeof(struct ff_kind),
    .name = "faulty",
    .format_version = 1,
    .configure = configure,
    .fit = fit_value,
    .score = score,
};

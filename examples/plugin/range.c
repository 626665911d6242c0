/* A model kind of one's own: values are normal within the range seen in training, widened by a margin.
 *
 *   gcc -shared -fPIC -O2 -I build/include examples/plugin/range.c -o range.so
 *
 * and in a job: models: {top: {kind: plugin, path: ./range.so, margin: 0.1}}. After `cmake --install` the
 * header is in the compiler's own path and -I is not needed. */
#include <fitfleet/kind.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **config)
{
    double *margin = fit->alloc(fit, 1, sizeof *margin);
    *margin = 0.1;
    for (size_t i = 0; i < count; i++) {
        char *end;
        if (strcmp(params[i].name, "margin") != 0)
            return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s: no such parameter", params[i].name);
        *margin = strtod(params[i].text, &end);
        if (*end || !(*margin >= 0))
            return fit->fail(fit, FF_FIT_BAD_PARAMETER, "margin: expected a number from 0, found '%s'",
                             params[i].text);
    }
    *config = margin;
    return FF_FIT_OK;
}

static int fit_range(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    double lowest = INFINITY, highest = -INFINITY;
    for (size_t i = 0; i < frame->steps; i++) {
        lowest = fmin(lowest, frame->values[i]); /* a missing value is NaN, which fmin passes over */
        highest = fmax(highest, frame->values[i]);
    }
    if (lowest > highest)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", frame->steps);
    fit->number(fit, "lowest", lowest, FF_SUMMARY);
    fit->number(fit, "highest", highest, FF_SUMMARY);
    fit->number(fit, "margin", *(const double *)config, FF_EXPORT);
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    double lowest = model->number(model, "lowest"), highest = model->number(model, "highest");
    double room = model->number(model, "margin") * (highest - lowest);
    if (isnan(room))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind range");
    for (size_t i = 0; i < frame->steps; i++) {
        scores->expected[i] = (lowest + highest) / 2;
        scores->lower[i] = lowest - room;
        scores->upper[i] = highest + room;
    }
    return FF_FIT_OK;
}

const struct ff_kind fitfleet_kind = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "range",
    .format_version = 1,
    .configure = configure,
    .fit = fit_range,
    .score = score,
};

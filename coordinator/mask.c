#include "coordinator/mask.h"

#include "common/log.h"
#include "common/text.h"

#include <math.h>

enum ff_status ff_mask_read(const char *path, const struct ff_dataset *dataset, struct ff_labels *out,
                            struct ff_error *err)
{
    enum ff_status status = ff_labels_read(path, out, err);
    if (status)
        return status;
    for (size_t i = 0; i < dataset->count; i++)
        ff_labels_meet(out, dataset->series[i].name);
    struct ff_labels_met met = ff_labels_count(out);
    if (met.strange)
        ff_log(FF_LOG_WARNING,
               "prepare.mask: %zu of %zu window%s in %s name%s no target of the data, such as '%s'",
               met.strange, met.labels, ff_plural(met.labels), path, met.strange == 1 ? "s" : "",
               met.example);
    return FF_OK;
}

/* Steps that overlap a window. */
static void hide(const struct ff_labelled *windows, const struct ff_axis *axis, double *y)
{
    for (size_t i = 0; windows && i < windows->count; i++) {
        int64_t end_ms = axis->t0_ms + (int64_t)axis->steps * axis->step_ms;
        const struct ff_window *window = &windows->windows[i];
        if (window->end_ms < axis->t0_ms || window->start_ms >= end_ms)
            continue;
        int64_t first = window->start_ms > axis->t0_ms ? (window->start_ms - axis->t0_ms) / axis->step_ms : 0;
        int64_t last = window->end_ms < end_ms ? (window->end_ms - axis->t0_ms) / axis->step_ms
                                               : (int64_t)axis->steps - 1;
        for (int64_t step = first; step <= last; step++)
            y[step] = NAN;
    }
}

void ff_mask_apply(const struct ff_labels *mask, const char *target, const struct ff_axis *axis, double *y)
{
    const struct ff_labelled *own = ff_labels_find(mask, target), *every = ff_labels_find(mask, "");
    hide(own, axis, y);
    if (every != own)
        hide(every, axis, y);
}

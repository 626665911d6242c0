#include "coordinator/survey.h"

#include "common/buf.h"
#include "coordinator/select.h"

#include <stdlib.h>

struct surveying {
    const struct ff_dataset *dataset;
    const struct ff_jobspec *spec;
    const struct ff_target_guide *guide;
    size_t rank_metric;
    struct ff_survey *surveys;
};

static void survey_series(const struct surveying *s, const char *name, const struct ff_rows *all,
                          struct ff_survey *survey)
{
    int64_t step_ms = s->spec->prepare.step_ms;
    survey->is_included = ff_select_includes(s->spec, name) &&
                          (!s->guide || s->guide->wants(s->guide->context, name, &step_ms));
    if (!survey->is_included)
        return;
    struct ff_rows rows = ff_select_window(s->spec, all, s->dataset->newest_ms);
    survey->rows = rows.count;
    survey->rank = ff_select_rank(s->spec, &rows, s->rank_metric);
    if (rows.count == 0)
        return;
    survey->first_ms = ff_rows_time(&rows, 0);
    survey->last_ms = ff_rows_time(&rows, rows.count - 1);
    survey->code = ff_axis_find(&rows, step_ms, &survey->axis);
}

static enum ff_status visit(void *context, size_t worker, const struct ff_batch *batch,
                            const struct ff_opened *opened, struct ff_error *err)
{
    const struct surveying *s = context;
    (void)worker;
    (void)err;
    for (size_t i = 0; i < batch->count; i++)
        survey_series(s, s->dataset->series[batch->series[i]].name, &opened->rows[i],
                      &s->surveys[batch->series[i]]);
    return FF_OK;
}

enum ff_status ff_survey_make(const struct ff_dataset *dataset, const struct ff_jobspec *spec,
                              const struct ff_target_guide *guide, struct ff_load_progress *progress,
                              struct ff_survey **out, int64_t *cpu_us, struct ff_error *err)
{
    struct surveying s = {.dataset = dataset, .spec = spec, .guide = guide};
    enum ff_status status = ff_select_metric(spec, &dataset->metrics, &s.rank_metric, err);
    if (status)
        return status;
    s.surveys = ff_xcalloc(dataset->count + 1, sizeof *s.surveys);
    const struct ff_pass pass = {dataset, progress, visit, &s};
    status = ff_pass_run(&pass, cpu_us, err);
    if (status)
        free(s.surveys);
    else
        *out = s.surveys;
    return status;
}

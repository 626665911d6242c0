/* Rows are put on the axis of the model that judges them: its step, whatever the step of the rows. Nothing is
 * interpolated: only what was measured is judged. */
#include "coordinator/scoring.h"

#include <stdlib.h>
#include <string.h>

static int64_t all_step(const struct ff_kit *kit)
{
    const struct ff_kit_model *all = ff_kit_find(kit, "");
    return all ? all->step_ms : 0;
}

/* Every target's rows are wanted where all are judged together. */
static bool wants(void *context, const char *target, int64_t *step_ms)
{
    const struct ff_scoring *scoring = context;
    const struct ff_kit_model *model = *target ? ff_kit_find(scoring->kit, target) : NULL;
    if (model && model->step_ms > 0)
        *step_ms = model->step_ms;
    return model || scoring->with_all;
}

static struct ff_strings list_of(const char *const *items, size_t count)
{
    return (struct ff_strings){(const char **)(uintptr_t)items, count};
}

/* Names of layout file are those of training: relative to the job's folder, where the files lie in it. */
static struct ff_strings find_roots(const struct ff_jobspec *spec, struct ff_arena *arena)
{
    const struct ff_strings *files = &spec->data.files;
    const char **roots = ff_arena_alloc(arena, (files->count + 1) * sizeof *roots),
               *base = spec->data.base_dir;
    size_t length = strlen(base);
    for (size_t i = 0; i < files->count; i++) {
        bool within = strncmp(files->items[i], base, length) == 0 && files->items[i][length] == '/';
        roots[i] = within ? base : spec->data.roots.items[i];
    }
    return (struct ff_strings){roots, files->count};
}

struct ff_jobspec ff_scoring_spec(const struct ff_scoring *scoring, const struct ff_jobspec *spec,
                                  struct ff_arena *arena)
{
    struct ff_jobspec own = *spec;
    own.data.roots = find_roots(spec, arena);
    if (own.data.layout != FF_LAYOUT_WIDE)
        own.data.values = list_of(scoring->kit->metrics, scoring->kit->metric_count);
    own.targets.include.count = own.targets.exclude.count = 0;
    own.targets.rank = FF_RANK_ROWS;
    own.targets.top = own.targets.min_rows = 0;
    own.prepare.window_ms = 0;
    own.prepare.mask = NULL;
    own.prepare.interpolate = FF_INTERPOLATE_NONE;
    if (!scoring->with_all)
        own.all.kind = NULL;
    return own;
}

static void give_models(const struct ff_scoring *scoring, struct ff_targetset *set)
{
    const struct ff_kit_model *all = ff_kit_find(scoring->kit, "");
    for (size_t i = 0; i < set->target_count; i++) {
        struct ff_target *target = &set->targets[i];
        const struct ff_kit_model *model = ff_kit_find(scoring->kit, target->name);
        if (model)
            target->input = model->model;
        else if (target->code == FF_CODE_OK)
            target->code = FF_CODE_NO_MODEL;
    }
    if (all && scoring->with_all)
        set->all_input = all->model;
}

static enum ff_status load_rows(const struct ff_scoring *scoring, const struct ff_jobspec *spec,
                                struct ff_load_progress *progress, struct ff_targetset **out,
                                struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_jobspec own = ff_scoring_spec(scoring, spec, &arena);
    const struct ff_target_guide guide = {(void *)(uintptr_t)scoring, wants,
                                          scoring->with_all ? all_step(scoring->kit) : 0};
    enum ff_status status = ff_targetset_load(&own, scoring->folder, &guide, progress, out, err);
    if (!status && !scoring->with_all) /* the job has a model of all nevertheless */
        (*out)->all_code = FF_CODE_NO_MODEL;
    ff_arena_fini(&arena);
    return status;
}

/* A forecast needs no rows; a frame of one step says which metrics there are. */
static enum ff_status make_targets(const struct ff_scoring *scoring, const struct ff_jobspec *spec,
                                   struct ff_targetset **out, struct ff_error *err)
{
    const struct ff_kit *kit = scoring->kit;
    size_t most = kit->metric_count ? kit->metric_count : 1;
    double *nothing = ff_xcalloc(most, sizeof *nothing);
    enum ff_status status = ff_targetset_create(kit->metrics, kit->metric_count, kit->model_count,
                                                most * sizeof(double), out, err);
    for (size_t i = 0; !status && i < kit->model_count; i++) {
        const struct ff_kit_model *model = &kit->models[i];
        int rule = ff_jobspec_rule(spec, model->target);
        size_t columns = 0;
        for (size_t m = 0; rule >= 0 && m < kit->metric_count; m++)
            columns += ff_jobspec_wants(&spec->top[rule], kit->metrics[m]);
        if (!*model->target || !columns)
            continue;
        struct ff_frame frame = {0, model->step_ms > 0 ? model->step_ms : 1, 1, columns, nothing};
        ff_targetset_add(*out, model->target, 1, &frame);
        (*out)->targets[(*out)->target_count - 1].rule = rule;
    }
    if (!status)
        (*out)->all_code = FF_CODE_ALL_MISSING;
    free(nothing);
    return status;
}

/* As for training, but for the model of all: it does not forecast. */
static enum ff_status load_own_rows(const struct ff_scoring *scoring, const struct ff_jobspec *spec,
                                    struct ff_load_progress *progress, struct ff_targetset **out,
                                    struct ff_error *err)
{
    struct ff_jobspec own = *spec;
    own.all.kind = NULL;
    enum ff_status status = ff_targetset_load(&own, scoring->folder, NULL, progress, out, err);
    if (!status)
        (*out)->all_code = FF_CODE_NO_MODEL;
    return status;
}

enum ff_status ff_scoring_source(void *context, const struct ff_jobspec *spec,
                                 struct ff_load_progress *progress, struct ff_targetset **out,
                                 struct ff_error *err)
{
    const struct ff_scoring *scoring = context;
    enum ff_status status;
    if (scoring->work.type == FF_WORK_BACKTEST)
        status = load_own_rows(scoring, spec, progress, out, err);
    else if (scoring->work.type == FF_WORK_FORECAST)
        status = make_targets(scoring, spec, out, err);
    else
        status = load_rows(scoring, spec, progress, out, err);
    if (status)
        return status;
    (*out)->work = scoring->work;
    if (scoring->kit)
        give_models(scoring, *out);
    return FF_OK;
}

#include "common/kit.h"
#include "common/codec/messages.h"
#include "common/model.h"

#include "kit.pb-c.h"

#include <stdlib.h>
#include <string.h>

static Fitfleet__KitModel **fill_models(const struct ff_kit *kit, struct ff_arena *arena)
{
    Fitfleet__KitModel **list = ff_arena_alloc(arena, (kit->model_count + 1) * sizeof *list);
    Fitfleet__KitModel *models = ff_arena_alloc(arena, (kit->model_count + 1) * sizeof *models);
    for (size_t i = 0; i < kit->model_count; i++) {
        list[i] = &models[i];
        fitfleet__kit_model__init(&models[i]);
        models[i].target = ff_pb_text(kit->models[i].target);
        models[i].model = ff_pb_bytes(kit->models[i].model.data, kit->models[i].model.size);
    }
    return list;
}

void ff_kit_encode(const struct ff_kit *kit, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__Kit message = FITFLEET__KIT__INIT;
    message.set = ff_pb_text(kit->set);
    message.generation = kit->generation;
    message.job = ff_pb_text(kit->job);
    message.yaml = ff_pb_text(kit->yaml);
    message.file = ff_pb_text(kit->file);
    message.base_dir = ff_pb_text(kit->base_dir);
    message.override_dir = ff_pb_text(kit->override_dir);
    message.n_overrides = kit->override_count;
    message.overrides = (char **)(uintptr_t)kit->overrides;
    message.n_metrics = kit->metric_count;
    message.metrics = (char **)(uintptr_t)kit->metrics;
    message.n_models = kit->model_count;
    message.models = fill_models(kit, &arena);
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

/* By name bytes, all (the empty name) last. */
static int compare(const char *a, const char *b)
{
    return *a && *b ? strcmp(a, b) : !*a - !*b;
}

enum ff_status ff_kit_decode(struct ff_bytes bytes, struct ff_arena *arena, struct ff_kit *out,
                             struct ff_error *err)
{
    const Fitfleet__Kit *in = ff_pb_unpack(&fitfleet__kit__descriptor, bytes, arena, err);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_kit_model *models = ff_arena_alloc(arena, (in->n_models + 1) * sizeof *models);
    for (size_t i = 0; i < in->n_models; i++) {
        struct ff_bytes model = {in->models[i]->model.data, in->models[i]->model.len};
        models[i] = (struct ff_kit_model){in->models[i]->target, model, ff_model_step_ms(model)};
        if (i && compare(models[i - 1].target, models[i].target) >= 0)
            return ff_error_set(err, FF_INVALID_ARGUMENT, "the models are not in order of their names");
    }
    *out = (struct ff_kit){.set = in->set,
                           .generation = in->generation,
                           .job = in->job,
                           .yaml = in->yaml,
                           .file = in->file,
                           .base_dir = in->base_dir,
                           .override_dir = in->override_dir,
                           .overrides = (const char *const *)in->overrides,
                           .override_count = in->n_overrides,
                           .metrics = (const char *const *)in->metrics,
                           .metric_count = in->n_metrics,
                           .models = models,
                           .model_count = in->n_models};
    return FF_OK;
}

static int by_target(const void *key, const void *model)
{
    return compare(key, ((const struct ff_kit_model *)model)->target);
}

const struct ff_kit_model *ff_kit_find(const struct ff_kit *kit, const char *target)
{
    return bsearch(target, kit->models, kit->model_count, sizeof *kit->models, by_target);
}

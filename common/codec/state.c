/* What the store keeps in its blobs: proto/state.proto to and from common/wire.h. */
#include "common/codec/messages.h"
#include "state.pb-c.h"

#define UNPACK(Type, type)                                                                                   \
    Fitfleet__##Type *in = ff_pb_unpack(&fitfleet__##type##__descriptor, bytes, arena, err)

void ff_encode_stored_report(const struct ff_stored_report *in, struct ff_buf *out, struct ff_buf *models,
                             struct ff_buf *logs)
{
    struct ff_arena arena = {0};
    Fitfleet__StoredReport message = FITFLEET__STORED_REPORT__INIT;
    message.worker = ff_pb_text(in->worker);
    message.profile = ff_pb_text(in->profile);
    message.n_outcomes = in->outcome_count;
    message.outcomes = ff_arena_alloc(&arena, in->outcome_count * sizeof *message.outcomes);
    Fitfleet__Outcome *outcomes = ff_arena_alloc(&arena, in->outcome_count * sizeof *outcomes);
    for (size_t i = 0; i < in->outcome_count; i++) {
        ff_pb_from_outcome(&in->outcomes[i], &outcomes[i]);
        outcomes[i].model_offset = models->size;
        outcomes[i].log_offset = logs->size;
        ff_buf_append(models, in->outcomes[i].model.data, in->outcomes[i].model.size);
        ff_buf_append(logs, in->outcomes[i].log.data, in->outcomes[i].log.size);
        message.outcomes[i] = &outcomes[i];
    }
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

enum ff_status ff_decode_stored_report(struct ff_bytes bytes, struct ff_bytes models, struct ff_bytes logs,
                                       struct ff_arena *arena, struct ff_stored_report *out,
                                       struct ff_error *err)
{
    UNPACK(StoredReport, stored_report);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_outcome *outcomes = ff_arena_alloc(arena, in->n_outcomes * sizeof *outcomes);
    for (size_t i = 0; i < in->n_outcomes; i++)
        if (ff_pb_to_outcome(in->outcomes[i], models, logs, &outcomes[i], err))
            return FF_INVALID_ARGUMENT;
    *out = (struct ff_stored_report){in->worker, in->profile, outcomes, in->n_outcomes};
    return FF_OK;
}

void ff_encode_stored_targets(const struct ff_stored_targets *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__StoredTargets message = FITFLEET__STORED_TARGETS__INIT;
    Fitfleet__StoredTarget *targets = ff_arena_alloc(&arena, in->target_count * sizeof *targets);
    message.n_targets = in->target_count;
    message.targets = ff_arena_alloc(&arena, in->target_count * sizeof *message.targets);
    for (size_t i = 0; i < in->target_count; i++) {
        fitfleet__stored_target__init(&targets[i]);
        targets[i].name = ff_pb_text(in->targets[i].name);
        targets[i].rows = in->targets[i].rows;
        targets[i].steps = in->targets[i].steps;
        message.targets[i] = &targets[i];
    }
    message.rows_skipped = in->rows_skipped;
    message.n_metrics = in->metric_count;
    message.metrics = (char **)(uintptr_t)in->metrics;
    message.has_all = in->has_all;
    message.all_rows = in->all_rows;
    message.all_steps = in->all_steps;
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(stored_targets, struct ff_stored_targets)
{
    UNPACK(StoredTargets, stored_targets);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_stored_target *targets = ff_arena_alloc(arena, in->n_targets * sizeof *targets);
    for (size_t i = 0; i < in->n_targets; i++)
        targets[i] =
            (struct ff_stored_target){in->targets[i]->name, in->targets[i]->rows, in->targets[i]->steps};
    *out = (struct ff_stored_targets){.targets = targets,
                                      .target_count = in->n_targets,
                                      .rows_skipped = in->rows_skipped,
                                      .metrics = (const char *const *)in->metrics,
                                      .metric_count = in->n_metrics,
                                      .has_all = in->has_all,
                                      .all_rows = in->all_rows,
                                      .all_steps = in->all_steps};
    return FF_OK;
}

void ff_encode_stored_generation(const struct ff_stored_generation *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__StoredGeneration message = FITFLEET__STORED_GENERATION__INIT;
    Fitfleet__StoredModel *models = ff_arena_alloc(&arena, in->model_count * sizeof *models);
    message.n_models = in->model_count;
    message.models = ff_arena_alloc(&arena, in->model_count * sizeof *message.models);
    for (size_t i = 0; i < in->model_count; i++) {
        fitfleet__stored_model__init(&models[i]);
        models[i].target = ff_pb_text(in->models[i].target);
        models[i].report = in->models[i].report;
        models[i].index = in->models[i].index;
        models[i].from = in->models[i].from;
        message.models[i] = &models[i];
    }
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(stored_generation, struct ff_stored_generation)
{
    UNPACK(StoredGeneration, stored_generation);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_stored_model *models = ff_arena_alloc(arena, in->n_models * sizeof *models);
    for (size_t i = 0; i < in->n_models; i++)
        models[i] = (struct ff_stored_model){in->models[i]->target, in->models[i]->report,
                                             in->models[i]->index, in->models[i]->from};
    *out = (struct ff_stored_generation){models, in->n_models};
    return FF_OK;
}

/* What the store keeps in its blobs: proto/state.proto to and from common/wire.h. */
#include "common/codec/messages.h"
#include "common/hash.h"
#include "state.pb-c.h"

#define UNPACK(Type, type)                                                                                   \
    Fitfleet__##Type *in = ff_pb_unpack(&fitfleet__##type##__descriptor, bytes, arena, err)

/* ---- sums ---- */

enum { SUM_TAG = 15 << 3 | 1, SUM_SIZE = 9 };

/* Never 0. */
static uint64_t sum_of(const uint8_t *data, size_t size)
{
    struct ff_hash hash;
    uint8_t bytes[FF_HASH_QUICK_SIZE];
    uint64_t sum = 0;
    ff_hash_start(&hash, FF_HASH_QUICK);
    ff_hash_add(&hash, data, size);
    ff_hash_finish(&hash, bytes);
    for (size_t i = 0; i < sizeof sum; i++)
        sum |= (uint64_t)bytes[i] << (8 * i);
    return sum ? sum : 1;
}

/* Packs a message and its sum, field 15 of each, behind out. */
static void pack_with_sum(const ProtobufCMessage *message, struct ff_buf *out)
{
    size_t start = out->size;
    uint8_t field[SUM_SIZE] = {SUM_TAG};
    ff_pb_pack(message, out);
    uint64_t sum = sum_of(out->data + start, out->size - start);
    for (size_t i = 0; i < sizeof sum; i++)
        field[1 + i] = (uint8_t)(sum >> (8 * i));
    ff_buf_append(out, field, sizeof field);
}

static bool is_as_written(struct ff_bytes bytes, uint64_t sum)
{
    return !sum || (bytes.size >= SUM_SIZE && sum_of(bytes.data, bytes.size - SUM_SIZE) == sum);
}

static enum ff_status changed(const char *what, struct ff_error *err)
{
    return ff_error_set(err, FF_INVALID_ARGUMENT, "%s not as they were written", what);
}

static ProtobufCBinaryData fingerprint_bytes(const struct ff_fingerprint *in)
{
    return ff_pb_bytes(in->bytes, ff_fingerprint_is_known(in) ? sizeof in->bytes : 0);
}

/* One of another size is of a version that hashed otherwise: not known. */
static struct ff_fingerprint fingerprint_of(ProtobufCBinaryData in)
{
    struct ff_fingerprint out = {0};
    if (in.len == sizeof out.bytes)
        memcpy(out.bytes, in.data, sizeof out.bytes);
    return out;
}

/* ---- reports ---- */

static void encode_taken(const struct ff_stored_report *in, Fitfleet__StoredReport *out,
                         struct ff_arena *arena)
{
    Fitfleet__TakenModel *taken = ff_arena_alloc(arena, in->outcome_count * sizeof *taken);
    out->taken = ff_arena_alloc(arena, in->outcome_count * sizeof *out->taken);
    for (size_t i = 0; i < in->outcome_count; i++) {
        if (!in->outcomes[i].taken.report)
            continue;
        fitfleet__taken_model__init(&taken[i]);
        taken[i].outcome = (uint32_t)i;
        taken[i].report = in->outcomes[i].taken.report;
        taken[i].index = in->outcomes[i].taken.index;
        taken[i].size = in->outcomes[i].model_size;
        out->taken[out->n_taken++] = &taken[i];
    }
}

static enum ff_status decode_taken(const Fitfleet__TakenModel *in, struct ff_outcome *outcomes, size_t count,
                                   struct ff_error *err)
{
    if (in->outcome >= count)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "a model is taken over by an outcome that is not there");
    outcomes[in->outcome].taken = (struct ff_model_place){in->report, in->index};
    outcomes[in->outcome].model_size = in->size;
    return FF_OK;
}

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
    message.models_sum = models->size ? sum_of(models->data, models->size) : 0;
    message.logs_sum = logs->size ? sum_of(logs->data, logs->size) : 0;
    encode_taken(in, &message, &arena);
    pack_with_sum(&message.base, out);
    ff_arena_fini(&arena);
}

enum ff_status ff_decode_stored_report(struct ff_bytes bytes, struct ff_bytes models, struct ff_bytes logs,
                                       struct ff_arena *arena, struct ff_stored_report *out,
                                       struct ff_error *err)
{
    UNPACK(StoredReport, stored_report);
    if (!in)
        return FF_INVALID_ARGUMENT;
    if (!is_as_written(bytes, in->sum))
        return changed("its outcomes are", err);
    if (models.size && in->models_sum && sum_of(models.data, models.size) != in->models_sum)
        return changed("its models are", err);
    if (logs.size && in->logs_sum && sum_of(logs.data, logs.size) != in->logs_sum)
        return changed("its logs are", err);
    struct ff_outcome *outcomes = ff_arena_alloc(arena, in->n_outcomes * sizeof *outcomes);
    for (size_t i = 0; i < in->n_outcomes; i++)
        if (ff_pb_to_outcome(in->outcomes[i], models, logs, &outcomes[i], err))
            return FF_INVALID_ARGUMENT;
    for (size_t i = 0; i < in->n_taken; i++)
        if (decode_taken(in->taken[i], outcomes, in->n_outcomes, err))
            return FF_INVALID_ARGUMENT;
    *out = (struct ff_stored_report){
        .worker = in->worker, .profile = in->profile, .outcomes = outcomes, .outcome_count = in->n_outcomes};
    return FF_OK;
}

/* ---- targets ---- */

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
        targets[i].fingerprint = fingerprint_bytes(&in->targets[i].fingerprint);
        message.targets[i] = &targets[i];
    }
    message.rows_skipped = in->rows_skipped;
    message.n_metrics = in->metric_count;
    message.metrics = (char **)(uintptr_t)in->metrics;
    message.has_all = in->has_all;
    message.all_rows = in->all_rows;
    message.all_steps = in->all_steps;
    message.all_fingerprint = fingerprint_bytes(&in->all_fingerprint);
    pack_with_sum(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(stored_targets, struct ff_stored_targets)
{
    UNPACK(StoredTargets, stored_targets);
    if (!in)
        return FF_INVALID_ARGUMENT;
    if (!is_as_written(bytes, in->sum))
        return changed("the targets are", err);
    struct ff_stored_target *targets = ff_arena_alloc(arena, in->n_targets * sizeof *targets);
    for (size_t i = 0; i < in->n_targets; i++)
        targets[i] =
            (struct ff_stored_target){in->targets[i]->name, in->targets[i]->rows, in->targets[i]->steps,
                                      fingerprint_of(in->targets[i]->fingerprint)};
    *out = (struct ff_stored_targets){.targets = targets,
                                      .target_count = in->n_targets,
                                      .rows_skipped = in->rows_skipped,
                                      .metrics = (const char *const *)in->metrics,
                                      .metric_count = in->n_metrics,
                                      .has_all = in->has_all,
                                      .all_rows = in->all_rows,
                                      .all_steps = in->all_steps,
                                      .all_fingerprint = fingerprint_of(in->all_fingerprint)};
    return FF_OK;
}

/* ---- generations ---- */

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
        models[i].fingerprint = fingerprint_bytes(&in->models[i].fingerprint);
        message.models[i] = &models[i];
    }
    pack_with_sum(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(stored_generation, struct ff_stored_generation)
{
    UNPACK(StoredGeneration, stored_generation);
    if (!in)
        return FF_INVALID_ARGUMENT;
    if (!is_as_written(bytes, in->sum))
        return changed("its models are", err);
    struct ff_stored_model *models = ff_arena_alloc(arena, in->n_models * sizeof *models);
    for (size_t i = 0; i < in->n_models; i++)
        models[i] =
            (struct ff_stored_model){in->models[i]->target, in->models[i]->report, in->models[i]->index,
                                     in->models[i]->from, fingerprint_of(in->models[i]->fingerprint)};
    *out = (struct ff_stored_generation){models, in->n_models};
    return FF_OK;
}

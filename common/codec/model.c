/* The bytes of a model. Encoding fills the generated structs with pointers into the model (nothing is copied
 * but the structs themselves) and packs them; decoding unpacks into the caller's arena and hangs the domain
 * structs beside, so a string or an array is copied once. proto3 writes no zeros and fields in order of
 * number: the same model gives the same bytes. */
#include "common/model.h"
#include "common/codec/alloc.h"

#include "model.pb-c.h"

enum { MOST_STEPS = 1 << 30 };

static void fill_param(Fitfleet__ModelParam *to, const struct ff_model_param *from)
{
    fitfleet__model_param__init(to);
    to->name = (char *)from->name;
    to->in_summary = from->in_summary;
    to->type = from->type;
    to->number = from->number;
    to->integer = from->integer;
    if (from->type == FF_VALUE_TEXT)
        to->text = (char *)from->text;
    if (from->type == FF_VALUE_NUMBERS) {
        to->n_numbers = from->count;
        to->numbers = (double *)from->numbers;
    }
    if (from->type == FF_VALUE_TEXTS) {
        to->n_texts = from->count;
        to->texts = (char **)from->texts;
    }
}

static Fitfleet__ModelParam **fill_params(const struct ff_model_part *part, struct ff_arena *arena)
{
    Fitfleet__ModelParam **list = ff_arena_alloc(arena, part->param_count * sizeof(*list));
    Fitfleet__ModelParam *params = ff_arena_alloc(arena, part->param_count * sizeof *params);
    for (size_t i = 0; i < part->param_count; i++) {
        list[i] = &params[i];
        fill_param(&params[i], &part->params[i]);
    }
    return list;
}

static Fitfleet__ModelPart *fill_part(const struct ff_model_part *from, struct ff_arena *arena)
{
    Fitfleet__ModelPart *to = ff_arena_alloc(arena, sizeof *to);
    fitfleet__model_part__init(to);
    to->metric = (char *)from->metric;
    to->code = from->code;
    if (from->errmsg)
        to->errmsg = (char *)from->errmsg;
    to->n_params = from->param_count;
    to->params = fill_params(from, arena);
    return to;
}

void ff_model_encode(const struct ff_model *model, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__Model message = FITFLEET__MODEL__INIT;
    message.kind = (char *)model->kind;
    message.format_version = model->format_version;
    message.n_parts = model->part_count;
    message.t0_ms = model->t0_ms;
    message.step_ms = (uint64_t)model->step_ms;
    message.steps = model->steps;
    message.by_fallback = model->by_fallback;
    message.parts = ff_arena_alloc(&arena, model->part_count * sizeof(*message.parts));
    for (size_t i = 0; i < model->part_count; i++)
        message.parts[i] = fill_part(&model->parts[i], &arena);
    uint8_t *bytes = ff_buf_reserve(out, fitfleet__model__get_packed_size(&message));
    out->size += fitfleet__model__pack(&message, bytes);
    ff_arena_fini(&arena);
}

static void read_param(struct ff_model_param *to, const Fitfleet__ModelParam *from)
{
    *to = (struct ff_model_param){
        .name = from->name,
        .type = (enum ff_value_type)from->type,
        .in_summary = from->in_summary,
        .number = from->number,
        .integer = from->integer,
        .text = from->text,
        .numbers = from->numbers,
        .texts = (const char *const *)from->texts,
        .count = from->type == FF_VALUE_TEXTS ? from->n_texts : from->n_numbers,
    };
}

static bool read_part(struct ff_model_part *to, const Fitfleet__ModelPart *from, struct ff_arena *arena)
{
    struct ff_model_param *params = ff_arena_try(arena, from->n_params * sizeof *params);
    if (!params)
        return false;
    for (size_t i = 0; i < from->n_params; i++) {
        if (from->params[i]->type > FF_VALUE_TEXTS)
            return false;
        read_param(&params[i], from->params[i]);
    }
    *to =
        (struct ff_model_part){from->metric, (enum ff_code)from->code, from->errmsg, params, from->n_params};
    return true;
}

static struct ff_model_part *read_parts(const Fitfleet__Model *message, struct ff_arena *arena)
{
    struct ff_model_part *parts = ff_arena_try(arena, message->n_parts * sizeof *parts);
    if (!parts)
        return NULL;
    for (size_t i = 0; i < message->n_parts; i++)
        if (!read_part(&parts[i], message->parts[i], arena))
            return NULL;
    return parts;
}

enum ff_status ff_model_decode(struct ff_bytes bytes, struct ff_arena *arena, struct ff_model *model,
                               struct ff_error *err)
{
    ProtobufCAllocator allocator = ff_codec_allocator(arena);
    Fitfleet__Model *message = fitfleet__model__unpack(&allocator, bytes.size, bytes.data);
    bool is_sound = message && message->step_ms <= INT64_MAX / 2 && message->steps <= MOST_STEPS;
    struct ff_model_part *parts = is_sound ? read_parts(message, arena) : NULL;
    if (!parts)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%zu bytes that are no model, or one that is too large",
                            bytes.size);
    *model = (struct ff_model){.kind = message->kind,
                               .format_version = message->format_version,
                               .parts = parts,
                               .part_count = message->n_parts,
                               .t0_ms = message->t0_ms,
                               .step_ms = (int64_t)message->step_ms,
                               .steps = message->steps,
                               .by_fallback = message->by_fallback};
    return FF_OK;
}

int64_t ff_model_step_ms(struct ff_bytes bytes)
{
    struct ff_arena arena = {0};
    struct ff_model model;
    int64_t step_ms = ff_model_decode(bytes, &arena, &model, NULL) == FF_OK ? model.step_ms : 0;
    ff_arena_fini(&arena);
    return step_ms;
}

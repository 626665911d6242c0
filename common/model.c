/* Shows a model as JSON without knowing its kind: parameters are named and typed, so a table of writers by
 * type is all there is to it. The bytes of a model are codec/model.c's business. */
#include "common/model.h"

#include "common/json.h"

#include <string.h>

const struct ff_model_param *ff_model_param(const struct ff_model_part *part, const char *name,
                                            enum ff_value_type type)
{
    for (size_t i = 0; i < part->param_count; i++)
        if (part->params[i].type == type && strcmp(part->params[i].name, name) == 0)
            return &part->params[i];
    return NULL;
}

static void write_numbers(struct ff_json *json, const struct ff_model_param *param)
{
    ff_json_array_begin(json);
    for (size_t i = 0; i < param->count; i++)
        ff_json_double(json, param->numbers[i]);
    ff_json_array_end(json);
}

static void write_texts(struct ff_json *json, const struct ff_model_param *param)
{
    ff_json_array_begin(json);
    for (size_t i = 0; i < param->count; i++)
        ff_json_string(json, param->texts[i]);
    ff_json_array_end(json);
}

static void write_value(struct ff_json *json, const struct ff_model_param *param)
{
    switch (param->type) {
    case FF_VALUE_NUMBER:
        ff_json_double(json, param->number);
        break;
    case FF_VALUE_INTEGER:
        ff_json_int(json, param->integer);
        break;
    case FF_VALUE_BOOLEAN:
        ff_json_bool(json, param->integer != 0);
        break;
    case FF_VALUE_TEXT:
        ff_json_string(json, param->text);
        break;
    case FF_VALUE_NUMBERS:
        write_numbers(json, param);
        break;
    case FF_VALUE_TEXTS:
        write_texts(json, param);
        break;
    }
}

static void write_params(struct ff_json *json, const struct ff_model_part *part, bool all)
{
    for (size_t i = 0; i < part->param_count; i++) {
        if (!all && !part->params[i].in_summary)
            continue;
        ff_json_key(json, part->params[i].name);
        write_value(json, &part->params[i]);
    }
}

static void write_part(struct ff_json *json, const struct ff_model_part *part, bool all)
{
    ff_json_object_begin(json);
    if (part->code == FF_CODE_OK) {
        write_params(json, part, all);
    } else {
        ff_json_put_string(json, "error", ff_code_name(part->code));
        ff_json_put_string(json, "errmsg", part->errmsg);
    }
    ff_json_object_end(json);
}

static bool is_multivariate(const struct ff_model *model)
{
    return model->part_count == 1 && strcmp(model->parts[0].metric, "") == 0;
}

void ff_model_json(const struct ff_model *model, bool all, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    if (is_multivariate(model)) {
        write_part(&json, &model->parts[0], all);
        return;
    }
    ff_json_object_begin(&json);
    ff_json_key(&json, "metrics");
    ff_json_object_begin(&json);
    for (size_t i = 0; i < model->part_count; i++) {
        ff_json_key(&json, model->parts[i].metric);
        write_part(&json, &model->parts[i], all);
    }
    ff_json_object_end(&json);
    ff_json_object_end(&json);
}

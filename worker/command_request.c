#include "worker/command_request.h"

#include "common/json.h"

#include <math.h>
#include <stdio.h>

static struct ff_json begin(struct ff_buf *out, const char *type)
{
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "type", type);
    return json;
}

static struct ff_json begin_numbered(struct ff_buf *out, const char *type, uint64_t id, const char *target)
{
    struct ff_json json = begin(out, type);
    ff_json_put_uint(&json, "id", id);
    ff_json_put_string(&json, "target", target);
    return json;
}

static void end(struct ff_json *json)
{
    ff_json_object_end(json);
    ff_buf_append(json->out, "\n", 1);
}

void ff_request_init(struct ff_buf *out, const struct ff_param *params, size_t param_count,
                     const struct ff_request_file *files, size_t file_count)
{
    struct ff_json json = begin(out, "init");
    ff_json_put_int(&json, "protocol", FF_COMMAND_PROTOCOL);
    ff_json_key(&json, "parameters");
    ff_json_object_begin(&json);
    for (size_t i = 0; i < param_count; i++)
        ff_json_put_string(&json, params[i].name, params[i].text);
    ff_json_object_end(&json);
    ff_json_key(&json, "shared");
    ff_json_object_begin(&json);
    for (size_t i = 0; i < file_count; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/fd/%d", files[i].fd);
        ff_json_put_string(&json, files[i].name, path);
    }
    ff_json_object_end(&json);
    end(&json);
}

static void put_numbers(struct ff_json *json, const char *key, const double *values, size_t count)
{
    ff_json_key(json, key);
    ff_json_array_begin(json);
    for (size_t i = 0; i < count; i++)
        ff_json_double(json, values[i]);
    ff_json_array_end(json);
}

static void put_frame(struct ff_json *json, const struct ff_kind_frame *frame)
{
    ff_json_put_string(json, "metric", frame->names[0]);
    ff_json_put_int(json, "t0_ms", frame->t0_ms);
    ff_json_put_int(json, "step_ms", frame->step_ms);
    put_numbers(json, "values", frame->values, frame->steps);
}

static void put_param(struct ff_json *json, const struct ff_kind_model *model, const char *name,
                      enum ff_kind_type type)
{
    size_t count;
    const double *numbers;
    const char *const *texts;
    switch (type) {
    case FF_KIND_NUMBER:
        ff_json_put_double(json, name, model->number(model, name));
        break;
    case FF_KIND_INTEGER:
        ff_json_put_int(json, name, model->integer(model, name, 0));
        break;
    case FF_KIND_BOOLEAN:
        ff_json_put_bool(json, name, model->integer(model, name, 0) != 0);
        break;
    case FF_KIND_TEXT:
        ff_json_put_string(json, name, model->text(model, name));
        break;
    case FF_KIND_NUMBERS:
        numbers = model->numbers(model, name, &count);
        put_numbers(json, name, numbers, count);
        break;
    case FF_KIND_TEXTS:
        texts = model->texts(model, name, &count);
        ff_json_key(json, name);
        ff_json_array_begin(json);
        for (size_t i = 0; i < count; i++)
            ff_json_string(json, texts[i]);
        ff_json_array_end(json);
        break;
    }
}

static void put_model(struct ff_json *json, const struct ff_kind_model *model)
{
    enum ff_kind_type type;
    const char *name;
    ff_json_key(json, "model");
    ff_json_object_begin(json);
    for (size_t i = 0; (name = model->name(model, i, &type)); i++)
        put_param(json, model, name, type);
    ff_json_object_end(json);
}

void ff_request_fit(struct ff_buf *out, uint64_t id, const char *target, const struct ff_kind_frame *frame)
{
    struct ff_json json = begin_numbered(out, "fit", id, target);
    put_frame(&json, frame);
    end(&json);
}

void ff_request_score(struct ff_buf *out, uint64_t id, const char *target, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame)
{
    struct ff_json json = begin_numbered(out, "score", id, target);
    put_frame(&json, frame);
    put_model(&json, model);
    end(&json);
}

void ff_request_forecast(struct ff_buf *out, uint64_t id, const char *target,
                         const struct ff_kind_model *model, size_t horizon, double coverage)
{
    struct ff_json json = begin_numbered(out, "forecast", id, target);
    ff_json_put_int(&json, "t0_ms", model->t0_ms + (int64_t)model->steps * model->step_ms);
    ff_json_put_int(&json, "step_ms", model->step_ms);
    ff_json_put_uint(&json, "horizon", horizon);
    ff_json_put_double(&json, "coverage", coverage);
    put_model(&json, model);
    end(&json);
}

void ff_request_end(struct ff_buf *out)
{
    struct ff_json json = begin(out, "end");
    end(&json);
}

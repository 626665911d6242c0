/* Parameters are collected as the structs that the model codec takes, in an array that doubles within the
 * workspace: nothing is freed but with the target. Strings are copied because a plug-in may build them on its
 * stack; arrays are borrowed because they are large and, by contract, in the workspace already. */
#include "worker/emitter.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct ff_emitter *self(struct ff_fit *fit)
{
    return (struct ff_emitter *)fit;
}

static void *take(struct ff_fit *fit, size_t count, size_t size)
{
    return ff_workspace_alloc(self(fit)->workspace, count, size);
}

static int fail(struct ff_fit *fit, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(self(fit)->message, sizeof self(fit)->message, format, args);
    va_end(args);
    return code;
}

static void grow(struct ff_emitter *emitter)
{
    size_t capacity = emitter->capacity ? emitter->capacity * 2 : 16;
    struct ff_model_param *params = ff_workspace_alloc(emitter->workspace, capacity, sizeof *params);
    if (emitter->param_count > 0)
        memcpy(params, emitter->params, emitter->param_count * sizeof *params);
    emitter->params = params;
    emitter->capacity = capacity;
}

static struct ff_model_param *add(struct ff_fit *fit, const char *name, enum ff_value_type type,
                                  enum ff_fit_show show)
{
    struct ff_emitter *emitter = self(fit);
    if (emitter->param_count == emitter->capacity)
        grow(emitter);
    struct ff_model_param *param = &emitter->params[emitter->param_count++];
    *param = (struct ff_model_param){
        .name = ff_emitter_copy(emitter, name), .type = type, .in_summary = show == FF_SUMMARY};
    return param;
}

static void number(struct ff_fit *fit, const char *name, double value, enum ff_fit_show show)
{
    add(fit, name, FF_VALUE_NUMBER, show)->number = value;
}

static void integer(struct ff_fit *fit, const char *name, int64_t value, enum ff_fit_show show)
{
    add(fit, name, FF_VALUE_INTEGER, show)->integer = value;
}

static void boolean(struct ff_fit *fit, const char *name, bool value, enum ff_fit_show show)
{
    add(fit, name, FF_VALUE_BOOLEAN, show)->integer = value;
}

static void text(struct ff_fit *fit, const char *name, const char *value, enum ff_fit_show show)
{
    add(fit, name, FF_VALUE_TEXT, show)->text = ff_emitter_copy(self(fit), value);
}

static void numbers(struct ff_fit *fit, const char *name, const double *values, size_t count,
                    enum ff_fit_show show)
{
    struct ff_model_param *param = add(fit, name, FF_VALUE_NUMBERS, show);
    param->numbers = values;
    param->count = count;
}

static void texts(struct ff_fit *fit, const char *name, const char *const *values, size_t count,
                  enum ff_fit_show show)
{
    const char **copies = ff_workspace_alloc(self(fit)->workspace, count, sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = ff_emitter_copy(self(fit), values[i]);
    struct ff_model_param *param = add(fit, name, FF_VALUE_TEXTS, show);
    param->texts = copies;
    param->count = count;
}

void ff_emitter_init(struct ff_emitter *emitter, struct ff_workspace *workspace)
{
    *emitter = (struct ff_emitter){
        .fit = {.abi_version = FF_KIND_ABI_VERSION,
                .struct_size = sizeof(struct ff_fit),
                .alloc = take,
                .fail = fail,
                .number = number,
                .integer = integer,
                .boolean = boolean,
                .text = text,
                .numbers = numbers,
                .texts = texts},
        .workspace = workspace,
    };
}

void ff_emitter_begin(struct ff_emitter *emitter)
{
    emitter->params = NULL;
    emitter->param_count = 0;
    emitter->capacity = 0;
    emitter->message[0] = '\0';
}

struct ff_model_part ff_emitter_end(struct ff_emitter *emitter, const char *metric, enum ff_code code)
{
    bool fitted = code == FF_CODE_OK;
    return (struct ff_model_part){
        .metric = metric,
        .code = code,
        .errmsg = fitted ? "" : ff_emitter_copy(emitter, emitter->message),
        .params = fitted ? emitter->params : NULL,
        .param_count = fitted ? emitter->param_count : 0,
    };
}

const char *ff_emitter_copy(struct ff_emitter *emitter, const char *from)
{
    size_t size = strlen(from) + 1;
    return memcpy(ff_workspace_alloc(emitter->workspace, size, 1), from, size);
}

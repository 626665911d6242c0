#include "worker/models/nested.h"

#include "worker/models/band.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 128 };

enum type {
    NUMBER = FF_KIND_NUMBER,
    INTEGER = FF_KIND_INTEGER,
    BOOLEAN = FF_KIND_BOOLEAN,
    TEXT = FF_KIND_TEXT,
    NUMBERS = FF_KIND_NUMBERS,
    TEXTS = FF_KIND_TEXTS
};

struct ff_nested_param {
    struct ff_nested_param *before;
    const char *name;
    enum type type;
    enum ff_fit_show show;
    double number;
    int64_t integer;
    const char *text;
    const double *numbers;
    const char *const *texts;
    size_t count;
};

/* ---- what the inner kind calls ---- */

static struct ff_nested *self(struct ff_fit *fit)
{
    return (struct ff_nested *)fit;
}

static void *take(struct ff_fit *fit, size_t count, size_t size)
{
    return self(fit)->outer->alloc(self(fit)->outer, count, size);
}

static int fail(struct ff_fit *fit, int code, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return self(fit)->outer->fail(self(fit)->outer, code, "%s", text);
}

static const char *copy(struct ff_fit *fit, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(take(fit, size, 1), text, size);
}

static struct ff_nested_param *add(struct ff_fit *fit, const char *name, enum type type,
                                   enum ff_fit_show show)
{
    struct ff_nested_param *param = take(fit, 1, sizeof *param);
    *param = (struct ff_nested_param){
        .before = self(fit)->params, .name = copy(fit, name), .type = type, .show = show};
    return self(fit)->params = param;
}

static void number(struct ff_fit *fit, const char *name, double value, enum ff_fit_show show)
{
    add(fit, name, NUMBER, show)->number = value;
}

static void integer(struct ff_fit *fit, const char *name, int64_t value, enum ff_fit_show show)
{
    add(fit, name, INTEGER, show)->integer = value;
}

static void boolean(struct ff_fit *fit, const char *name, bool value, enum ff_fit_show show)
{
    add(fit, name, BOOLEAN, show)->integer = value;
}

static void text(struct ff_fit *fit, const char *name, const char *value, enum ff_fit_show show)
{
    add(fit, name, TEXT, show)->text = copy(fit, value);
}

static void numbers(struct ff_fit *fit, const char *name, const double *values, size_t count,
                    enum ff_fit_show show)
{
    struct ff_nested_param *param = add(fit, name, NUMBERS, show);
    param->numbers = values;
    param->count = count;
}

static void texts(struct ff_fit *fit, const char *name, const char *const *values, size_t count,
                  enum ff_fit_show show)
{
    const char **copies = take(fit, count, sizeof *copies);
    for (size_t i = 0; i < count; i++)
        copies[i] = copy(fit, values[i]);
    struct ff_nested_param *param = add(fit, name, TEXTS, show);
    param->texts = copies;
    param->count = count;
}

int ff_nested_fit(struct ff_nested *nested, struct ff_fit *outer, const struct ff_kind *kind,
                  const struct ff_kind_param *params, size_t count, const struct ff_kind_frame *frame)
{
    const void *config = NULL;
    *nested = (struct ff_nested){.fit = {.abi_version = FF_KIND_ABI_VERSION,
                                         .struct_size = sizeof(struct ff_fit),
                                         .alloc = take,
                                         .fail = fail,
                                         .number = number,
                                         .integer = integer,
                                         .boolean = boolean,
                                         .text = text,
                                         .numbers = numbers,
                                         .texts = texts},
                                 .outer = outer,
                                 .kind = kind,
                                 .frame = *frame};
    int code = kind->configure(&nested->fit, params, count, &config);
    return code == FF_FIT_OK ? kind->fit(&nested->fit, config, frame) : code;
}

/* ---- what was caught, as a model ---- */

struct caught {
    struct ff_kind_model model; /* first */
    const struct ff_nested *nested;
};

static const struct ff_nested_param *find(const struct ff_kind_model *model, const char *name, enum type type)
{
    const struct ff_nested_param *param = ((const struct caught *)model)->nested->params;
    while (param && (param->type != type || strcmp(param->name, name) != 0))
        param = param->before;
    return param;
}

static double caught_number(const struct ff_kind_model *model, const char *name)
{
    const struct ff_nested_param *param = find(model, name, NUMBER);
    return param ? param->number : NAN;
}

static int64_t caught_integer(const struct ff_kind_model *model, const char *name, int64_t otherwise)
{
    const struct ff_nested_param *param = find(model, name, INTEGER);
    if (!param)
        param = find(model, name, BOOLEAN);
    return param ? param->integer : otherwise;
}

static const char *caught_text(const struct ff_kind_model *model, const char *name)
{
    const struct ff_nested_param *param = find(model, name, TEXT);
    return param ? param->text : NULL;
}

static const double *caught_numbers(const struct ff_kind_model *model, const char *name, size_t *count)
{
    const struct ff_nested_param *param = find(model, name, NUMBERS);
    *count = param ? param->count : 0;
    return param ? param->numbers : NULL;
}

static const char *const *caught_texts(const struct ff_kind_model *model, const char *name, size_t *count)
{
    const struct ff_nested_param *param = find(model, name, TEXTS);
    *count = param ? param->count : 0;
    return param ? param->texts : NULL;
}

/* They are linked from the newest to the oldest. */
static const char *caught_name(const struct ff_kind_model *model, size_t i, enum ff_kind_type *type)
{
    const struct ff_nested_param *newest = ((const struct caught *)model)->nested->params, *param;
    size_t count = 0;
    for (param = newest; param; param = param->before)
        count++;
    if (i >= count)
        return NULL;
    for (param = newest; count > i + 1; count--)
        param = param->before;
    *type = (enum ff_kind_type)param->type;
    return param->name;
}

static struct caught caught_model(const struct ff_nested *nested)
{
    return (struct caught){.model = {.abi_version = FF_KIND_ABI_VERSION,
                                     .struct_size = sizeof(struct ff_kind_model),
                                     .format_version = nested->kind->format_version,
                                     .t0_ms = nested->frame.t0_ms,
                                     .step_ms = nested->frame.step_ms,
                                     .steps = nested->frame.steps,
                                     .number = caught_number,
                                     .integer = caught_integer,
                                     .text = caught_text,
                                     .numbers = caught_numbers,
                                     .texts = caught_texts,
                                     .name = caught_name},
                           .nested = nested};
}

int ff_nested_score(struct ff_nested *nested, const struct ff_kind_frame *frame,
                    struct ff_kind_scores *scores)
{
    const struct caught caught = caught_model(nested);
    int code = nested->kind->score(&nested->fit, &caught.model, frame, scores);
    ff_band_open(scores, frame->steps);
    return code;
}

int ff_nested_forecast(struct ff_nested *nested, size_t horizon, double coverage,
                       struct ff_kind_scores *scores)
{
    const struct caught caught = caught_model(nested);
    return nested->kind->forecast(&nested->fit, &caught.model, horizon, coverage, scores);
}

/* ---- taken over ---- */

static void emit(struct ff_fit *fit, const struct ff_nested_param *param, const char *prefix)
{
    char name[LONGEST_NAME];
    if (!param)
        return;
    emit(fit, param->before, prefix); /* oldest first */
    snprintf(name, sizeof name, "%s%s", prefix, param->name);
    switch (param->type) {
    case NUMBER:
        fit->number(fit, name, param->number, param->show);
        break;
    case INTEGER:
        fit->integer(fit, name, param->integer, param->show);
        break;
    case BOOLEAN:
        fit->boolean(fit, name, param->integer != 0, param->show);
        break;
    case TEXT:
        fit->text(fit, name, param->text, param->show);
        break;
    case NUMBERS:
        fit->numbers(fit, name, param->numbers, param->count, param->show);
        break;
    case TEXTS:
        fit->texts(fit, name, param->texts, param->count, param->show);
        break;
    }
}

void ff_nested_emit(const struct ff_nested *nested, const char *prefix)
{
    emit(nested->outer, nested->params, prefix);
}

/* ---- read again ---- */

static const struct ff_nested_model *view(const struct ff_kind_model *model, const char *name, char *full)
{
    const struct ff_nested_model *nested = (const struct ff_nested_model *)model;
    snprintf(full, LONGEST_NAME, "%s%s", nested->prefix, name);
    return nested;
}

static double view_number(const struct ff_kind_model *model, const char *name)
{
    char full[LONGEST_NAME];
    const struct ff_nested_model *nested = view(model, name, full);
    return nested->outer->number(nested->outer, full);
}

static int64_t view_integer(const struct ff_kind_model *model, const char *name, int64_t otherwise)
{
    char full[LONGEST_NAME];
    const struct ff_nested_model *nested = view(model, name, full);
    return nested->outer->integer(nested->outer, full, otherwise);
}

static const char *view_text(const struct ff_kind_model *model, const char *name)
{
    char full[LONGEST_NAME];
    const struct ff_nested_model *nested = view(model, name, full);
    return nested->outer->text(nested->outer, full);
}

static const double *view_numbers(const struct ff_kind_model *model, const char *name, size_t *count)
{
    char full[LONGEST_NAME];
    const struct ff_nested_model *nested = view(model, name, full);
    return nested->outer->numbers(nested->outer, full, count);
}

static const char *const *view_texts(const struct ff_kind_model *model, const char *name, size_t *count)
{
    char full[LONGEST_NAME];
    const struct ff_nested_model *nested = view(model, name, full);
    return nested->outer->texts(nested->outer, full, count);
}

static const char *view_name(const struct ff_kind_model *model, size_t i, enum ff_kind_type *type)
{
    const struct ff_nested_model *nested = (const struct ff_nested_model *)model;
    size_t length = strlen(nested->prefix), found = 0;
    const char *full;
    for (size_t at = 0; (full = nested->outer->name(nested->outer, at, type)); at++)
        if (strncmp(full, nested->prefix, length) == 0 && found++ == i)
            return full + length;
    return NULL;
}

struct ff_nested_model ff_nested_view(const struct ff_kind_model *outer, const char *prefix,
                                      uint32_t format_version)
{
    struct ff_nested_model out = {.model = *outer, .outer = outer, .prefix = prefix};
    out.model.format_version = format_version;
    out.model.number = view_number;
    out.model.integer = view_integer;
    out.model.text = view_text;
    out.model.numbers = view_numbers;
    out.model.texts = view_texts;
    out.model.name = view_name;
    return out;
}

struct ff_kind_scores ff_nested_scores(struct ff_fit *fit, size_t steps)
{
    double *all = fit->alloc(fit, 5 * steps, sizeof *all);
    for (size_t i = 0; i < 5 * steps; i++)
        all[i] = NAN;
    return (struct ff_kind_scores){all, all + steps, all + 2 * steps, all + 3 * steps, all + 4 * steps};
}

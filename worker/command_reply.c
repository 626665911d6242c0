/* jansson refuses what is no JSON: bytes that are not UTF-8, NUL, NaN, numbers out of range, nesting beyond
 * 2048, members that occur twice. Members that are not known are ignored, so that programs may say more. */
#include "worker/command_reply.h"

#include "common/text.h"

#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 100, LONGEST_SHOWN = 1000, MOST_SHOWN = 100, SHOWN_BYTES = 48 };

/* ---- what is said of it ---- */

static const char *const type_names[] = {"an object", "a list", "a text", "a number",
                                         "a number",  "true",   "false",  "null"};

static const char *describe(const json_t *value)
{
    return value ? type_names[json_typeof(value)] : "nothing";
}

static enum ff_status refuse_line(struct ff_bytes line, const json_error_t *error, struct ff_error *err)
{
    char shown[SHOWN_BYTES + 1];
    size_t size = line.size < SHOWN_BYTES ? line.size : SHOWN_BYTES;
    for (size_t i = 0; i < size; i++)
        shown[i] = isprint(line.data[i]) ? (char)line.data[i] : '?';
    shown[size] = '\0';
    if (json_error_code(error) == json_error_out_of_memory)
        return ff_error_set(err, FF_RESOURCE_EXHAUSTED, "no memory left to read an answer of %zu bytes",
                            line.size);
    return ff_error_set(err, FF_INVALID_ARGUMENT,
                        "expected a JSON object on one line, found '%s%s' (%.100s at byte %d)", shown,
                        size < line.size ? "…" : "", error->text, error->position);
}

static enum ff_status parse(struct ff_bytes line, json_t **out, struct ff_error *err)
{
    json_error_t error;
    json_t *root =
        json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return refuse_line(line, &error, err);
    *out = root;
    if (json_is_object(root))
        return FF_OK;
    ff_error_set(err, FF_INVALID_ARGUMENT, "expected a JSON object, found %s", describe(root));
    json_decref(root);
    return FF_INVALID_ARGUMENT;
}

/* ---- ready ---- */

static unsigned ability(const char *name)
{
    return !name                           ? 0
           : strcmp(name, "fit") == 0      ? FF_COMMAND_FIT
           : strcmp(name, "score") == 0    ? FF_COMMAND_SCORE
           : strcmp(name, "forecast") == 0 ? FF_COMMAND_FORECAST
                                           : 0;
}

static enum ff_status read_ready(const json_t *root, unsigned *can, struct ff_error *err)
{
    const char *type = json_string_value(json_object_get(root, "type"));
    const json_t *protocol = json_object_get(root, "protocol"), *list = json_object_get(root, "can");
    if (!type || strcmp(type, "ready") != 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected {\"type\": \"ready\"}, found type '%.40s'",
                            type ? type : describe(json_object_get(root, "type")));
    if (!json_is_integer(protocol) || json_integer_value(protocol) != 1)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "expected \"protocol\": 1 in ready, found another or none");
    if (list && !json_is_array(list))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected a list as \"can\", found %s", describe(list));
    *can = list ? 0 : FF_COMMAND_ALL;
    for (size_t i = 0; i < json_array_size(list); i++)
        *can |= ability(json_string_value(json_array_get(list, i)));
    return FF_OK;
}

enum ff_status ff_reply_ready(struct ff_bytes line, unsigned *can, struct ff_error *err)
{
    json_t *root;
    enum ff_status status = parse(line, &root, err);
    if (status)
        return status;
    status = read_ready(root, can, err);
    json_decref(root);
    return status;
}

/* ---- an answer ---- */

/* The handle is jansson's own; nothing else is kept. */
static const json_t *root_of(const struct ff_reply *reply)
{
    return (const json_t *)(const void *)reply;
}

enum ff_status ff_reply_parse(struct ff_bytes line, uint64_t id, struct ff_reply **out, struct ff_error *err)
{
    json_t *root;
    enum ff_status status = parse(line, &root, err);
    if (status)
        return status;
    const json_t *found = json_object_get(root, "id");
    if (json_is_integer(found) && json_integer_value(found) == (json_int_t)id) {
        *out = (struct ff_reply *)(void *)root;
        return FF_OK;
    }
    if (json_is_integer(found))
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "expected \"id\": %llu, found %lld",
                              (unsigned long long)id, (long long)json_integer_value(found));
    else
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "expected \"id\": %llu, found %s",
                              (unsigned long long)id, describe(found));
    json_decref(root);
    return status;
}

bool ff_reply_is_late(struct ff_bytes line, uint64_t first, uint64_t id)
{
    json_t *root;
    if (parse(line, &root, NULL))
        return false;
    const json_t *found = json_object_get(root, "id");
    json_int_t number = json_is_integer(found) ? json_integer_value(found) : -1;
    json_decref(root);
    return number >= (json_int_t)first && number < (json_int_t)id;
}

void ff_reply_free(struct ff_reply *reply)
{
    json_decref((json_t *)(void *)reply);
}

enum ff_status ff_reply_error(const struct ff_reply *reply, enum ff_code *code, const char **message,
                              struct ff_error *err)
{
    static const enum ff_code known[] = {FF_CODE_NOT_ENOUGH_DATA, FF_CODE_CONSTANT, FF_CODE_NOT_CONVERGED,
                                         FF_CODE_BAD_PARAMETER, FF_CODE_OUT_OF_MEMORY};
    const json_t *error = json_object_get(root_of(reply), "error");
    const char *name = json_string_value(error);
    const char *text = json_string_value(json_object_get(root_of(reply), "message"));
    *code = FF_CODE_OK;
    *message = text ? text : "the program gave no message";
    if (!error || json_is_null(error))
        return FF_OK;
    for (size_t i = 0; name && i < sizeof known / sizeof *known; i++)
        if (strcmp(ff_code_name(known[i]), name) == 0)
            *code = known[i];
    if (*code != FF_CODE_OK)
        return FF_OK;
    return ff_error_set(
        err, FF_INVALID_ARGUMENT,
        "expected NOT_ENOUGH_DATA, CONSTANT, NOT_CONVERGED, BAD_PARAMETER or OUT_OF_MEMORY as "
        "\"error\", found %.40s",
        name ? name : describe(error));
}

/* ---- a model ---- */

static double number_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool is_number(const json_t *value)
{
    return json_is_number(value) || json_is_null(value);
}

static bool emit_list(struct ff_fit *fit, const char *name, const json_t *list, enum ff_fit_show show)
{
    size_t count = json_array_size(list), texts = 0, numbers = 0;
    for (size_t i = 0; i < count; i++) {
        texts += json_is_string(json_array_get(list, i));
        numbers += is_number(json_array_get(list, i));
    }
    if (texts != count && numbers != count)
        return false;
    if (numbers == count) {
        double *values = fit->alloc(fit, count, sizeof *values);
        for (size_t i = 0; i < count; i++)
            values[i] = number_of(json_array_get(list, i));
        fit->numbers(fit, name, values, count, show);
        return true;
    }
    const char **values = fit->alloc(fit, count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = json_string_value(json_array_get(list, i));
    fit->texts(fit, name, values, count, show);
    return true;
}

/* false: a model cannot hold such a value. */
static bool emit(struct ff_fit *fit, const char *name, const json_t *value, enum ff_fit_show show)
{
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        fit->integer(fit, name, json_integer_value(value), show);
        return true;
    case JSON_REAL:
    case JSON_NULL:
        fit->number(fit, name, number_of(value), show);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        fit->boolean(fit, name, json_is_true(value), show);
        return true;
    case JSON_STRING:
        fit->text(fit, name, json_string_value(value), show);
        return true;
    case JSON_ARRAY:
        return emit_list(fit, name, value, show);
    default:
        return false;
    }
}

static bool names(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strcmp(item, name) == 0)
            return true;
    }
    return false;
}

/* What the program names, else what is no list; never what would fill a screen. */
static enum ff_fit_show show_of(const json_t *summary, const char *name, const json_t *value, size_t *shown)
{
    bool wanted = summary ? names(summary, name) : !json_is_array(value);
    bool is_short = json_array_size(value) <= MOST_SHOWN && json_string_length(value) <= LONGEST_SHOWN;
    if (!wanted || !is_short || *shown == MOST_SHOWN)
        return FF_EXPORT;
    ++*shown;
    return FF_SUMMARY;
}

enum ff_status ff_reply_emit(const struct ff_reply *reply, struct ff_fit *fit, struct ff_error *err)
{
    json_t *model = json_object_get(root_of(reply), "model"), *value;
    const json_t *summary = json_object_get(root_of(reply), "summary");
    const char *name;
    size_t shown = 0;
    if (!json_is_object(model))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected an object as \"model\", found %s",
                            describe(model));
    if (summary && !json_is_array(summary))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected a list as \"summary\", found %s",
                            describe(summary));
    json_object_foreach(model, name, value)
    {
        if (!*name || strlen(name) > LONGEST_NAME)
            return ff_error_set(err, FF_INVALID_ARGUMENT,
                                "expected names of 1 to %d bytes in \"model\", found '%.20s'", LONGEST_NAME,
                                name);
        if (!emit(fit, name, value, show_of(summary, name, value, &shown)))
            return ff_error_set(err, FF_INVALID_ARGUMENT,
                                "expected a number, a text, true, false or a list of numbers or of texts as "
                                "\"model\".\"%s\", found %s",
                                name, json_is_array(value) ? "another list" : describe(value));
    }
    return FF_OK;
}

/* ---- numbers ---- */

enum ff_status ff_reply_numbers(const struct ff_reply *reply, const char *name, bool must, double *values,
                                size_t count, struct ff_error *err)
{
    const json_t *list = json_object_get(root_of(reply), name);
    if (!list && !must)
        return FF_OK;
    if (!json_is_array(list))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected a list as \"%s\", found %s", name,
                            describe(list));
    if (json_array_size(list) != count)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "expected %zu number%s as \"%s\", found %zu", count,
                            ff_plural(count), name, json_array_size(list));
    for (size_t i = 0; i < count; i++)
        if (!is_number(json_array_get(list, i)))
            return ff_error_set(err, FF_INVALID_ARGUMENT, "expected numbers or null as \"%s\", found %s",
                                name, describe(json_array_get(list, i)));
    for (size_t i = 0; i < count; i++)
        values[i] = number_of(json_array_get(list, i));
    return FF_OK;
}

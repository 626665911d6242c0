/* Writes JSON into a buffer, piece by piece. Commas, escaping and number formats are the writer's business.
 *
 * Text that is not UTF-8 gets U+FFFD for each wrong byte, numbers are the shortest decimal that reads back as
 * the same double, NaN and infinities are null. What is written is compact: no spaces, no final newline.
 * Calls that do not make a document (a value without a key in an object, an end too many) are the caller's
 * bug and not seen. */
#ifndef FF_COMMON_JSON_H
#define FF_COMMON_JSON_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* A writer in use. out is borrowed; one document per writer (for JSON lines: a new writer per line). */
struct ff_json {
    struct ff_buf *out;
    bool comma; /* a value stands before the place of the next one */
};

static inline struct ff_json ff_json_start(struct ff_buf *out)
{
    return (struct ff_json){.out = out};
}

void ff_json_object_begin(struct ff_json *json);
void ff_json_object_end(struct ff_json *json);
void ff_json_array_begin(struct ff_json *json);
void ff_json_array_end(struct ff_json *json);
void ff_json_key(struct ff_json *json, const char *key);

void ff_json_string(struct ff_json *json, const char *text); /* NULL: null */
void ff_json_bytes(struct ff_json *json, struct ff_bytes text);
void ff_json_double(struct ff_json *json, double value);
void ff_json_int(struct ff_json *json, int64_t value);
void ff_json_uint(struct ff_json *json, uint64_t value);
void ff_json_bool(struct ff_json *json, bool value);
void ff_json_null(struct ff_json *json);
/* A value that is JSON already. */
void ff_json_raw(struct ff_json *json, const char *text);

/* Key and value in one call. */
void ff_json_put_string(struct ff_json *json, const char *key, const char *text);
void ff_json_put_double(struct ff_json *json, const char *key, double value);
void ff_json_put_int(struct ff_json *json, const char *key, int64_t value);
void ff_json_put_uint(struct ff_json *json, const char *key, uint64_t value);
void ff_json_put_bool(struct ff_json *json, const char *key, bool value);
void ff_json_put_null(struct ff_json *json, const char *key);
void ff_json_put_raw(struct ff_json *json, const char *key, const char *text);

#endif

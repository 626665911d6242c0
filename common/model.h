/* A fitted model as named parameters, so that whoever keeps, shows or exports models need not know their
 * kind.
 *
 * A kind writes its parameters through ff_model_writer; the bytes are a protobuf Model (proto/model.proto):
 * kind, format version, and per part (a metric, or the whole frame) an error or the parameters. The same
 * calls give the same bytes. */
#ifndef FF_COMMON_MODEL_H
#define FF_COMMON_MODEL_H

#include "common/arena.h"
#include "common/outcome.h"

enum ff_value_type {
    FF_VALUE_NUMBER,
    FF_VALUE_INTEGER,
    FF_VALUE_BOOLEAN,
    FF_VALUE_TEXT,
    FF_VALUE_NUMBERS,
    FF_VALUE_TEXTS
};

struct ff_model_param {
    const char *name;
    enum ff_value_type type;
    bool in_summary; /* shown in results; the others only in exports */
    double number;
    int64_t integer; /* also the boolean */
    const char *text;
    const double *numbers;
    const char *const *texts;
    size_t count; /* of numbers or texts */
};

/* One metric of a univariate model, or the only part (metric "") of a multivariate one. */
struct ff_model_part {
    const char *metric;
    enum ff_code code; /* FF_CODE_OK, or why this metric has no parameters */
    const char *errmsg;
    const struct ff_model_param *params;
    size_t param_count;
};

struct ff_model {
    const char *kind;
    uint32_t format_version;
    const struct ff_model_part *parts;
    size_t part_count;
    int64_t t0_ms; /* the axis that it was fitted on */
    int64_t step_ms;
    uint64_t steps;
    bool by_fallback; /* of a kind of one's own: the job's fallback names what fitted it */
};

/* The parameter of that name and type; NULL if the part has none. Parts have a few dozen. */
const struct ff_model_param *ff_model_param(const struct ff_model_part *part, const char *name,
                                            enum ff_value_type type);

/* Appends the encoded model to out. Everything in model is borrowed for the call. */
void ff_model_encode(const struct ff_model *model, struct ff_buf *out);

/* Decodes into arena. bytes are not needed afterwards. INVALID_ARGUMENT if they are no model. */
FF_NODISCARD enum ff_status ff_model_decode(struct ff_bytes bytes, struct ff_arena *arena,
                                            struct ff_model *model, struct ff_error *err);

/* The step of an encoded model's axis; 0 if the bytes are no model, which is found out by who uses it. */
int64_t ff_model_step_ms(struct ff_bytes bytes);

/* Appends {"metrics": {"count": {…}, …}} or, for a multivariate model, {…}. all: every parameter, not only
 * those of the summary. A part with an error gives {"error": …, "errmsg": …}. NaN is null. */
void ff_model_json(const struct ff_model *model, bool all, struct ff_buf *out);

#endif

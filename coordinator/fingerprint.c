#include "coordinator/fingerprint.h"

#include "common/hash.h"
#include "common/kinds.h"

enum { LAYOUT = 1 }; /* of what is hashed: raised when that changes */

/* A model of somebody's own depends on every parameter. */
static void add_all_params(struct ff_hash *hash, const struct ff_fit_spec *spec)
{
    for (size_t i = 0; i < spec->param_count; i++) {
        ff_hash_add_text(hash, spec->params[i].name);
        ff_hash_add_text(hash, spec->params[i].text);
    }
}

/* Raised when the same scores give another threshold. */
enum { THRESHOLD_REVISION = 2 };

static void add_alerts(struct ff_hash *hash, const struct ff_alerts *alerts)
{
    ff_hash_add(hash, &alerts->per_week, sizeof alerts->per_week);
    ff_hash_add_number(hash, alerts->direction);
    ff_hash_add_number(hash, (uint64_t)alerts->least_duration_ms);
    ff_hash_add(hash, &alerts->least_deviation, sizeof alerts->least_deviation);
    if (alerts->per_week > 0)
        ff_hash_add_number(hash, THRESHOLD_REVISION);
}

static void add_spec(struct ff_hash *hash, const struct ff_fit_spec *spec)
{
    const struct ff_kind_schema *kind = spec && spec->kind ? ff_kind_schema(spec->kind) : NULL;
    ff_hash_add_text(hash, spec ? spec->kind : NULL);
    if (!kind)
        return;
    ff_hash_add_number(hash, kind->revision);
    add_alerts(hash, &spec->alerts);
    if (ff_kind_is_open(kind)) {
        add_all_params(hash, spec);
        return;
    }
    for (size_t i = 0; i < kind->param_count; i++) {
        const char *text = ff_fit_spec_given(spec, kind->params[i].name);
        ff_hash_add_text(hash, kind->params[i].name);
        ff_hash_add_text(hash, text ? text : kind->params[i].default_text);
    }
}

void ff_fingerprint_start(struct ff_hash *hash, const struct ff_fit_spec *model,
                          const struct ff_fit_spec *fallback, const char *const *columns,
                          const struct ff_frame *frame)
{
    ff_hash_start(hash, FF_HASH_QUICK);
    ff_hash_add_number(hash, LAYOUT);
    add_spec(hash, model);
    add_spec(hash, fallback);
    ff_hash_add_number(hash, (uint64_t)frame->t0_ms);
    ff_hash_add_number(hash, (uint64_t)frame->step_ms);
    ff_hash_add_number(hash, frame->steps);
    ff_hash_add_number(hash, frame->columns);
    for (size_t i = 0; i < frame->columns; i++)
        ff_hash_add_text(hash, columns[i]);
}

struct ff_fingerprint ff_fingerprint_finish(struct ff_hash *hash)
{
    struct ff_fingerprint fingerprint;
    ff_hash_finish(hash, fingerprint.bytes);
    return fingerprint;
}

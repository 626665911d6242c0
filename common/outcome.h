/* What became of a target: its class, its error code, and what the fit left behind. */
#ifndef FF_COMMON_OUTCOME_H
#define FF_COMMON_OUTCOME_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* number, NAME, name as printed. Every requested target ends in exactly one of them. */
#define FF_CLASS_LIST(X)                                                                                     \
    X(1, FITTED, "fitted")                                                                                   \
    X(2, REUSED, "reused")                                                                                   \
    X(3, FALLBACK, "fallback")                                                                               \
    X(4, SKIPPED, "skipped")                                                                                 \
    X(5, FAILED, "failed")                                                                                   \
    X(6, QUARANTINED, "quarantined")                                                                         \
    X(7, CANCELLED_CLASS, "cancelled")

enum ff_class {
    FF_OPEN = 0, /* not decided yet */
#define X(number, name, text) FF_##name = number,
    FF_CLASS_LIST(X)
#undef X
        FF_CLASS_COUNT
};

/* errno, NAME. 1–3 skipped, 10–21 failed, 30–34 faults, 40–44 of a whole job. */
#define FF_CODE_LIST(X)                                                                                      \
    X(0, OK)                                                                                                 \
    X(1, TOO_FEW_ROWS)                                                                                       \
    X(2, ALL_MISSING)                                                                                        \
    X(3, NO_MODEL)                                                                                           \
    X(10, NOT_ENOUGH_DATA)                                                                                   \
    X(11, CONSTANT)                                                                                          \
    X(12, NOT_CONVERGED)                                                                                     \
    X(13, TOO_MANY_STEPS)                                                                                    \
    X(20, BAD_PARAMETER)                                                                                     \
    X(21, NOT_PROMOTED)                                                                                      \
    X(30, CRASHED)                                                                                           \
    X(31, TIMEOUT)                                                                                           \
    X(32, OUT_OF_MEMORY)                                                                                     \
    X(33, BAD_OUTPUT)                                                                                        \
    X(34, WORKER_LOST)                                                                                       \
    X(40, BAD_DATA)                                                                                          \
    X(41, TOO_MANY_FAILED)                                                                                   \
    X(42, CANCELLED)                                                                                         \
    X(43, NO_MODELS)                                                                                         \
    X(44, STORE)

enum ff_code {
#define X(number, name) FF_CODE_##name = number,
    FF_CODE_LIST(X)
#undef X
};

const char *ff_class_name(enum ff_class class);     /* "fitted"; "open" for FF_OPEN */
const char *ff_code_name(enum ff_code code);        /* "TOO_FEW_ROWS"; "UNKNOWN" for a number that is none */
enum ff_class ff_class_from_name(const char *text); /* FF_OPEN if it is none */
static inline bool ff_code_is_fault(enum ff_code code) /* charged, retried, then quarantined */
{
    return code >= FF_CODE_CRASHED && code <= FF_CODE_WORKER_LOST;
}
static inline bool ff_code_allows_fallback(enum ff_code code)
{
    return code >= FF_CODE_NOT_ENOUGH_DATA && code <= FF_CODE_TOO_MANY_STEPS;
}

enum { FF_OBJECT_ID_SIZE = 32 };

/* Name of immutable bytes: their BLAKE2b-256 hash. */
struct ff_object_id {
    uint8_t bytes[FF_OBJECT_ID_SIZE];
};

/* What a model is fitted from: a hash of the prepared rows, the kind, its parameters and its format. All
 * zero: not known. */
struct ff_fingerprint {
    uint8_t bytes[16];
};
static inline bool ff_fingerprint_is_known(const struct ff_fingerprint *fingerprint)
{
    static const struct ff_fingerprint unknown;
    return memcmp(fingerprint, &unknown, sizeof unknown) != 0;
}

/* Where the store keeps a model: the index-th outcome of a report. */
struct ff_model_place {
    uint64_t report; /* row; 0: nowhere */
    uint32_t index;
};

/* One target's outcome as it travels and is stored. Strings and bytes are borrowed: whoever fills it says
 * from where (an arena, a message, a workspace). A fault (ff_code_is_fault) has class FF_OPEN until somebody
 * decides that it is quarantined. */
struct ff_outcome {
    uint32_t target; /* index in its job; the number of targets itself for "all" */
    enum ff_class class;
    enum ff_code code;
    const char *errmsg;  /* "" if none; never NULL */
    const char *kind;    /* of the model; "" if none */
    const char *summary; /* JSON object of the model; "" if none */
    double fit_ms;
    double cpu_ms;
    uint64_t peak_rss_bytes;
    uint32_t pid;
    uint32_t attempts;     /* tries charged to the target, set by the coordinator */
    int signal;            /* that ended the executor, 0 if none */
    struct ff_bytes model; /* encoded (common/model.h); empty if none, or if read without */
    uint64_t model_size;   /* of the encoded model, also where model is not at hand */
    bool model_in_object;  /* too large for a message: it is the object named by model_object */
    struct ff_object_id model_object;
    struct ff_bytes log; /* last lines that the fit printed */
    /* Only in the store: the model is that of an older outcome, and is not kept twice. report 0: its own. */
    struct ff_model_place taken;
};

#endif

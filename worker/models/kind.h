/* A model kind: what fitfleet needs to know of an algorithm. Built-in kinds and plug-ins fill the same
 * struct.
 *
 * This header stands alone: plain C, no other header of fitfleet. A kind is a const table of functions. Its
 * calls for one target are configure, then fit once per metric (or once for the whole frame, if it is
 * multivariate); all of them run in one thread. It keeps nothing between targets, reads no clock, file or
 * random number, and writes its result through the calls of struct ff_fit: the same values give the same
 * model.
 *
 * Compatibility: abi_version changes when something here changes its meaning. Fields are only ever added, at
 * the end of a struct, and struct_size says which of them its writer knows. */
#ifndef FF_WORKER_MODELS_KIND_H
#define FF_WORKER_MODELS_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FF_KIND_ABI_VERSION 1

/* What configure and fit return. The numbers are those of the outcome. */
enum ff_fit_code {
    FF_FIT_OK = 0,
    FF_FIT_NOT_ENOUGH_DATA = 10, /* failed; the job's fallback kind is tried */
    FF_FIT_CONSTANT = 11,        /* failed; the fallback is tried */
    FF_FIT_NOT_CONVERGED = 12,   /* failed; the fallback is tried */
    FF_FIT_BAD_PARAMETER = 20,   /* failed */
};

/* Whether a parameter of the model is shown in results, or only in exports. */
enum ff_fit_show { FF_EXPORT = 0, FF_SUMMARY = 1 };

/* The values of a metric, or of all columns: column c at step i is values[c * steps + i]; NaN is missing.
 * Step i begins t0_ms + i * step_ms milliseconds after the epoch (UTC; may be negative), and t0_ms is a
 * multiple of step_ms. steps and columns are at least 1. */
struct ff_kind_frame {
    int64_t t0_ms;
    int64_t step_ms;
    size_t steps;
    size_t columns; /* 1, unless the kind is multivariate */
    const double *values;
    const char *const *names; /* of the columns */
};

/* One parameter of the job: text as written there, or the default. */
struct ff_kind_param {
    const char *name;
    const char *text;
};

/* The host's side of one fit. A kind calls these and nothing else. */
struct ff_fit {
    uint32_t abi_version;
    uint32_t struct_size;

    /* Memory for count items of size bytes: 64-byte aligned, not zeroed, gone after the target; never to be
     * freed. Never NULL: without memory the call does not return, and the target ends as OUT_OF_MEMORY. So
     * hold nothing across it that somebody must release (a lock, a file, malloc's memory, a C++ object with a
     * destructor). */
    void *(*alloc)(struct ff_fit *fit, size_t count, size_t size);

    /* Keeps the message (printf format, one line, for the person who reads the results) and returns code, so
     * that a failure is one line: return fit->fail(fit, FF_FIT_CONSTANT, "…"). */
    int (*fail)(struct ff_fit *fit, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

    /* Add a named parameter to the model, in the order in which it shall be shown. Names and texts are
     * copied; arrays are not: they must be static or come from alloc. NaN is a number without value. */
    void (*number)(struct ff_fit *fit, const char *name, double value, enum ff_fit_show show);
    void (*integer)(struct ff_fit *fit, const char *name, int64_t value, enum ff_fit_show show);
    void (*boolean)(struct ff_fit *fit, const char *name, bool value, enum ff_fit_show show);
    void (*text)(struct ff_fit *fit, const char *name, const char *value, enum ff_fit_show show);
    void (*numbers)(struct ff_fit *fit, const char *name, const double *values, size_t count,
                    enum ff_fit_show show);
    void (*texts)(struct ff_fit *fit, const char *name, const char *const *values, size_t count,
                  enum ff_fit_show show);
};

#define FF_KIND_MULTIVARIATE 1u /* flag: fit takes the whole frame, not one metric at a time */

struct ff_kind {
    uint32_t abi_version; /* FF_KIND_ABI_VERSION */
    uint32_t struct_size; /* sizeof(struct ff_kind) */
    const char *name;
    uint32_t format_version; /* of the parameters that fit emits: raised when a reader would misread them */
    uint32_t flags;

    /* Reads the parameters into a configuration of its own (from alloc) and gives it out. Names that it does
     * not know are an error. Returns an ff_fit_code. */
    int (*configure)(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config);

    /* Fits frame and emits the model's parameters. Returns an ff_fit_code; after a failure what was emitted
     * is forgotten. */
    int (*fit)(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame);
};

#endif

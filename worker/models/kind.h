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

/* Which call of struct ff_kind_model gives a parameter's value; a boolean's is integer. */
enum ff_kind_type {
    FF_KIND_NUMBER,
    FF_KIND_INTEGER,
    FF_KIND_BOOLEAN,
    FF_KIND_TEXT,
    FF_KIND_NUMBERS,
    FF_KIND_TEXTS
};

/* A model that its kind fitted earlier, by the names under which it was emitted. What is returned lives until
 * the call into the kind returns. Bytes of a model may have been damaged or made by somebody else: a kind
 * that reads a model checks the counts of its arrays against each other before it uses them. */
struct ff_kind_model {
    uint32_t abi_version;
    uint32_t struct_size;
    uint32_t format_version; /* of the kind that wrote it; never newer than the reader's own */
    int64_t t0_ms;           /* the axis that it was fitted on: of the frame given to fit */
    int64_t step_ms;
    size_t steps;
    /* The value of a parameter; NaN, otherwise, NULL if there is none of that name and type. */
    double (*number)(const struct ff_kind_model *model, const char *name);
    int64_t (*integer)(const struct ff_kind_model *model, const char *name, int64_t otherwise);
    const char *(*text)(const struct ff_kind_model *model, const char *name);
    const double *(*numbers)(const struct ff_kind_model *model, const char *name, size_t *count);
    const char *const *(*texts)(const struct ff_kind_model *model, const char *name, size_t *count);
    /* The name of the i-th parameter, in the order in which they were emitted; NULL behind the last. */
    const char *(*name)(const struct ff_kind_model *model, size_t i, enum ff_kind_type *type);
};

/* What a model says about steps: arrays of the caller, one entry for each step, all NaN at first. A step of
 * which the kind cannot say anything stays NaN. */
struct ff_kind_scores {
    double *expected;
    double *lower; /* the band: lower <= expected <= upper. Outside it a value is an anomaly. A bound that
                      stays NaN where expected does not is none */
    double *upper;
    double
        *score; /* 0: as expected, above 1: an anomaly. Left alone by kinds for which the place of a value in
                   the band says it all: |value - expected| / (bound - expected) of the bound on its side */
    double *value; /* multivariate kinds only: the statistic itself, T² for example */
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

    /* Any of what follows may be NULL: the kind cannot do it. Each returns an ff_fit_code. */

    /* Judges every step of frame by the model. frame->step_ms is model->step_ms; the frame may begin before,
     * within or behind what the model was fitted on, may overlap it, and has no interpolated values. What is
     * said of a step may depend on the steps before it, never on those behind it. Missing steps get a band
     * where one can be given. Univariate: scores points to one struct; multivariate: to one for each
     * of the kind's statistics. The columns of a multivariate frame may be others than the model's: they are
     * found by name. */
    int (*score)(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores);

    /* expected, lower and upper of the `horizon` steps behind those that the model was fitted on: the
     * interval that holds the share `coverage` (0 to 1) of what will come. */
    int (*forecast)(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores);

    /* Multivariate kinds: the names of what score gives, ending with NULL, and the share that each column of
     * frame has in them at one step: contributions[s * columns + c] for statistic s, 0 for columns that the
     * model does not have. */
    const char *const *statistics;
    int (*contribute)(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, size_t step, double *contributions);
};

#endif

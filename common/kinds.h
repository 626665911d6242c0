/* The names of the model kinds and of their parameters: what a job file may say and what a worker is told.
 *
 * The coordinator checks a job against this table without having the algorithms; the algorithms
 * (worker/models) read their parameters through it. */
#ifndef FF_COMMON_KINDS_H
#define FF_COMMON_KINDS_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ff_param_type {
    FF_PARAM_NUMBER,  /* a finite number within [min, max] */
    FF_PARAM_INTEGER, /* a whole number within [min, max] */
    FF_PARAM_SEASON,  /* "auto", a whole number of steps >= 1, or a duration such as 1d */
    FF_PARAM_WORD,    /* one of words */
    FF_PARAM_PATH,    /* a file; in a job file one with a '/' is relative to it, and made absolute */
    FF_PARAM_TEXTS,   /* a list of texts, at least one: a JSON array (texts.h) */
    FF_PARAM_PATHS,   /* a list of files, made absolute in the same way as one */
    FF_PARAM_FOLDER,  /* a folder; not given, it is that of the job file */
    FF_PARAM_ANY,     /* any text. Under the name "*": parameters of every other name */
};

enum { FF_PARAM_MOST_TEXTS = 64 }; /* in a list */

struct ff_param_schema {
    const char *name;
    enum ff_param_type type;
    double min;
    double max;
    const char *default_text; /* NULL: it must be given */
    const char *help;         /* half a sentence */
    const char *words;        /* of FF_PARAM_WORD, separated by blanks; else NULL */
};

struct ff_kind_schema {
    const char *name;
    bool multivariate; /* takes the whole frame; else one metric at a time */
    bool profiled;     /* uses BLAS or libm: identical within one numeric profile only */
    uint32_t revision; /* raised when the same rows give another model, or the same in another format: what
                          was fitted before is then fitted again */
    size_t param_count;
    const struct ff_param_schema *params;
};

/* One parameter as a job gives it: the schema's name and the scalar's text. */
struct ff_param {
    const char *name;
    const char *text;
};

const struct ff_kind_schema *ff_kind_schema(const char *name); /* NULL if there is none */
/* All of them, for messages and suggestions. */
const struct ff_kind_schema *ff_kind_schemas(size_t *count);
/* That of "*" for a name that the kind does not know itself; NULL if there is none. */
const struct ff_param_schema *ff_kind_param(const struct ff_kind_schema *kind, const char *name);
/* Whether the kind takes parameters of any name. */
bool ff_kind_is_open(const struct ff_kind_schema *kind);

/* Checks one value. INVALID_ARGUMENT with "expected a number from 0 to 1, found 'x'" (no place: the caller
 * knows). */
FF_NODISCARD enum ff_status ff_param_check(const struct ff_param_schema *schema, const char *text,
                                           struct ff_error *err);

#endif

/* One YAML document as a tree that knows where each value stands, with checks whose messages say so too.
 *
 * This is the only user of libyaml. It knows nothing of jobs: which keys exist and what they mean is its
 * caller's. Refused: more than one document, more than 1 MiB, nesting deeper than 32, duplicate keys,
 * anchors, aliases, tags.
 *
 * All functions that can fail return INVALID_ARGUMENT with "FILE:LINE:COLUMN: …", or "--set a.b=…: …" for a
 * value that came by an override. */
#ifndef FF_COMMON_CONFIG_H
#define FF_COMMON_CONFIG_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ff_config_kind { FF_CONFIG_NULL, FF_CONFIG_SCALAR, FF_CONFIG_LIST, FF_CONFIG_MAP };

/* Read-only for users. Lives as long as its config. */
struct ff_config_node {
    enum ff_config_kind kind;
    const char *key;    /* in its map; NULL for a list's element and the root */
    const char *path;   /* "data.files", for messages; "" for the root; "models.top[1].kind" in lists */
    const char *text;   /* of a scalar, without NUL bytes inside; "" otherwise */
    bool plain;         /* a scalar without quotes: what null, true and numbers are */
    const char *origin; /* the file, or "--set a.b=VALUE" */
    int line, column;   /* of the value, from 1; line 0: an override has no place */
    int key_line, key_column;
    struct ff_config_node *parent;
    struct ff_config_node **items; /* values of a map in order of appearance, elements of a list */
    size_t count;
};

struct ff_config;

/* text need not end with a NUL and is not needed afterwards. An empty document is a root of kind NULL. */
FF_NODISCARD enum ff_status ff_config_parse(const char *text, size_t size, const char *file,
                                            struct ff_config **out, struct ff_error *err);
/* Applies "a.b=VALUE": a dotted path of keys and a YAML value. Maps on the way are created; a list or a
 * scalar on the way is refused. The new value replaces the old one. After a failure the config can only be
 * destroyed. */
FF_NODISCARD enum ff_status ff_config_set(struct ff_config *config, const char *assignment,
                                          struct ff_error *err);
const struct ff_config_node *ff_config_root(const struct ff_config *config);
void ff_config_destroy(struct ff_config *config);

/* The value of key in a map; NULL if there is none, or map is NULL or no map. */
const struct ff_config_node *ff_config_child(const struct ff_config_node *map, const char *key);

/* Says what is wrong with a node: "FILE:LINE:COLUMN: text". Returns INVALID_ARGUMENT. */
enum ff_status ff_config_fail(const struct ff_config_node *node, struct ff_error *err, const char *format,
                              ...) FF_PRINTF(3, 4);
/* "…: PATH: expected EXPECTED, found WHAT_IS_THERE". Returns INVALID_ARGUMENT. */
enum ff_status ff_config_expected(const struct ff_config_node *node, const char *expected,
                                  struct ff_error *err);
/* "…: unknown WHAT 'WORD', did you mean 'CANDIDATE'?" Returns INVALID_ARGUMENT. */
enum ff_status ff_config_unknown(const struct ff_config_node *node, const char *what, const char *word,
                                 const char *const *candidates, size_t count, struct ff_error *err);

/* "…: unknown key 'taget' in data, did you mean 'target'?" for a map's value; the place is the key's. */
enum ff_status ff_config_unknown_key(const struct ff_config_node *node, const char *const *keys, size_t count,
                                     struct ff_error *err);

/* node is NULL, null, or a map with no other keys than these. */
FF_NODISCARD enum ff_status ff_config_check_map(const struct ff_config_node *node, const char *const *keys,
                                                size_t count, struct ff_error *err);

/* Typed values. A node that is NULL or null leaves *out, which holds the default, as it is. */
FF_NODISCARD enum ff_status ff_config_text(const struct ff_config_node *node, const char **out,
                                           struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_bool(const struct ff_config_node *node, bool *out,
                                           struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_count(const struct ff_config_node *node, uint64_t min, uint64_t max,
                                            uint64_t *out, struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_number(const struct ff_config_node *node, double min, double max,
                                             double *out, struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_duration(const struct ff_config_node *node, int64_t *out_ms,
                                               struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_size(const struct ff_config_node *node, uint64_t *out_bytes,
                                           struct ff_error *err);
FF_NODISCARD enum ff_status ff_config_percent(const struct ff_config_node *node, double *out_fraction,
                                              struct ff_error *err);
/* One of names; *out is its index. */
FF_NODISCARD enum ff_status ff_config_choice(const struct ff_config_node *node, const char *const *names,
                                             size_t count, int *out, struct ff_error *err);
/* node is NULL, null, or a list of texts (none empty or null): read them as items[i]->text. */
FF_NODISCARD enum ff_status ff_config_check_texts(const struct ff_config_node *node, struct ff_error *err);

/* Whether the node is the plain word (auto, all, per-worker …). */
bool ff_config_is_word(const struct ff_config_node *node, const char *word);

#endif

/* Which times of which target are anomalous, as somebody says who knows.
 *
 * Two kinds of file: JSON as NAB has it, {"target": [["start", "end"], …], …} or {"target": ["time", …]}; or
 * CSV with the columns target and either start and end, or time (timestamp, ts, date) and, if not every row
 * is meant, label (0 or 1). Without a column target the labels are of every target. */
#ifndef FF_COORDINATOR_LABELS_H
#define FF_COORDINATOR_LABELS_H

#include "common/arena.h"
#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both ends belong to it. */
struct ff_window {
    int64_t start_ms, end_ms;
};

struct ff_labelled {
    const char *target;        /* "" : every target */
    struct ff_window *windows; /* in order of start */
    size_t count, capacity;
    bool are_points; /* neighbouring rows with labels are one event */
    bool is_met;     /* somebody asked for it */
};

struct ff_labels {
    struct ff_arena arena;
    struct ff_labelled *targets; /* in order of name bytes */
    size_t count, capacity;
};

/* INVALID_ARGUMENT with file:line. */
FF_NODISCARD enum ff_status ff_labels_read(const char *path, struct ff_labels *out, struct ff_error *err);
void ff_labels_fini(struct ff_labels *labels);
/* Those of a target (a name in NAB's labels may end with .csv), or of every target; NULL: there are none. */
const struct ff_labelled *ff_labels_find(const struct ff_labels *labels, const char *target);

/* Windows and points, and those of targets that are none of those met. */
struct ff_labels_met {
    size_t labels, strange;
    bool any;            /* a target was met, or labels are of every target */
    const char *example; /* a name that was not met; NULL: there is none */
};
/* There is such a target. */
void ff_labels_meet(struct ff_labels *labels, const char *target);
struct ff_labels_met ff_labels_count(const struct ff_labels *labels);

#endif

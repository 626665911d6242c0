/* A job as its author wrote it: JOB.yaml plus --set, checked, with every default filled in.
 *
 * All strings belong to the spec and end with ff_jobspec_destroy(). */
#ifndef FF_COORDINATOR_JOBSPEC_H
#define FF_COORDINATOR_JOBSPEC_H

#include "common/error.h"
#include "common/kinds.h"
#include "common/task.h"

#include <stdbool.h>
#include <stdint.h>

enum ff_layout { FF_LAYOUT_LONG, FF_LAYOUT_WIDE, FF_LAYOUT_FILE };
enum ff_rank { FF_RANK_ROWS, FF_RANK_SUM, FF_RANK_MEAN, FF_RANK_MAX };
enum ff_aggregate { FF_AGG_MEAN, FF_AGG_SUM, FF_AGG_MIN, FF_AGG_MAX, FF_AGG_LAST, FF_AGG_COUNT };
enum ff_interpolate { FF_INTERPOLATE_LINEAR, FF_INTERPOLATE_PREVIOUS, FF_INTERPOLATE_NONE };
enum ff_chunk_mode { FF_CHUNK_AUTO, FF_CHUNK_FIXED, FF_CHUNK_PER_WORKER };

/* Each has twice the share of the executors of the one before. */
enum ff_priority { FF_PRIORITY_LOW, FF_PRIORITY_NORMAL, FF_PRIORITY_HIGH };

struct ff_strings {
    const char **items;
    size_t count;
};

struct ff_model_spec {
    const char *kind;              /* NULL: no model */
    const struct ff_param *params; /* given ones only, in the order of the schema */
    size_t param_count;
};

/* One entry of models.top: the first whose pattern matches the target's name counts. */
struct ff_model_rule {
    const char *match;         /* "*" for the short form */
    struct ff_strings metrics; /* empty: all */
    struct ff_model_spec model;
};

/* A job for what comes out of it: it makes no models, and its outcomes are for whoever submitted it.
 * work.type FF_WORK_FIT: it is none. Texts may be "". */
struct ff_errand_spec {
    struct ff_work work;
    const char *set;     /* score, forecast: whose models */
    uint64_t generation; /* of the set; 0: the active one */
    const char *target;  /* only targets that this glob matches; "": all */
    bool with_all;       /* score: the model of all too */
    const char *files;   /* the sum of the data files as who submitted it saw them; "": not known */
};
/* By enum ff_work_type: fit, score, forecast, backtest. */
extern const char *const ff_work_names[FF_WORK_TYPES];

struct ff_jobspec {
    const char *name;
    enum ff_priority priority;
    struct {
        const char *set;
        uint64_t keep; /* generations of the set */
        bool partial;  /* a job that fails or is cancelled publishes what it has */
        struct ff_promotion promotion;
    } output;
    struct {
        struct ff_strings files; /* absolute patterns (symbolic links and .. kept as written) */
        struct ff_strings roots; /* per pattern: the folder that names of layout file are relative to; "": the
                                    folder before the pattern's first wildcard */
        struct ff_strings places; /* per pattern: where it is written, for messages */
        const char *base_dir;     /* the job file's folder, absolute */
        const char *root;         /* data_root of the source */
        enum ff_layout layout;
        const char *time; /* NULL: the first of time, timestamp, ts, date */
        const char *target;
        struct ff_strings values; /* empty: every other numeric column */
        struct ff_strings ignore;
        const char *time_format; /* "auto", "index" or a strptime format */
        const char *timezone;
        bool skip_bad_rows;
        uint64_t memory; /* bytes; 0: half of what the coordinator has */
    } data;
    struct {
        struct ff_strings include; /* empty: all */
        struct ff_strings exclude;
        enum ff_rank rank;
        const char *rank_metric; /* NULL for rows */
        uint64_t top;            /* 0: all */
        uint64_t min_rows;
    } targets;
    struct {
        int64_t window_ms; /* 0: all */
        int64_t step_ms;   /* 0: auto */
        enum ff_aggregate aggregate;
        enum ff_interpolate interpolate;
        uint64_t max_gap;
        const char *mask; /* absolute; NULL: none. Rows in its windows are not learned (labels.h) */
    } prepare;
    struct ff_model_spec all; /* kind NULL: none */
    struct ff_model_rule *top;
    size_t top_count;
    struct ff_model_spec fallback; /* kind NULL: none */
    struct {
        int64_t target_timeout_ms;
        uint64_t target_memory;
        int64_t all_timeout_ms;
        uint64_t all_memory; /* 0: half of the worker's memory */
        uint32_t attempts;
        double max_failed; /* share of requested, 1.0 = never */
    } limits;
    struct {
        double per_target_per_week; /* 0: not given */
        double total_per_day;       /* 0: not given */
        enum ff_alert_direction direction;
        int64_t least_duration_ms;
        double least_deviation;
    } alerts;
    struct ff_errand_spec errand;
    enum ff_chunk_mode chunk_mode;
    uint64_t chunk; /* for FF_CHUNK_FIXED */
    void *storage;  /* private */
};

struct ff_jobspec_source {
    const char *text; /* the YAML */
    size_t size;
    const char *file;             /* for messages, and the default name */
    const char *base_dir;         /* absolute; data paths of the file are relative to it */
    const char *const *overrides; /* "a.b=VALUE" of --set, in order */
    size_t override_count;
    const char *override_dir; /* absolute; data paths in overrides are relative to it */
    const char *data_root;    /* data files must lie below it, links followed; NULL: anywhere */
};

/* INVALID_ARGUMENT with "FILE:LINE:COLUMN: what was found, what was expected" (or "--set a.b=…: …"). */
FF_NODISCARD enum ff_status ff_jobspec_parse(const struct ff_jobspec_source *source, struct ff_jobspec **out,
                                             struct ff_error *err);
void ff_jobspec_destroy(struct ff_jobspec *spec);
/* Narrows it to one target, whatever its rank, without the model of all. */
void ff_jobspec_narrow(struct ff_jobspec *spec, const char *target);

/* The index of the rule for a target's name, or -1 (NO_MODEL). */
int ff_jobspec_rule(const struct ff_jobspec *spec, const char *target);
/* Whether the rule's model sees the metric. */
bool ff_jobspec_wants(const struct ff_model_rule *rule, const char *metric);

#endif

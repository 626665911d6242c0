/* What a worker is asked to do with one target (a task), several of which travel as a chunk: fit a model, or
 * apply one that was fitted. */
#ifndef FF_COMMON_TASK_H
#define FF_COMMON_TASK_H

#include "common/frame.h"
#include "common/kinds.h"
#include "common/outcome.h"

enum ff_work_type {
    FF_WORK_FIT,
    FF_WORK_SCORE,    /* judge the frame's steps by the task's model */
    FF_WORK_FORECAST, /* what comes behind the rows that the task's model was fitted on; the frame is not read
                       */
    FF_WORK_BACKTEST, /* fit on the frame's beginning and forecast what follows, several times */
    FF_WORK_TYPES
};

enum { FF_MOST_HORIZON = 1000000, FF_MOST_FOLDS = 1000 };
#define FF_LATEST_MS (INT64_MAX / 4) /* of a time that is asked for, before and after the epoch */

struct ff_work {
    enum ff_work_type type;
    uint32_t horizon; /* forecast, backtest: steps, at least 1 */
    uint32_t folds;   /* backtest: at least 1 */
    uint32_t season;  /* backtest: steps, of the yardsticks; 0: found */
    double coverage;  /* forecast, backtest: of the band, within (0, 1) */
    bool explains; /* score, several columns: of the step at that time what each column contributes, whatever
                      it is; else of the worst steps above a limit those that contribute most */
    int64_t explained_ms;
};

enum ff_alert_direction { FF_ALERT_BOTH, FF_ALERT_ABOVE, FF_ALERT_BELOW, FF_ALERT_DIRECTIONS };

/* What a model is to call an anomaly; all zero: what is outside the kind's own band. */
struct ff_alerts {
    double per_week; /* that a target may raise */
    enum ff_alert_direction direction;
    int64_t least_duration_ms;
    double least_deviation; /* from what is expected, in the metric's unit */
};

/* What a new model must not do worse than the one in use, given as the task's input, to take its place; all
 * zero: nothing. */
struct ff_promotion {
    int64_t last_ms;    /* both are judged by so much at the end of the rows; 0: not at all */
    int64_t max_alerts; /* of the new one in there; below 0: any number */
    double max_worse;   /* its mean |error|, as a share beyond the old one's; below 0: any */
};

/* A file that a program of somebody's own reads: an object, which whoever fits has fetched. */
struct ff_shared {
    struct ff_object_id id;
    uint64_t size; /* 0: it is empty, and no object */
};

enum { FF_MOST_SHARED = 16 };

/* A model to fit: kind and its parameters. Borrowed strings. */
struct ff_fit_spec {
    const char *kind; /* NULL or "": none */
    const struct ff_param *params;
    size_t param_count;
    struct ff_alerts alerts;
    struct ff_work work;            /* score and forecast: kind and parameters are the model's own */
    const struct ff_shared *shared; /* kind command: in the order of its parameter shared */
    size_t shared_count;            /* 0: they are not at hand as objects */
    struct ff_promotion promotion;  /* fit */
};

/* The text that spec gives for the parameter; NULL if none. */
const char *ff_fit_spec_given(const struct ff_fit_spec *spec, const char *param);

struct ff_task {
    uint32_t target;  /* index in its job */
    const char *name; /* of the target, "all" for the frame of all */
    const struct ff_fit_spec *model;
    const struct ff_fit_spec *fallback; /* kind NULL: none */
    const char *const *metrics;         /* names of the frame's columns */
    struct ff_frame frame;
    struct ff_bytes input; /* an encoded model (common/model.h): score, forecast: what is applied; fit: the
                              one in use, if there is one and the new one must prove itself */
};

#endif

/* What score (with --online and without) and forecast share: the models of a set, what their job says of
 * data, and where lines go. */
#ifndef FF_COORDINATOR_CLI_APPLICATION_H
#define FF_COORDINATOR_CLI_APPLICATION_H

#include "coordinator/cli/errand.h"
#include "coordinator/cli/sink.h"
#include "coordinator/scoreline.h"
#include "coordinator/scoring.h"

struct ff_application {
    const struct ff_options *options;
    struct ff_arena arena;
    struct ff_kit kit;
    struct ff_scoring scoring;
    struct ff_submit_request request; /* the job that the models come from */
    struct ff_errand_result result;
    bool ran;
};

/* Reads the models of the set that the first argument names. NOT_FOUND, UNAVAILABLE, … */
FF_NODISCARD enum ff_status ff_application_read(struct ff_application *app, enum ff_work_type type,
                                                struct ff_error *err);
/* Takes the other arguments as data. */
FF_NODISCARD enum ff_status ff_application_find_data(struct ff_application *app, struct ff_error *err);
/* The spec that their rows are read with. *parsed owns what it borrows; destroy it. */
FF_NODISCARD enum ff_status ff_application_spec(struct ff_application *app, struct ff_jobspec **parsed,
                                                struct ff_jobspec *out, struct ff_error *err);
/* Makes the request one for an errand: score the files, or (count 0) forecast. */
void ff_application_make_errand(struct ff_application *app, const struct ff_data_file *files, size_t count);
void ff_application_fini(struct ff_application *app);

/* "N lines, M anomalies" and whom nothing is known of, on standard error. */
void ff_application_tell(const struct ff_application *app, const struct ff_score_counts *counts);

/* score --online: the exit code. */
int ff_score_online(const struct ff_options *options);

#endif

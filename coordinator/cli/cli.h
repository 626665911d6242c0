/* The command line: options, exit codes, and what its commands share. */
#ifndef FF_COORDINATOR_CLI_CLI_H
#define FF_COORDINATOR_CLI_CLI_H

#include "common/rpc.h"
#include "common/task.h"
#include "coordinator/jobspec.h"
#include "coordinator/store.h"

enum ff_exit {
    FF_EXIT_DONE = 0,
    FF_EXIT_INTERNAL = 1,    /* internal error, address in use, or state unusable */
    FF_EXIT_USAGE = 2,       /* bad usage, job file or data */
    FF_EXIT_SOME_FAILED = 3, /* done, but some targets (or `all`) failed or were quarantined */
    FF_EXIT_JOB_FAILED = 4,  /* job failed or was cancelled */
    FF_EXIT_UNREACHABLE = 5, /* coordinator */
    FF_EXIT_SIGINT = 130,
    FF_EXIT_SIGTERM = 143,
};

enum { FF_KEEP_JOBS = 1000 };
#define FF_ANY_ARGUMENTS SIZE_MAX /* as many as there are */

/* Flags as given; NULL or 0 where not. */
struct ff_options {
    const char **arguments;
    size_t argument_count;
    const char *slots, *state, *coordinator, *tls, *token_file, *format, *out, *config, *listen, *data_root;
    const char *keep_jobs, *keep_age;
    const char *id, *target, *only, *classes, *targets, *rows, *cpu_ms;
    const char *all_out, *causes_out, *causes_at, *horizon, *folds, *season, *coverage;
    const char *labels, *metric, *threshold, *buffer;
    const char **sets;
    size_t set_count;
    bool affinity, wait, follow, insecure, no_reuse, verbose, help, all, straggler, online;
};

struct ff_command {
    const char *name;
    int (*run)(const struct ff_options *options);
    const char *flags; /* names of the flags it takes, separated by spaces */
    size_t min_arguments, max_arguments;
    const char *synopsis; /* behind the name */
    const char *summary;
};

/* Parses what follows the command's name. FF_EXIT_USAGE after a message. */
int ff_options_parse(const struct ff_command *command, int argc, char **argv, struct ff_options *out);
void ff_command_help(const struct ff_command *command);

/* ---- what flags and environment say ---- */

const char *ff_option_state(const struct ff_options *options);
const char *ff_option_format(const struct ff_options *options, const char *default_format);
FF_NODISCARD enum ff_status ff_option_security(const struct ff_options *options, struct ff_buf *token,
                                               struct ff_rpc_security *out, struct ff_error *err);
/* Which finished jobs a state keeps. INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_option_retention(const struct ff_options *options, struct ff_retention *out,
                                                struct ff_error *err);
/* INVALID_ARGUMENT unless text is a number of executors or a share: "4", "0.5". */
FF_NODISCARD enum ff_status ff_option_check_slots(const char *text, struct ff_error *err);
/* "failed,quarantined" into words, in the arena. allowed: a bit (1 << class) for each class that may be
 * named. INVALID_ARGUMENT with expected ("--only: expected …") and what was found. */
FF_NODISCARD enum ff_status ff_option_classes(const char *text, unsigned allowed, const char *expected,
                                              struct ff_arena *arena, const char *const **classes,
                                              size_t *count, struct ff_error *err);
/* --horizon, --folds, --season and --coverage over what out holds. INVALID_ARGUMENT. */
FF_NODISCARD enum ff_status ff_option_work(const struct ff_options *options, struct ff_work *out,
                                           struct ff_error *err);
/* Prints "fitfleet: text" and returns the exit code of the status. */
int ff_fail(const struct ff_error *err);
/* The same for a coordinator that does not start: its state or address is no mistake in a job. */
int ff_fail_to_start(const struct ff_error *err);
/* Where results go: --out, written whole or not at all, or standard output. */
int ff_write_output(const struct ff_options *options, const struct ff_buf *text);
/* The exit code of a finished job. */
int ff_job_exit_code(const struct ff_job_status *status);

/* ---- a job file ---- */

/* What a request is parsed from; all is borrowed from it. */
struct ff_jobspec_source ff_submit_source(const struct ff_submit_request *request);
/* Adds what another --set behind those that there are would say; text is borrowed. */
void ff_submit_add_override(struct ff_submit_request *request, const char *text, struct ff_arena *arena);
/* Reads the file and makes its paths absolute; strings are in the arena. */
FF_NODISCARD enum ff_status ff_submit_from_file(const struct ff_options *options, const char *path,
                                                struct ff_arena *arena, struct ff_submit_request *out,
                                                struct ff_error *err);

/* ---- a coordinator to talk to ---- */

struct ff_session {
    struct ff_rpc_client *client; /* NULL: reads come from the state directory */
    struct ff_store *store;
    const char *state; /* its directory, borrowed */
};

/* --state DIR: reads the directory; else dials the coordinator now. */
FF_NODISCARD enum ff_status ff_session_open(const struct ff_options *options, bool may_read_state,
                                            struct ff_session *out, struct ff_error *err);
void ff_session_close(struct ff_session *session);
/* A call whose answer is a job's status; strings in the arena. */
FF_NODISCARD enum ff_status ff_session_job_call(struct ff_rpc_client *client, enum ff_method method,
                                                const struct ff_buf *body, uint32_t deadline_ms,
                                                struct ff_arena *arena, struct ff_job_status *out,
                                                struct ff_error *err);
/* A document, from either. *cursor is used by "follow". */
FF_NODISCARD enum ff_status ff_session_read(struct ff_session *session, struct ff_read_request *request,
                                            struct ff_buf *out, struct ff_error *err);

/* The argument at that place, "" if it is not given. */
const char *ff_argument(const struct ff_options *options, size_t at);
/* A command that prints a document: opens the session, reads, writes it out. Returns the exit code. */
int ff_show(const struct ff_options *options, struct ff_read_request *request, bool may_read_state);

/* ---- watching ---- */

/* Blocks SIGINT, SIGTERM and SIGCHLD for this and all later threads; they come through a descriptor. */
int ff_signals_open(void);
/* They end this program again. */
void ff_signals_close(int signals);
/* Shows progress on standard error until the job is over; out is filled then (strings in the arena). A signal
 * ends it early: *signal is its number. signals < 0: none are watched. child: called on SIGCHLD. */
struct ff_coordinator;
struct ff_watch {
    int signals;
    void (*child_ended)(void *context);
    void *context;
    bool quiet;
    bool give_up; /* the coordinator gone for long ends it, instead of waiting for it */
    const struct ff_coordinator *coordinator; /* in this process: its failure ends it; NULL: elsewhere */
};
FF_NODISCARD enum ff_status ff_watch_job(struct ff_rpc_client *client, const char *job,
                                         const struct ff_watch *watch, struct ff_arena *arena,
                                         struct ff_job_status *out, int *signal, struct ff_error *err);

/* ---- commands ---- */

int ff_command_train(const struct ff_options *options);
int ff_command_plan(const struct ff_options *options);
int ff_command_bench(const struct ff_options *options);
int ff_command_coordinator(const struct ff_options *options);
int ff_command_submit(const struct ff_options *options);
int ff_command_jobs(const struct ff_options *options);
int ff_command_status(const struct ff_options *options);
int ff_command_watch(const struct ff_options *options);
int ff_command_cancel(const struct ff_options *options);
int ff_command_retry(const struct ff_options *options);
int ff_command_results(const struct ff_options *options);
int ff_command_logs(const struct ff_options *options);
int ff_command_explain(const struct ff_options *options);
int ff_command_capsule(const struct ff_options *options);
int ff_command_workers(const struct ff_options *options);
int ff_command_models(const struct ff_options *options);
int ff_command_score(const struct ff_options *options);
int ff_command_evaluate(const struct ff_options *options);
int ff_command_forecast(const struct ff_options *options);
int ff_command_backtest(const struct ff_options *options);
int ff_command_fsck(const struct ff_options *options);
int ff_command_backup(const struct ff_options *options);
int ff_command_ping(const struct ff_options *options);
int ff_command_version(const struct ff_options *options);

#endif

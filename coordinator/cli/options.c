/* Flags: one table, of which each command takes some. */
#include "coordinator/cli/cli.h"
#include "coordinator/cli/sink.h"

#include "common/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flag {
    const char *name; /* without dashes */
    size_t offset;    /* of a const char * or a bool in ff_options */
    bool has_value;
    const char *value; /* as help shows it */
    const char *help;
};

#define TEXT(flag_name, field, shown, text)                                                                  \
    {                                                                                                        \
        flag_name, offsetof(struct ff_options, field), true, shown, text                                     \
    }
#define SWITCH(flag_name, field, text)                                                                       \
    {                                                                                                        \
        flag_name, offsetof(struct ff_options, field), false, "", text                                       \
    }

static const struct flag flags[] = {
    TEXT("coordinator", coordinator, "URL", "FITFLEET_COORDINATOR; default tcp://127.0.0.1:7400"),
    TEXT("state", state, "DIR", "state directory; FITFLEET_STATE; default ./.fitfleet"),
    TEXT("slots", slots, "N|SHARE",
         "executors, or a share of the cores such as 0.5; FITFLEET_SLOTS; default 1.0"),
    TEXT("workers", slots, "N|SHARE", "the same as --slots"),
    SWITCH("affinity", affinity, "pin each executor to a core"),
    TEXT("set", sets, "KEY=VALUE",
         "overrides a value of the job file, e.g. --set targets.top=100; repeatable"),
    TEXT("format", format, "FORMAT", "json, csv or table"),
    TEXT("out", out, "FILE", "write there instead of standard output"),
    TEXT("all-out", all_out, "FILE", "what the model of all says: its statistics at each step"),
    TEXT("causes-out", causes_out, "FILE", "which targets and metrics made one of them exceed its limit"),
    TEXT("causes-at", causes_at, "TIME",
         "of --causes-out: every column's share at that time, whatever it was"),
    TEXT("horizon", horizon, "N", "steps ahead; default 24"),
    TEXT("folds", folds, "K", "parts at the end that are forecast; default 3"),
    TEXT("season", season, "N", "steps of the season of MASE and Naive2; default: found for each series"),
    TEXT("coverage", coverage, "SHARE", "of what comes that lies in the band; default 0.95"),
    SWITCH("online", online,
           "row by row as they come, each judged before it is learned; models of kind online"),
    TEXT("labels", labels, "FILE", "JSON {target: [[start, end], ...]}, or CSV with start and end, or time"),
    TEXT("metric", metric, "NAME", "only its scores; default: of each row the largest"),
    TEXT("threshold", threshold, "SCORE", "an alarm is above it; default 1"),
    TEXT("buffer", buffer, "ROWS", "around events, of VUS; default 100"),
    TEXT("tls", tls, "DIR",
         "certificates: ca.crt for clients, tls.crt and tls.key for the coordinator; FITFLEET_TLS"),
    TEXT("token-file", token_file, "FILE", "the shared token; FITFLEET_TOKEN_FILE"),
    TEXT("config", config, "FILE", "YAML with the same settings"),
    TEXT("listen", listen, "URL", "address for workers and clients; default tcp://127.0.0.1:7400"),
    TEXT("data-root", data_root, "DIR", "jobs may read data below this folder only"),
    TEXT("keep-jobs", keep_jobs, "N",
         "finished jobs that are kept, beside those with models; 0: all; default 1000"),
    TEXT("keep-age", keep_age, "TIME", "how long finished jobs are kept, such as 90d; default for ever"),
    SWITCH("insecure", insecure, "listen beyond loopback without TLS or token"),
    SWITCH("wait", wait, "wait for the end; the exit code is the job's"),
    TEXT("id", id, "KEY", "the same key, text and data again are the same job"),
    SWITCH("no-reuse", no_reuse, "fit everything again"),
    SWITCH("follow", follow, "one JSON line per outcome as it is committed"),
    TEXT("class", classes, "CLASSES", "only these classes, e.g. failed,quarantined"),
    TEXT("only", only, "CLASSES", "classes to try again; default failed,quarantined"),
    TEXT("target", target, "GLOB", "only targets whose name matches"),
    SWITCH("all", all, "every target in the table"),
    TEXT("targets", targets, "N", "synthetic targets; default 3000"),
    TEXT("rows", rows, "R", "rows per target; default 1440"),
    TEXT("cpu-ms", cpu_ms, "M", "CPU time of each fit in milliseconds; default 2"),
    SWITCH("straggler", straggler,
           "one executor gets a tenth of its time: without second copies of late leases, then with them"),
    SWITCH("verbose", verbose, "log what happens to standard error"),
    SWITCH("help", help, "this text"),
};
enum { FLAG_COUNT = sizeof flags / sizeof *flags };

static bool takes(const struct ff_command *command, const char *name)
{
    size_t length = strlen(name);
    if (strcmp(name, "help") == 0 || strcmp(name, "verbose") == 0)
        return true;
    for (const char *at = command->flags; (at = strstr(at, name)); at += length)
        if ((at == command->flags || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static const struct flag *find(const struct ff_command *command, const char *name, size_t length)
{
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (strlen(flags[i].name) == length && strncmp(flags[i].name, name, length) == 0 &&
            takes(command, flags[i].name))
            return &flags[i];
    return NULL;
}

static int unknown(const struct ff_command *command, const char *word)
{
    const char *names[FLAG_COUNT];
    size_t count = 0;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (takes(command, flags[i].name))
            names[count++] = flags[i].name;
    const char *near = strncmp(word, "--", 2) == 0 ? ff_suggest(name, names, count) : NULL;
    if (near)
        fprintf(stderr, "fitfleet %s: unknown option '%s', did you mean '--%s'?\n", command->name, word,
                near);
    else
        fprintf(stderr, "fitfleet %s: unknown option '%s' (fitfleet %s --help lists them)\n", command->name,
                word, command->name);
    return FF_EXIT_USAGE;
}

static void store_value(struct ff_options *out, const struct flag *flag, const char *value)
{
    char *place = (char *)out + flag->offset;
    if (!flag->has_value) {
        *(bool *)place = true;
    } else if (strcmp(flag->name, "set") == 0) {
        out->sets = ff_xrealloc(out->sets, (out->set_count + 1) * sizeof *out->sets);
        out->sets[out->set_count++] = value;
    } else {
        memcpy(place, &value, sizeof value);
    }
}

/* One word that begins with a dash; *at is moved over its value. */
static int parse_flag(const struct ff_command *command, int argc, char **argv, int *at,
                      struct ff_options *out)
{
    const char *word = argv[*at];
    if (strcmp(word, "-o") == 0)
        word = "--out";
    if (strcmp(word, "-h") == 0)
        word = "--help";
    size_t length = strcspn(word + 2, "=");
    const struct flag *flag = strncmp(word, "--", 2) == 0 ? find(command, word + 2, length) : NULL;
    if (!flag)
        return unknown(command, argv[*at]);
    const char *value = word[2 + length] == '=' ? word + 3 + length : NULL;
    if (flag->has_value && !value && ++*at < argc)
        value = argv[*at];
    if (flag->has_value != (value != NULL)) {
        fprintf(stderr, "fitfleet %s: --%s %s\n", command->name, flag->name,
                flag->has_value ? "needs a value" : "takes no value");
        return FF_EXIT_USAGE;
    }
    store_value(out, flag, value);
    return FF_EXIT_DONE;
}

static int check_format(const char *format)
{
    if (!format || strcmp(format, "json") == 0 || strcmp(format, "csv") == 0 || strcmp(format, "table") == 0)
        return FF_EXIT_DONE;
    fprintf(stderr, "fitfleet: --format: expected json, csv or table, found '%s'\n", format);
    return FF_EXIT_USAGE;
}

int ff_options_parse(const struct ff_command *command, int argc, char **argv, struct ff_options *out)
{
    bool only_arguments = false;
    *out = (struct ff_options){0};
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && argv[i][0] == '-' && argv[i][1]) {
            int code = parse_flag(command, argc, argv, &i, out);
            if (code)
                return code;
        } else if (out->argument_count == command->max_arguments) {
            fprintf(stderr, "fitfleet %s: unexpected argument '%s'\n", command->name, argv[i]);
            return FF_EXIT_USAGE;
        } else {
            out->arguments = ff_xrealloc(out->arguments, (out->argument_count + 1) * sizeof *out->arguments);
            out->arguments[out->argument_count++] = argv[i];
        }
    }
    if (!out->help && out->argument_count < command->min_arguments) {
        fprintf(stderr, "fitfleet %s: missing argument; usage: fitfleet %s %s\n", command->name,
                command->name, command->synopsis);
        return FF_EXIT_USAGE;
    }
    return check_format(out->format);
}

void ff_command_help(const struct ff_command *command)
{
    printf("usage: fitfleet %s %s\n\n%s\n\n", command->name, command->synopsis, command->summary);
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        char left[64];
        if (!takes(command, flags[i].name))
            continue;
        snprintf(left, sizeof left, "--%s %s", flags[i].name, flags[i].value);
        printf("  %-22s %s\n", left, flags[i].help);
    }
}

/* ---- what flags and environment say ---- */

const char *ff_option_state(const struct ff_options *options)
{
    const char *environment = getenv("FITFLEET_STATE");
    return options->state ? options->state : environment ? environment : ".fitfleet";
}

const char *ff_option_format(const struct ff_options *options, const char *default_format)
{
    return options->format ? options->format : default_format;
}

enum ff_status ff_option_security(const struct ff_options *options, struct ff_buf *token,
                                  struct ff_rpc_security *out, struct ff_error *err)
{
    const char *file = options->token_file ? options->token_file : getenv("FITFLEET_TOKEN_FILE");
    out->tls_dir = options->tls ? options->tls : getenv("FITFLEET_TLS");
    enum ff_status status = file ? ff_rpc_token_load(file, token, err) : FF_OK;
    out->token = ff_buf_bytes(token);
    return status;
}

enum ff_status ff_option_retention(const struct ff_options *options, struct ff_retention *out,
                                   struct ff_error *err)
{
    int64_t jobs = FF_KEEP_JOBS;
    *out = (struct ff_retention){0};
    if (options->keep_jobs && (!ff_parse_integer(options->keep_jobs, &jobs) || jobs < 0))
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--keep-jobs: expected a number of jobs, 0 for all, found '%s'",
                            options->keep_jobs);
    if (options->keep_age && !ff_parse_duration(options->keep_age, &out->age_ms))
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--keep-age: expected a duration such as 90d, found '%s'", options->keep_age);
    out->jobs = (uint64_t)jobs;
    return FF_OK;
}

enum ff_status ff_option_check_slots(const char *text, struct ff_error *err)
{
    double value;
    bool share = strchr(text, '.') != NULL;
    bool good = ff_parse_double(text, strlen(text), &value) && value > 0 && value <= (share ? 1 : 4096) &&
                (share || value == (double)(int)value);
    if (good)
        return FF_OK;
    return ff_error_set(
        err, FF_INVALID_ARGUMENT,
        "--slots: expected a number of executors from 1 to 4096, or a share of the cores such as 0.5, "
        "found '%s'",
        text);
}

enum ff_status ff_option_classes(const char *text, unsigned allowed, const char *expected,
                                 struct ff_arena *arena, const char *const **classes, size_t *count,
                                 struct ff_error *err)
{
    const char **words = ff_arena_alloc(arena, (strlen(text) + 1) * sizeof *words);
    *classes = words;
    *count = 0;
    while (*text) {
        size_t length = strcspn(text, ",");
        const char *word = ff_arena_strndup(arena, text, length);
        enum ff_class class = ff_class_from_name(word);
        if (class == FF_OPEN || !(allowed >> class & 1))
            return ff_error_set(err, FF_INVALID_ARGUMENT, "%s, found '%s'", expected, word);
        words[(*count)++] = word;
        text += length + (text[length] == ',');
    }
    return FF_OK;
}

int ff_fail(const struct ff_error *err)
{
    fprintf(stderr, "fitfleet: %s\n", err->text);
    switch (err->status) {
    case FF_UNAVAILABLE:
    case FF_DEADLINE_EXCEEDED:
        return FF_EXIT_UNREACHABLE;
    case FF_INTERNAL:
    case FF_DATA_LOSS:
    case FF_UNKNOWN:
    case FF_RESOURCE_EXHAUSTED:
        return FF_EXIT_INTERNAL;
    default:
        return FF_EXIT_USAGE;
    }
}

int ff_fail_to_start(const struct ff_error *err)
{
    ff_fail(err);
    return err->status == FF_INVALID_ARGUMENT ? FF_EXIT_USAGE : FF_EXIT_INTERNAL;
}

int ff_job_exit_code(const struct ff_job_status *status)
{
    uint64_t failed = status->counts.of_class[FF_FAILED] + status->counts.of_class[FF_QUARANTINED];
    if (strcmp(status->state, "done") == 0)
        return failed || status->all_failed ? FF_EXIT_SOME_FAILED : FF_EXIT_DONE;
    return status->code == FF_CODE_BAD_DATA ? FF_EXIT_USAGE : FF_EXIT_JOB_FAILED;
}

int ff_write_output(const struct ff_options *options, const struct ff_buf *text)
{
    struct ff_sink sink;
    struct ff_error err = {0};
    enum ff_status status = ff_sink_open(options->out, &sink, &err);
    if (!status) {
        if (text->size && fwrite(text->data, 1, text->size, sink.file) != text->size)
            status = ff_error_set(&err, FF_INTERNAL, "cannot write %s: %m",
                                  options->out ? options->out : "to standard output");
        status = ff_sink_close(&sink, status, &err);
    }
    if (!status)
        return FF_EXIT_DONE;
    fprintf(stderr, "fitfleet: %s\n", err.text);
    return FF_EXIT_INTERNAL;
}

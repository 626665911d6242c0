/* fitfleet-worker: command line, environment and configuration of the agent; with --executor, the executor.
 */
#include "common/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/text.h"
#include "common/version.h"
#include "worker/affinity.h"
#include "worker/agent.h"
#include "worker/executor.h"
#include "worker/replay.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: fitfleet-worker [options]\n"
    "\n"
    "Joins a coordinator, fits targets in executor processes and reports them, until SIGTERM drains it.\n"
    "\n"
    "  --coordinator URL    tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc:///PATH  (FITFLEET_COORDINATOR;\n"
    "                       default tcp://127.0.0.1:7400)\n"
    "  --slots N|SHARE      executors: a number, or a share such as 0.5 of the cores  (FITFLEET_SLOTS; "
    "default 1.0)\n"
    "  --affinity           pin each executor to a core\n"
    "  --drain DURATION     how long targets in progress may go on after SIGTERM  (default 8s)\n"
    "  --tls DIR            folder with ca.crt  (FITFLEET_TLS)\n"
    "  --token-file FILE    the shared token  (FITFLEET_TOKEN_FILE)\n"
    "  --recycle-targets N  executors are replaced after so many targets  (default 10000; 0: never)\n"
    "  --recycle-memory SIZE  or when they have grown by so much  (default 256MiB; 0: never)\n"
    "  --copy-rows          fetch rows even from a coordinator on this host, instead of reading its memory\n"
    "  --plugins DIR        folder of shared objects with model kinds: kind: plugin, path: NAME\n"
    "  --own-models         plug-ins and commands may be any file that a job names\n"
    "  --config FILE        the same as YAML: coordinator, slots, affinity, drain, tls, token_file,\n"
    "                       recycle_targets, recycle_memory, copy_rows, plugins, own_models\n"
    "\n"
    "  --replay FILE        instead: fits the target of a capsule (fitfleet capsule) again, under its "
    "limits, and\n"
    "                       prints what happened as JSON; exit code 0 fitted, 3 not, 2 no capsule\n"
    "  --out FILE           with it: where to write the model\n"
    "  --foreground         with it: in this process and without limits, for a debugger\n"
    "\n"
    "  --quiet              print warnings and errors only\n"
    "  --version, --help\n";

struct settings {
    const char *coordinator;
    const char *slots;
    const char *drain;
    const char *tls;
    const char *token_file;
    const char *recycle_targets;
    const char *recycle_memory;
    const char *plugins;
    const char *config;
    const char *parent_fd;
    struct ff_replay_options replay; /* path NULL: be an agent */
    bool affinity;
    bool copy_rows;
    bool own_models;
    bool quiet;
};

/* Every flag and, where the configuration has it too, its key there. */
static const struct setting {
    const char *flag;
    const char *key;
    bool is_switch;
    size_t offset; /* of a const char *, or of a switch's bool */
} table[] = {
#define TEXT(flag, key, field)                                                                               \
    {                                                                                                        \
        flag, key, false, offsetof(struct settings, field)                                                   \
    }
#define SWITCH(flag, key, field)                                                                             \
    {                                                                                                        \
        flag, key, true, offsetof(struct settings, field)                                                    \
    }
    TEXT("coordinator", "coordinator", coordinator),
    TEXT("slots", "slots", slots),
    SWITCH("affinity", "affinity", affinity),
    TEXT("drain", "drain", drain),
    TEXT("tls", "tls", tls),
    TEXT("token-file", "token_file", token_file),
    TEXT("recycle-targets", "recycle_targets", recycle_targets),
    TEXT("recycle-memory", "recycle_memory", recycle_memory),
    SWITCH("copy-rows", "copy_rows", copy_rows),
    TEXT("plugins", "plugins", plugins),
    SWITCH("own-models", "own_models", own_models),
    TEXT("config", NULL, config),
    TEXT("parent-fd", NULL, parent_fd),
    TEXT("replay", NULL, replay.path),
    TEXT("out", NULL, replay.out),
    SWITCH("foreground", NULL, replay.foreground),
    SWITCH("quiet", NULL, quiet),
#undef TEXT
#undef SWITCH
};
enum { SETTINGS = sizeof table / sizeof *table, OPTION_VERSION = SETTINGS, OPTION_HELP };

static const char **text_of(struct settings *settings, const struct setting *setting)
{
    return (const char **)(void *)((char *)settings + setting->offset);
}

static bool *switch_of(struct settings *settings, const struct setting *setting)
{
    return (bool *)((char *)settings + setting->offset);
}

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a ? a : b ? b : c;
}

static int fail(const struct ff_error *err)
{
    fprintf(stderr, "fitfleet-worker: %s\n", err->text);
    return 2;
}

/* Fills what flags left open. */
static enum ff_status take_setting(const struct ff_config_node *root, const struct setting *setting,
                                   struct settings *settings, struct ff_error *err)
{
    const struct ff_config_node *node = ff_config_child(root, setting->key);
    if (setting->is_switch)
        return *switch_of(settings, setting) ? FF_OK
                                             : ff_config_bool(node, switch_of(settings, setting), err);
    return *text_of(settings, setting) ? FF_OK : ff_config_text(node, text_of(settings, setting), err);
}

/* The config lives as long as the process. */
static enum ff_status read_config(const char *path, struct settings *settings, struct ff_error *err)
{
    const char *keys[SETTINGS];
    size_t count = 0;
    struct ff_buf text = {0};
    static struct ff_config *config; /* its texts are used to the end */
    enum ff_status status = ff_file_read(path, 2 << 20, &text, err);
    if (!status)
        status = ff_config_parse((const char *)text.data, text.size, path, &config, err);
    ff_buf_fini(&text);
    if (status)
        return status;
    for (size_t i = 0; i < SETTINGS; i++)
        if (table[i].key)
            keys[count++] = table[i].key;
    status = ff_config_check_map(ff_config_root(config), keys, count, err);
    for (size_t i = 0; !status && i < SETTINGS; i++)
        if (table[i].key)
            status = take_setting(ff_config_root(config), &table[i], settings, err);
    return status;
}

static enum ff_status resolve_recycling(const struct settings *settings, struct ff_agent_options *options,
                                        struct ff_error *err)
{
    const char *targets = first_of(settings->recycle_targets, "10000", NULL);
    const char *memory = first_of(settings->recycle_memory, "256MiB", NULL);
    int64_t count;
    if (!ff_parse_integer(targets, &count) || count < 0)
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--recycle-targets: expected a number of targets, found '%s'", targets);
    if (!ff_parse_size(memory, &options->recycle_bytes))
        return ff_error_set(err, FF_INVALID_ARGUMENT,
                            "--recycle-memory: expected a size such as 256MiB, found '%s'", memory);
    options->recycle_targets = (uint64_t)count;
    return FF_OK;
}

static enum ff_status resolve(const struct settings *settings, struct ff_agent_options *options,
                              struct ff_buf *token, struct ff_error *err)
{
    const char *drain = settings->drain ? settings->drain : "8s";
    const char *token_file = first_of(settings->token_file, getenv("FITFLEET_TOKEN_FILE"), NULL);
    *options = (struct ff_agent_options){
        .url = first_of(settings->coordinator, getenv("FITFLEET_COORDINATOR"), "tcp://127.0.0.1:7400"),
        .security.tls_dir = first_of(settings->tls, getenv("FITFLEET_TLS"), NULL),
        .affinity = settings->affinity,
        .copy_rows = settings->copy_rows,
        .parent_fd = settings->parent_fd ? atoi(settings->parent_fd) : -1};
    if (!ff_parse_duration(drain, &options->drain_ms))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--drain: expected a duration such as 8s, found '%s'",
                            drain);
    enum ff_status status =
        ff_affinity_slots(first_of(settings->slots, getenv("FITFLEET_SLOTS"), "1.0"), &options->slots, err);
    if (!status)
        status = resolve_recycling(settings, options, err);
    if (!status && token_file)
        status = ff_rpc_token_load(token_file, token, err);
    options->security.token = ff_buf_bytes(token);
    return status;
}

/* For the executors, which inherit the environment. */
static void allow_own_models(const struct settings *settings)
{
    if (settings->plugins)
        setenv("FITFLEET_PLUGINS", settings->plugins, 1);
    if (settings->own_models)
        setenv("FITFLEET_OWN_MODELS", "1", 1);
}

static void list_options(struct option *options)
{
    for (int i = 0; i < SETTINGS; i++)
        options[i] =
            (struct option){table[i].flag, table[i].is_switch ? no_argument : required_argument, NULL, i};
    options[SETTINGS] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    options[SETTINGS + 1] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    options[SETTINGS + 2] = (struct option){NULL, 0, NULL, 0};
}

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, struct settings *settings)
{
    struct option options[SETTINGS + 3];
    int option;
    list_options(options);
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == OPTION_VERSION) {
            printf("fitfleet-worker %s (protocol %u)\n", ff_version, ff_protocol);
            return 0;
        }
        if (option == OPTION_HELP || option == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (option == '?') {
            fputs("fitfleet-worker --help lists the options\n", stderr);
            return 2;
        }
        if (table[option].is_switch)
            *switch_of(settings, &table[option]) = true;
        else
            *text_of(settings, &table[option]) = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "fitfleet-worker: unexpected argument '%s'\n", argv[optind]);
        return 2;
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--executor") == 0)
        return ff_executor_main(atoi(argv[2]), atoi(argv[3]));

    /* OpenBLAS starts a thread per core when it is loaded; the agent computes nothing and wants none. */
    if (!getenv("OPENBLAS_NUM_THREADS")) {
        setenv("OPENBLAS_NUM_THREADS", "1", 1);
        execv("/proc/self/exe", argv);
    }
    struct settings settings = {0};
    struct ff_agent_options options;
    struct ff_buf token = {0};
    struct ff_error err = {0};
    int code = parse(argc, argv, &settings);
    if (code >= 0)
        return code;
    allow_own_models(&settings);
    if (settings.replay.path) {
        ff_log_init(FF_LOG_WARNING, "worker");
        return ff_replay_run(&settings.replay);
    }
    if ((settings.config && read_config(settings.config, &settings, &err)) ||
        resolve(&settings, &options, &token, &err))
        return fail(&err);
    allow_own_models(&settings); /* those of the configuration */
    ff_log_init(settings.quiet ? FF_LOG_WARNING : FF_LOG_INFO, "worker");
    code = ff_agent_run(&options);
    ff_buf_fini(&token);
    return code;
}

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

#include <errno.h>
#include <getopt.h>
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
    "  --config FILE        the same as YAML: coordinator, slots, affinity, drain, tls, token_file\n"
    "  --quiet              print warnings and errors only\n"
    "  --version, --help\n";

struct settings {
    const char *coordinator;
    const char *slots;
    const char *drain;
    const char *tls;
    const char *token_file;
    bool affinity;
    bool quiet;
    int parent_fd;
};

static const char *first_of(const char *a, const char *b, const char *c)
{
    return a ? a : b ? b : c;
}

static int fail(const struct ff_error *err)
{
    fprintf(stderr, "fitfleet-worker: %s\n", err->text);
    return 2;
}

/* Fills what flags left open. The config lives as long as the process. */
static enum ff_status read_config(const char *path, struct settings *settings, struct ff_error *err)
{
    static const char *const keys[] = {"coordinator", "slots", "affinity", "drain", "tls", "token_file"};
    struct ff_buf text = {0};
    static struct ff_config *config; /* its texts are used to the end */
    enum ff_status status = ff_file_read(path, 2 << 20, &text, err);
    if (!status)
        status = ff_config_parse((const char *)text.data, text.size, path, &config, err);
    ff_buf_fini(&text);
    if (status)
        return status;
    const struct ff_config_node *root = ff_config_root(config);
    const char **texts[] = {&settings->coordinator, &settings->slots, NULL,
                            &settings->drain,       &settings->tls,   &settings->token_file};
    status = ff_config_check_map(root, keys, sizeof keys / sizeof *keys, err);
    for (size_t i = 0; !status && i < sizeof keys / sizeof *keys; i++)
        if (texts[i] && !*texts[i])
            status = ff_config_text(ff_config_child(root, keys[i]), texts[i], err);
    if (!status && !settings->affinity)
        status = ff_config_bool(ff_config_child(root, "affinity"), &settings->affinity, err);
    return status;
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
        .parent_fd = settings->parent_fd};
    if (!ff_parse_duration(drain, &options->drain_ms))
        return ff_error_set(err, FF_INVALID_ARGUMENT, "--drain: expected a duration such as 8s, found '%s'",
                            drain);
    enum ff_status status =
        ff_affinity_slots(first_of(settings->slots, getenv("FITFLEET_SLOTS"), "1.0"), &options->slots, err);
    if (!status && token_file)
        status = ff_rpc_token_load(token_file, token, err);
    options->security.token = ff_buf_bytes(token);
    return status;
}

enum { OPTION_PARENT = 256, OPTION_VERSION, OPTION_QUIET };

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, struct settings *settings, const char **config)
{
    static const struct option options[] = {{"coordinator", required_argument, NULL, 'c'},
                                            {"slots", required_argument, NULL, 's'},
                                            {"affinity", no_argument, NULL, 'a'},
                                            {"drain", required_argument, NULL, 'd'},
                                            {"tls", required_argument, NULL, 't'},
                                            {"token-file", required_argument, NULL, 'k'},
                                            {"config", required_argument, NULL, 'f'},
                                            {"parent-fd", required_argument, NULL, OPTION_PARENT},
                                            {"quiet", no_argument, NULL, OPTION_QUIET},
                                            {"version", no_argument, NULL, OPTION_VERSION},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            settings->coordinator = optarg;
            break;
        case 's':
            settings->slots = optarg;
            break;
        case 'a':
            settings->affinity = true;
            break;
        case 'd':
            settings->drain = optarg;
            break;
        case 't':
            settings->tls = optarg;
            break;
        case 'k':
            settings->token_file = optarg;
            break;
        case 'f':
            *config = optarg;
            break;
        case OPTION_PARENT:
            settings->parent_fd = atoi(optarg);
            break;
        case OPTION_QUIET:
            settings->quiet = true;
            break;
        case OPTION_VERSION:
            printf("fitfleet-worker %s (protocol %u)\n", ff_version, ff_protocol);
            return 0;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs("fitfleet-worker --help lists the options\n", stderr);
            return 2;
        }
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
    struct settings settings = {.parent_fd = -1};
    const char *config = NULL;
    struct ff_agent_options options;
    struct ff_buf token = {0};
    struct ff_error err = {0};
    int code = parse(argc, argv, &settings, &config);
    if (code >= 0)
        return code;
    if ((config && read_config(config, &settings, &err)) || resolve(&settings, &options, &token, &err))
        return fail(&err);
    ff_log_init(settings.quiet ? FF_LOG_WARNING : FF_LOG_INFO, "worker");
    code = ff_agent_run(&options);
    ff_buf_fini(&token);
    return code;
}

#include "coordinator/cli/cli.h"
#include "coordinator/coordinator.h"

#include "common/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/version.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Fills what flags left open; the config lives as long as the process. */
static enum ff_status read_config(struct ff_options *options, struct ff_error *err)
{
    static const char *const keys[] = {"listen",    "state",    "data_root", "tls",    "token_file",
                                       "keep_jobs", "keep_age", "insecure",  "verbose"};
    const char **texts[] = {&options->listen,     &options->state,     &options->data_root, &options->tls,
                            &options->token_file, &options->keep_jobs, &options->keep_age};
    struct ff_buf text = {0};
    static struct ff_config *config; /* its texts are used to the end */
    enum ff_status status = ff_file_read(options->config, 2 << 20, &text, err);
    if (!status)
        status = ff_config_parse((const char *)text.data, text.size, options->config, &config, err);
    ff_buf_fini(&text);
    if (status)
        return status;
    const struct ff_config_node *root = ff_config_root(config);
    status = ff_config_check_map(root, keys, sizeof keys / sizeof *keys, err);
    for (size_t i = 0; !status && i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i])
            status = ff_config_text(ff_config_child(root, keys[i]), texts[i], err);
    if (!status && !options->insecure)
        status = ff_config_bool(ff_config_child(root, "insecure"), &options->insecure, err);
    if (!status && !options->verbose)
        status = ff_config_bool(ff_config_child(root, "verbose"), &options->verbose, err);
    return status;
}

/* Beyond loopback others can reach the address: they must know a secret, and nobody may read along. */
static enum ff_status check_exposure(const struct ff_options *options, const char *url,
                                     const struct ff_rpc_security *security, struct ff_error *err)
{
    if (ff_rpc_url_is_local(url) || options->insecure)
        return FF_OK;
    if (strncmp(url, "tls+tcp://", 10) != 0 || security->token.size == 0)
        return ff_error_set(
            err, FF_INVALID_ARGUMENT,
            "%s can be reached from other hosts: use tls+tcp:// with --tls DIR and --token-file FILE, "
            "or --insecure on a network that you trust",
            url);
    return FF_OK;
}

/* Until a signal, or until the state can't be used any more. */
static int serve(struct ff_coordinator *coordinator, int signals)
{
    struct pollfd ready[] = {{.fd = signals, .events = POLLIN},
                             {.fd = ff_coordinator_failed_fd(coordinator), .events = POLLIN}};
    struct signalfd_siginfo info;
    for (;;) {
        poll(ready, 2, -1);
        if (ready[1].revents) {
            ff_log(FF_LOG_ERROR, "the state cannot be used any more: %s",
                   ff_coordinator_failure(coordinator));
            return FF_EXIT_INTERNAL;
        }
        if (read(signals, &info, sizeof info) == (ssize_t)sizeof info && info.ssi_signo != SIGCHLD)
            return FF_EXIT_DONE;
    }
}

static int run(struct ff_options options, struct ff_buf *token)
{
    struct ff_error err = {0};
    struct ff_coordinator *coordinator;
    struct ff_coordinator_options start = {.resume = true};
    int signals = ff_signals_open();
    if (options.config && read_config(&options, &err))
        return ff_fail(&err);
    start.url = options.listen ? options.listen : "tcp://127.0.0.1:7400";
    start.state_dir = ff_option_state(&options);
    start.data_root = options.data_root;
    if (ff_option_retention(&options, &start.retention, &err))
        return ff_fail(&err);
    if (ff_option_security(&options, token, &start.security, &err) ||
        check_exposure(&options, start.url, &start.security, &err))
        return ff_fail(&err);
    bool remote = !ff_rpc_url_is_local(start.url);
    start.refuse_paths = remote && !start.data_root;
    ff_log_init(FF_LOG_INFO, "coordinator");
    if (ff_coordinator_start(&start, &coordinator, &err))
        return ff_fail_to_start(&err);
    ff_log(FF_LOG_INFO, "fitfleet %s listens on %s, state in %s", ff_version, ff_coordinator_url(coordinator),
           start.state_dir);
    int code = serve(coordinator, signals);
    ff_coordinator_stop(coordinator);
    return code;
}

int ff_command_coordinator(const struct ff_options *options)
{
    struct ff_buf token = {0};
    int code = run(*options, &token);
    ff_buf_fini(&token);
    return code;
}

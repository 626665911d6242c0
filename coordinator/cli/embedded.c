#include "coordinator/cli/embedded.h"

#include "common/clock.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RESTARTS = 10, READY_MS = 10000 };

extern char **environ;

/* A folder only we can enter. A socket's path ends at 107 bytes, so a long XDG_RUNTIME_DIR is passed over. */
static enum ff_status make_dir(struct ff_embedded *embedded, struct ff_error *err)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    struct stat info;
    bool fits = runtime && strlen(runtime) < 60 && stat(runtime, &info) == 0 && access(runtime, W_OK) == 0;
    embedded->dir = ff_xasprintf("%s/fitfleet-XXXXXX", fits ? runtime : "/tmp");
    if (!mkdtemp(embedded->dir)) {
        ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", embedded->dir);
        free(embedded->dir);
        embedded->dir = NULL;
        return FF_INTERNAL;
    }
    embedded->url = ff_xasprintf("ipc://%s/coordinator", embedded->dir);
    return FF_OK;
}

/* The worker's program lies beside this one. */
static enum ff_status worker_path(char *path, size_t size, struct ff_error *err)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 32);
    if (length <= 0)
        return ff_error_set(err, FF_INTERNAL, "cannot find this program's own path: %m");
    path[length] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash + 1, 32, "fitfleet-worker");
    if (access(path, X_OK) != 0)
        return ff_error_set(err, FF_INTERNAL, "%s: %m (it belongs beside fitfleet)", path);
    return FF_OK;
}

static char **agent_environment(void)
{
    size_t count = 0;
    while (environ[count])
        count++;
    char **list = ff_xalloc((count + 2) * sizeof *list);
    list[0] = "OPENBLAS_NUM_THREADS=1";
    memcpy(list + 1, environ, (count + 1) * sizeof *list);
    return list;
}

static enum ff_status spawn_agent(const struct ff_embedded *embedded, struct ff_embedded_agent *agent,
                                  struct ff_error *err)
{
    char path[PATH_MAX], fd_text[16];
    int ends[2];
    enum ff_status status = worker_path(path, sizeof path, err);
    if (status)
        return status;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return ff_error_set(err, FF_INTERNAL, "pipe: %m");
    /* The agent's end gets a number that nothing else has in the child. */
    int child_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 100);
    snprintf(fd_text, sizeof fd_text, "%d", child_end);
    char *arguments[] = {"fitfleet-worker",
                         "--coordinator",
                         embedded->url,
                         "--parent-fd",
                         fd_text,
                         "--quiet",
                         "--own-models", /* whoever runs this command could run them as well */
                         "--slots",
                         (char *)(uintptr_t)agent->slots,
                         embedded->affinity ? "--affinity" : NULL,
                         NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, child_end, child_end); /* clears close-on-exec */
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 2, 1); /* standard output is for results */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    char **environment = agent_environment();
    int code = posix_spawn(&agent->pid, path, &actions, &attributes, arguments, environment);
    free(environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    close(child_end);
    if (code) {
        close(ends[1]);
        agent->pid = 0;
        return ff_error_set(err, FF_INTERNAL, "cannot start %s: %s", path, strerror(code));
    }
    agent->pipe = ends[1];
    return FF_OK;
}

enum ff_status ff_embedded_start(const struct ff_embedded_options *options, struct ff_embedded *out,
                                 struct ff_error *err)
{
    const char *slots = options->slots ? options->slots : getenv("FITFLEET_SLOTS");
    *out = (struct ff_embedded){.affinity = options->affinity,
                                .agents = {{slots ? slots : "1.0", 0, -1}, {options->second_slots, 0, -1}},
                                .agent_count = options->second_slots ? 2 : 1};
    enum ff_status status = ff_option_check_slots(out->agents[0].slots, err);
    if (!status)
        status = make_dir(out, err);
    if (status)
        return status;
    struct ff_coordinator_options coordinator = {.url = out->url,
                                                 .state_dir = options->state_dir,
                                                 .retention = {.jobs = FF_KEEP_JOBS},
                                                 .no_copies = options->no_copies,
                                                 .source = options->source,
                                                 .source_context = options->source_context};
    struct ff_rpc_client_options client = {.url = out->url, .dial_now = true};
    status = ff_coordinator_start(&coordinator, &out->coordinator, err);
    for (size_t i = 0; !status && i < out->agent_count; i++)
        status = spawn_agent(out, &out->agents[i], err);
    if (!status)
        status = ff_rpc_client_open(&client, &out->client, err);
    if (status)
        ff_embedded_stop(out);
    return status;
}

static void agent_ended(struct ff_embedded *embedded, struct ff_embedded_agent *agent, int status)
{
    struct ff_error err = {0};
    agent->pid = 0;
    close(agent->pipe);
    agent->pipe = -1;
    bool signalled = WIFSIGNALED(status);
    ff_log(FF_LOG_WARNING, "the worker agent ended (%s %d) and is started again",
           signalled ? "signal" : "exit code", signalled ? WTERMSIG(status) : WEXITSTATUS(status));
    if (++embedded->restarts > MAX_RESTARTS || spawn_agent(embedded, agent, &err))
        ff_log(FF_LOG_ERROR, "no worker agent any more: %s", err.text);
}

void ff_embedded_child_ended(void *context)
{
    struct ff_embedded *embedded = context;
    int status;
    for (size_t i = 0; i < embedded->agent_count; i++) {
        struct ff_embedded_agent *agent = &embedded->agents[i];
        if (agent->pid > 0 && waitpid(agent->pid, &status, WNOHANG) == agent->pid)
            agent_ended(embedded, agent, status);
    }
}

static unsigned slots_ready(struct ff_embedded *embedded)
{
    struct ff_rpc_response *response =
        ff_rpc_call_wait(embedded->client, ff_method_name(FF_JOBS_PING), (struct ff_bytes){0}, NULL, 0, 1000);
    struct ff_ping_reply reply = {0};
    struct ff_arena arena = {0};
    if (response->status || ff_decode_ping_reply(response->body, &arena, &reply, NULL) ||
        reply.workers < embedded->agent_count)
        reply.slots = 0;
    ff_arena_fini(&arena);
    ff_rpc_response_free(response);
    return reply.slots;
}

unsigned ff_embedded_wait_ready(struct ff_embedded *embedded)
{
    unsigned slots = 0;
    for (int64_t until = ff_clock_ms() + READY_MS; ff_clock_ms() < until && !(slots = slots_ready(embedded));)
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    return slots;
}

void ff_embedded_stop(struct ff_embedded *embedded)
{
    for (size_t i = 0; i < embedded->agent_count; i++)
        if (embedded->agents[i].pipe >= 0)
            close(embedded->agents[i].pipe); /* the agent ends its executors and itself */
    ff_rpc_client_close(embedded->client);
    for (size_t i = 0; i < embedded->agent_count; i++)
        if (embedded->agents[i].pid > 0)
            waitpid(embedded->agents[i].pid, NULL, 0);
    ff_coordinator_stop(embedded->coordinator);
    if (embedded->dir) {
        char *socket = ff_xasprintf("%s/coordinator", embedded->dir);
        unlink(socket);
        free(socket);
        rmdir(embedded->dir);
    }
    free(embedded->dir);
    free(embedded->url);
    *embedded = (struct ff_embedded){0};
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void ff_embedded_remove_state(const char *dir)
{
    nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

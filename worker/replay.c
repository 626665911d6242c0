/* The target goes the way it went in its job: as a run of one task through a supervisor with one executor,
 * under the capsule's limits; only the network is missing. In the foreground it is fitted by the same code in
 * this process, so that a debugger is there when it crashes. */
#include "worker/replay.h"

#include "common/capsule.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/host.h"
#include "common/json.h"
#include "common/objects.h"
#include "common/version.h"
#include "worker/affinity.h"
#include "worker/fit.h"
#include "worker/sentinel.h"
#include "worker/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_FITTED = 0, EXIT_INTERNAL = 1, EXIT_BAD_FILE = 2, EXIT_FAILED = 3, TURN_MS = 10 };

struct replay {
    struct ff_capsule capsule;
    struct ff_arena arena;
    struct ff_buf file; /* the capsule's frame and log point into it */
    struct ff_outcome outcome;
    bool ended;
};

/* ---- fitting ---- */

static void decided(void *context, void *owner, const struct ff_outcome *outcome)
{
    struct replay *replay = context;
    struct ff_arena *arena = &replay->arena;
    struct ff_outcome *copy = &replay->outcome;
    (void)owner;
    *copy = *outcome;
    copy->errmsg = ff_arena_strdup(arena, outcome->errmsg);
    copy->kind = ff_arena_strdup(arena, outcome->kind);
    copy->summary = ff_arena_strdup(arena, outcome->summary);
    copy->model.data = ff_arena_copy(arena, outcome->model.data, outcome->model.size);
    copy->log.data = ff_arena_copy(arena, outcome->log.data, outcome->log.size);
}

static void ended(void *context, void *owner)
{
    (void)owner;
    ((struct replay *)context)->ended = true;
}

static enum ff_status assign(struct ff_supervisor *supervisor, struct replay *replay, struct ff_error *err)
{
    const struct ff_capsule *capsule = &replay->capsule;
    struct ff_wire_task task;
    struct ff_chunk chunk = ff_capsule_chunk(capsule, &task);
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    ff_encode_lease_reply(&chunk, &body, &blocks);
    struct ff_run_request request = {.owner = replay,
                                     .body = ff_buf_bytes(&body),
                                     .blocks = blocks.segments[0], /* one frame is one segment */
                                     .chunk = &chunk,
                                     .object_fd = -1};
    enum ff_status status = ff_supervisor_assign(supervisor, &request, err);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
    return status;
}

static void turn(struct ff_supervisor *supervisor, int epoll)
{
    struct epoll_event event;
    epoll_wait(epoll, &event, 1, TURN_MS);
    int64_t now_ms = ff_clock_ms();
    ff_supervisor_read(supervisor, now_ms);
    ff_supervisor_reap(supervisor, now_ms);
    ff_supervisor_tick(supervisor, now_ms, 0);
}

static enum ff_status fit_in_executor(struct replay *replay, struct ff_error *err)
{
    struct ff_supervisor *supervisor;
    struct ff_supervisor_options options = {.slots = 1,
                                            .memory_bytes = ff_host_memory(),
                                            .hooks = {.context = replay, .outcome = decided, .ended = ended}};
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    signal(SIGPIPE, SIG_IGN);
    ff_sentinel_start();
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    enum ff_status status = ff_supervisor_create(&options, epoll, ff_clock_ms(), &supervisor, err);
    if (status)
        return status;
    status = assign(supervisor, replay, err);
    while (!status && !replay->ended)
        turn(supervisor, epoll);
    ff_supervisor_destroy(supervisor);
    close(epoll);
    return status;
}

static void fit_here(struct replay *replay)
{
    struct ff_fitter *fitter = ff_fitter_create();
    struct ff_outcome outcome = {.pid = (uint32_t)getpid()};
    ff_fit_warm_up();
    ff_fit_task(fitter, &replay->capsule.task, &outcome);
    decided(replay, NULL, &outcome);
    ff_fitter_destroy(fitter);
}

/* ---- what happened ---- */

static bool has_model(const struct ff_outcome *outcome)
{
    return outcome->class == FF_FITTED || outcome->class == FF_FALLBACK || outcome->class == FF_REUSED;
}

/* One try that ended in a fault would, often enough, end so. */
static enum ff_class class_of(const struct ff_outcome *outcome)
{
    return ff_code_is_fault(outcome->code) ? FF_QUARANTINED : outcome->class;
}

static void put_hash(struct ff_json *json, const struct ff_object_id *id)
{
    char hex[2 * FF_OBJECT_ID_SIZE + 1];
    for (size_t i = 0; i < FF_OBJECT_ID_SIZE; i++)
        snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
    ff_json_put_string(json, "model_hash", hex);
}

static void put_outcome(struct ff_json *json, const struct ff_outcome *outcome,
                        const struct ff_object_id *model)
{
    ff_json_put_string(json, "class", ff_class_name(class_of(outcome)));
    ff_json_put_int(json, "errno", outcome->code);
    ff_json_put_string(json, "error", ff_code_name(outcome->code));
    ff_json_put_string(json, "errmsg", outcome->errmsg);
    ff_json_put_int(json, "signal", outcome->signal);
    ff_json_put_double(json, "fit_ms", outcome->fit_ms);
    ff_json_put_double(json, "cpu_ms", outcome->cpu_ms);
    ff_json_put_uint(json, "peak_rss_bytes", outcome->peak_rss_bytes);
    if (model)
        put_hash(json, model);
    else
        ff_json_put_null(json, "model_hash");
    ff_json_key(json, "log");
    ff_json_bytes(json, outcome->log);
}

/* null where there is nothing to compare with: no outcome yet, or one that says nothing of the fit. */
static void put_identical(struct ff_json *json, const struct replay *replay, const struct ff_object_id *model)
{
    const struct ff_capsule *capsule = &replay->capsule;
    const struct ff_outcome *then = &capsule->outcome, *now = &replay->outcome;
    if (then->class == FF_OPEN || then->class == FF_CANCELLED_CLASS || then->code == FF_CODE_WORKER_LOST)
        ff_json_put_null(json, "identical");
    else if (capsule->has_model)
        ff_json_put_bool(json, "identical", model && memcmp(model, &capsule->model_hash, sizeof *model) == 0);
    else
        ff_json_put_bool(json, "identical", now->code == then->code && now->signal == then->signal);
}

static void put_recorded(struct ff_json *json, const struct ff_capsule *capsule)
{
    ff_json_key(json, "recorded");
    if (capsule->outcome.class == FF_OPEN) {
        ff_json_null(json);
        return;
    }
    ff_json_object_begin(json);
    put_outcome(json, &capsule->outcome, capsule->has_model ? &capsule->model_hash : NULL);
    ff_json_put_int(json, "attempts", capsule->outcome.attempts);
    ff_json_put_string(json, "worker", capsule->worker);
    ff_json_put_bool(json, "same_profile", strcmp(capsule->profile, ff_fit_profile()) == 0);
    ff_json_object_end(json);
}

static void print(const struct replay *replay)
{
    const struct ff_capsule *capsule = &replay->capsule;
    const struct ff_outcome *outcome = &replay->outcome;
    struct ff_object_id hash, *model = NULL;
    struct ff_buf text = {0};
    struct ff_json json = ff_json_start(&text);
    if (has_model(outcome)) {
        hash = ff_object_hash(outcome->model);
        model = &hash;
    }
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "job", capsule->job);
    ff_json_put_string(&json, "target", capsule->task.name);
    ff_json_put_string(&json, "kind", capsule->task.model->kind);
    put_outcome(&json, outcome, model);
    put_identical(&json, replay, model);
    put_recorded(&json, capsule);
    ff_json_put_string(&json, "rows",
                       !capsule->rebuilt        ? "kept"
                       : capsule->files_changed ? "changed"
                                                : "rebuilt");
    ff_json_put_string(&json, "version", ff_version);
    ff_json_put_string(&json, "capsule_version", capsule->version);
    ff_json_object_end(&json);
    puts(ff_buf_text(&text));
    ff_buf_fini(&text);
}

static enum ff_status write_model(const char *path, struct ff_bytes model, struct ff_error *err)
{
    FILE *file = fopen(path, "we");
    bool good = file && fwrite(model.data, 1, model.size, file) == model.size;
    good = file && fclose(file) == 0 && good;
    return good ? FF_OK : ff_error_set(err, FF_INTERNAL, "cannot write %s: %m", path);
}

static int conclude(const struct replay *replay, const struct ff_replay_options *options,
                    struct ff_error *err)
{
    print(replay);
    if (!has_model(&replay->outcome))
        return EXIT_FAILED;
    if (options->out && write_model(options->out, replay->outcome.model, err))
        return EXIT_INTERNAL;
    return EXIT_FITTED;
}

/* ---- */

static enum ff_status open_capsule(const char *path, struct replay *replay, struct ff_error *err)
{
    enum ff_status status = ff_file_read(path, FF_CAPSULE_MAX_BYTES, &replay->file, err);
    if (!status && ff_capsule_decode(ff_buf_bytes(&replay->file), &replay->arena, &replay->capsule, err))
        status = ff_error_wrap(err, "%s", path);
    return status;
}

int ff_replay_run(const struct ff_replay_options *options)
{
    struct replay replay = {0};
    struct ff_error err = {0};
    int code = EXIT_FITTED;
    if (open_capsule(options->path, &replay, &err))
        code = EXIT_BAD_FILE;
    else if (options->foreground)
        fit_here(&replay);
    else if (fit_in_executor(&replay, &err))
        code = EXIT_INTERNAL;
    if (code == EXIT_FITTED)
        code = conclude(&replay, options, &err);
    if (err.status)
        fprintf(stderr, "fitfleet-worker: %s\n", err.text);
    ff_buf_fini(&replay.file);
    ff_arena_fini(&replay.arena);
    return code;
}

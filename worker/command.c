/* A place for each program that this process knows, by job and parameters: a job may have several rules and a
 * fallback, and jobs may take turns. When there are more, the one that was used least recently is ended.
 *
 *     open ──► place, not started ──first request──► init ── ready ──► asked ──► ended by expire, end_all or
 * for ▲                                                │        another's place └───── killed: it died, wrote
 * wrong, took too much memory ──► fault of the task
 *
 * A fault is kept until the task is over: fits of its other metrics end at once, and what the task ends as is
 * the fault. An allocation that fails leaves the exchange by longjmp; `asked` then says that an answer is
 * outstanding, and the program is not asked again. */
#include "worker/command.h"

#include "common/clock.h"
#include "common/log.h"
#include "worker/command_process.h"
#include "worker/command_reply.h"
#include "worker/command_request.h"
#include "worker/command_start.h"
#include "worker/models/band.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACES = 4,
    UNUSED_MS = 60000,
    END_MS = 2000,
    LINE_PER_VALUE = 64,
    LINE_MOST = 64 << 20,
    REFUSED_MS = 10000, /* for so long a program that refused to begin is not started again */
    MESSAGE = 400
};

struct place {
    struct ff_buf key; /* job and parameters; empty: free */
    struct ff_program *program;
    bool asked; /* and has not answered */
    uint64_t id;
    uint64_t first_id; /* that the program was asked */
    unsigned can;
    int64_t used_ms;
    char refusal[MESSAGE]; /* why it did not begin */
    int64_t refused_ms;
};

static struct place places[PLACES];
static struct place *current; /* that of the task */
static const struct ff_fit_spec *current_spec;
static struct ff_command_place given;
static const char *task = "";
static enum ff_code fault;
static char fault_message[MESSAGE];

void ff_command_enter(const struct ff_command_place *place)
{
    given = *place;
}

void ff_command_begin(const char *target)
{
    task = target;
    fault = FF_CODE_OK;
}

enum ff_code ff_command_verdict(struct ff_fit *fit, enum ff_code code)
{
    return fault == FF_CODE_OK ? code : (enum ff_code)fit->fail(fit, (int)fault, "%s", fault_message);
}

/* ---- places ---- */

static void end_program(struct place *place)
{
    struct ff_buf last = {0};
    if (!place->program)
        return;
    ff_request_end(&last);
    if (place->asked)
        ff_program_kill(place->program);
    else
        ff_program_end(place->program, ff_buf_bytes(&last), END_MS);
    place->program = NULL;
    place->asked = false;
    ff_buf_fini(&last);
}

static void kill_program(struct place *place)
{
    if (place->program)
        ff_program_kill(place->program);
    place->program = NULL;
    place->asked = false;
}

static void append_text(struct ff_buf *key, const char *text)
{
    ff_buf_append(key, text, strlen(text) + 1);
}

static struct ff_buf key_of(const struct ff_fit_spec *spec)
{
    struct ff_buf key = {0};
    ff_buf_append(&key, &given.job, sizeof given.job);
    for (size_t i = 0; i < spec->param_count; i++) {
        append_text(&key, spec->params[i].name);
        append_text(&key, spec->params[i].text);
    }
    for (size_t i = 0; i < spec->shared_count; i++)
        ff_buf_append(&key, spec->shared[i].id.bytes, FF_OBJECT_ID_SIZE);
    return key;
}

/* Takes the key. */
static struct place *find_place(struct ff_buf key)
{
    struct place *oldest = places;
    for (size_t i = 0; i < PLACES; i++) {
        struct place *place = &places[i];
        if (place->key.size == key.size && memcmp(place->key.data, key.data, key.size) == 0) {
            ff_buf_fini(&key);
            return place;
        }
        if (place->used_ms < oldest->used_ms)
            oldest = place;
    }
    end_program(oldest);
    ff_buf_fini(&oldest->key);
    *oldest = (struct place){.key = key};
    return oldest;
}

/* ---- what goes wrong ---- */

static int refuse(struct ff_fit *fit, const char *text)
{
    return fit->fail(fit, FF_FIT_BAD_PARAMETER, "command: %s", text);
}

/* What the task ends as. */
static int blame(struct ff_fit *fit, struct place *place, enum ff_code code, const char *text)
{
    kill_program(place);
    fault = code;
    snprintf(fault_message, sizeof fault_message, "command: %.380s", text);
    return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s", fault_message);
}

static enum ff_code code_of(enum ff_status status)
{
    switch (status) {
    case FF_RESOURCE_EXHAUSTED:
        return FF_CODE_OUT_OF_MEMORY;
    case FF_FAILED_PRECONDITION:
    case FF_ABORTED:
        return FF_CODE_CRASHED;
    default:
        return FF_CODE_BAD_OUTPUT;
    }
}

static int blame_for(struct ff_fit *fit, struct place *place, const struct ff_error *err)
{
    return blame(fit, place, code_of(err->status), err->text);
}

/* It cannot be run, exits, or says something else than ready: that is no fault of the target, and the next
 * one need not try. */
static int note_refusal(struct ff_fit *fit, struct place *place, const struct ff_error *err)
{
    place->refused_ms = ff_clock_ms();
    snprintf(place->refusal, sizeof place->refusal, "%.380s", err->text);
    return refuse(fit, place->refusal);
}

/* ---- asking ---- */

static int check_ability(struct ff_fit *fit, unsigned what)
{
    if (current->can & what)
        return FF_FIT_OK;
    return refuse(fit, what == FF_COMMAND_FIT     ? "the program cannot fit"
                       : what == FF_COMMAND_SCORE ? "the program cannot score"
                                                  : "the program cannot forecast");
}

static enum ff_status start(struct ff_error *err)
{
    current->first_id = current->id;
    return ff_command_start(current_spec, &given, &current->program, &current->can, err);
}

static int blame_start(struct ff_fit *fit, const struct ff_error *err)
{
    return err->status == FF_FAILED_PRECONDITION || err->status == FF_INVALID_ARGUMENT
               ? note_refusal(fit, current, err)
               : blame_for(fit, current, err);
}

/* The program is there, and able. */
static int get_ready(struct ff_fit *fit, unsigned what)
{
    if (fault != FF_CODE_OK)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%s", fault_message);
    if (current->asked)
        kill_program(current);
    current->used_ms = ff_clock_ms();
    if (current->refused_ms && current->used_ms - current->refused_ms < REFUSED_MS)
        return refuse(fit, current->refusal);
    struct ff_error err = {0};
    current->id++;
    if (!current->program && start(&err))
        return blame_start(fit, &err);
    return check_ability(fit, what);
}

static size_t line_limit(size_t values)
{
    size_t most = FF_COMMAND_LEAST_LINE + LINE_PER_VALUE * values;
    return values > LINE_MOST / LINE_PER_VALUE || most > LINE_MOST ? LINE_MOST : most;
}

/* *stale: what was wrong came of an earlier request. */
static enum ff_status exchange(const struct ff_buf *request, size_t values, struct ff_reply **out,
                               bool *stale, struct ff_error *err)
{
    struct ff_bytes answer;
    const struct ff_program_limits limits = {line_limit(values), given.memory_bytes};
    enum ff_status status = ff_program_check_idle(current->program, err);
    *stale = status != FF_OK;
    if (status)
        return status;
    current->asked = true;
    status = ff_program_ask(current->program, ff_buf_bytes(request), &limits, &answer, err);
    current->asked = status != FF_OK;
    if (!status)
        status = ff_reply_parse(answer, current->id, out, err);
    *stale = status && ff_reply_is_late(answer, current->first_id, current->id);
    return status;
}

/* Sends the request, which it frees. *out is the answer, if that is no error. What a program did of itself
 * since its last answer is not the task's fault: it is started afresh, once. */
static int ask(struct ff_fit *fit, struct ff_buf *request, size_t values, struct ff_reply **out)
{
    struct ff_error err = {0};
    enum ff_code code = FF_CODE_OK;
    const char *message = NULL;
    bool stale;
    enum ff_status status = exchange(request, values, out, &stale, &err);
    if (stale) {
        ff_log(FF_LOG_WARNING, "command: %s; it is started afresh, and the target is not charged", err.text);
        kill_program(current);
        if (start(&err)) {
            ff_buf_fini(request);
            return blame_start(fit, &err);
        }
        status = exchange(request, values, out, &stale, &err);
    }
    ff_buf_fini(request);
    if (status)
        return blame_for(fit, current, &err);
    if (ff_reply_error(*out, &code, &message, &err)) {
        ff_reply_free(*out);
        return blame_for(fit, current, &err);
    }
    if (code == FF_CODE_OK)
        return FF_FIT_OK;
    int given_code = code == FF_CODE_OUT_OF_MEMORY ? blame(fit, current, code, message)
                                                   : fit->fail(fit, (int)code, "%s", message);
    ff_reply_free(*out);
    return given_code;
}

/* The answer was read, or was not what it should be. */
static int conclude(struct ff_fit *fit, struct ff_reply *reply, enum ff_status status,
                    const struct ff_error *err)
{
    ff_reply_free(reply);
    return status ? blame_for(fit, current, err) : FF_FIT_OK;
}

static int fit_one(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    struct ff_buf request = {0};
    struct ff_reply *reply = NULL;
    struct ff_error err = {0};
    (void)config;
    int code = get_ready(fit, FF_COMMAND_FIT);
    if (code != FF_FIT_OK)
        return code;
    ff_request_fit(&request, current->id, task, frame);
    code = ask(fit, &request, frame->steps, &reply);
    return code == FF_FIT_OK ? conclude(fit, reply, ff_reply_emit(reply, fit, &err), &err) : code;
}

static enum ff_status read_scores(const struct ff_reply *reply, struct ff_kind_scores *scores, size_t count,
                                  bool with_score, struct ff_error *err)
{
    enum ff_status status = ff_reply_numbers(reply, "expected", true, scores->expected, count, err);
    if (!status)
        status = ff_reply_numbers(reply, "lower", true, scores->lower, count, err);
    if (!status)
        status = ff_reply_numbers(reply, "upper", true, scores->upper, count, err);
    if (!status && with_score)
        status = ff_reply_numbers(reply, "score", false, scores->score, count, err);
    size_t at = status ? count : ff_band_crossed(scores, count);
    if (at < count)
        status = ff_error_set(err, FF_INVALID_ARGUMENT,
                              "expected no \"lower\" above its \"upper\", found %g above %g at step %zu",
                              scores->lower[at], scores->upper[at], at);
    return status;
}

static int score_one(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                     struct ff_kind_scores *scores)
{
    struct ff_buf request = {0};
    struct ff_reply *reply = NULL;
    struct ff_error err = {0};
    int code = get_ready(fit, FF_COMMAND_SCORE);
    if (code != FF_FIT_OK)
        return code;
    ff_request_score(&request, current->id, task, model, frame);
    code = ask(fit, &request, 4 * frame->steps, &reply);
    return code == FF_FIT_OK
               ? conclude(fit, reply, read_scores(reply, scores, frame->steps, true, &err), &err)
               : code;
}

static int forecast_one(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon,
                        double coverage, struct ff_kind_scores *scores)
{
    struct ff_buf request = {0};
    struct ff_reply *reply = NULL;
    struct ff_error err = {0};
    int code = get_ready(fit, FF_COMMAND_FORECAST);
    if (code != FF_FIT_OK)
        return code;
    ff_request_forecast(&request, current->id, task, model, horizon, coverage);
    code = ask(fit, &request, 3 * horizon, &reply);
    return code == FF_FIT_OK ? conclude(fit, reply, read_scores(reply, scores, horizon, false, &err), &err)
                             : code;
}

/* ---- the kind ---- */

/* What it needs came with open. */
static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    (void)fit;
    (void)params;
    (void)count;
    *config = current;
    return FF_FIT_OK;
}

static const struct ff_kind kind = {.abi_version = FF_KIND_ABI_VERSION,
                                    .struct_size = sizeof(struct ff_kind),
                                    .name = FF_COMMAND_KIND,
                                    .format_version = 1,
                                    .configure = configure,
                                    .fit = fit_one,
                                    .score = score_one,
                                    .forecast = forecast_one};

const struct ff_kind *ff_command_open(struct ff_fit *fit, const struct ff_fit_spec *spec)
{
    const char *own = getenv("FITFLEET_OWN_MODELS");
    if (!own || strcmp(own, "1") != 0) {
        refuse(fit, "this worker runs no programs that a job names (--own-models allows it)");
        return NULL;
    }
    current_spec = spec;
    current = find_place(key_of(spec));
    return &kind;
}

/* ---- all programs ---- */

bool ff_command_is_any(void)
{
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].program)
            return true;
    return false;
}

bool ff_command_is_program(pid_t pid)
{
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].program && ff_program_pid(places[i].program) == pid)
            return true;
    return false;
}

void ff_command_expire(int64_t now_ms)
{
    for (size_t i = 0; i < PLACES; i++)
        if (now_ms - places[i].used_ms > UNUSED_MS)
            end_program(&places[i]);
}

void ff_command_end_all(void)
{
    for (size_t i = 0; i < PLACES; i++) {
        end_program(&places[i]);
        ff_buf_fini(&places[i].key);
        places[i] = (struct place){0};
    }
}

int64_t ff_command_cpu_us(void)
{
    int64_t sum = ff_program_ended_cpu_us();
    for (size_t i = 0; i < PLACES; i++)
        if (places[i].program)
            sum += ff_program_cpu_us(places[i].program);
    return sum;
}

uint64_t ff_command_peak_rss_bytes(void)
{
    uint64_t peak = ff_program_peak_rss_bytes();
    for (size_t i = 0; i < PLACES; i++) {
        uint64_t now = places[i].program ? ff_program_resident(places[i].program) : 0;
        peak = now > peak ? now : peak;
    }
    return peak;
}

uint64_t ff_command_grown_bytes(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < PLACES; i++) {
        const struct ff_program *program = places[i].program;
        uint64_t now = program ? ff_program_resident(program) : 0;
        uint64_t before = program ? ff_program_resident_at_start(program) : 0;
        sum += now > before ? now - before : 0;
    }
    return sum;
}

/* A coordinator among peers that speak the protocol and mean harm: every call with every field at its edges,
 * in any order, from several connections, random bodies too. It must answer, keep its memory, and finish the
 * next honest job. FF_HOSTILE_SEED and FF_HOSTILE_CALLS change what is played. */
#include "coordinator/coordinator.h"

#include "common/log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CALLS = 6000, CLIENTS = 3, TARGETS = 50, SHORT_MS = 40, LONG_MS = 20000, MOST_RSS_MB = 700 };

static struct ff_coordinator *coordinator;
static struct ff_rpc_client *clients[CLIENTS];
static struct ff_error err;
static char dir[64];
static uint64_t chance;

/* What was learned from answers, and is used against who gave it. */
static uint64_t worker, epoch, lease, job;

/* ---- the coordinator ---- */

static enum ff_status make_targets(void *context, const struct ff_jobspec *spec,
                                   struct ff_load_progress *progress, struct ff_targetset **out,
                                   struct ff_error *error)
{
    static const char *const metrics[] = {"value"};
    double values[20];
    (void)context;
    (void)spec;
    (void)progress;
    for (int i = 0; i < 20; i++)
        values[i] = i % 5;
    if (ff_targetset_create(metrics, 1, TARGETS, sizeof values, out, error))
        return error->status;
    for (int i = 0; i < TARGETS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%03d", i);
        struct ff_frame frame = {0, 60000, 20, 1, values};
        ff_targetset_add(*out, name, 20, &frame);
    }
    return FF_OK;
}

static void start(bool resume)
{
    char state[96], url[96];
    ff_log_init(FF_LOG_ERROR, "hostile"); /* workers are lost by the hundred */
    snprintf(dir, sizeof dir, "/tmp/ff-hostile-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(state, sizeof state, "%s/state", dir);
    snprintf(url, sizeof url, "ipc://%s/socket", dir);
    struct ff_coordinator_options options = {
        .url = url, .state_dir = state, .resume = resume, .source = make_targets};
    cr_assert_eq(ff_coordinator_start(&options, &coordinator, &err), FF_OK, "%s", err.text);
    for (int i = 0; i < CLIENTS; i++) {
        struct ff_rpc_client_options client = {.url = url, .dial_now = true};
        cr_assert_eq(ff_rpc_client_open(&client, &clients[i], &err), FF_OK, "%s", err.text);
    }
}

static void stop(void)
{
    char command[128];
    for (int i = 0; i < CLIENTS; i++)
        ff_rpc_client_close(clients[i]);
    ff_coordinator_stop(coordinator);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

static void start_for_all(void)
{
    start(true);
}

/* As train does: jobs of an earlier start wait until the same one is submitted. */
static void start_embedded(void)
{
    start(false);
}

TestSuite(hostile, .init = start_for_all, .fini = stop, .timeout = 240);
TestSuite(hostile_to_train, .init = start_embedded, .fini = stop, .timeout = 240);

/* ---- chance ---- */

/* splitmix64 (Steele, Lea and Flood 2014) */
static uint64_t pick(uint64_t below)
{
    uint64_t z = chance += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % below;
}

static uint64_t number(void)
{
    const uint64_t edges[] = {0,          1,
                              2,          worker,
                              worker + 1, epoch,
                              lease,      lease + 1,
                              job,        TARGETS - 1,
                              TARGETS,    UINT32_MAX,
                              INT64_MAX,  (uint64_t)INT64_MAX + 1,
                              UINT64_MAX, pick(UINT64_MAX)};
    return edges[pick(sizeof edges / sizeof *edges)];
}

/* One that is mostly right: else most calls would end at the first check. */
static uint64_t mostly(uint64_t right)
{
    return pick(4) ? right : number();
}

static const char *text(void)
{
    static char large[1 << 20];
    static const char *const texts[] = {
        "",
        "a",
        "hostile-1",
        "hostile",
        "results",
        "follow",
        "harvest",
        "status",
        "explain",
        "logs",
        "models",
        "export",
        "json",
        "csv",
        "table",
        "../../etc/passwd",
        "%s%n%x",
        "\xff\xfe\x80",
        "t001",
        "failed",
        "\n\r\t\x1b[2J",
        "data: {files: [synthetic], layout: file}\ntargets: {min_rows: 1}\n",
        "{",
        "a: &a [*a]",
        "data: {files: [synthetic], layout: file}\nplan: {chunk: 1}\nlimits: {attempts: 1}\n",
        large};
    if (!large[0])
        memset(large, 'x', sizeof large - 1);
    return texts[pick(sizeof texts / sizeof *texts)];
}

/* ---- calls ---- */

static struct ff_rpc_response *call(enum ff_method method, const struct ff_buf *body, struct ff_bytes blocks,
                                    uint32_t deadline_ms)
{
    return ff_rpc_call_wait(clients[pick(CLIENTS)], ff_method_name(method), ff_buf_bytes(body), &blocks,
                            blocks.size ? 1 : 0, deadline_ms);
}

static void learn(enum ff_method method, const struct ff_rpc_response *response)
{
    struct ff_arena arena = {0};
    struct ff_join_reply joined;
    struct ff_chunk *chunk;
    if (response->status == FF_OK && method == FF_FLEET_JOIN &&
        ff_decode_join_reply(response->body, &arena, &joined, &err) == FF_OK) {
        worker = joined.worker;
        epoch = joined.epoch;
    }
    if (response->status == FF_OK && method == FF_FLEET_LEASE &&
        ff_decode_lease_reply(response->body, response->blocks.size, &arena, &chunk, &err) == FF_OK &&
        chunk) {
        lease = chunk->lease.counter;
        job = chunk->job;
    }
    ff_arena_fini(&arena);
}

static void join(struct ff_buf *body)
{
    ff_encode_join_request(&(struct ff_join_request){text(), (uint32_t)number(), (uint32_t)number(), text(),
                                                     number(), number(), number()},
                           body);
}

static void ask(struct ff_buf *body)
{
    ff_encode_lease_request(
        &(struct ff_lease_request){mostly(worker), number(), (uint32_t)number(), (uint32_t)number()}, body);
}

static void report(struct ff_buf *body, struct ff_blocks *blocks)
{
    static const uint8_t junk[64];
    struct ff_outcome outcomes[3];
    for (int i = 0; i < 3; i++)
        outcomes[i] = (struct ff_outcome){.target = (uint32_t)number(),
                                          .class = (enum ff_class)pick(9),
                                          .code = (enum ff_code)pick(50),
                                          .errmsg = text(),
                                          .kind = text(),
                                          .summary = text(),
                                          .fit_ms = (double)number() - 1e18,
                                          .attempts = (uint32_t)number(),
                                          .model = {junk, pick(sizeof junk)},
                                          .log = {junk, pick(sizeof junk)},
                                          .model_in_object = pick(8) == 0};
    struct ff_report message = {
        mostly(worker), {mostly(epoch), mostly(lease)}, mostly(job), number(), outcomes, pick(4),
        pick(2) == 0};
    ff_encode_report(&message, body, blocks);
}

static void beat(struct ff_buf *body)
{
    struct ff_lease_id leases[8];
    struct ff_executor_state executors[4];
    for (int i = 0; i < 8; i++)
        leases[i] = (struct ff_lease_id){mostly(epoch), number()};
    for (int i = 0; i < 4; i++)
        executors[i] = (struct ff_executor_state){.pid = (uint32_t)number(),
                                                  .age_ms = number(),
                                                  .lease = {number(), number()},
                                                  .job = number(),
                                                  .target = (uint32_t)number(),
                                                  .busy = pick(2),
                                                  .cpu_ms = number(),
                                                  .done = number()};
    struct ff_beat_request message = {mostly(worker), leases, pick(9), executors, pick(5), pick(8) == 0};
    ff_encode_beat_request(&message, body);
}

static struct ff_object_id object(void)
{
    struct ff_object_id id = {{(uint8_t)pick(4)}};
    return id;
}

static void submit(struct ff_buf *body)
{
    const char *overrides[] = {text(), "plan.chunk=1", text()};
    struct ff_submit_request message = {.yaml = text(),
                                        .file = pick(2) ? "hostile.yaml" : text(),
                                        .base_dir = pick(2) ? "/" : text(),
                                        .overrides = overrides,
                                        .override_count = pick(4),
                                        .override_dir = pick(2) ? "/" : text(),
                                        .request_id = text(),
                                        .no_reuse = pick(2)};
    ff_encode_submit_request(&message, body);
}

static void read_call(struct ff_buf *body)
{
    const char *classes[] = {text(), "fitted"};
    ff_encode_read_request(&(struct ff_read_request){text(), text(), text(), text(), classes, pick(3), text(),
                                                     number(), pick(2)},
                           body);
}

static void random_bytes(struct ff_buf *body)
{
    size_t size = pick(200);
    for (size_t i = 0; i < size; i++)
        ff_buf_append(body, (uint8_t[]){(uint8_t)pick(256)}, 1);
}

static void build(enum ff_method method, struct ff_buf *body, struct ff_blocks *blocks)
{
    const char *classes[] = {text(), "failed"};
    switch (method) {
    case FF_FLEET_JOIN:
        return join(body);
    case FF_FLEET_LEASE:
        return ask(body);
    case FF_FLEET_REPORT:
        return report(body, blocks);
    case FF_FLEET_BEAT:
        return beat(body);
    case FF_FLEET_FETCH:
        return ff_encode_fetch_request(&(struct ff_fetch_request){object(), number(), number()}, body);
    case FF_FLEET_PUT:
        return ff_encode_put_request(&(struct ff_put_request){object(), number(), number()}, body);
    case FF_FLEET_LEAVE:
        return ff_encode_leave_request(mostly(worker), body);
    case FF_JOBS_SUBMIT:
        return submit(body);
    case FF_JOBS_STATUS:
    case FF_JOBS_CANCEL:
    case FF_JOBS_RELEASE:
        return ff_encode_job_request(&(struct ff_job_request){text(), (uint32_t)number(), number()}, body);
    case FF_JOBS_RETRY:
        return ff_encode_retry_request(&(struct ff_retry_request){text(), classes, pick(3)}, body);
    case FF_JOBS_READ:
        return read_call(body);
    default:
        return;
    }
}

static void harm(void)
{
    static const uint8_t junk[4096];
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    enum ff_method method = (enum ff_method)pick(FF_JOBS_PING + 1);
    if (pick(10))
        build(method, &body, &blocks);
    else
        random_bytes(&body);
    struct ff_bytes extra = {junk, pick(2) ? pick(sizeof junk) : 0};
    struct ff_rpc_response *response = call(method, &body, extra, SHORT_MS);
    cr_assert_neq(response->status, FF_UNAVAILABLE, "%s: %s", ff_method_name(method), response->text);
    learn(method, response);
    ff_rpc_response_free(response);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
}

/* ---- an honest job behind it ---- */

static size_t rss_mb(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*u %zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) >> 20;
}

static struct ff_rpc_response *must_call(enum ff_method method, struct ff_buf *body)
{
    struct ff_rpc_response *response = call(method, body, (struct ff_bytes){0}, LONG_MS);
    cr_assert_eq(response->status, FF_OK, "%s: %s", ff_method_name(method), response->text);
    ff_buf_fini(body);
    *body = (struct ff_buf){0};
    return response;
}

/* Submits and gives the job's name. */
static char *submit_honestly(struct ff_arena *arena)
{
    struct ff_buf body = {0};
    struct ff_job_status status;
    struct ff_submit_request message = {.yaml = "name: honest\ndata: {files: [synthetic], layout: file}\n",
                                        .file = "honest.yaml",
                                        .base_dir = "/",
                                        .override_dir = "/",
                                        .request_id = ""};
    ff_encode_submit_request(&message, &body);
    struct ff_rpc_response *response = must_call(FF_JOBS_SUBMIT, &body);
    cr_assert_eq(ff_decode_job_status(response->body, arena, &status, &err), FF_OK);
    char *id = ff_arena_strdup(arena, status.id);
    ff_rpc_response_free(response);
    return id;
}

static bool is_done(const char *id)
{
    struct ff_buf body = {0};
    struct ff_arena arena = {0};
    struct ff_job_status status;
    ff_encode_job_request(&(struct ff_job_request){id, 0, 0}, &body);
    struct ff_rpc_response *response = must_call(FF_JOBS_STATUS, &body);
    cr_assert_eq(ff_decode_job_status(response->body, &arena, &status, &err), FF_OK);
    bool done = strcmp(status.state, "done") == 0 && status.counts.of_class[FF_FITTED] == TARGETS;
    ff_rpc_response_free(response);
    ff_arena_fini(&arena);
    return done;
}

/* Takes one chunk, of whatever job, and reports its targets as fitted. */
static void work(uint64_t me, uint64_t sequence)
{
    struct ff_buf body = {0};
    struct ff_arena arena = {0};
    struct ff_blocks blocks = {0};
    struct ff_chunk *chunk;
    ff_encode_lease_request(&(struct ff_lease_request){me, sequence, 1, 0}, &body);
    struct ff_rpc_response *response =
        ff_rpc_call_wait(clients[0], "Fleet.Lease", ff_buf_bytes(&body), NULL, 0, 3000);
    cr_assert_eq(response->status, FF_OK, "%s", response->text);
    cr_assert_eq(ff_decode_lease_reply(response->body, response->blocks.size, &arena, &chunk, &err), FF_OK);
    body.size = 0;
    if (chunk) {
        struct ff_outcome *outcomes = ff_arena_zalloc(&arena, chunk->task_count * sizeof *outcomes);
        for (size_t i = 0; i < chunk->task_count; i++)
            outcomes[i] = (struct ff_outcome){.target = chunk->tasks[i].task.target,
                                              .class = FF_FITTED,
                                              .errmsg = "",
                                              .kind = "seasonal",
                                              .summary = "{}",
                                              .model = {(const uint8_t *)"model", 5},
                                              .model_size = 5};
        struct ff_report message = {me, chunk->lease, chunk->job, 1, outcomes, chunk->task_count, true};
        ff_encode_report(&message, &body, &blocks);
        struct ff_rpc_response *reported = ff_rpc_call_wait(clients[0], "Fleet.Report", ff_buf_bytes(&body),
                                                            blocks.segments, blocks.count, LONG_MS);
        cr_assert_eq(reported->status, FF_OK, "%s", reported->text);
        ff_rpc_response_free(reported);
    }
    ff_rpc_response_free(response);
    ff_blocks_fini(&blocks);
    ff_buf_fini(&body);
    ff_arena_fini(&arena);
}

static uint64_t join_honestly(void)
{
    struct ff_buf body = {0};
    ff_encode_join_request(
        &(struct ff_join_request){"honest", 1, 1, "profile", 0xabcdef0123456789, 1 << 30, 8 << 20}, &body);
    struct ff_rpc_response *response = must_call(FF_FLEET_JOIN, &body);
    learn(FF_FLEET_JOIN, response);
    ff_rpc_response_free(response);
    return worker;
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static void harm_and_work(void)
{
    struct ff_arena arena = {0};
    size_t before_mb = rss_mb();
    uint64_t calls = from_environment("FF_HOSTILE_CALLS", CALLS);
    chance = from_environment("FF_HOSTILE_SEED", 1);
    for (uint64_t i = 0; i < calls; i++)
        harm();
    size_t after_mb = rss_mb();
    cr_assert_lt(after_mb, before_mb + MOST_RSS_MB, "%zu MB and then %zu MB", before_mb, after_mb);
    char *id = submit_honestly(&arena);
    uint64_t me = join_honestly();
    uint64_t sequence = 0;
    for (time_t until = time(NULL) + 60; !is_done(id) && time(NULL) < until;)
        work(me, ++sequence);
    cr_assert(is_done(id));
    ff_arena_fini(&arena);
}

Test(hostile, whatever_peers_send_the_next_honest_job_is_done)
{
    harm_and_work();
}

Test(hostile_to_train, whatever_peers_send_the_next_honest_job_is_done)
{
    harm_and_work();
}

/* Plays thousands of workers against a real coordinator: real connections, chunks and reports, but fits that
 * only take time. Shows what the coordinator does under a fleet that one machine cannot hold.
 *
 *     swarm URL WORKERS FIT_US       until it gets SIGTERM; one slot each, FIT_US of virtual time per target
 *
 * Prints a line per second to standard error: workers that joined, targets fitted, calls that failed. */
#include "common/clock.h"
#include "common/queue.h"
#include "common/rpc_loop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, RETRY_MS = 500, LOOP_MS = 10, MODEL_BYTES = 200, JOINS_AT_ONCE = 200 };

struct player {
    struct ff_rpc_client *client;
    uint64_t incarnation, id, sequence, report_sequence;
    uint32_t beat_ms;
    int64_t next_beat_ms,
        due_ms; /* due: what is fitted now is done, or a call is to be tried again; 0: waits */
    struct ff_lease_id lease;
    uint64_t job;
    bool beating;
    uint32_t *targets;
    size_t count;
    uint32_t covered, of; /* targets of the lease: in the parts that came, and in all */
};

static struct ff_queue queue;
static struct player *players;
static size_t player_count, joined, joining;
static uint64_t fitted, failed;
static int64_t fit_us;
static atomic_bool stop;

static void call(struct player *player, enum ff_method method, ff_answer_handler *handler,
                 const struct ff_buf *body, const struct ff_blocks *blocks)
{
    struct ff_loop_call call = {&queue, player->client, method, DEADLINE_MS, handler, player, NULL};
    ff_loop_call(&call, body, blocks);
}

/* ---- Lease, Report ---- */

static void leased(void *self, void *item, const struct ff_rpc_response *response);

static void ask(struct player *player)
{
    struct ff_buf body = {0};
    player->due_ms = 0;
    ff_encode_lease_request(
        &(struct ff_lease_request){.worker = player->id, .sequence = ++player->sequence, .idle = 1}, &body);
    call(player, FF_FLEET_LEASE, leased, &body, NULL);
    ff_buf_fini(&body);
}

static void try_later(struct player *player)
{
    failed++;
    player->count = 0;
    player->due_ms = ff_clock_ms() + RETRY_MS;
}

static void leased(void *self, void *item, const struct ff_rpc_response *response)
{
    struct player *player = self;
    struct ff_arena arena = {0};
    struct ff_chunk *chunk = NULL;
    (void)item;
    if (response->status ||
        ff_decode_lease_reply(response->body, response->blocks.size, &arena, &chunk, NULL)) {
        try_later(player);
    } else if (!chunk) {
        ask(player);
    } else {
        bool same = player->lease.counter == chunk->lease.counter;
        player->report_sequence = same ? player->report_sequence : 0;
        player->covered = (same ? player->covered : 0) + chunk->covers;
        player->of = chunk->of;
        player->lease = chunk->lease;
        player->job = chunk->job;
        player->count = chunk->task_count;
        player->targets = ff_xrealloc(player->targets, (chunk->task_count + 1) * sizeof *player->targets);
        for (size_t i = 0; i < chunk->task_count; i++)
            player->targets[i] = chunk->tasks[i].task.target;
        player->due_ms = ff_clock_ms() + fit_us * (int64_t)player->count / 1000 + 1;
    }
    ff_arena_fini(&arena);
}

static void reported(void *self, void *item, const struct ff_rpc_response *response)
{
    struct player *player = self;
    (void)item;
    if (response->status) {
        try_later(player);
        return;
    }
    fitted += player->count;
    player->count = 0;
    if (player->covered >= player->of)
        player->lease = (struct ff_lease_id){0};
    ask(player);
}

static void report(struct player *player)
{
    static const uint8_t model[MODEL_BYTES];
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    struct ff_outcome *outcomes = ff_xcalloc(player->count, sizeof *outcomes);
    for (size_t i = 0; i < player->count; i++)
        outcomes[i] = (struct ff_outcome){.target = player->targets[i],
                                          .class = FF_FITTED,
                                          .errmsg = "",
                                          .kind = "seasonal",
                                          .summary = "{\"metrics\":{\"value\":{\"season\":1}}}",
                                          .fit_ms = (double)fit_us / 1000,
                                          .model = {model, sizeof model},
                                          .model_size = sizeof model};
    struct ff_report message = {player->id,
                                player->lease,
                                player->job,
                                ++player->report_sequence,
                                outcomes,
                                player->count,
                                player->covered >= player->of};
    player->due_ms = 0;
    ff_encode_report(&message, &body, &blocks);
    call(player, FF_FLEET_REPORT, reported, &body, &blocks);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
    free(outcomes);
}

/* ---- Join, Beat ---- */

static void came(void *self, void *item, const struct ff_rpc_response *response)
{
    struct player *player = self;
    struct ff_arena arena = {0};
    struct ff_join_reply reply;
    (void)item;
    joining--;
    if (response->status || ff_decode_join_reply(response->body, &arena, &reply, NULL)) {
        try_later(player);
    } else {
        player->id = reply.worker;
        player->beat_ms = reply.beat_ms;
        player->next_beat_ms = ff_clock_ms() + reply.beat_ms;
        joined++;
        ask(player);
    }
    ff_arena_fini(&arena);
}

static void join(struct player *player)
{
    struct ff_buf body = {0};
    struct ff_join_request request = {"swarm",           1, 1, "virtual", player->incarnation, 1 << 30,
                                      FF_RPC_MAX_MESSAGE};
    player->due_ms = 0;
    joining++;
    ff_encode_join_request(&request, &body);
    call(player, FF_FLEET_JOIN, came, &body, NULL);
    ff_buf_fini(&body);
}

static void beaten(void *self, void *item, const struct ff_rpc_response *response)
{
    struct player *player = self;
    struct ff_arena arena = {0};
    struct ff_beat_reply reply;
    (void)item;
    if (response->status || ff_decode_beat_reply(response->body, &arena, &reply, NULL))
        failed++;
    else
        player->beat_ms = reply.beat_ms;
    player->beating = false;
    ff_arena_fini(&arena);
}

static void beat(struct player *player, int64_t now_ms)
{
    struct ff_buf body = {0};
    struct ff_executor_state executor = {
        .pid = 1, .alive = true, .lease = player->lease, .job = player->job, .busy = player->count > 0};
    struct ff_beat_request request = {.worker = player->id,
                                      .leases = &player->lease,
                                      .lease_count = player->lease.counter != 0,
                                      .executors = &executor,
                                      .executor_count = 1};
    player->next_beat_ms = now_ms + player->beat_ms;
    player->beating = true;
    ff_encode_beat_request(&request, &body);
    call(player, FF_FLEET_BEAT, beaten, &body, NULL);
    ff_buf_fini(&body);
}

/* ---- the loop ---- */

static void play(struct player *player, int64_t now_ms)
{
    if (player->id && !player->beating && now_ms >= player->next_beat_ms)
        beat(player, now_ms);
    if (!player->due_ms || now_ms < player->due_ms)
        return;
    if (!player->id && joining < JOINS_AT_ONCE)
        join(player);
    else if (player->id && player->count)
        report(player);
    else if (player->id)
        ask(player);
}

static void tell(int64_t now_ms)
{
    static int64_t next_ms;
    if (now_ms < next_ms)
        return;
    next_ms = now_ms + 1000;
    fprintf(stderr, "swarm: %zu of %zu joined, %llu fitted, %llu calls failed\n", joined, player_count,
            (unsigned long long)fitted, (unsigned long long)failed);
}

static void loop(void)
{
    while (!atomic_load(&stop)) {
        ff_queue_wait(&queue, LOOP_MS);
        struct ff_event *event = ff_queue_pop_all(&queue);
        while (event) {
            struct ff_event *next = event->next;
            ff_loop_answer(event, true);
            event = next;
        }
        int64_t now_ms = ff_clock_ms();
        for (size_t i = 0; i < player_count; i++)
            play(&players[i], now_ms);
        tell(now_ms);
    }
}

static void end(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

static bool dial(const char *url)
{
    struct ff_error err = {0};
    for (size_t i = 0; i < player_count; i++) {
        struct ff_rpc_client_options options = {.url = url};
        if (ff_rpc_client_open(&options, &players[i].client, &err)) {
            fprintf(stderr, "swarm: %s\n", err.text);
            return false;
        }
        players[i].incarnation = (uint64_t)ff_clock_us() << 16 | i;
        players[i].due_ms = 1;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    if (argc != 4) {
        fprintf(stderr, "usage: swarm URL WORKERS FIT_US\n");
        return 2;
    }
    player_count = strtoul(argv[2], NULL, 10);
    fit_us = strtol(argv[3], NULL, 10);
    players = ff_xcalloc(player_count, sizeof *players);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    signal(SIGTERM, end);
    signal(SIGINT, end);
    ff_queue_init(&queue);
    if (!dial(argv[1]))
        return 1;
    loop();
    _exit(0); /* ten thousand connections are closed by the kernel */
}

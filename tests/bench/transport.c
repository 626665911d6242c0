/* What the rpc layer makes of nng: messages of a megabyte from one process to another, over ipc and tcp, by
 * bare REQ/REP and by ff_rpc_call in turn, with one and with eight of them in flight; and by PAIR, one way,
 * which is as fast as nng gets.
 *
 *     transport [MEGABYTES] [ROUNDS]       default: 1000 3
 *
 * Both ways the bytes are copied into a message once, since they come from somewhere. Prints MB/s, and the
 * CPU time of both processes for a message, which other work on the machine disturbs less; medians of the
 * rounds. */
#include "common/clock.h"
#include "common/rpc.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 1 << 20, MOST_IN_FLIGHT = 8, MOST_ROUNDS = 100, DEADLINE_MS = 60000 };
enum way { WAY_RAW, WAY_RPC, WAY_PAIR };
static const char *const way_names[] = {"raw", "rpc", "pair"};

static void must(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "transport: %s: %s\n", what, nng_strerror(rv));
    exit(1);
}

static void must_ok(enum ff_status status, const struct ff_error *err)
{
    if (status == FF_OK)
        return;
    fprintf(stderr, "transport: %s\n", err->text);
    exit(1);
}

/* ---- the other process ---- */

static void answer(void *context, struct ff_rpc_call *call, const struct ff_rpc_request *request)
{
    (void)context;
    (void)request;
    ff_rpc_reply(call, (struct ff_bytes){0}, NULL, 0);
}

static void serve_rpc(const char *url)
{
    struct ff_rpc_server_options options = {.url = url, .handler = answer};
    struct ff_rpc_server *server;
    struct ff_error err;
    must_ok(ff_rpc_server_open(&options, &server, &err), &err);
    for (;;)
        pause();
}

/* REQ/REP answers every message; PAIR the one that is empty, behind all others. */
static void serve_raw(const char *url, enum way way)
{
    nng_socket socket;
    nng_msg *message;
    must(way == WAY_RAW ? nng_rep0_open(&socket) : nng_pair0_open(&socket), "open");
    must(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, FF_RPC_MAX_MESSAGE), "limit");
    must(nng_listen(socket, url, NULL, 0), url);
    for (;;) {
        must(nng_recvmsg(socket, &message, 0), "receive");
        if (way == WAY_PAIR && nng_msg_len(message)) {
            nng_msg_free(message);
            continue;
        }
        nng_msg_clear(message);
        must(nng_sendmsg(socket, message, 0), "send");
    }
}

static pid_t start_server(const char *program, enum way way, const char *url)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    execl(program, program, "--serve", way_names[way], url, (char *)NULL);
    _exit(127);
}

/* ---- messages in flight ---- */

struct flight {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t left, open; /* to be sent; not answered yet */
};

static unsigned char content[MESSAGE];

static bool take_one(struct flight *flight)
{
    pthread_mutex_lock(&flight->lock);
    bool taken = flight->left > 0;
    flight->left -= taken;
    flight->open += taken;
    pthread_mutex_unlock(&flight->lock);
    return taken;
}

static void end_one(struct flight *flight)
{
    pthread_mutex_lock(&flight->lock);
    flight->open--;
    pthread_cond_signal(&flight->changed);
    pthread_mutex_unlock(&flight->lock);
}

static void wait_until_over(struct flight *flight)
{
    pthread_mutex_lock(&flight->lock);
    while (flight->left || flight->open)
        pthread_cond_wait(&flight->changed, &flight->lock);
    pthread_mutex_unlock(&flight->lock);
}

/* ---- bare nng ---- */

struct lane {
    struct flight *flight;
    nng_ctx context;
    nng_aio *aio;
    bool sending;
};

static nng_msg *new_message(void)
{
    nng_msg *message;
    must(nng_msg_alloc(&message, MESSAGE), "allocate");
    memcpy(nng_msg_body(message), content, MESSAGE);
    return message;
}

static void lane_send(struct lane *lane)
{
    if (!take_one(lane->flight))
        return;
    lane->sending = true;
    nng_aio_set_msg(lane->aio, new_message());
    nng_ctx_send(lane->context, lane->aio);
}

static void lane_moved(void *self)
{
    struct lane *lane = self;
    must(nng_aio_result(lane->aio), "call");
    if (lane->sending) {
        lane->sending = false;
        nng_ctx_recv(lane->context, lane->aio);
        return;
    }
    nng_msg_free(nng_aio_get_msg(lane->aio));
    lane_send(lane);
    end_one(lane->flight);
}

static nng_socket dial(enum way way, const char *url)
{
    nng_socket socket;
    must(way == WAY_RAW ? nng_req0_open(&socket) : nng_pair0_open(&socket), "open");
    int rv;
    for (int tries = 0; (rv = nng_dial(socket, url, NULL, 0)) == NNG_ECONNREFUSED && tries < 500; tries++)
        usleep(10000);
    must(rv, url);
    return socket;
}

static int64_t time_raw(const char *url, size_t messages, size_t in_flight)
{
    struct flight flight = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, messages, 0};
    struct lane lanes[MOST_IN_FLIGHT] = {0};
    nng_socket socket = dial(WAY_RAW, url);
    must(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "resend time");
    int64_t start_us = ff_clock_us();
    for (size_t i = 0; i < in_flight; i++) {
        lanes[i].flight = &flight;
        must(nng_ctx_open(&lanes[i].context, socket), "context");
        must(nng_aio_alloc(&lanes[i].aio, lane_moved, &lanes[i]), "aio");
        lane_send(&lanes[i]);
    }
    wait_until_over(&flight);
    int64_t taken_us = ff_clock_us() - start_us;
    for (size_t i = 0; i < in_flight; i++)
        nng_aio_free(lanes[i].aio);
    nng_close(socket);
    return taken_us;
}

static int64_t time_pair(const char *url, size_t messages)
{
    nng_socket socket = dial(WAY_PAIR, url);
    nng_msg *last;
    int64_t start_us = ff_clock_us();
    for (size_t i = 0; i < messages; i++)
        must(nng_sendmsg(socket, new_message(), 0), "send");
    must(nng_msg_alloc(&last, 0), "allocate");
    must(nng_sendmsg(socket, last, 0), "send");
    must(nng_recvmsg(socket, &last, 0), "receive");
    int64_t taken_us = ff_clock_us() - start_us;
    nng_msg_free(last);
    nng_close(socket);
    return taken_us;
}

/* ---- the rpc layer ---- */

struct calls {
    struct flight flight;
    struct ff_rpc_client *client;
};

static void replied(void *context, struct ff_rpc_response *response);

static void call(struct calls *calls)
{
    struct ff_bytes block = {content, MESSAGE};
    if (take_one(&calls->flight))
        ff_rpc_call(calls->client, "Bench.Take", (struct ff_bytes){0}, &block, 1, DEADLINE_MS, replied,
                    calls);
}

static void replied(void *context, struct ff_rpc_response *response)
{
    struct calls *calls = context;
    if (response->status) {
        fprintf(stderr, "transport: call: %s\n", response->text);
        exit(1);
    }
    ff_rpc_response_free(response);
    call(calls);
    end_one(&calls->flight);
}

static struct ff_rpc_client *open_client(const char *url)
{
    struct ff_rpc_client_options options = {.url = url, .dial_now = true};
    struct ff_rpc_client *client = NULL;
    struct ff_error err = {0};
    for (int tries = 0; !client && tries < 500; tries++)
        if (ff_rpc_client_open(&options, &client, &err))
            usleep(10000);
    must_ok(client ? FF_OK : err.status, &err);
    return client;
}

static int64_t time_rpc(const char *url, size_t messages, size_t in_flight)
{
    struct calls calls = {{PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, messages, 0},
                          open_client(url)};
    int64_t start_us = ff_clock_us();
    for (size_t i = 0; i < in_flight; i++)
        call(&calls);
    wait_until_over(&calls.flight);
    int64_t taken_us = ff_clock_us() - start_us;
    ff_rpc_client_close(calls.client);
    return taken_us;
}

/* ---- rounds ---- */

struct rate {
    double mb_per_s;
    double cpu_us; /* of both processes, for a message */
};

static int64_t cpu_us(const struct rusage *usage)
{
    return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * INT64_C(1000000) + usage->ru_utime.tv_usec +
           usage->ru_stime.tv_usec;
}

static struct rate measure(const char *program, enum way way, const char *url, size_t messages,
                           size_t in_flight)
{
    struct rusage before, after, server_usage;
    pid_t server = start_server(program, way, url);
    getrusage(RUSAGE_SELF, &before);
    int64_t us = way == WAY_PAIR  ? time_pair(url, messages)
                 : way == WAY_RPC ? time_rpc(url, messages, in_flight)
                                  : time_raw(url, messages, in_flight);
    getrusage(RUSAGE_SELF, &after);
    kill(server, SIGKILL);
    wait4(server, NULL, 0, &server_usage);
    int64_t cpu = cpu_us(&after) - cpu_us(&before) + cpu_us(&server_usage);
    return (struct rate){(double)messages * MESSAGE / (double)us, (double)cpu / (double)messages};
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, ascending);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void new_url(const char *transport, const char *dir, char *url, size_t size)
{
    static int number;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (strcmp(transport, "ipc") == 0) {
        snprintf(url, size, "ipc://%s/%d", dir, number++);
        return;
    }
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(probe, (struct sockaddr *)&address, length) ||
        getsockname(probe, (struct sockaddr *)&address, &length))
        perror("transport: no port");
    close(probe);
    snprintf(url, size, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

struct column {
    double values[MOST_ROUNDS];
};

static void compare(const char *program, const char *dir, const char *transport, size_t messages,
                    size_t rounds)
{
    static const size_t in_flight[] = {1, MOST_IN_FLIGHT};
    static struct column rates[3][2], cpus[3][2], shares[2];
    char url[200];
    for (size_t round = 0; round < rounds; round++)
        for (size_t f = 0; f < 2; f++) {
            for (enum way way = WAY_RAW; way <= WAY_PAIR; way++) {
                new_url(transport, dir, url, sizeof url);
                struct rate rate = measure(program, way, url, messages, in_flight[f]);
                rates[way][f].values[round] = rate.mb_per_s;
                cpus[way][f].values[round] = rate.cpu_us;
            }
            shares[f].values[round] = rates[WAY_RPC][f].values[round] / rates[WAY_RAW][f].values[round];
        }
    for (size_t f = 0; f < 2; f++)
        printf("%-9s %9zu %10.0f %10.0f %10.0f %7.3f %10.0f %10.0f\n", transport, in_flight[f],
               median(rates[WAY_PAIR][f].values, rounds), median(rates[WAY_RAW][f].values, rounds),
               median(rates[WAY_RPC][f].values, rounds), median(shares[f].values, rounds),
               median(cpus[WAY_RAW][f].values, rounds), median(cpus[WAY_RPC][f].values, rounds));
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ff-transport-XXXXXX";
    if (argc == 4 && strcmp(argv[1], "--serve") == 0) {
        if (strcmp(argv[2], "rpc") == 0)
            serve_rpc(argv[3]);
        serve_raw(argv[3], strcmp(argv[2], "pair") == 0 ? WAY_PAIR : WAY_RAW);
    }
    long messages = argc > 1 ? atol(argv[1]) : 1000, rounds = argc > 2 ? atol(argv[2]) : 3;
    if (messages < 1 || rounds < 1 || rounds > MOST_ROUNDS || !mkdtemp(dir)) {
        fprintf(stderr, "transport [MEGABYTES] [ROUNDS, at most %d]\n", MOST_ROUNDS);
        return 2;
    }
    printf("transport in_flight  PAIR MB/s   REQ MB/s   rpc MB/s rpc/REQ REQ cpu_us rpc cpu_us\n");
    compare("/proc/self/exe", dir, "ipc", (size_t)messages, (size_t)rounds);
    compare("/proc/self/exe", dir, "tcp", (size_t)messages, (size_t)rounds);
    rmdir(dir);
    return 0;
}

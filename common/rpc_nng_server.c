/* The server: one raw REP socket and one receive aio.
 *
 * A request's nng header is kept as its return address, so thousands of long polls can wait without holding a
 * thread or a context. Raw REP drops what goes beyond 64 queued replies of one pipe without a word: the count
 * of unfinished calls per pipe is kept far below that. A call object carries the aio of its reply and is used
 * again; it belongs to the network thread until the handler gets it, then to whoever must reply, then to nng.
 */
#include "common/clock.h"
#include "common/codec/envelope.h"
#include "common/log.h"
#include "common/rpc_nng.h"
#include "common/version.h"

#include <nng/protocol/reqrep0/rep.h>

#include <ctype.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    STRANGER_MS = 1000,      /* time to make a first call */
    SPARE_DESCRIPTORS = 100, /* for files, pipes and what else the program has open */
};

enum { WARN_MS = 10000 };

struct ff_rpc_call {
    struct ff_rpc_server *server;
    struct ff_rpc_call *next_free;
    struct ff_rpc_call *next_made;
    nng_aio *aio;
    nng_msg *request;
    struct ff_arena arena;
    uint64_t request_id;
    uint32_t pipe;
    size_t header_size;
    uint8_t header[128];
};

struct pipe_entry {
    uint32_t pipe; /* 0: empty */
    uint32_t calls;
    bool known; /* made a call with the right protocol and token */
    int64_t added_ms;
};

struct ff_rpc_server {
    nng_socket socket;
    nng_listener listener;
    nng_aio *receive;
    char *url;
    ff_rpc_handler *handler;
    void *context;
    ff_rpc_pipe_closed *pipe_closed;
    struct ff_buf token;
    size_t max_pipes;
    bool left_behind; /* nng still has it */
    int64_t
        warn_again_ms; /* of callers that speak another protocol; read and written where messages arrive */

    pthread_mutex_t mutex; /* guards what follows */
    struct ff_rpc_call *free_calls;
    struct ff_rpc_call *made_calls;
    struct pipe_entry *pipes; /* open addressing, linear probing; size a power of two */
    size_t pipe_slots;
    size_t pipe_count;
};

/* ---- connections: how many, and how many unfinished calls each has ---- */

static struct pipe_entry *find_pipe(struct ff_rpc_server *server, uint32_t pipe)
{
    size_t mask = server->pipe_slots - 1;
    size_t at = (pipe * 2654435761u) & mask;
    while (server->pipes[at].pipe && server->pipes[at].pipe != pipe)
        at = (at + 1) & mask;
    return &server->pipes[at];
}

static void grow_pipes(struct ff_rpc_server *server)
{
    struct pipe_entry *old = server->pipes;
    size_t slots = server->pipe_slots;
    server->pipe_slots = slots ? slots * 2 : 64;
    server->pipes = ff_xcalloc(server->pipe_slots, sizeof *server->pipes);
    for (size_t i = 0; i < slots; i++)
        if (old[i].pipe)
            *find_pipe(server, old[i].pipe) = old[i];
    free(old);
}

static void remove_pipe(struct ff_rpc_server *server, uint32_t pipe)
{
    struct pipe_entry *entry = find_pipe(server, pipe);
    if (!entry->pipe)
        return;
    entry->pipe = 0;
    server->pipe_count--;
    /* Entries behind the hole are laid again so that probing still finds them. */
    size_t mask = server->pipe_slots - 1;
    for (size_t at = ((size_t)(entry - server->pipes) + 1) & mask; server->pipes[at].pipe;
         at = (at + 1) & mask) {
        struct pipe_entry moved = server->pipes[at];
        server->pipes[at].pipe = 0;
        *find_pipe(server, moved.pipe) = moved;
    }
}

/* The oldest connection that never made an acceptable call, if it had the time to; 0: there is none. */
static uint32_t find_stranger(const struct ff_rpc_server *server, int64_t now_ms)
{
    const struct pipe_entry *oldest = NULL;
    for (size_t i = 0; i < server->pipe_slots; i++) {
        const struct pipe_entry *entry = &server->pipes[i];
        if (entry->pipe && !entry->known && now_ms - entry->added_ms >= STRANGER_MS &&
            (!oldest || entry->added_ms < oldest->added_ms))
            oldest = entry;
    }
    return oldest ? oldest->pipe : 0;
}

static void add_pipe(struct ff_rpc_server *server, uint32_t pipe, int64_t now_ms)
{
    if (server->pipe_count * 2 >= server->pipe_slots)
        grow_pipes(server);
    *find_pipe(server, pipe) = (struct pipe_entry){.pipe = pipe, .added_ms = now_ms};
    server->pipe_count++;
}

static void pipe_added(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    (void)event;
    struct ff_rpc_server *server = context;
    int64_t now_ms = ff_clock_ms();
    uint32_t excess = 0;
    pthread_mutex_lock(&server->mutex);
    if (server->pipe_count >= server->max_pipes) {
        excess = find_stranger(server, now_ms);
        if (excess)
            remove_pipe(server, excess);
        else
            excess = (uint32_t)nng_pipe_id(pipe);
    }
    if (excess != (uint32_t)nng_pipe_id(pipe))
        add_pipe(server, (uint32_t)nng_pipe_id(pipe), now_ms);
    pthread_mutex_unlock(&server->mutex);
    if (excess)
        nng_pipe_close((nng_pipe){.id = excess});
}

static void pipe_removed(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    (void)event;
    struct ff_rpc_server *server = context;
    pthread_mutex_lock(&server->mutex);
    ff_rpc_pipe_closed *closed = server->pipe_closed;
    void *owner = server->context;
    if (server->pipe_slots)
        remove_pipe(server, (uint32_t)nng_pipe_id(pipe));
    pthread_mutex_unlock(&server->mutex);
    if (closed)
        closed(owner, (uint32_t)nng_pipe_id(pipe));
}

/* ---- calls ---- */

static void reply_sent(void *context)
{
    struct ff_rpc_call *call = context;
    if (nng_aio_result(call->aio) != 0)
        nng_msg_free(nng_aio_get_msg(call->aio));
    struct ff_rpc_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    call->next_free = server->free_calls;
    server->free_calls = call;
    pthread_mutex_unlock(&server->mutex);
}

static struct ff_rpc_call *take_call(struct ff_rpc_server *server)
{
    pthread_mutex_lock(&server->mutex);
    struct ff_rpc_call *call = server->free_calls;
    if (call)
        server->free_calls = call->next_free;
    pthread_mutex_unlock(&server->mutex);
    if (call)
        return call;

    call = ff_xcalloc(1, sizeof *call);
    call->server = server;
    call->arena.limit = 64 << 10; /* an envelope is small */
    if (nng_aio_alloc(&call->aio, reply_sent, call) != 0) {
        free(call);
        return NULL;
    }
    nng_aio_set_timeout(call->aio, 10000);
    pthread_mutex_lock(&server->mutex);
    call->next_made = server->made_calls;
    server->made_calls = call;
    pthread_mutex_unlock(&server->mutex);
    return call;
}

static void get_to_know(struct ff_rpc_call *call)
{
    struct ff_rpc_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    struct pipe_entry *entry = server->pipe_slots ? find_pipe(server, call->pipe) : NULL;
    if (entry && entry->pipe)
        entry->known = true;
    pthread_mutex_unlock(&server->mutex);
}

/* Counts the call on its connection; false if that has too many. */
static bool admit(struct ff_rpc_call *call)
{
    struct ff_rpc_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    struct pipe_entry *entry = server->pipe_slots ? find_pipe(server, call->pipe) : NULL;
    uint32_t calls = entry && entry->pipe ? ++entry->calls : 0;
    pthread_mutex_unlock(&server->mutex);
    return calls <= FF_RPC_MAX_CALLS_PER_PIPE;
}

static void discharge(struct ff_rpc_call *call)
{
    struct ff_rpc_server *server = call->server;
    pthread_mutex_lock(&server->mutex);
    struct pipe_entry *entry = server->pipe_slots ? find_pipe(server, call->pipe) : NULL;
    if (entry && entry->pipe && entry->calls)
        entry->calls--;
    pthread_mutex_unlock(&server->mutex);
}

static void send_reply(struct ff_rpc_call *call, enum ff_status status, const char *text,
                       struct ff_bytes body, const struct ff_bytes *blocks, size_t count)
{
    struct ff_envelope envelope = {.protocol = ff_protocol,
                                   .version = ff_version,
                                   .request_id = call->request_id,
                                   .status = status,
                                   .text = text};
    struct ff_buf head = {0};
    ff_envelope_encode_response(&envelope, body.size, ff_nng_blocks_size(blocks, count), &head);
    nng_msg *message = ff_nng_message(&head, body, blocks, count);
    ff_buf_fini(&head);
    if (!message) {
        ff_rpc_reply_error(call, FF_INTERNAL, "the reply is larger than a message may be");
        return;
    }
    nng_msg_header_append(message, call->header, call->header_size);
    nng_msg_free(call->request);
    call->request = NULL;
    ff_arena_reset(&call->arena);
    discharge(call);
    nng_aio_set_msg(call->aio, message);
    nng_send_aio(call->server->socket, call->aio);
}

void ff_rpc_reply(struct ff_rpc_call *call, struct ff_bytes body, const struct ff_bytes *blocks, size_t count)
{
    send_reply(call, FF_OK, "", body, blocks, count);
}

void ff_rpc_reply_error(struct ff_rpc_call *call, enum ff_status status, const char *text)
{
    send_reply(call, status, text, (struct ff_bytes){0}, NULL, 0);
}

static bool token_matches(const struct ff_rpc_server *server, struct ff_bytes token)
{
    if (server->token.size == 0)
        return true;
    return token.size == server->token.size && sodium_memcmp(token.data, server->token.data, token.size) == 0;
}

/* Foreign text that is printed. */
static const char *printable(const char *from, char *to, size_t size)
{
    size_t length = 0;
    for (; from[length] && length + 1 < size; length++)
        to[length] = isprint((unsigned char)from[length]) ? from[length] : '?';
    to[length] = '\0';
    return to;
}

static void refuse_protocol(struct ff_rpc_call *call, const struct ff_envelope *envelope)
{
    char text[256], version[64];
    int64_t now_ms = ff_clock_ms();
    snprintf(text, sizeof text,
             "protocol mismatch: the coordinator (fitfleet %s) speaks %u, the caller (%s) %u", ff_version,
             ff_protocol, printable(envelope->version, version, sizeof version), envelope->protocol);
    if (now_ms >= call->server->warn_again_ms) {
        ff_log(FF_LOG_WARNING, "a %s is refused: %s", printable(envelope->method, version, sizeof version),
               text);
        call->server->warn_again_ms = now_ms + WARN_MS;
    }
    ff_rpc_reply_error(call, FF_FAILED_PRECONDITION, text);
}

/* Refuses what the handler should never see; true if the call was ended. */
static bool refuse(struct ff_rpc_call *call, const struct ff_envelope *envelope)
{
    if (envelope->protocol != ff_protocol) {
        refuse_protocol(call, envelope);
        return true;
    }
    if (!token_matches(call->server, envelope->token)) {
        ff_rpc_reply_error(call, FF_UNAUTHENTICATED,
                           envelope->token.size ? "the token is not the coordinator's"
                                                : "the coordinator wants a token (--token-file)");
        return true;
    }
    return false;
}

static void handle(struct ff_rpc_call *call)
{
    struct ff_bytes whole = {nng_msg_body(call->request), nng_msg_len(call->request)};
    struct ff_envelope envelope;
    struct ff_rpc_request request = {.pipe = call->pipe};
    struct ff_error err = {0};
    bool admitted = admit(call);
    if (ff_envelope_decode_request(whole, &call->arena, &envelope, &request.body, &request.blocks, &err)) {
        ff_rpc_reply_error(call, err.status, err.text);
        return;
    }
    call->request_id = envelope.request_id;
    if (!admitted) {
        ff_rpc_reply_error(call, FF_RESOURCE_EXHAUSTED, "too many unfinished calls on one connection");
        return;
    }
    if (refuse(call, &envelope))
        return;
    get_to_know(call);
    request.method = envelope.method;
    request.version = envelope.version;
    request.request_id = envelope.request_id;
    request.deadline_ms = envelope.deadline_ms;
    call->server->handler(call->server->context, call, &request);
}

static void received(void *context)
{
    struct ff_rpc_server *server = context;
    int code = nng_aio_result(server->receive);
    if (code == NNG_ECLOSED || code == NNG_ECANCELED)
        return;
    if (code == 0) {
        nng_msg *message = nng_aio_get_msg(server->receive);
        struct ff_rpc_call *call =
            nng_msg_header_len(message) <= sizeof call->header ? take_call(server) : NULL;
        ff_nng_count(0, nng_msg_len(message));
        if (!call) {
            nng_msg_free(message);
        } else {
            call->request = message;
            call->request_id = 0;
            call->pipe = (uint32_t)nng_pipe_id(nng_msg_get_pipe(message));
            call->header_size = nng_msg_header_len(message);
            memcpy(call->header, nng_msg_header(message), call->header_size);
            handle(call);
        }
    }
    nng_recv_aio(server->socket, server->receive);
}

/* ---- open and close ---- */

static enum ff_status listen_on(struct ff_rpc_server *server, const struct ff_rpc_server_options *options,
                                struct ff_error *err)
{
    int code = nng_listener_create(&server->listener, server->socket, options->url);
    if (code)
        return ff_nng_error(err, code, "cannot listen on", options->url);
    if (strncmp(options->url, "tls+tcp://", 10) == 0) {
        nng_tls_config *tls;
        enum ff_status status = ff_nng_tls(options->security.tls_dir, options->url, true, &tls, err);
        if (status)
            return status;
        code = nng_listener_set_ptr(server->listener, NNG_OPT_TLS_CONFIG, tls);
        nng_tls_config_free(tls);
        if (code)
            return ff_nng_error(err, code, "TLS for", options->url);
    }
    code = nng_listener_start(server->listener, 0);
    if (code)
        return ff_nng_error(err, code, "cannot listen on", options->url);

    int port;
    const char *colon = strrchr(options->url, ':');
    if (nng_listener_get_int(server->listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
        server->url = ff_xasprintf("%.*s:%d", (int)(colon - options->url), options->url, port);
    else
        server->url = ff_xstrdup(options->url);
    return FF_OK;
}

static size_t default_pipes(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FF_RPC_MAX_PIPES + SPARE_DESCRIPTORS)
        return FF_RPC_MAX_PIPES;
    return limit.rlim_cur > 2 * SPARE_DESCRIPTORS ? limit.rlim_cur - SPARE_DESCRIPTORS : SPARE_DESCRIPTORS;
}

enum ff_status ff_rpc_server_open(const struct ff_rpc_server_options *options, struct ff_rpc_server **out,
                                  struct ff_error *err)
{
    if (ff_nng_check_url(options->url, err))
        return FF_INVALID_ARGUMENT;
    struct ff_rpc_server *server = ff_xcalloc(1, sizeof *server);
    server->handler = options->handler;
    server->context = options->context;
    server->pipe_closed = options->pipe_closed;
    server->max_pipes = options->max_pipes ? options->max_pipes : default_pipes();
    pthread_mutex_init(&server->mutex, NULL);
    ff_buf_append(&server->token, options->security.token.data, options->security.token.size);
    int code = ff_nng_open(nng_rep0_open_raw, &server->socket);
    if (code) {
        pthread_mutex_destroy(&server->mutex);
        ff_buf_fini(&server->token);
        free(server);
        return ff_nng_error(err, code, "cannot open a socket for", options->url);
    }
    nng_aio_alloc(&server->receive, received, server);
    nng_socket_set_size(server->socket, NNG_OPT_RECVMAXSZ, FF_RPC_MAX_MESSAGE);
    nng_pipe_notify(server->socket, NNG_PIPE_EV_ADD_PRE, pipe_added, server);
    nng_pipe_notify(server->socket, NNG_PIPE_EV_REM_POST, pipe_removed, server);
    enum ff_status status = listen_on(server, options, err);
    if (status) {
        ff_rpc_server_destroy(server);
        return status;
    }
    nng_recv_aio(server->socket, server->receive);
    *out = server;
    return FF_OK;
}

const char *ff_rpc_server_url(const struct ff_rpc_server *server)
{
    return server->url;
}

void ff_rpc_server_close(struct ff_rpc_server *server)
{
    if (!server->receive)
        return;
    /* First what is under way, then the socket: nng 1.5 crashes when a callback receives on a socket that is
     * being closed. */
    nng_aio_stop(server->receive);
    nng_aio_free(server->receive);
    server->receive = NULL;
    for (struct ff_rpc_call *call = server->made_calls; call; call = call->next_made)
        nng_aio_wait(call->aio);
    server->left_behind = !ff_nng_close(server->socket);
}

void ff_rpc_server_destroy(struct ff_rpc_server *server)
{
    if (!server)
        return;
    ff_rpc_server_close(server);
    if (server->left_behind)
        return;
    while (server->made_calls) {
        struct ff_rpc_call *call = server->made_calls;
        server->made_calls = call->next_made;
        nng_aio_stop(call->aio);
        nng_aio_free(call->aio);
        if (call->request)
            nng_msg_free(call->request);
        ff_arena_fini(&call->arena);
        free(call);
    }
    /* Closing has waited for the last pipe_removed, by means that ThreadSanitizer cannot see; it sees this.
     */
    pthread_mutex_lock(&server->mutex);
    pthread_mutex_unlock(&server->mutex);
    pthread_mutex_destroy(&server->mutex);
    ff_buf_fini(&server->token);
    free(server->pipes);
    free(server->url);
    free(server);
}

void ff_rpc_server_close_pipe(struct ff_rpc_server *server, uint32_t pipe)
{
    (void)server;
    nng_pipe_close((nng_pipe){.id = pipe});
}

/* The client: a REQ socket, one context and one aio per call in flight, both used again.
 *
 * A call sends, then receives; its one aio does both, the callback tells which by the call's state. The
 * resend timer is off: after its default of a minute nng would repeat requests that long polls rightly leave
 * open. A connection that closes ends the calls on it with UNAVAILABLE; whether the server acted is then
 * unknown. */
#include "common/clock.h"
#include "common/codec/envelope.h"
#include "common/rpc_nng.h"
#include "common/version.h"

#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct call {
    struct ff_rpc_client *client;
    struct call *next_free;
    struct call *next_made;
    nng_ctx context;
    nng_aio *aio;
    bool sent;
    int64_t deadline; /* CLOCK_MONOTONIC ms */
    uint64_t request_id;
    ff_rpc_done *done; /* NULL: not in flight */
    void *done_context;
};

struct owned_response {
    struct ff_rpc_response response; /* first: what the holder sees */
    struct ff_arena arena;
    nng_msg *message;
};

struct ff_rpc_client {
    nng_socket socket;
    nng_dialer dialer;
    struct ff_buf token;
    char *url;
    pthread_mutex_t mutex; /* guards what follows */
    struct call *free_calls;
    struct call *made_calls;
    nng_pipe pipe; /* the connection, id 0 if none */
    uint64_t next_id;
    bool closing;
};

/* ---- responses ---- */

static struct ff_rpc_response *failure(enum ff_status status, const char *text)
{
    struct owned_response *owned = ff_xcalloc(1, sizeof *owned);
    owned->response.status = status;
    owned->response.text = ff_arena_strdup(&owned->arena, text);
    return &owned->response;
}

/* Takes message. */
static struct ff_rpc_response *decode(nng_msg *message, uint64_t request_id)
{
    struct owned_response *owned = ff_xcalloc(1, sizeof *owned);
    struct ff_bytes whole = {nng_msg_body(message), nng_msg_len(message)};
    struct ff_envelope envelope;
    struct ff_error err = {0};
    owned->message = message;
    ff_nng_count(0, whole.size);
    enum ff_status status = ff_envelope_decode_response(whole, &owned->arena, &envelope,
                                                        &owned->response.body, &owned->response.blocks, &err);
    if (!status && envelope.request_id != request_id && envelope.request_id != 0)
        status = ff_error_set(&err, FF_INTERNAL, "the answer belongs to another request");
    owned->response.status = status ? FF_INTERNAL : envelope.status;
    owned->response.text = status ? ff_arena_strdup(&owned->arena, err.text) : envelope.text;
    return &owned->response;
}

void ff_rpc_response_free(struct ff_rpc_response *response)
{
    if (!response)
        return;
    struct owned_response *owned = (struct owned_response *)response;
    if (owned->message)
        nng_msg_free(owned->message);
    ff_arena_fini(&owned->arena);
    free(owned);
}

/* ---- calls ---- */

static void give_back(struct call *call)
{
    pthread_mutex_lock(&call->client->mutex);
    call->next_free = call->client->free_calls;
    call->client->free_calls = call;
    pthread_mutex_unlock(&call->client->mutex);
}

static void finish(struct call *call, struct ff_rpc_response *response)
{
    ff_rpc_done *done = call->done;
    void *context = call->done_context;
    call->done = NULL;
    give_back(call);
    done(context, response);
}

static bool is_closing(struct ff_rpc_client *client)
{
    pthread_mutex_lock(&client->mutex);
    bool closing = client->closing;
    pthread_mutex_unlock(&client->mutex);
    return closing;
}

/* While the client closes nng may call it a reset: it was us. */
static void finish_failed(struct call *call, int code)
{
    struct ff_error err;
    ff_nng_error(&err, is_closing(call->client) ? NNG_ECANCELED : code, "call to", call->client->url);
    finish(call, failure(err.status, err.text));
}

static void progressed(void *context)
{
    struct call *call = context;
    int code = nng_aio_result(call->aio);
    if (!call->sent) {
        if (code) {
            nng_msg_free(nng_aio_get_msg(call->aio));
            finish_failed(call, code);
            return;
        }
        call->sent = true;
        int64_t left = call->deadline - ff_clock_ms();
        nng_aio_set_timeout(call->aio, left > 1 ? (nng_duration)left : 1);
        nng_ctx_recv(call->context, call->aio);
        return;
    }
    if (code)
        finish_failed(call, code);
    else
        finish(call, decode(nng_aio_get_msg(call->aio), call->request_id));
}

static struct call *make_call(struct ff_rpc_client *client)
{
    struct call *call = ff_xcalloc(1, sizeof *call);
    call->client = client;
    if (nng_ctx_open(&call->context, client->socket) != 0) {
        free(call);
        return NULL;
    }
    nng_ctx_set_ms(call->context, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    if (nng_aio_alloc(&call->aio, progressed, call) != 0) {
        nng_ctx_close(call->context);
        free(call);
        return NULL;
    }
    pthread_mutex_lock(&client->mutex);
    call->next_made = client->made_calls;
    client->made_calls = call;
    pthread_mutex_unlock(&client->mutex);
    return call;
}

static struct call *take_call(struct ff_rpc_client *client)
{
    pthread_mutex_lock(&client->mutex);
    bool closing = client->closing;
    struct call *call = client->free_calls;
    if (call)
        client->free_calls = call->next_free;
    pthread_mutex_unlock(&client->mutex);
    if (closing)
        return NULL;
    return call ? call : make_call(client);
}

void ff_rpc_call(struct ff_rpc_client *client, const char *method, struct ff_bytes body,
                 const struct ff_bytes *blocks, size_t count, uint32_t deadline_ms, ff_rpc_done *done,
                 void *context)
{
    struct call *call = take_call(client);
    if (!call) {
        done(context, failure(FF_CANCELLED, "the connection is being closed"));
        return;
    }
    pthread_mutex_lock(&client->mutex);
    call->request_id = client->next_id++;
    pthread_mutex_unlock(&client->mutex);
    call->done = done;
    call->done_context = context;
    call->sent = false;
    call->deadline = ff_clock_ms() + deadline_ms;

    struct ff_envelope envelope = {.protocol = ff_protocol,
                                   .version = ff_version,
                                   .request_id = call->request_id,
                                   .method = method,
                                   .deadline_ms = deadline_ms,
                                   .token = ff_buf_bytes(&client->token)};
    struct ff_buf head = {0};
    ff_envelope_encode_request(&envelope, body.size, ff_nng_blocks_size(blocks, count), &head);
    nng_msg *message = ff_nng_message(&head, body, blocks, count);
    ff_buf_fini(&head);
    if (!message) {
        finish(call, failure(FF_INVALID_ARGUMENT, "the request is larger than a message may be"));
        return;
    }
    nng_aio_set_msg(call->aio, message);
    nng_aio_set_timeout(call->aio, (nng_duration)deadline_ms);
    nng_ctx_send(call->context, call->aio);
}

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct ff_rpc_response *response;
};

static void wake(void *context, struct ff_rpc_response *response)
{
    struct waiter *waiter = context;
    pthread_mutex_lock(&waiter->mutex);
    waiter->response = response;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&waiter->mutex);
}

struct ff_rpc_response *ff_rpc_call_wait(struct ff_rpc_client *client, const char *method,
                                         struct ff_bytes body, const struct ff_bytes *blocks, size_t count,
                                         uint32_t deadline_ms)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
    ff_rpc_call(client, method, body, blocks, count, deadline_ms, wake, &waiter);
    pthread_mutex_lock(&waiter.mutex);
    while (!waiter.response)
        pthread_cond_wait(&waiter.changed, &waiter.mutex);
    pthread_mutex_unlock(&waiter.mutex);
    return waiter.response;
}

/* ---- open and close ---- */

static void pipe_added(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    (void)event;
    struct ff_rpc_client *client = context;
    pthread_mutex_lock(&client->mutex);
    client->pipe = pipe;
    pthread_mutex_unlock(&client->mutex);
}

void ff_rpc_client_redial(struct ff_rpc_client *client)
{
    pthread_mutex_lock(&client->mutex);
    nng_pipe pipe = client->pipe;
    client->pipe = (nng_pipe)NNG_PIPE_INITIALIZER;
    pthread_mutex_unlock(&client->mutex);
    if (nng_pipe_id(pipe) > 0)
        nng_pipe_close(pipe);
}

static enum ff_status dial(struct ff_rpc_client *client, const struct ff_rpc_client_options *options,
                           struct ff_error *err)
{
    int code = nng_dialer_create(&client->dialer, client->socket, options->url);
    if (code)
        return ff_nng_error(err, code, "cannot dial", options->url);
    nng_dialer_set_ms(client->dialer, NNG_OPT_RECONNMINT, 50);
    nng_dialer_set_ms(client->dialer, NNG_OPT_RECONNMAXT, 3000);
    if (strncmp(options->url, "tls+tcp://", 10) == 0) {
        nng_tls_config *tls;
        enum ff_status status = ff_nng_tls(options->security.tls_dir, options->url, false, &tls, err);
        if (status)
            return status;
        code = nng_dialer_set_ptr(client->dialer, NNG_OPT_TLS_CONFIG, tls);
        nng_tls_config_free(tls);
        if (code)
            return ff_nng_error(err, code, "TLS for", options->url);
    }
    code = nng_dialer_start(client->dialer, options->dial_now ? 0 : NNG_FLAG_NONBLOCK);
    if (code == 0)
        return FF_OK;
    ff_nng_error(err, code, "cannot reach", options->url);
    return err && options->dial_now && code != NNG_EADDRINVAL ? (err->status = FF_UNAVAILABLE)
                                                              : FF_INVALID_ARGUMENT;
}

enum ff_status ff_rpc_client_open(const struct ff_rpc_client_options *options, struct ff_rpc_client **out,
                                  struct ff_error *err)
{
    if (ff_nng_check_url(options->url, err))
        return FF_INVALID_ARGUMENT;
    struct ff_rpc_client *client = ff_xcalloc(1, sizeof *client);
    pthread_mutex_init(&client->mutex, NULL);
    client->url = ff_xstrdup(options->url);
    ff_buf_append(&client->token, options->security.token.data, options->security.token.size);
    if (sodium_init() >= 0)
        randombytes_buf(&client->next_id, sizeof client->next_id);
    client->next_id |= 1;
    int code = ff_nng_open(nng_req0_open, &client->socket);
    enum ff_status status;
    if (code) {
        status = ff_nng_error(err, code, "cannot open a socket for", options->url);
        client->closing = true;
    } else {
        nng_socket_set_size(client->socket, NNG_OPT_RECVMAXSZ, FF_RPC_MAX_MESSAGE);
        nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
        nng_pipe_notify(client->socket, NNG_PIPE_EV_ADD_POST, pipe_added, client);
        status = dial(client, options, err);
    }
    if (status)
        ff_rpc_client_close(client);
    else
        *out = client;
    return status;
}

void ff_rpc_client_close(struct ff_rpc_client *client)
{
    if (!client)
        return;
    pthread_mutex_lock(&client->mutex);
    client->closing = true;
    pthread_mutex_unlock(&client->mutex);
    /* First every call, then the socket: nng 1.5 crashes when a callback receives on a context while its
     * socket is being closed. A stopped aio takes no further operation, so a call between its two is ended
     * here. */
    for (struct call *call = client->made_calls; call; call = call->next_made) {
        nng_aio_stop(call->aio);
        if (call->done)
            finish_failed(call, NNG_ECANCELED);
    }
    if (!ff_nng_close(client->socket))
        return; /* left to nng */
    while (client->made_calls) {
        struct call *call = client->made_calls;
        client->made_calls = call->next_made;
        nng_aio_free(call->aio);
        free(call);
    }
    pthread_mutex_destroy(&client->mutex);
    ff_buf_fini(&client->token);
    free(client->url);
    free(client);
}

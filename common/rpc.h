/* Calls between programs: the one seam to the network.
 *
 * A call is a method name, a body (an encoded message), raw blocks beside it and a deadline; it ends exactly
 * once, with a canonical status. What body and blocks mean is the codec's business; what is below (nng, TLS,
 * framing) is rpc_nng.c's. URLs: tcp://HOST:PORT, tls+tcp://HOST:PORT, ipc:///PATH, inproc://NAME. */
#ifndef FF_COMMON_RPC_H
#define FF_COMMON_RPC_H

#include "common/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FF_RPC_MAX_MESSAGE = 8 << 20,   /* bytes, either direction */
    FF_RPC_MAX_CALLS_PER_PIPE = 16, /* unfinished; more are refused with RESOURCE_EXHAUSTED */
    FF_RPC_MAX_PIPES = 20000,       /* connections of one server; the next one takes the place of one that has
                                       never made an acceptable call, or is closed */
    FF_RPC_BLOCK_ALIGN = 64,        /* of offsets within blocks */
};

/* A DIR of --tls: tls.crt and tls.key (server), ca.crt (client). tls_dir NULL: no TLS. */
struct ff_rpc_security {
    const char *tls_dir;
    struct ff_bytes token; /* empty: none */
};

/* ---- server ---- */

struct ff_rpc_server;
struct ff_rpc_call; /* one unfinished call */

struct ff_rpc_request {
    const char *method;
    const char *version; /* of the caller's program */
    uint64_t request_id;
    uint32_t deadline_ms;
    uint32_t pipe; /* the connection, for ff_rpc_server_close_pipe() */
    struct ff_bytes body;
    struct ff_bytes blocks;
};

/* Runs on a network thread and must not block. The request is borrowed until the call is replied to; every
 * call must be replied to exactly once, from any thread. */
typedef void ff_rpc_handler(void *context, struct ff_rpc_call *call, const struct ff_rpc_request *request);

/* A connection is gone (a partition does not close one for minutes). On a network thread; must not block. */
typedef void ff_rpc_pipe_closed(void *context, uint32_t pipe);

struct ff_rpc_server_options {
    const char *url;
    struct ff_rpc_security security;
    ff_rpc_handler *handler;
    void *context;
    ff_rpc_pipe_closed *pipe_closed; /* or NULL */
    size_t max_pipes;                /* 0: FF_RPC_MAX_PIPES, or as many as there are descriptors for */
};

/* Listens. INVALID_ARGUMENT (URL, certificate), ALREADY_EXISTS (address in use), PERMISSION_DENIED. */
FF_NODISCARD enum ff_status ff_rpc_server_open(const struct ff_rpc_server_options *options,
                                               struct ff_rpc_server **out, struct ff_error *err);
/* The URL with the port that was chosen (for port 0). */
const char *ff_rpc_server_url(const struct ff_rpc_server *server);
/* Stops listening and drops connections; afterwards no handler runs. Unfinished calls may still be replied to
 * (the reply goes nowhere) until ff_rpc_server_destroy(). */
void ff_rpc_server_close(struct ff_rpc_server *server);
void ff_rpc_server_destroy(struct ff_rpc_server *server);
void ff_rpc_server_close_pipe(struct ff_rpc_server *server, uint32_t pipe);

/* Ends a call. With a status other than FF_OK body and blocks are ignored. The segments of blocks are laid
 * one behind the other: who needs alignment puts padding between. A reply over FF_RPC_MAX_MESSAGE becomes
 * INTERNAL. */
void ff_rpc_reply(struct ff_rpc_call *call, struct ff_bytes body, const struct ff_bytes *blocks,
                  size_t count);
void ff_rpc_reply_error(struct ff_rpc_call *call, enum ff_status status, const char *text);

/* ---- client ---- */

struct ff_rpc_client;

struct ff_rpc_client_options {
    const char *url;
    struct ff_rpc_security security;
    bool dial_now; /* fail with UNAVAILABLE if nobody listens now, instead of dialling in the background */
};

/* Owned by who gets it; ff_rpc_response_free(). */
struct ff_rpc_response {
    enum ff_status status;
    const char *text; /* why, if status is not FF_OK */
    struct ff_bytes body;
    struct ff_bytes blocks;
};

/* Takes the response; runs on a network thread and must not block. */
typedef void ff_rpc_done(void *context, struct ff_rpc_response *response);

/* Starts to dial and returns; a coordinator that is not there yet is dialled again with growing pauses. */
FF_NODISCARD enum ff_status ff_rpc_client_open(const struct ff_rpc_client_options *options,
                                               struct ff_rpc_client **out, struct ff_error *err);
/* Ends every call in flight (CANCELLED; done runs), then frees the client. */
void ff_rpc_client_close(struct ff_rpc_client *client);
/* Drops the connection and dials again: for a peer that is silent. Calls in flight end with UNAVAILABLE. */
void ff_rpc_client_redial(struct ff_rpc_client *client);

/* Body and blocks are copied before it returns. A message over FF_RPC_MAX_MESSAGE ends with INVALID_ARGUMENT.
 * DEADLINE_EXCEEDED and UNAVAILABLE leave open whether the server acted. */
void ff_rpc_call(struct ff_rpc_client *client, const char *method, struct ff_bytes body,
                 const struct ff_bytes *blocks, size_t count, uint32_t deadline_ms, ff_rpc_done *done,
                 void *context);
/* The same, blocking. */
struct ff_rpc_response *ff_rpc_call_wait(struct ff_rpc_client *client, const char *method,
                                         struct ff_bytes body, const struct ff_bytes *blocks, size_t count,
                                         uint32_t deadline_ms);
void ff_rpc_response_free(struct ff_rpc_response *response);

/* ---- both ---- */

/* Whether a URL can be reached from this host only. */
bool ff_rpc_url_is_local(const char *url);
/* Reads a token file: its bytes without white space at the end; 16 to 1,024 of them. */
FF_NODISCARD enum ff_status ff_rpc_token_load(const char *path, struct ff_buf *token, struct ff_error *err);
/* Bytes sent and received by this process, all connections. */
void ff_rpc_traffic(uint64_t *sent, uint64_t *received);

#endif

/* What server and client share: framing into nng messages, TLS from a folder, errors, byte counters. */
#include "common/rpc_nng.h"

#include "common/file.h"
#include "common/log.h"
#include "common/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { CLOSE_S = 3 };

#ifdef FITFLEET_SANITIZED
/* nng frees dialers and pipes on a thread of its own that the end of a short process overtakes. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng.so";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

static atomic_uint_fast64_t bytes_sent;
static atomic_uint_fast64_t bytes_received;

void ff_nng_count(size_t sent, size_t received)
{
    atomic_fetch_add_explicit(&bytes_sent, sent, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes_received, received, memory_order_relaxed);
}

void ff_rpc_traffic(uint64_t *sent, uint64_t *received)
{
    *sent = atomic_load(&bytes_sent);
    *received = atomic_load(&bytes_received);
}

static enum ff_status status_of(int code)
{
    switch (code) {
    case 0:
        return FF_OK;
    case NNG_ETIMEDOUT:
        return FF_DEADLINE_EXCEEDED;
    case NNG_ECANCELED:
    case NNG_ECLOSED:
        return FF_CANCELLED;
    case NNG_EADDRINUSE:
        return FF_ALREADY_EXISTS;
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_ENOTSUP:
        return FF_INVALID_ARGUMENT;
    case NNG_EPERM:
        return FF_PERMISSION_DENIED;
    case NNG_EPEERAUTH:
    case NNG_ECRYPTO:
        return FF_UNAUTHENTICATED;
    case NNG_ENOMEM:
    case NNG_ENOFILES:
        return FF_RESOURCE_EXHAUSTED;
    default:
        return FF_UNAVAILABLE;
    }
}

enum ff_status ff_nng_error(struct ff_error *err, int nng_code, const char *what, const char *url)
{
    return ff_error_set(err, status_of(nng_code), "%s %s: %s", what, url, nng_strerror(nng_code));
}

static void *close_socket(void *context)
{
    uint32_t id = (uint32_t)(uintptr_t)context;
    nng_close((nng_socket){.id = id});
    return NULL;
}

bool ff_nng_close(nng_socket socket)
{
    pthread_t thread;
    struct timespec until;
    if (pthread_create(&thread, NULL, close_socket, (void *)(uintptr_t)socket.id) != 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_S;
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == 0)
        return true;
    pthread_detach(thread);
    ff_log(FF_LOG_WARNING, "a connection could not be closed and is left behind");
    return false;
}

size_t ff_nng_blocks_size(const struct ff_bytes *blocks, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += blocks[i].size;
    return size;
}

nng_msg *ff_nng_message(const struct ff_buf *head, struct ff_bytes body, const struct ff_bytes *blocks,
                        size_t count)
{
    size_t size = head->size + body.size + ff_nng_blocks_size(blocks, count);
    nng_msg *message;
    if (size > FF_RPC_MAX_MESSAGE || nng_msg_alloc(&message, size) != 0)
        return NULL;
    uint8_t *at = nng_msg_body(message);
    memcpy(at, head->data, head->size);
    at += head->size;
    if (body.size)
        memcpy(at, body.data, body.size);
    at += body.size;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].size)
            memcpy(at, blocks[i].data, blocks[i].size);
        at += blocks[i].size;
    }
    ff_nng_count(size, 0);
    return message;
}

static enum ff_status read_file(const char *path, struct ff_buf *out, size_t limit, struct ff_error *err)
{
    enum ff_status status = ff_file_read(path, limit, out, err);
    if (!status && out->size > limit)
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: larger than %zu bytes", path, limit);
    return status;
}

enum ff_status ff_rpc_token_load(const char *path, struct ff_buf *token, struct ff_error *err)
{
    token->size = 0;
    enum ff_status status = read_file(path, token, 2048, err);
    while (!status && token->size && strchr(" \t\r\n", token->data[token->size - 1]))
        token->size--;
    if (!status && (token->size < 16 || token->size > 1024))
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: a token has 16 to 1024 bytes, found %zu", path,
                              token->size);
    if (status)
        ff_buf_fini(token);
    return status;
}

/* The host of scheme://host:port into name; "" if there is none. */
static void url_host(const char *url, char *name, size_t size)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    size_t length = host[0] == '[' ? strcspn(++host, "]") : strcspn(host, ":/");
    snprintf(name, size, "%.*s", (int)length, host);
}

int ff_nng_open(int (*open)(nng_socket *), nng_socket *socket)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = open(socket);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static bool is_port(const char *text)
{
    int64_t port;
    return ff_parse_integer(text, &port) && port >= 0 && port <= 65535;
}

enum ff_status ff_nng_check_url(const char *url, struct ff_error *err)
{
    size_t scheme = strncmp(url, "tcp://", 6) == 0 ? 6 : strncmp(url, "tls+tcp://", 10) == 0 ? 10 : 0;
    const char *colon = scheme ? strrchr(url + scheme, ':') : NULL;
    bool good = scheme ? colon && colon > url + scheme && is_port(colon + 1)
                       : strncmp(url, "ipc:///", 7) == 0 || strncmp(url, "inproc://", 9) == 0;
    if (good)
        return FF_OK;
    return ff_error_set(
        err, FF_INVALID_ARGUMENT,
        "expected an address such as tcp://HOST:PORT, tls+tcp://HOST:PORT or ipc:///PATH, found '%s'", url);
}

bool ff_rpc_url_is_local(const char *url)
{
    if (strncmp(url, "ipc://", 6) == 0 || strncmp(url, "inproc://", 9) == 0)
        return true;
    char host[256];
    url_host(url, host, sizeof host);
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

static enum ff_status tls_file(const char *dir, const char *name, struct ff_buf *out, struct ff_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    enum ff_status status = read_file(path, out, 1 << 20, err);
    if (!status)
        ff_buf_text(out);
    return status;
}

static enum ff_status server_tls(nng_tls_config *config, const char *dir, struct ff_error *err)
{
    struct ff_buf cert = {0}, key = {0};
    enum ff_status status = tls_file(dir, "tls.crt", &cert, err);
    if (!status)
        status = tls_file(dir, "tls.key", &key, err);
    if (!status && nng_tls_config_own_cert(config, (char *)cert.data, (char *)key.data, NULL) != 0)
        status = ff_error_set(err, FF_INVALID_ARGUMENT,
                              "%s: tls.crt and tls.key are no certificate and its key", dir);
    ff_buf_fini(&cert);
    ff_buf_fini(&key);
    return status;
}

static enum ff_status client_tls(nng_tls_config *config, const char *dir, const char *url,
                                 struct ff_error *err)
{
    struct ff_buf ca = {0};
    char host[256];
    url_host(url, host, sizeof host);
    enum ff_status status = tls_file(dir, "ca.crt", &ca, err);
    if (!status && (nng_tls_config_ca_chain(config, (char *)ca.data, NULL) != 0 ||
                    nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED) != 0 ||
                    nng_tls_config_server_name(config, host) != 0))
        status = ff_error_set(err, FF_INVALID_ARGUMENT, "%s: ca.crt is no certificate", dir);
    ff_buf_fini(&ca);
    return status;
}

enum ff_status ff_nng_tls(const char *dir, const char *url, bool server, nng_tls_config **out,
                          struct ff_error *err)
{
    if (!dir)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "%s: tls+tcp needs certificates (--tls DIR)", url);
    nng_tls_config *config;
    int code = nng_tls_config_alloc(&config, server ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT);
    if (code)
        return ff_nng_error(err, code, "TLS for", url);
    enum ff_status status = server ? server_tls(config, dir, err) : client_tls(config, dir, url, err);
    if (status)
        nng_tls_config_free(config);
    else
        *out = config;
    return status;
}

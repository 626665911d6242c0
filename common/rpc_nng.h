/* What the nng server and client share. Private to rpc_nng*.c. */
#ifndef FF_COMMON_RPC_NNG_H
#define FF_COMMON_RPC_NNG_H

#include "common/rpc.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>

/* Opens a socket. The first one starts nng's threads: they take no signal, or one meant for the program's own
 * handling would end it from there. */
int ff_nng_open(int (*open)(nng_socket *), nng_socket *socket);
/* Whether url is one that rpc.h lists; a port is a number. */
enum ff_status ff_nng_check_url(const char *url, struct ff_error *err);
/* The message of an nng error as a status. */
enum ff_status ff_nng_error(struct ff_error *err, int nng_code, const char *what, const char *url);

/* One nng message of envelope (already in head), body and blocks; NULL if it would exceed the limit. */
nng_msg *ff_nng_message(const struct ff_buf *head, struct ff_bytes body, const struct ff_bytes *blocks,
                        size_t count);
size_t ff_nng_blocks_size(const struct ff_bytes *blocks, size_t count);

/* A TLS configuration of a --tls folder. Free with nng_tls_config_free(). */
enum ff_status ff_nng_tls(const char *dir, const char *url, bool server, nng_tls_config **out,
                          struct ff_error *err);

/* Closes a socket. false: nng 1.5.2 did not come back from it in time, and may still call what was registered
 * with the socket: when a connection is closed just as a message arrives on it, its receive can be lost, and
 * the one thread that frees connections then waits for that for ever. */
bool ff_nng_close(nng_socket socket);

void ff_nng_count(size_t sent, size_t received);

#endif

/* Objects that chunks name, fetched once per agent into shared memory, whatever the number of executors. */
#ifndef FF_WORKER_FETCH_H
#define FF_WORKER_FETCH_H

#include "common/objects.h"
#include "common/rpc_loop.h"

struct ff_fetcher;

struct ff_fetcher *ff_fetcher_create(struct ff_queue *queue, struct ff_rpc_client *client);
void ff_fetcher_destroy(struct ff_fetcher *fetcher);

enum ff_fetch_state { FF_FETCH_UNDER_WAY, FF_FETCH_READY, FF_FETCH_FAILED };

/* Asks for an object and says how far it is; call it again until it is no more under way (progress comes with
 * the queue's events). FF_FETCH_READY: *fd is a sealed memfd, borrowed until ff_fetcher_expire(). */
enum ff_fetch_state ff_fetcher_get(struct ff_fetcher *fetcher, const struct ff_object_id *id, uint64_t size,
                                   int *fd);
/* Drops objects that nobody asked for within the last minute. */
void ff_fetcher_expire(struct ff_fetcher *fetcher, int64_t now_ms);

#endif

/* Calls whose answers come back on a loop's own thread, through its queue. */
#ifndef FF_COMMON_RPC_LOOP_H
#define FF_COMMON_RPC_LOOP_H

#include "common/queue.h"
#include "common/rpc.h"
#include "common/wire.h"

enum { FF_EVENT_ANSWER = -1 }; /* type of these events; a loop's own types are >= 0 */

/* Runs on the loop's thread; the response is freed afterwards. self and item are what the caller gave. */
typedef void ff_answer_handler(void *self, void *item, const struct ff_rpc_response *response);

struct ff_loop_call {
    struct ff_queue *queue;
    struct ff_rpc_client *client;
    enum ff_method method;
    uint32_t deadline_ms;
    ff_answer_handler *handler;
    void *self;
    void *item;
};

void ff_loop_call(const struct ff_loop_call *call, const struct ff_buf *body, const struct ff_blocks *blocks);

/* Hands an event of type FF_EVENT_ANSWER to its handler and frees it. run false: frees it only. */
void ff_loop_answer(struct ff_event *event, bool run);

#endif

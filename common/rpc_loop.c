#include "common/rpc_loop.h"

#include <stdlib.h>

struct answer {
    struct ff_event event;
    struct ff_queue *queue;
    ff_answer_handler *handler;
    void *self;
    void *item;
    struct ff_rpc_response *response;
};

static void done(void *context, struct ff_rpc_response *response)
{
    struct answer *answer = context;
    answer->response = response;
    ff_queue_push(answer->queue, &answer->event);
}

void ff_loop_call(const struct ff_loop_call *call, const struct ff_buf *body, const struct ff_blocks *blocks)
{
    struct answer *answer = ff_xcalloc(1, sizeof *answer);
    answer->event.type = FF_EVENT_ANSWER;
    answer->queue = call->queue;
    answer->handler = call->handler;
    answer->self = call->self;
    answer->item = call->item;
    ff_rpc_call(call->client, ff_method_name(call->method), ff_buf_bytes(body),
                blocks ? blocks->segments : NULL, blocks ? blocks->count : 0, call->deadline_ms, done,
                answer);
}

void ff_loop_answer(struct ff_event *event, bool run)
{
    struct answer *answer = (struct answer *)event;
    if (run)
        answer->handler(answer->self, answer->item, answer->response);
    ff_rpc_response_free(answer->response);
    free(answer);
}

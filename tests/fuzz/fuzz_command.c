/* What an executor reads from a program of somebody's own. */
#include "worker/command_reply.h"
#include "worker/emitter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct context {
    struct ff_emitter emitter;
    struct ff_bytes line;
};

static void read_answer(void *arg)
{
    struct context *context = arg;
    struct ff_emitter *emitter = &context->emitter;
    struct ff_reply *reply = NULL;
    struct ff_error err = {0};
    enum ff_code code;
    const char *message;
    double values[3];
    if (ff_reply_parse(context->line, 1, &reply, &err))
        return;
    ff_emitter_begin(emitter);
    (void)!ff_reply_error(reply, &code, &message, &err);
    (void)!ff_reply_emit(reply, &emitter->fit, &err);
    (void)!ff_reply_numbers(reply, "expected", true, values, 3, &err);
    ff_reply_free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ff_workspace *workspace;
    struct context context = {.line = {data, size}};
    struct ff_error err = {0};
    unsigned can;
    if (!workspace)
        workspace = ff_workspace_create(0);
    (void)!ff_reply_ready(context.line, &can, &err);
    ff_workspace_reset(workspace);
    ff_emitter_init(&context.emitter, workspace);
    (void)ff_workspace_run(workspace, read_answer, &context);
    return 0;
}

/* Objects: Fetch, Put. A large frame of a running job is one, and a file that its programs share; others were
 * put or rendered. */
#include "coordinator/core.h"

enum { UPLOAD_BYTES = 1 << 30 };

void ff_core_rows_lost(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call,
                       const struct ff_error *err)
{
    if (!job->finishing)
        ff_core_end_job(core, job, FF_CODE_STORE, err->text, NULL);
    ff_call_fail(call, FF_UNAVAILABLE, "%s", err->text);
}

static bool is_inside(const struct ff_fetch_request *in, uint64_t size, struct ff_call *call)
{
    if (in->offset <= size && in->size <= size - in->offset)
        return true;
    ff_call_fail(call, FF_OUT_OF_RANGE, "a range past the end of its object");
    return false;
}

static void reply_range(struct ff_call *call, uint64_t size, const struct ff_bytes *range)
{
    struct ff_buf body = {0};
    ff_encode_fetch_reply(size, &body);
    ff_call_reply(call, &body, range, 1);
    ff_buf_fini(&body);
}

/* A large frame of a running job. False: the object is none. */
static bool fetch_frame(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_fetch_request *in = &call->in.fetch;
    struct ff_job *job = core->jobs;
    struct ff_bytes range;
    struct ff_error err;
    uint32_t target;
    uint64_t size;
    while (job && !ff_job_object(job, &in->object, &target, &size))
        job = job->next;
    if (!job)
        return false;
    if (!is_inside(in, size, call))
        return true;
    if (ff_job_rows(job, target, in->offset, in->size, &call->arena, &range, &err))
        ff_core_rows_lost(core, job, call, &err);
    else
        reply_range(call, size, &range);
    return true;
}

/* A file that programs of a running job share. False: the object is none. */
static bool fetch_shared(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_fetch_request *in = &call->in.fetch;
    struct ff_bytes bytes = {0};
    for (struct ff_job *job = core->jobs; job && !bytes.data; job = job->next)
        if (job->loaded)
            bytes = ff_sharing_find(job->loaded->sharing, &in->object);
    if (!bytes.data)
        return false;
    struct ff_bytes range = {bytes.data + in->offset, in->size};
    if (is_inside(in, bytes.size, call))
        reply_range(call, bytes.size, &range);
    return true;
}

void ff_core_fetch(struct ff_coordinator *core, struct ff_call *call)
{
    const struct ff_fetch_request *in = &call->in.fetch;
    ff_core_note_progress(core, call->pipe);
    if (fetch_frame(core, call) || fetch_shared(core, call))
        return;
    struct ff_bytes object = ff_objects_get(core->objects, &in->object, core->now_ms + FF_UPLOAD_KEEP_MS);
    if (!object.data) {
        ff_call_fail(call, FF_NOT_FOUND, "there is no such object (any more)");
        return;
    }
    if (!is_inside(in, object.size, call))
        return;
    struct ff_bytes range = {object.data + in->offset, in->size};
    reply_range(call, object.size, &range);
}

void ff_core_put(struct ff_coordinator *core, struct ff_call *call)
{
    struct ff_error err = {0};
    bool complete = false;
    ff_core_note_progress(core, call->pipe);
    if (ff_objects_put(core->objects, &call->in.put, call->blocks, UPLOAD_BYTES,
                       core->now_ms + FF_UPLOAD_KEEP_MS, &complete, &err)) {
        ff_call_fail(call, err.status, "%s", err.text);
        return;
    }
    struct ff_buf body = {0};
    ff_encode_put_reply(complete, &body);
    ff_call_reply(call, &body, NULL, 0);
    ff_buf_fini(&body);
}

/* Jobs messages: proto/jobs.proto to and from common/wire.h. */
#include "common/codec/messages.h"
#include "jobs.pb-c.h"

#include "common/rpc.h"

#define UNPACK(Type, type)                                                                                   \
    Fitfleet__##Type *in = ff_pb_unpack(&fitfleet__##type##__descriptor, bytes, arena, err)

static char **texts(const char *const *list)
{
    return (char **)(uintptr_t)list;
}

void ff_encode_submit_request(const struct ff_submit_request *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__SubmitRequest message = FITFLEET__SUBMIT_REQUEST__INIT;
    message.yaml = ff_pb_text(in->yaml);
    message.file = ff_pb_text(in->file);
    message.base_dir = ff_pb_text(in->base_dir);
    message.n_overrides = in->override_count;
    message.overrides = texts(in->overrides);
    message.override_dir = ff_pb_text(in->override_dir);
    message.request_id = ff_pb_text(in->request_id);
    message.no_reuse = in->no_reuse;
    message.upload = in->upload;
    message.n_files = in->file_count;
    message.files = ff_arena_alloc(&arena, in->file_count * sizeof *message.files);
    for (size_t i = 0; i < in->file_count; i++) {
        Fitfleet__UploadedFile *file = ff_arena_alloc(&arena, sizeof *file);
        fitfleet__uploaded_file__init(file);
        file->path = ff_pb_text(in->files[i].path);
        file->object = ff_pb_bytes(in->files[i].object.bytes, FF_OBJECT_ID_SIZE);
        file->size = in->files[i].size;
        file->mtime_ns = in->files[i].mtime_ns;
        message.files[i] = file;
    }
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(submit_request, struct ff_submit_request)
{
    UNPACK(SubmitRequest, submit_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_uploaded_file *files = ff_arena_alloc(arena, in->n_files * sizeof *files);
    for (size_t i = 0; i < in->n_files; i++) {
        files[i] = (struct ff_uploaded_file){
            .path = in->files[i]->path, .size = in->files[i]->size, .mtime_ns = in->files[i]->mtime_ns};
        if (ff_pb_object(in->files[i]->object, &files[i].object, err))
            return FF_INVALID_ARGUMENT;
    }
    *out = (struct ff_submit_request){.yaml = in->yaml,
                                      .file = in->file,
                                      .base_dir = in->base_dir,
                                      .overrides = (const char *const *)in->overrides,
                                      .override_count = in->n_overrides,
                                      .override_dir = in->override_dir,
                                      .request_id = in->request_id,
                                      .no_reuse = in->no_reuse,
                                      .files = files,
                                      .file_count = in->n_files,
                                      .upload = in->upload};
    return FF_OK;
}

void ff_encode_job_request(const struct ff_job_request *in, struct ff_buf *out)
{
    Fitfleet__JobRequest message = FITFLEET__JOB_REQUEST__INIT;
    message.job = ff_pb_text(in->job);
    message.wait_ms = in->wait_ms;
    message.version = in->version;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(job_request, struct ff_job_request)
{
    UNPACK(JobRequest, job_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_job_request){in->job, in->wait_ms, in->version};
    return FF_OK;
}

void ff_encode_retry_request(const struct ff_retry_request *in, struct ff_buf *out)
{
    Fitfleet__RetryRequest message = FITFLEET__RETRY_REQUEST__INIT;
    message.job = ff_pb_text(in->job);
    message.n_classes = in->class_count;
    message.classes = texts(in->classes);
    ff_pb_pack(&message.base, out);
}

FF_DECODER(retry_request, struct ff_retry_request)
{
    UNPACK(RetryRequest, retry_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_retry_request){in->job, (const char *const *)in->classes, in->n_classes};
    return FF_OK;
}

void ff_encode_job_status(const struct ff_job_status *in, struct ff_buf *out)
{
    Fitfleet__JobReply message = FITFLEET__JOB_REPLY__INIT;
    Fitfleet__Counts counts = FITFLEET__COUNTS__INIT;
    counts.requested = in->counts.requested;
    counts.n_of_class = FF_CLASS_COUNT;
    counts.of_class = (uint64_t *)(uintptr_t)in->counts.of_class;
    message.id = ff_pb_text(in->id);
    message.name = ff_pb_text(in->name);
    message.state = ff_pb_text(in->state);
    message.stage = ff_pb_text(in->stage);
    message.percent = in->percent;
    message.eta_ms = in->eta_ms;
    message.loaded_bytes = in->loaded_bytes;
    message.data_bytes = in->data_bytes;
    message.counts = &counts;
    message.code = in->code;
    message.errmsg = ff_pb_text(in->errmsg);
    message.version = in->version;
    message.set = ff_pb_text(in->set);
    message.generation = in->generation;
    message.started_ms = in->started_ms;
    message.finished_ms = in->finished_ms;
    message.all_failed = in->all_failed;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(job_status, struct ff_job_status)
{
    UNPACK(JobReply, job_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_job_status){.id = in->id,
                                  .name = in->name,
                                  .state = in->state,
                                  .stage = in->stage,
                                  .percent = in->percent,
                                  .eta_ms = in->eta_ms,
                                  .loaded_bytes = in->loaded_bytes,
                                  .data_bytes = in->data_bytes,
                                  .code = (enum ff_code)in->code,
                                  .errmsg = in->errmsg,
                                  .version = in->version,
                                  .set = in->set,
                                  .generation = in->generation,
                                  .started_ms = in->started_ms,
                                  .finished_ms = in->finished_ms,
                                  .all_failed = in->all_failed};
    if (in->counts) {
        out->counts.requested = in->counts->requested;
        for (size_t i = 0; i < in->counts->n_of_class && i < FF_CLASS_COUNT; i++)
            out->counts.of_class[i] = in->counts->of_class[i];
    }
    return FF_OK;
}

void ff_encode_read_request(const struct ff_read_request *in, struct ff_buf *out)
{
    Fitfleet__ReadRequest message = FITFLEET__READ_REQUEST__INIT;
    message.what = ff_pb_text(in->what);
    message.job = ff_pb_text(in->job);
    message.target = ff_pb_text(in->target);
    message.format = ff_pb_text(in->format);
    message.n_classes = in->class_count;
    message.classes = texts(in->classes);
    message.set = ff_pb_text(in->set);
    message.cursor = in->cursor;
    message.full = in->full;
    message.before = in->before;
    message.after = in->after;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(read_request, struct ff_read_request)
{
    UNPACK(ReadRequest, read_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_read_request){.what = in->what,
                                    .job = in->job,
                                    .target = in->target,
                                    .format = in->format,
                                    .classes = (const char *const *)in->classes,
                                    .class_count = in->n_classes,
                                    .set = in->set,
                                    .cursor = in->cursor,
                                    .full = in->full,
                                    .before = in->before,
                                    .after = in->after};
    return FF_OK;
}

void ff_encode_read_reply(const struct ff_read_reply *in, struct ff_buf *out)
{
    Fitfleet__ReadReply message = FITFLEET__READ_REPLY__INIT;
    message.size = in->size;
    message.cursor = in->cursor;
    if (in->in_object)
        message.object = ff_pb_bytes(in->object.bytes, FF_OBJECT_ID_SIZE);
    ff_pb_pack(&message.base, out);
}

FF_DECODER(read_reply, struct ff_read_reply)
{
    UNPACK(ReadReply, read_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_read_reply){.size = in->size, .in_object = in->object.len != 0, .cursor = in->cursor};
    return out->in_object ? ff_pb_object(in->object, &out->object, err) : FF_OK;
}

void ff_encode_activate_request(const struct ff_activate_request *in, struct ff_buf *out)
{
    Fitfleet__ActivateRequest message = FITFLEET__ACTIVATE_REQUEST__INIT;
    message.set = ff_pb_text(in->set);
    message.number = in->number;
    message.target = ff_pb_text(in->target);
    ff_pb_pack(&message.base, out);
}

FF_DECODER(activate_request, struct ff_activate_request)
{
    UNPACK(ActivateRequest, activate_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_activate_request){in->set, in->number, in->target};
    return FF_OK;
}

void ff_encode_activate_reply(const struct ff_activate_reply *in, struct ff_buf *out)
{
    Fitfleet__ActivateReply message = FITFLEET__ACTIVATE_REPLY__INIT;
    message.number = in->number;
    message.before = in->before;
    message.models = in->models;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(activate_reply, struct ff_activate_reply)
{
    UNPACK(ActivateReply, activate_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_activate_reply){in->number, in->before, in->models};
    return FF_OK;
}

void ff_encode_ping_reply(const struct ff_ping_reply *in, struct ff_buf *out)
{
    Fitfleet__PingReply message = FITFLEET__PING_REPLY__INIT;
    message.version = ff_pb_text(in->version);
    message.protocol = in->protocol;
    message.workers = in->workers;
    message.slots = in->slots;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(ping_reply, struct ff_ping_reply)
{
    UNPACK(PingReply, ping_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_ping_reply){in->version, in->protocol, in->workers, in->slots};
    return FF_OK;
}

/* Fleet messages except chunks (chunk.c): proto/fleet.proto to and from common/wire.h. */
#include "common/codec/messages.h"

#include "common/rpc.h"

#define UNPACK(Type, type)                                                                                   \
    Fitfleet__##Type *in = ff_pb_unpack(&fitfleet__##type##__descriptor, bytes, arena, err)

static void set_lease(Fitfleet__LeaseId *out, struct ff_lease_id lease)
{
    fitfleet__lease_id__init(out);
    out->epoch = lease.epoch;
    out->counter = lease.counter;
}

static struct ff_lease_id get_lease(const Fitfleet__LeaseId *in)
{
    return in ? (struct ff_lease_id){in->epoch, in->counter} : (struct ff_lease_id){0, 0};
}

/* ---- Join, Leave ---- */

void ff_encode_join_request(const struct ff_join_request *in, struct ff_buf *out)
{
    Fitfleet__JoinRequest message = FITFLEET__JOIN_REQUEST__INIT;
    message.host = ff_pb_text(in->host);
    message.pid = in->pid;
    message.slots = in->slots;
    message.profile = ff_pb_text(in->profile);
    message.incarnation = in->incarnation;
    message.memory_bytes = in->memory_bytes;
    message.max_message = in->max_message;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(join_request, struct ff_join_request)
{
    UNPACK(JoinRequest, join_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    if (in->slots == 0 || in->slots > 4096)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "a worker has 1 to 4096 slots, found %u", in->slots);
    if (strlen(in->host) > 255 || strlen(in->profile) > 1023)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "host or profile is too long");
    *out = (struct ff_join_request){in->host,        in->pid,          in->slots,      in->profile,
                                    in->incarnation, in->memory_bytes, in->max_message};
    return FF_OK;
}

void ff_encode_join_reply(const struct ff_join_reply *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__JoinReply message = FITFLEET__JOIN_REPLY__INIT;
    message.worker = in->worker;
    message.name = ff_pb_text(in->name);
    message.epoch = in->epoch;
    message.beat_ms = in->beat_ms;
    message.expiry_ms = in->expiry_ms;
    message.max_message = in->max_message;
    message.probe = ff_pb_from_memory(&in->probe, &arena);
    message.secret = ff_pb_bytes(in->secret.data, in->secret.size);
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(join_reply, struct ff_join_reply)
{
    UNPACK(JoinReply, join_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_join_reply){.worker = in->worker,
                                  .name = in->name,
                                  .epoch = in->epoch,
                                  .beat_ms = in->beat_ms,
                                  .expiry_ms = in->expiry_ms,
                                  .max_message = in->max_message,
                                  .probe = ff_pb_to_memory(in->probe),
                                  .secret = {in->secret.data, in->secret.len}};
    return FF_OK;
}

void ff_encode_leave_request(uint64_t worker, struct ff_buf *out)
{
    Fitfleet__LeaveRequest message = FITFLEET__LEAVE_REQUEST__INIT;
    message.worker = worker;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(leave_request, uint64_t)
{
    UNPACK(LeaveRequest, leave_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = in->worker;
    return FF_OK;
}

/* ---- Lease ---- */

void ff_encode_lease_request(const struct ff_lease_request *in, struct ff_buf *out)
{
    Fitfleet__LeaseRequest message = FITFLEET__LEASE_REQUEST__INIT;
    message.worker = in->worker;
    message.sequence = in->sequence;
    message.idle = in->idle;
    message.prefetch = in->prefetch;
    message.nearby = in->nearby;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(lease_request, struct ff_lease_request)
{
    UNPACK(LeaseRequest, lease_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_lease_request){in->worker, in->sequence, in->idle, in->prefetch, in->nearby};
    return FF_OK;
}

/* ---- Report ---- */

void ff_encode_report(const struct ff_report *in, struct ff_buf *out, struct ff_blocks *blocks)
{
    struct ff_arena arena = {0};
    Fitfleet__LeaseId lease;
    Fitfleet__ReportRequest message = FITFLEET__REPORT_REQUEST__INIT;
    set_lease(&lease, in->lease);
    message.worker = in->worker;
    message.lease = &lease;
    message.job = in->job;
    message.sequence = in->sequence;
    message.finished = in->finished;
    message.n_outcomes = in->outcome_count;
    message.outcomes = ff_arena_alloc(&arena, in->outcome_count * sizeof *message.outcomes);
    Fitfleet__Outcome *outcomes = ff_arena_alloc(&arena, in->outcome_count * sizeof *outcomes);
    for (size_t i = 0; i < in->outcome_count; i++) {
        ff_pb_from_outcome(&in->outcomes[i], &outcomes[i]);
        if (in->outcomes[i].model.size && !in->outcomes[i].model_in_object)
            outcomes[i].model_offset = ff_blocks_add(blocks, in->outcomes[i].model);
        if (in->outcomes[i].log.size)
            outcomes[i].log_offset = ff_blocks_add(blocks, in->outcomes[i].log);
        message.outcomes[i] = &outcomes[i];
    }
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

/* Bytes may be absent from what the store reads, never from a report. */
static bool is_whole(const Fitfleet__Outcome *in, const struct ff_outcome *out)
{
    return out->log.size == in->log_size && (out->model_in_object || out->model.size == in->model_size);
}

FF_DECODER_WITH_BLOCKS(report, struct ff_report)
{
    UNPACK(ReportRequest, report_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_outcome *outcomes = ff_arena_alloc(arena, in->n_outcomes * sizeof *outcomes);
    for (size_t i = 0; i < in->n_outcomes; i++) {
        if (ff_pb_to_outcome(in->outcomes[i], blocks, blocks, &outcomes[i], err))
            return FF_INVALID_ARGUMENT;
        if (!is_whole(in->outcomes[i], &outcomes[i]))
            return ff_error_set(err, FF_INVALID_ARGUMENT, "outcome of target %u: its bytes are missing",
                                in->outcomes[i]->target);
    }
    *out = (struct ff_report){in->worker, get_lease(in->lease), in->job,     in->sequence,
                              outcomes,   in->n_outcomes,       in->finished};
    return FF_OK;
}

void ff_encode_report_reply(const struct ff_report_reply *in, struct ff_buf *out)
{
    Fitfleet__ReportReply message = FITFLEET__REPORT_REPLY__INIT;
    message.drop_lease = in->drop_lease;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(report_reply, struct ff_report_reply)
{
    UNPACK(ReportReply, report_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    out->drop_lease = in->drop_lease;
    return FF_OK;
}

/* ---- Beat ---- */

static Fitfleet__LeaseId **lease_list(const struct ff_lease_id *leases, size_t count, struct ff_arena *arena)
{
    Fitfleet__LeaseId **list = ff_arena_alloc(arena, count * sizeof *list);
    Fitfleet__LeaseId *items = ff_arena_alloc(arena, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        set_lease(&items[i], leases[i]);
        list[i] = &items[i];
    }
    return list;
}

static struct ff_lease_id *leases_of(Fitfleet__LeaseId **list, size_t count, struct ff_arena *arena)
{
    struct ff_lease_id *leases = ff_arena_alloc(arena, count * sizeof *leases);
    for (size_t i = 0; i < count; i++)
        leases[i] = get_lease(list[i]);
    return leases;
}

static void set_executor(Fitfleet__ExecutorState *out, Fitfleet__LeaseId *lease,
                         const struct ff_executor_state *in)
{
    fitfleet__executor_state__init(out);
    set_lease(lease, in->lease);
    out->pid = in->pid;
    out->ppid = in->ppid;
    out->alive = in->alive;
    out->age_ms = in->age_ms;
    out->lease = lease;
    out->job = in->job;
    out->target = in->target;
    out->busy = in->busy;
    out->busy_ms = in->busy_ms;
    out->cpu_ms = in->cpu_ms;
    out->done = in->done;
    out->last_exit = in->last_exit;
    out->last_signal = in->last_signal;
}

static struct ff_executor_state get_executor(const Fitfleet__ExecutorState *in)
{
    return (struct ff_executor_state){.pid = in->pid,
                                      .ppid = in->ppid,
                                      .alive = in->alive,
                                      .age_ms = in->age_ms,
                                      .lease = get_lease(in->lease),
                                      .job = in->job,
                                      .target = in->target,
                                      .busy = in->busy,
                                      .busy_ms = in->busy_ms,
                                      .cpu_ms = in->cpu_ms,
                                      .done = in->done,
                                      .last_exit = in->last_exit,
                                      .last_signal = in->last_signal};
}

void ff_encode_beat_request(const struct ff_beat_request *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__BeatRequest message = FITFLEET__BEAT_REQUEST__INIT;
    message.worker = in->worker;
    message.draining = in->draining;
    message.n_leases = in->lease_count;
    message.leases = lease_list(in->leases, in->lease_count, &arena);
    message.n_executors = in->executor_count;
    message.executors = ff_arena_alloc(&arena, in->executor_count * sizeof *message.executors);
    for (size_t i = 0; i < in->executor_count; i++) {
        message.executors[i] = ff_arena_alloc(&arena, sizeof *message.executors[i]);
        set_executor(message.executors[i], ff_arena_alloc(&arena, sizeof(Fitfleet__LeaseId)),
                     &in->executors[i]);
    }
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(beat_request, struct ff_beat_request)
{
    UNPACK(BeatRequest, beat_request);
    if (!in)
        return FF_INVALID_ARGUMENT;
    struct ff_executor_state *executors = ff_arena_alloc(arena, in->n_executors * sizeof *executors);
    for (size_t i = 0; i < in->n_executors; i++)
        executors[i] = get_executor(in->executors[i]);
    *out = (struct ff_beat_request){in->worker,      leases_of(in->leases, in->n_leases, arena),
                                    in->n_leases,    executors,
                                    in->n_executors, in->draining};
    return FF_OK;
}

void ff_encode_beat_reply(const struct ff_beat_reply *in, struct ff_buf *out)
{
    struct ff_arena arena = {0};
    Fitfleet__BeatReply message = FITFLEET__BEAT_REPLY__INIT;
    message.n_drop = in->drop_count;
    message.drop = lease_list(in->drop, in->drop_count, &arena);
    message.beat_ms = in->beat_ms;
    ff_pb_pack(&message.base, out);
    ff_arena_fini(&arena);
}

FF_DECODER(beat_reply, struct ff_beat_reply)
{
    UNPACK(BeatReply, beat_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = (struct ff_beat_reply){leases_of(in->drop, in->n_drop, arena), in->n_drop, in->beat_ms};
    return FF_OK;
}

/* ---- Fetch, Put ---- */

void ff_encode_fetch_request(const struct ff_fetch_request *in, struct ff_buf *out)
{
    Fitfleet__FetchRequest message = FITFLEET__FETCH_REQUEST__INIT;
    message.object = ff_pb_bytes(in->object.bytes, FF_OBJECT_ID_SIZE);
    message.offset = in->offset;
    message.size = in->size;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(fetch_request, struct ff_fetch_request)
{
    UNPACK(FetchRequest, fetch_request);
    if (!in || ff_pb_object(in->object, &out->object, err))
        return FF_INVALID_ARGUMENT;
    if (in->size > FF_OBJECT_RANGE)
        return ff_error_set(err, FF_INVALID_ARGUMENT, "a range has at most %d bytes, found %llu",
                            FF_OBJECT_RANGE, (unsigned long long)in->size);
    out->offset = in->offset;
    out->size = in->size;
    return FF_OK;
}

void ff_encode_fetch_reply(uint64_t size, struct ff_buf *out)
{
    Fitfleet__FetchReply message = FITFLEET__FETCH_REPLY__INIT;
    message.size = size;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(fetch_reply, uint64_t)
{
    UNPACK(FetchReply, fetch_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = in->size;
    return FF_OK;
}

void ff_encode_put_request(const struct ff_put_request *in, struct ff_buf *out)
{
    Fitfleet__PutRequest message = FITFLEET__PUT_REQUEST__INIT;
    message.object = ff_pb_bytes(in->object.bytes, FF_OBJECT_ID_SIZE);
    message.size = in->size;
    message.offset = in->offset;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(put_request, struct ff_put_request)
{
    UNPACK(PutRequest, put_request);
    if (!in || ff_pb_object(in->object, &out->object, err))
        return FF_INVALID_ARGUMENT;
    out->size = in->size;
    out->offset = in->offset;
    return FF_OK;
}

void ff_encode_put_reply(bool complete, struct ff_buf *out)
{
    Fitfleet__PutReply message = FITFLEET__PUT_REPLY__INIT;
    message.complete = complete;
    ff_pb_pack(&message.base, out);
}

FF_DECODER(put_reply, bool)
{
    UNPACK(PutReply, put_reply);
    if (!in)
        return FF_INVALID_ARGUMENT;
    *out = in->complete;
    return FF_OK;
}

/* A run: the encoded chunk in a buffer that the executor maps, and its way to the executor and back. The
 * agent never knows by itself which of a slot's two runs is being worked on; the executor's claim of the
 * waiting one (lane.h, `lanes`) decides, and its END message behind the last outcome tells. */
#include "worker/supervisor_core.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void ff_run_destroy(struct ff_supervisor *supervisor, struct ff_run *run)
{
    run->files.buffer = -1;
    ff_run_files_close(&run->files);
    supervisor->spare[supervisor->spare_count++] = run->buffer; /* room for two per slot */
    free(run->targets);
    free(run);
}

static struct ff_buffer take_buffer(struct ff_supervisor *supervisor)
{
    return supervisor->spare[--supervisor->spare_count];
}

static enum ff_status fill_buffer(struct ff_run *run, const struct ff_run_request *request,
                                  struct ff_error *err)
{
    size_t body_offset = (request->blocks.size + 63) / 64 * 64;
    enum ff_status status = ff_buffer_reserve(&run->buffer, body_offset + request->body.size + 1, err);
    if (status)
        return status;
    if (request->blocks.size)
        memcpy(run->buffer.file.data, request->blocks.data, request->blocks.size);
    memcpy(run->buffer.file.data + body_offset, request->body.data, request->body.size);
    run->command.buffer_id = run->buffer.id;
    run->command.capacity = run->buffer.file.size;
    run->command.body_offset = body_offset;
    run->command.body_size = request->body.size;
    return FF_OK;
}

static int copy(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static void copy_files(const struct ff_run_request *request, struct ff_run_files *files)
{
    *files = (struct ff_run_files){.buffer = -1};
    files->object = request->object_fd >= 0 ? copy(request->object_fd) : -1;
    for (size_t i = 0; i < request->shared_count; i++) {
        int fd = copy(request->shared_fds[i]);
        if (fd < 0)
            break; /* what the rest is for says that it is not there */
        files->shared[files->shared_count++] = fd;
    }
}

struct ff_run *ff_run_create(struct ff_supervisor *supervisor, const struct ff_run_request *request,
                             struct ff_error *err)
{
    const struct ff_chunk *chunk = request->chunk;
    struct ff_run *run = ff_xcalloc(1, sizeof *run);
    run->owner = request->owner;
    run->lease = chunk->lease;
    run->job = chunk->job;
    run->task_count = (uint32_t)chunk->task_count;
    run->timeout_ms = chunk->timeout_ms;
    copy_files(request, &run->files);
    run->command.has_object = run->files.object >= 0;
    run->command.object_size = request->object_size;
    run->command.object_id = request->object_id;
    run->command.memory_bytes =
        chunk->memory_bytes ? chunk->memory_bytes : supervisor->options.memory_bytes / 2;
    run->targets = ff_xalloc(chunk->task_count * sizeof *run->targets);
    for (size_t i = 0; i < chunk->task_count; i++)
        run->targets[i] = chunk->tasks[i].task.target;
    run->buffer = take_buffer(supervisor);
    if (fill_buffer(run, request, err) == FF_OK)
        return run;
    ff_run_destroy(supervisor, run);
    return NULL;
}

void ff_run_send(struct ff_run *run, struct ff_slot *slot)
{
    struct ff_progress *progress = slot->process.progress;
    run->command.ticket = ++slot->ticket;
    run->command.first = run->next;
    run->command.lane = atomic_load(&progress->lanes[0]) ? 1 : 0;
    atomic_store(&progress->lanes[run->command.lane], run->command.ticket);
    run->files.buffer = run->buffer.file.fd;
    ff_channel_send_run(slot->process.socket, &run->command, &run->files);
}

struct ff_run *ff_run_take_back(struct ff_slot *slot)
{
    struct ff_run *run = slot->waiting;
    if (!run)
        return NULL;
    unsigned ticket = run->command.ticket;
    if (slot->process.alive &&
        !atomic_compare_exchange_strong(&slot->process.progress->lanes[run->command.lane], &ticket, 0))
        return NULL;
    slot->waiting = NULL;
    return run;
}

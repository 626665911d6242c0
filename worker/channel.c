/* A message on the pipe is a header of five little words and, for an outcome, a report of one outcome with
 * its blocks in the encoding of the wire, so that it is checked as strictly as one from the network. */
#include "worker/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAGIC = 0x46464331, END = 0xffffffff, MAX_BODY = 1 << 20, MAX_BLOCKS = 1 << 30 };

struct header {
    uint32_t magic;
    uint32_t ticket;
    uint32_t task; /* END: the run is over */
    uint32_t body;
    uint32_t blocks;
};

union descriptors {
    struct cmsghdr header;
    char bytes[CMSG_SPACE((2 + FF_CHUNK_MOST_SHARED) * sizeof(int))];
};

bool ff_channel_send_run(int socket, const struct ff_run_command *command, const struct ff_run_files *files)
{
    int fds[2 + FF_CHUNK_MOST_SHARED] = {files->buffer, files->object};
    size_t count = files->object >= 0 ? 2 : 1;
    memcpy(fds + count, files->shared, files->shared_count * sizeof *fds);
    size_t size = (count + files->shared_count) * sizeof *fds;
    union descriptors control = {0};
    control.header = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), fds, size);
    struct iovec part = {(void *)(uintptr_t)command, sizeof *command};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *command;
}

/* *files: what came, in the order in which it was sent. */
static void sort_files(const struct ff_run_command *command, const int *fds, size_t count,
                       struct ff_run_files *files)
{
    size_t at = 0;
    *files = (struct ff_run_files){.buffer = -1, .object = -1};
    if (at < count)
        files->buffer = fds[at++];
    if (command->has_object && at < count)
        files->object = fds[at++];
    files->shared_count = count - at;
    memcpy(files->shared, fds + at, (count - at) * sizeof *fds);
}

void ff_run_files_close(struct ff_run_files *files)
{
    if (files->buffer >= 0)
        close(files->buffer);
    if (files->object >= 0)
        close(files->object);
    for (size_t i = 0; i < files->shared_count; i++)
        close(files->shared[i]);
    *files = (struct ff_run_files){.buffer = -1, .object = -1};
}

bool ff_channel_receive_run(int socket, struct ff_run_command *command, struct ff_run_files *files)
{
    union descriptors control;
    struct iovec part = {command, sizeof *command};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof *command)
        return false;
    int fds[2 + FF_CHUNK_MOST_SHARED];
    size_t size = 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS) {
        size = header->cmsg_len - CMSG_LEN(0);
        memcpy(fds, CMSG_DATA(header), size);
    }
    sort_files(command, fds, size / sizeof *fds, files);
    return true;
}

static bool write_all(int pipe, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t wrote = writev(pipe, parts, count > 64 ? 64 : count);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        while (count > 0 && (size_t)wrote >= parts->iov_len) {
            wrote -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + wrote;
            parts->iov_len -= (size_t)wrote;
        }
    }
    return true;
}

bool ff_channel_write_outcome(int pipe, uint32_t ticket, uint32_t task, const struct ff_outcome *outcome)
{
    struct ff_report report = {.outcomes = outcome, .outcome_count = 1};
    struct ff_buf body = {0};
    struct ff_blocks blocks = {0};
    ff_encode_report(&report, &body, &blocks);
    struct header header = {MAGIC, ticket, task, (uint32_t)body.size, (uint32_t)blocks.size};
    struct iovec parts[8] = {{&header, sizeof header}, {body.data, body.size}};
    for (size_t i = 0; i < blocks.count && i < 6; i++)
        parts[2 + i] = (struct iovec){(void *)(uintptr_t)blocks.segments[i].data, blocks.segments[i].size};
    bool wrote = write_all(pipe, parts, 2 + (int)blocks.count);
    ff_buf_fini(&body);
    ff_blocks_fini(&blocks);
    return wrote;
}

bool ff_channel_write_end(int pipe, uint32_t ticket)
{
    struct header header = {MAGIC, ticket, END, 0, 0};
    struct iovec part = {&header, sizeof header};
    return write_all(pipe, &part, 1);
}

int64_t ff_channel_parse(struct ff_bytes bytes, struct ff_arena *arena, struct ff_channel_message *out)
{
    struct header header;
    if (bytes.size < sizeof header)
        return 0;
    memcpy(&header, bytes.data, sizeof header);
    if (header.magic != MAGIC || header.body > MAX_BODY || header.blocks > MAX_BLOCKS)
        return -1;
    size_t size = sizeof header + header.body + header.blocks;
    if (bytes.size < size)
        return 0;
    *out =
        (struct ff_channel_message){.ticket = header.ticket, .task = header.task, .end = header.task == END};
    if (out->end)
        return header.body || header.blocks ? -1 : (int64_t)size;
    struct ff_report report;
    struct ff_bytes body = {bytes.data + sizeof header, header.body};
    struct ff_bytes blocks = {body.data + body.size, header.blocks};
    if (ff_decode_report(body, blocks, arena, &report, NULL) || report.outcome_count != 1)
        return -1;
    out->outcome = report.outcomes[0];
    return (int64_t)size;
}

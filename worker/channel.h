/* What agent and executor say to each other: commands with descriptors on a socket, outcomes on a pipe.
 *
 * A pipe keeps what was written to it when its writer dies, so no finished target is lost with its executor.
 */
#ifndef FF_WORKER_CHANNEL_H
#define FF_WORKER_CHANNEL_H

#include "common/arena.h"
#include "common/outcome.h"
#include "common/wire.h"

/* Agent → executor. A run with first == task_count does not occur. */
struct ff_run_command {
    uint32_t ticket;
    uint32_t lane;        /* of ff_progress, where the ticket is claimed */
    uint32_t buffer_id;   /* the chunk; its descriptor comes along */
    uint64_t capacity;    /* of that buffer */
    uint64_t body_offset; /* of the encoded lease reply behind the blocks */
    uint64_t body_size;
    uint32_t first; /* task to begin with */
    uint64_t
        has_object; /* a second descriptor comes along: the object or memory that the tasks' frames are in */
    uint64_t object_size;
    uint64_t object_id;    /* the same as in the command before: it is mapped already; 0: never */
    uint64_t memory_bytes; /* limit of a fit beside its frame */
};

/* Descriptors that come along. */
struct ff_run_files {
    int buffer;
    int object;                       /* -1: none; else the command says so, too */
    int shared[FF_CHUNK_MOST_SHARED]; /* in the order of ff_chunk_shared */
    size_t shared_count;
};

/* false: the executor is gone. */
bool ff_channel_send_run(int socket, const struct ff_run_command *command, const struct ff_run_files *files);
/* Blocks. false: the agent closed. The descriptors are the caller's, -1 where none came. */
bool ff_channel_receive_run(int socket, struct ff_run_command *command, struct ff_run_files *files);
void ff_run_files_close(struct ff_run_files *files);

/* Writes one outcome of a run (task: its index), blocking until it is in the pipe. false: the agent is gone.
 */
bool ff_channel_write_outcome(int pipe, uint32_t ticket, uint32_t task, const struct ff_outcome *outcome);
/* The mark behind a run's last outcome. */
bool ff_channel_write_end(int pipe, uint32_t ticket);

struct ff_channel_message {
    uint32_t ticket;
    uint32_t task;
    bool end;
    struct ff_outcome outcome; /* strings in the arena, bytes in the buffer given */
};

/* Parses the first message in bytes. Its size is returned; 0: more bytes are needed; -1: it is garbage. */
int64_t ff_channel_parse(struct ff_bytes bytes, struct ff_arena *arena, struct ff_channel_message *out);

#endif

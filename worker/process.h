/* One executor process as its agent sees it: started by exec, killed as a group, reaped with its resource
 * usage. */
#ifndef FF_WORKER_PROCESS_H
#define FF_WORKER_PROCESS_H

#include "worker/channel.h"
#include "worker/lane.h"

#include <sys/types.h>

struct ff_process {
    pid_t pid;
    bool alive;
    int socket; /* commands */
    int pipe;   /* outcomes; non-blocking */
    int log;    /* memfd: its standard output and error */
    struct ff_progress *progress;
    int64_t started_ms;
    int64_t ended_ms;
    uint64_t peak_rss_bytes; /* once ended */
    double cpu_ms;
};

#define FF_PROCESS_NONE                                                                                      \
    {                                                                                                        \
        .socket = -1, .pipe = -1, .log = -1                                                                  \
    }

enum ff_process_change { FF_PROCESS_ENDED, FF_PROCESS_STOPPED, FF_PROCESS_CONTINUED };

/* What became of a child. The rest of the fields is of one that ended. */
struct ff_process_end {
    enum ff_process_change change;
    pid_t pid;
    int exit_code; /* -1 if a signal ended it */
    int signal;
    uint64_t peak_rss_bytes;
    double cpu_ms;
};

/* Starts an executor and adds its pipe to epoll. core < 0: not pinned. RESOURCE_EXHAUSTED. */
FF_NODISCARD enum ff_status ff_process_start(struct ff_process *process, int core, int epoll, int64_t now_ms,
                                             struct ff_error *err);
/* SIGKILL to its whole group. */
void ff_process_kill(struct ff_process *process);
/* One child, executor or adopted, that ended, was stopped (SIGSTOP) or goes on; false if there is none. */
bool ff_process_reap(struct ff_process_end *end);
/* Notes the end and kills what is left of the group. */
void ff_process_ended(struct ff_process *process, const struct ff_process_end *end, int64_t now_ms);
/* Whether it has ended and was not reaped. Does not block. */
bool ff_process_has_ended(const struct ff_process *process);
/* Blocks until it is reaped. */
void ff_process_wait(struct ff_process *process);
/* Closes descriptors and unmaps. */
void ff_process_close(struct ff_process *process);

/* Kills every child of this process that is not in keep (nor the sentinel); returns how many. Children of
 * theirs become ours when they are reaped. */
size_t ff_process_sweep(const pid_t *keep, size_t count);

/* The last bytes of what it printed. Returns their number. */
size_t ff_process_log(const struct ff_process *process, char *tail, size_t size);
void ff_process_trim_log(const struct ff_process *process, size_t limit);
uint64_t ff_process_cpu_ms(const struct ff_process *process);

#endif

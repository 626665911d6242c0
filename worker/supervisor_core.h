/* What the files of the supervisor share: runs, and the slots they are in. Private to supervisor*.c. */
#ifndef FF_WORKER_SUPERVISOR_CORE_H
#define FF_WORKER_SUPERVISOR_CORE_H

#include "worker/process.h"
#include "worker/supervisor.h"

struct ff_run {
    void *owner;
    struct ff_buffer buffer;
    struct ff_run_command command;
    uint32_t *targets; /* index in the job, by task */
    uint64_t job;
    struct ff_lease_id lease;
    uint32_t task_count;
    uint32_t next; /* the task whose outcome comes next */
    uint32_t timeout_ms;
    struct ff_run_files files; /* of ours, but for the buffer */
};

/* A place for one executor, with the runs it was given. */
struct ff_slot {
    struct ff_process process;
    struct ff_process successor; /* starting, or ready to take over (supervisor_recycle.c) */
    int64_t successor_ms;        /* not started again before */
    uint64_t done_before;        /* by the processes before this one */
    struct ff_run *current;
    struct ff_run *waiting;
    struct ff_buf input; /* from the pipe, not parsed yet */
    uint32_t ticket;
    uint64_t position;   /* as last seen */
    int64_t position_ms; /* since when, without the time that the executor or this process stood still */
    int64_t checked_ms;
    bool stopped; /* SIGSTOP */
    enum ff_code
        kill_code;      /* why we killed it; FF_CODE_CANCELLED: its run was dropped; FF_CODE_OK: we did not */
    unsigned deaths;    /* in a row without an outcome */
    int64_t restart_ms; /* when to start again, if not alive */
    uint64_t done;
    int last_exit;
    int last_signal;
};

struct ff_supervisor {
    struct ff_supervisor_options options;
    int epoll;
    struct ff_slot *slots;
    struct ff_buffer *spare; /* buffers of ended runs */
    size_t spare_count;
    bool draining;
    int64_t next_sweep_ms;
    struct ff_arena arena; /* of the message being handled */
};

/* NULL: no memory for its bytes. */
struct ff_run *ff_run_create(struct ff_supervisor *supervisor, const struct ff_run_request *request,
                             struct ff_error *err);
/* Its buffer is kept for later runs. */
void ff_run_destroy(struct ff_supervisor *supervisor, struct ff_run *run);
/* To the slot's executor, from the task whose outcome comes next; sent again to a new executor. An executor
 * that is gone by now is buried soon, and its runs sent to the next. */
void ff_run_send(struct ff_run *run, struct ff_slot *slot);
/* The waiting run, if it could be taken back before the executor claimed it (a dead one claims nothing any
 * more); NULL otherwise. */
struct ff_run *ff_run_take_back(struct ff_slot *slot);

/* Starts the executor and sends it the runs of the slot. Where that fails, restart_ms says when to try again.
 */
void ff_slot_start(struct ff_supervisor *supervisor, struct ff_slot *slot, int64_t now_ms);
void ff_slot_kill(struct ff_slot *slot, enum ff_code code);
/* Handles what is in the pipe; hooks run. */
void ff_slot_read(struct ff_supervisor *supervisor, struct ff_slot *slot);
/* The executor was reaped: reads its pipe to the end, blames its task or nobody, starts another now or later;
 * hooks run. */
void ff_slot_bury(struct ff_supervisor *supervisor, struct ff_slot *slot, const struct ff_process_end *end,
                  int64_t now_ms);
/* Kills an executor whose task is out of time. gap_ms as in ff_supervisor_tick. */
void ff_slot_check_time(struct ff_slot *slot, int64_t now_ms, int64_t gap_ms);
/* An executor that is worn gets a successor, and retires when that one is ready. Every tick. */
void ff_slot_recycle(struct ff_supervisor *supervisor, struct ff_slot *slot, int64_t now_ms);
/* Makes the successor, if there is one, the slot's process. */
bool ff_slot_take_over(struct ff_slot *slot);
/* The successor was reaped before it took over. */
void ff_slot_lose_successor(struct ff_slot *slot, const struct ff_process_end *end, int64_t now_ms);
/* The task that the executor is on, checked against what we know; -1 if none. */
int64_t ff_slot_task(const struct ff_slot *slot);

/* Kills what executors left behind: processes that this one has adopted. Returns how many. */
size_t ff_supervisor_sweep(const struct ff_supervisor *supervisor);

#endif

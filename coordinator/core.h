/* The coordinator's insides: what its loop thread owns. Private to coordinator.c, calls_*.c, running.c,
 * pause.c and reads.c. */
#ifndef FF_COORDINATOR_CORE_H
#define FF_COORDINATOR_CORE_H

#include "common/objects.h"
#include "common/queue.h"
#include "common/rpc.h"
#include "coordinator/coordinator.h"
#include "coordinator/dispatch.h"
#include "coordinator/fleet.h"
#include "coordinator/job.h"
#include "coordinator/loader.h"
#include "coordinator/overdue.h"
#include "coordinator/store_thread.h"

#include <pthread.h>
#include <stdatomic.h>

/* Types of the events on the loop's queue. */
enum {
    FF_EVENT_CALL,
    FF_EVENT_PIPE_CLOSED,
    FF_EVENT_CHECKED,
    FF_EVENT_LOADED,
    FF_EVENT_WRITTEN,
    FF_EVENT_READ,
    FF_EVENT_STORE
};

/* A call from the network: decoded on a network thread, handled on the loop's, ended by a reply. */
struct ff_call {
    struct ff_event event;
    struct ff_rpc_call *rpc; /* NULL once replied to */
    enum ff_method method;
    struct ff_arena arena;
    uint32_t pipe;
    uint32_t deadline_ms;
    char version[64];
    struct ff_bytes blocks;
    union {
        struct ff_join_request join;
        struct ff_lease_request lease;
        struct ff_report report;
        struct ff_beat_request beat;
        struct ff_fetch_request fetch;
        struct ff_put_request put;
        uint64_t leave;
        struct ff_submit_request submit;
        struct ff_job_request job;
        struct ff_retry_request retry;
        struct ff_activate_request activate;
        struct ff_read_request read;
    } in;
};

struct ff_pipe_closed {
    struct ff_event event;
    uint32_t pipe;
};

/* A Status call that waits for news of its job. */
struct ff_waiter {
    struct ff_waiter *next;
    struct ff_call *call;
    int64_t until_ms;
};

struct ff_reads;
struct ff_intake;

struct ff_coordinator {
    struct ff_queue queue;
    struct ff_rpc_server *server;
    struct ff_store_thread *store;
    struct ff_loader *loader;
    struct ff_reads *reads;
    struct ff_intake *intake;
    struct ff_dispatch *dispatch;
    struct ff_fleet *fleet;
    struct ff_overdue *overdue;
    struct ff_objects *objects;
    struct ff_job *jobs; /* all that the state has, oldest first */
    struct ff_job **last_job;
    uint64_t epoch;
    char *data_root;
    char *state_dir;
    bool refuse_paths;
    bool resume;
    bool has_source; /* targets do not come from files */
    struct ff_retention retention;
    struct ff_memfile probe; /* FF_PROBE_BYTES at random: who can read them is nearby */
    bool no_copies;          /* of late leases */
    int64_t now_ms;
    int64_t last_tick_ms;
    uint64_t writes_under_way;
    bool paused;         /* the state cannot be written */
    char pause_why[120]; /* as status says it */
    bool profiles_warned;
    struct ff_cost *costs; /* the cost book */
    size_t cost_count;
    atomic_bool stop;
    bool closing; /* the threads are gone: what comes back is only freed */
    int failed_fd;
    struct ff_error failure; /* written before failed_fd */
    pthread_t thread;
};

/* ---- calls_fleet.c: workers ---- */

void ff_core_join(struct ff_coordinator *core, struct ff_call *call);
void ff_core_lease(struct ff_coordinator *core, struct ff_call *call);
void ff_core_report(struct ff_coordinator *core, struct ff_call *call);
void ff_core_beat(struct ff_coordinator *core, struct ff_call *call);
void ff_core_leave(struct ff_coordinator *core, struct ff_call *call);
/* The connection of a worker's Beats closed: it has a few seconds to come back. */
void ff_core_pipe_closed(struct ff_coordinator *core, uint32_t pipe);
/* Answers Leases that wait, as far as there is work. */
void ff_core_serve(struct ff_coordinator *core);
/* Expired workers, long polls whose time is over. gap_ms: how long the loop stood still. */
void ff_core_fleet_tick(struct ff_coordinator *core, int64_t gap_ms);

/* ---- calls_objects.c: what is too large for a message ---- */

enum { FF_UPLOAD_KEEP_MS = 600000 };
void ff_core_fetch(struct ff_coordinator *core, struct ff_call *call);
void ff_core_put(struct ff_coordinator *core, struct ff_call *call);
/* Ends a job whose rows cannot be read back, and the call that wanted them. */
void ff_core_rows_lost(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call,
                       const struct ff_error *err);

/* ---- calls_overdue.c: workers that are there and get nowhere ---- */

/* Ends the leases of the worker that are overdue by its Beats. */
void ff_core_end_overdue(struct ff_coordinator *core, const struct ff_worker *worker,
                         const struct ff_beat_request *beat);
/* An object moves on that connection: its worker is not idle. */
void ff_core_note_progress(struct ff_coordinator *core, uint32_t pipe);

/* ---- calls_jobs.c: clients ---- */

/* A submission that passed the intake; the call is answered when the job's row is written. */
void ff_core_accept(struct ff_coordinator *core, struct ff_call *call, struct ff_job_record *record);
void ff_core_status(struct ff_coordinator *core, struct ff_call *call);
void ff_core_cancel(struct ff_coordinator *core, struct ff_call *call);
void ff_core_retry(struct ff_coordinator *core, struct ff_call *call);
void ff_core_release(struct ff_coordinator *core, struct ff_call *call);
void ff_core_ping(struct ff_coordinator *core, struct ff_call *call);
/* Answers waiting Status calls whose job has news or whose time is over. */
void ff_core_jobs_tick(struct ff_coordinator *core);
/* By id, by name (its newest) or "" (the newest); NULL. */
struct ff_job *ff_core_find_job(struct ff_coordinator *core, const char *reference);
/* A finished one, which the store has forgotten. */
void ff_core_remove_job(struct ff_coordinator *core, uint64_t id);
/* A job by row; NULL. */
struct ff_job *ff_core_job(struct ff_coordinator *core, uint64_t id);
struct ff_job *ff_core_add_job(struct ff_coordinator *core, const struct ff_job_record *record);
/* Answers the Status calls that wait for the job. */
void ff_core_notify(struct ff_coordinator *core, struct ff_job *job);
void ff_core_reply_status(struct ff_coordinator *core, const struct ff_job *job, struct ff_call *call);
void ff_core_fill_status(struct ff_coordinator *core, const struct ff_job *job, struct ff_job_status *out);

/* ---- running.c: the life of a job ---- */

/* A job whose row is written starts to load. */
void ff_core_load(struct ff_coordinator *core, struct ff_job *job);
void ff_core_loaded(struct ff_coordinator *core, struct ff_load *load);
/* Ends a job that is not final. code FF_CODE_CANCELLED: cancelled, else failed. call (Cancel), if any, is
 * answered with its status after the commit. */
void ff_core_end_job(struct ff_coordinator *core, struct ff_job *job, enum ff_code code, const char *errmsg,
                     struct ff_call *call);
/* Stores outcomes that were accepted, then counts them and, if there is an origin, ends that call (a Report).
 * Takes the array (malloc); what its elements point into must live as long as origin, or as the job. job
 * NULL: a report of a job that is over, told to drop its lease once all that came before is committed. */
void ff_core_commit(struct ff_coordinator *core, struct ff_job *job, const char *worker, const char *profile,
                    struct ff_outcome *outcomes, size_t count, struct ff_call *origin);
/* The outcomes that need no fit, of a job that begins to run; closes the items of those that it takes over.
 */
void ff_core_commit_decided(struct ff_coordinator *core, struct ff_job *job, struct ff_dispatch_item *items);
/* Writes the job's row; call (Submit, Cancel, Retry), if any, is answered with its status after the commit.
 */
void ff_core_write_job(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call);
/* Frees what an errand came to, and answers the call behind the commit. */
void ff_core_free_harvest(struct ff_coordinator *core, struct ff_job *job, struct ff_call *call);
/* The call Activate, answered after the commit. */
void ff_core_activate(struct ff_coordinator *core, struct ff_call *call);
/* Finished jobs that are not kept any more go, from the store first. */
void ff_core_forget_old(struct ff_coordinator *core);
void ff_core_written(struct ff_coordinator *core, struct ff_event *event);

/* ---- pause.c: while the state cannot be written ---- */

/* Takes a struct ff_store_news. */
void ff_core_store_news(struct ff_coordinator *core, struct ff_event *event);
/* Why a job that is not over in the state waits for the disk; NULL if it does not. */
const char *ff_core_pause_of(const struct ff_coordinator *core, const struct ff_job *job);
/* true: the call needs a write and was answered with the reason. */
bool ff_core_refuse_paused(struct ff_coordinator *core, struct ff_call *call);

/* ---- intake.c: submissions ---- */

struct ff_intake *ff_intake_start(const struct ff_coordinator *core, struct ff_queue *back);
void ff_intake_stop(struct ff_intake *intake);
void ff_core_submit(struct ff_coordinator *core, struct ff_call *call);
void ff_core_submission_checked(struct ff_coordinator *core, struct ff_event *event);

/* ---- reads.c: the reader threads ---- */

struct ff_reads *ff_reads_start(const struct ff_coordinator *core, struct ff_queue *back);
void ff_reads_stop(struct ff_reads *reads);
void ff_core_read(struct ff_coordinator *core, struct ff_call *call);
void ff_core_read_done(struct ff_coordinator *core, struct ff_event *event);

/* ---- coordinator.c ---- */

/* Each ends the call and frees it. */
void ff_call_reply(struct ff_call *call, const struct ff_buf *body, const struct ff_bytes *blocks,
                   size_t count);
void ff_call_fail(struct ff_call *call, enum ff_status status, const char *format, ...) FF_PRINTF(3, 4);
/* Frees one that was replied to. */
void ff_call_free(struct ff_call *call);
void ff_core_push_write(struct ff_coordinator *core, struct ff_write *write);

#endif

/* The store's own thread: takes writes, commits as many as wait in one transaction, and gives each back when
 * it is on disk. So no disk write ever stops the loop, and a slow disk makes larger transactions. */
#ifndef FF_COORDINATOR_STORE_THREAD_H
#define FF_COORDINATOR_STORE_THREAD_H

#include "common/queue.h"
#include "coordinator/store.h"

/* FF_WRITE_NOTHING comes back behind the commit of all that was pushed before it. */
enum ff_write_op {
    FF_WRITE_NOTHING,
    FF_WRITE_JOB,
    FF_WRITE_TARGETS,
    FF_WRITE_REPORT,
    FF_WRITE_PUBLISH,
    FF_WRITE_COST
};

/* What is written must stay as it is until the write comes back. */
struct ff_write {
    struct ff_event event; /* first; type is the owner's when it comes back */
    enum ff_write_op op;
    uint64_t job_id;
    struct ff_job_record job; /* FF_WRITE_JOB (id and number are filled in), FF_WRITE_PUBLISH (generation) */
    struct ff_stored_targets targets; /* FF_WRITE_TARGETS */
    struct ff_stored_report report;   /* FF_WRITE_REPORT */
    struct ff_cost cost;              /* FF_WRITE_COST */
    struct ff_error error;            /* a failure that does not pass: the store is unusable */
};

struct ff_store_thread;

/* Takes the store. Writes come back on the queue. */
struct ff_store_thread *ff_store_thread_start(struct ff_store *store, struct ff_queue *back);
/* Writes what waits, then ends and closes the store. */
void ff_store_thread_stop(struct ff_store_thread *thread);
void ff_store_thread_push(struct ff_store_thread *thread, struct ff_write *write);
/* Whether the disk refuses writes for now (full, busy); they are tried again. */
bool ff_store_thread_is_stuck(const struct ff_store_thread *thread);

#endif

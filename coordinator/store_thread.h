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
    FF_WRITE_COST,
    FF_WRITE_ACTIVATE,
    FF_WRITE_FORGET,
    FF_WRITE_RELEASE
};

/* What is written must stay as it is until the write comes back. */
struct ff_write {
    struct ff_event event; /* first; type is the owner's when it comes back */
    enum ff_write_op op;
    uint64_t job_id;
    struct ff_job_record job; /* FF_WRITE_JOB (id and number are filled in), FF_WRITE_PUBLISH (generation) */
    struct ff_stored_targets targets;    /* FF_WRITE_TARGETS */
    struct ff_stored_report report;      /* FF_WRITE_REPORT */
    struct ff_cost cost;                 /* FF_WRITE_COST */
    struct ff_activate_request activate; /* FF_WRITE_ACTIVATE */
    struct ff_activate_reply activated;
    struct ff_retention retention; /* FF_WRITE_FORGET */
    struct ff_forgotten forgotten;
    struct ff_error refusal; /* of FF_WRITE_ACTIVATE: there is no such generation */
    struct ff_error error;   /* a failure that does not pass: the store is unusable */
};

/* Pushed when the disk begins to refuse writes and when it takes them again; the receiver's to free. */
struct ff_store_news {
    struct ff_event event;
    char why[64]; /* "disk full"; "": writes work again */
};

struct ff_store_thread;

/* Takes the store. Writes and news come back on the queue, these as events of the type given. */
struct ff_store_thread *ff_store_thread_start(struct ff_store *store, struct ff_queue *back, int news_type);
/* Writes what waits, then ends and closes the store. What the disk still refuses comes back with an error,
 * after a few seconds at most. */
void ff_store_thread_stop(struct ff_store_thread *thread);
void ff_store_thread_push(struct ff_store_thread *thread, struct ff_write *write);
/* Whether the disk refuses writes for now (full, busy); they are tried again. */
bool ff_store_thread_is_stuck(const struct ff_store_thread *thread);

#endif

/* A fleet in one process on a virtual clock: the coordinator's policy (dispatch, fleet) with scripted workers
 * and a network that loses, delays, repeats and reorders. All chance comes from one seed. */
#ifndef FF_TESTS_SIM_SIM_H
#define FF_TESTS_SIM_SIM_H

#include "coordinator/dispatch.h"
#include "coordinator/fleet.h"

enum { MAX_TARGETS = 120, MAX_WORKERS = 8, MAX_SLOTS = 3, MAX_HELD = 40, MAX_LISTED = 40, MAX_JOBS = 3 };

/* What fitting a target does, each time. */
enum behaviour { FITS, FAILS, FAULTS, MAY_FAULT, KILLS_WORKER };

enum message_type { JOIN, LEASE, REPORT, BEAT, LEAVE, JOINED, GRANT, REPORTED, BEATEN, UNKNOWN_WORKER };

struct sim_outcome {
    uint32_t target;
    enum ff_class class; /* FF_OPEN: a fault */
};

/* One message of any type; what a type does not need is 0. */
struct message {
    enum message_type type;
    unsigned from; /* host of the worker that sent it or gets it */
    uint64_t incarnation;
    uint64_t worker;
    uint64_t sequence;
    struct ff_lease_id lease;
    uint32_t idle, prefetch;
    bool draining, finished, drop;
    size_t count; /* of outcomes, targets or leases */
    union {
        struct sim_outcome outcomes[MAX_TARGETS];
        uint32_t targets[MAX_TARGETS];
        struct ff_lease_id leases[MAX_LISTED];
    };
};

enum event_type {
    ARRIVES,
    TASK_ENDS,
    WORKER_TICK,
    COORDINATOR_TICK,
    STORE_COMMITS,
    FAULT_STRIKES,
    JOB_COMES
};

struct event {
    int64_t at;
    uint64_t order; /* events of one moment in order of their making */
    enum event_type type;
    unsigned host;
    unsigned slot;
    uint64_t incarnation; /* of the worker that it is for: events of dead ones are void */
    uint64_t ticket;
    bool to_coordinator;
    struct message *message;
};

/* ---- workers ---- */

struct held_lease {
    struct ff_lease_id id;
    uint32_t targets[MAX_TARGETS];
    size_t count;
    size_t next;    /* to fit */
    size_t decided; /* outcomes made */
    size_t sent;    /* outcomes acknowledged */
    size_t sending; /* behind the last outcome on its way; == sent: none is */
    bool in_flight, finished_sent, running, dropped;
    int64_t resend_at;
    uint64_t sequence;
    enum ff_class classes[MAX_TARGETS];
};

struct sim_worker {
    bool alive, draining;
    uint64_t incarnation;
    uint64_t id; /* 0: not joined */
    unsigned slot_count;
    struct held_lease held[MAX_HELD];
    size_t held_count;
    int slot_lease[MAX_SLOTS]; /* index in held; -1: idle */
    uint64_t slot_ticket[MAX_SLOTS];
    uint64_t lease_sequence;
    bool asking;
    int64_t ask_until, join_until, next_beat, paused_until, restart_at;
};

/* ---- the store: outcomes wait for their commit, answers for what they acknowledge ---- */

struct pending_write {
    struct pending_write *next;
    bool has_outcome, has_answer;
    uint32_t target, tries;
    enum ff_class class;
    struct message answer;
};

/* ---- the world ---- */

struct sim {
    uint64_t seed, random;
    int64_t now;
    struct event *heap;
    size_t heap_count, heap_capacity;
    uint64_t order, tickets, incarnations;
    bool verbose;

    /* How bad it is, in thousandths. */
    unsigned loss, duplication, slow;

    size_t target_count;
    enum behaviour behaviour[MAX_TARGETS];
    int64_t fit_ms[MAX_TARGETS];
    uint64_t job_of[MAX_TARGETS]; /* from 1 */
    uint64_t job_count;
    uint64_t jobs_come; /* that are there by now */
    uint32_t weight[MAX_JOBS + 1];
    bool exact;                    /* costs are known and nothing goes wrong: shares are checked */
    double had_ms[MAX_JOBS + 1];   /* granted, by job */
    double chunk_ms[MAX_JOBS + 1]; /* the largest of them */
    unsigned host_count;
    struct sim_worker workers[MAX_WORKERS];

    /* The coordinator. What survives it: epoch, stored, class, tries. */
    struct ff_dispatch *dispatch;
    struct ff_fleet *fleet;
    uint64_t epoch;
    uint32_t attempts;
    enum ff_chunk_mode mode;
    int64_t last_tick;
    unsigned restarts;
    enum ff_class class[MAX_TARGETS];
    unsigned accepted[MAX_TARGETS]; /* by this coordinator, committed or not */
    unsigned stored[MAX_TARGETS];
    struct pending_write *writes, **last_write;
    bool committing;
    int64_t coordinator_paused_until;
    bool copies;
    unsigned copies_granted;
    uint32_t tries[MAX_TARGETS];
    unsigned lost_alone[MAX_TARGETS];
    bool lost[MAX_TARGETS]; /* quarantined as WORKER_LOST */
    size_t closed;
};

uint64_t sim_random(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, unsigned thousandths);
void sim_at(struct sim *sim, int64_t at, struct event event);
void sim_send(struct sim *sim, const struct message *message, bool to_coordinator);
/* Prints the seed and what is wrong, and ends the program. */
void sim_fail(const struct sim *sim, const char *format, ...) FF_PRINTF(2, 3) __attribute__((noreturn));

void sim_coordinator_start(struct sim *sim);
/* The next job that is to come. */
void sim_coordinator_takes_job(struct sim *sim);
void sim_coordinator_stop(struct sim *sim);
void sim_coordinator_takes(struct sim *sim, const struct message *message);
void sim_coordinator_ticks(struct sim *sim);
void sim_store_commits(struct sim *sim);

void sim_worker_start(struct sim *sim, unsigned host);
void sim_worker_dies(struct sim *sim, unsigned host);
void sim_worker_takes(struct sim *sim, unsigned host, const struct message *message);
void sim_worker_task_ends(struct sim *sim, unsigned host, unsigned slot);
void sim_worker_ticks(struct sim *sim, unsigned host);

#endif

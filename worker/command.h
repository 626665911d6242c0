/* kind: command: a program in any language that fits, scores and forecasts, spoken to in lines of JSON
 * (docs/models.md, command).
 *
 * A program is started when its first task comes, asked for each, and ended with its executor, when its job
 * is another's turn for long, or for what it did wrong. It runs with all that an executor may do: only where
 * the operator allows own models (FITFLEET_OWN_MODELS=1). State of the process, which fits with one thread.
 */
#ifndef FF_WORKER_COMMAND_H
#define FF_WORKER_COMMAND_H

#include "common/outcome.h"
#include "common/task.h"
#include "worker/models/kind.h"

#include <sys/types.h>

#define FF_COMMAND_KIND "command"

/* What the tasks to come are of. */
struct ff_command_place {
    uint64_t job;
    uint64_t memory_bytes;          /* that a task may take; 0: any */
    const struct ff_shared *shared; /* objects at hand, and descriptors of them */
    const int *fds;
    size_t shared_count;
};

/* Borrowed until the next call. */
void ff_command_enter(const struct ff_command_place *place);
/* A task begins: its faults are its own. target is borrowed until the next. */
void ff_command_begin(const char *target);
/* The kind, with the program that spec names behind it; NULL with a message. Nothing is started yet. */
const struct ff_kind *ff_command_open(struct ff_fit *fit, const struct ff_fit_spec *spec);
/* What the task ends as: code, unless its program did wrong; that is a fault, with its message in fit. */
enum ff_code ff_command_verdict(struct ff_fit *fit, enum ff_code code);

/* Programs that run; those that nobody asked for a while are ended by expire. */
bool ff_command_is_any(void);
bool ff_command_is_program(pid_t pid);
void ff_command_expire(int64_t now_ms);
void ff_command_end_all(void);

/* CPU time of all programs so far, the largest memory of one that ended or has now, and by how much those
 * that run have grown since they began. */
int64_t ff_command_cpu_us(void);
uint64_t ff_command_peak_rss_bytes(void);
uint64_t ff_command_grown_bytes(void);

#endif

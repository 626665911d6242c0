/* A program of somebody's own, kept running: lines go to its standard input, lines come from its standard
 * output.
 *
 * It is the leader of a process group and ends with the thread that started it (PR_SET_PDEATHSIG); what it
 * forked is killed with its group or, outside of it, by the agent, which adopts it. Knows nothing of what the
 * lines say. For executors: one thread, no signal handlers. */
#ifndef FF_WORKER_COMMAND_PROCESS_H
#define FF_WORKER_COMMAND_PROCESS_H

#include "common/buf.h"

#include <sys/types.h>

struct ff_program;

struct ff_program_options {
    const char *const *argv; /* ends with NULL; a name without '/' is searched in PATH */
    const char *folder;      /* where it runs */
    const int *files;        /* descriptors that it gets under the numbers that they have here */
    size_t file_count;
};

/* INVALID_ARGUMENT: the folder is not there, or the program cannot be run. */
FF_NODISCARD enum ff_status ff_program_start(const struct ff_program_options *options,
                                             struct ff_program **out, struct ff_error *err);

struct ff_program_limits {
    size_t line_bytes;     /* of the answer */
    uint64_t memory_bytes; /* that it and its children may take beside what they have; 0: any */
};

/* Whether it waits to be asked: what it does by itself after an answer is not the answer to what is asked
 * next. After a failure it can only be killed: OUT_OF_RANGE, it wrote; or it ended, as below. */
FF_NODISCARD enum ff_status ff_program_check_idle(struct ff_program *program, struct ff_error *err);

/* Sends a line and waits for one, which is borrowed until the next call. After a failure the program can only
 * be killed: FAILED_PRECONDITION, it exited; ABORTED, a signal ended it or it closed its standard output;
 * OUT_OF_RANGE, it wrote too much (answer: the first line, if that is whole); RESOURCE_EXHAUSTED, it took too
 * much memory, or there is none to keep what it wrote. */
FF_NODISCARD enum ff_status ff_program_ask(struct ff_program *program, struct ff_bytes line,
                                           const struct ff_program_limits *limits, struct ff_bytes *answer,
                                           struct ff_error *err);

/* Sends a last line, closes its standard input, and kills it where it has not ended in time. */
void ff_program_end(struct ff_program *program, struct ff_bytes last, int within_ms);
void ff_program_kill(struct ff_program *program);

pid_t ff_program_pid(const struct ff_program *program);
/* CPU time of it and of those children of it that it has waited for. */
int64_t ff_program_cpu_us(const struct ff_program *program);
/* Memory of its own, in bytes: now (without children), and when it had answered first. */
uint64_t ff_program_resident(const struct ff_program *program);
uint64_t ff_program_resident_at_start(const struct ff_program *program);
/* Of programs that have ended. */
int64_t ff_program_ended_cpu_us(void);
uint64_t ff_program_peak_rss_bytes(void);

#endif

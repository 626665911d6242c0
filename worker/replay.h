/* Refits the target of a capsule (common/capsule.h) and says what happened: fitfleet-worker --replay FILE. */
#ifndef FF_WORKER_REPLAY_H
#define FF_WORKER_REPLAY_H

#include <stdbool.h>

struct ff_replay_options {
    const char *path; /* of the capsule */
    const char *out;  /* where the model's bytes are written; NULL: nowhere */
    bool foreground;  /* in this process and without limits, for a debugger */
};

/* Prints one JSON object on standard output (docs/formats.md). Returns the exit code: 0 fitted, 1 could not
 * be tried, 2 no capsule, 3 failed or ended in a fault. Call it before any thread exists. */
int ff_replay_run(const struct ff_replay_options *options);

#endif

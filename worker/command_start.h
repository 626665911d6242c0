/* Starts a program of somebody's own: opens what it shares, runs it, and waits until it is ready. */
#ifndef FF_WORKER_COMMAND_START_H
#define FF_WORKER_COMMAND_START_H

#include "worker/command.h"
#include "worker/command_process.h"

enum { FF_COMMAND_LEAST_LINE = 1 << 20 }; /* bytes that an answer may always have */

/* can: FF_COMMAND_FIT and others. INVALID_ARGUMENT, FAILED_PRECONDITION: it does not want to, or cannot be
 * run here; else as ff_program_ask. */
FF_NODISCARD enum ff_status ff_command_start(const struct ff_fit_spec *spec,
                                             const struct ff_command_place *place, struct ff_program **out,
                                             unsigned *can, struct ff_error *err);

#endif

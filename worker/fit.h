/* Fits one task in this process: chooses the kind, runs it on each metric (or on the whole frame), tries the
 * fallback, encodes the model and its summary.
 *
 * Runs in an executor. Single-threaded; nothing here knows of sockets or leases. */
#ifndef FF_WORKER_FIT_H
#define FF_WORKER_FIT_H

#include "common/task.h"

struct ff_fitter;

struct ff_fitter *ff_fitter_create(void);
void ff_fitter_destroy(struct ff_fitter *fitter);

/* Fills class, code, errmsg, kind, summary, model, fit_ms, cpu_ms and peak_rss_bytes (of the process) of out
 * (target is copied from the task; the rest is the caller's). Bytes and strings in out live until the next
 * call. A workspace allocation that fails gives class FF_OPEN with FF_CODE_OUT_OF_MEMORY: the caller treats
 * the process as spent. */
void ff_fit_task(struct ff_fitter *fitter, const struct ff_task *task, struct ff_outcome *out);

/* Loads and warms what a first fit would otherwise pay for (BLAS with one thread). */
void ff_fit_warm_up(void);

/* "build/blas/core/libm" of this process: kinds marked profiled agree only within one. Static storage. */
const char *ff_fit_profile(void);

#endif

/* Memory of one fit: taken piece by piece, given back as a whole between targets.
 *
 * An allocation that fails ends the fit, not the process: it leaves ff_workspace_run. So algorithms have no
 * error paths for memory. For one thread. */
#ifndef FF_WORKER_MODELS_WORKSPACE_H
#define FF_WORKER_MODELS_WORKSPACE_H

#include <stdbool.h>
#include <stddef.h>

struct ff_workspace;

/* limit_bytes: what one run may take; 0: what the process may (RLIMIT_AS). */
struct ff_workspace *ff_workspace_create(size_t limit_bytes);
void ff_workspace_destroy(struct ff_workspace *workspace);

/* Runs work(arg); false if an allocation failed in it, which then did not return. Not to be nested. */
bool ff_workspace_run(struct ff_workspace *workspace, void (*work)(void *arg), void *arg);

/* count * size bytes, 64-byte aligned, not zeroed. Only within ff_workspace_run; never NULL. */
void *ff_workspace_alloc(struct ff_workspace *workspace, size_t count, size_t size);

/* Forgets everything. Keeps a little memory for the next target and gives the rest back to the system. */
void ff_workspace_reset(struct ff_workspace *workspace);

/* Bytes mapped just now. */
size_t ff_workspace_mapped(const struct ff_workspace *workspace);

#endif

/* What a bad fit does to its executor: the parameter `fault` of the kind busy. */
#ifndef FF_WORKER_MODELS_FAULT_H
#define FF_WORKER_MODELS_FAULT_H

#include "worker/models/kind.h"

/* One of the words of the schema (common/kinds.c); others, and "none", do nothing. Those after which a fit
 * goes on return. */
void ff_fault_commit(struct ff_fit *fit, const char *fault);

/* Loses so many bytes, all of them touched. */
void ff_fault_leak(size_t bytes);

#endif

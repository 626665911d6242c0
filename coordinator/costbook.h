/* The cost book in memory: what a cell took so far, by kind and parameters, since the same kind with other
 * parameters may cost a hundred times as much. Pure. */
#ifndef FF_COORDINATOR_COSTBOOK_H
#define FF_COORDINATOR_COSTBOOK_H

#include "coordinator/jobspec.h"
#include "coordinator/store.h"

/* The entry of this kind with these parameters, as "kind name=text …"; what is too long for it is cut and its
 * hash put behind. */
void ff_costbook_name(const struct ff_model_spec *model, char name[FF_COST_NAME]);

/* Microseconds per cell of that entry; else of the kind, whatever the parameters; 0: not known. model->kind
 * NULL: 0. */
double ff_costbook_us_per_cell(const struct ff_cost *costs, size_t count, const struct ff_model_spec *model);

/* As ff_store_add_cost, in memory: costs is allocated by ff_xrealloc. */
void ff_costbook_add(struct ff_cost **costs, size_t *count, const struct ff_cost *cost);

#endif

/* What `fitfleet plan` finds out, and how it says it. Private to cmd_plan.c and plan_output.c. */
#ifndef FF_COORDINATOR_CLI_PLAN_H
#define FF_COORDINATOR_CLI_PLAN_H

#include "coordinator/cli/cli.h"
#include "coordinator/loader.h"

enum { FF_PLAN_SLOT_CHOICES = 7 }; /* 1, 2, 4 … 64 */

struct ff_prediction {
    unsigned slots;
    size_t chunks;
    double fit_ms; /* from the targets at hand to the last result: "wire" of a job's time_ms */
};

struct ff_plan {
    struct ff_arena arena;
    struct ff_submit_request request;
    struct ff_loaded *loaded;
    const struct ff_jobspec *spec; /* of loaded, as is the set */
    struct ff_targetset *set;
    size_t groups; /* models.top, and one more for the frame of all */
    /* By group: what a fit takes, and what it takes for each of its cells. Both 0: not known. */
    double *us_per_target, *us_per_cell;
    bool *in_book;
    bool sampled; /* some costs were measured now */
    size_t fit_count, reused;
    uint64_t frame_bytes, largest_bytes, all_bytes;
    struct ff_prediction predictions[FF_PLAN_SLOT_CHOICES];
};

/* Values of a target that is to be fitted; 0 if it is not. */
uint64_t ff_plan_cells(const struct ff_plan *plan, size_t target);
/* Whether the frame of all is to be fitted. */
bool ff_plan_has_all(const struct ff_plan *plan);

void ff_plan_json(const struct ff_plan *plan, struct ff_buf *out);
void ff_plan_table(const struct ff_plan *plan, struct ff_buf *out);

#endif

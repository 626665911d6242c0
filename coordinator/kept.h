/* Which quarantined targets of a running job keep their rows, as capsules in the state.
 *
 * A poisoned data set may quarantine every target: what is kept of a job is limited, and so is one frame. The
 * capsule of any other target is made from the data files when somebody asks for it (documents.h). */
#ifndef FF_COORDINATOR_KEPT_H
#define FF_COORDINATOR_KEPT_H

#include "common/capsule.h"
#include "coordinator/job.h"

enum { FF_KEPT_FRAME_BYTES = 64 << 20, FF_KEPT_JOB_BYTES = 256 << 20 };

/* Fills in the capsules of a report of the job: those of its quarantined targets that still have their rows,
 * as far as the limits allow. They borrow rows and strings from the job and from the report, and are in the
 * arena. */
void ff_kept_choose(struct ff_job *job, struct ff_stored_report *report, struct ff_arena *arena);
/* Frees the rows of a report's targets, behind its commit and not before: should this process end, what a
 * second copy of a target goes on with counts at the next coordinator, and it reads these rows. */
void ff_kept_release(struct ff_job *job, const struct ff_stored_report *report);

#endif

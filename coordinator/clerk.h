/* A thread that does to each event what may take long (files, parsing, rendering), one after the other, and
 * puts it back on the loop's queue. */
#ifndef FF_COORDINATOR_CLERK_H
#define FF_COORDINATOR_CLERK_H

#include "common/queue.h"

#include <stdbool.h>

struct ff_clerk;

/* On the clerk's thread. stopping: the clerk ends, only the least should be done. */
typedef void ff_clerk_work(void *context, struct ff_event *event, bool stopping);

struct ff_clerk *ff_clerk_start(ff_clerk_work *work, void *context, struct ff_queue *back);
/* Takes the event until it comes back. */
void ff_clerk_push(struct ff_clerk *clerk, struct ff_event *event);
/* What waits still comes back, worked on with stopping. */
void ff_clerk_stop(struct ff_clerk *clerk);

#endif

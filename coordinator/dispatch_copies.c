#include "coordinator/dispatch_copies.h"

#include <stdlib.h>

enum {
    COPY_AFTER_MS = 250, /* a lease is late after this and one and a half times what was predicted */
    COPY_LOOKS = 64,     /* oldest leases looked at for one that is late */
};

/* Out for so much longer than predicted that a copy may well be faster. */
static bool is_late(const struct ff_lease *lease, int64_t now_ms)
{
    return (double)(now_ms - lease->granted_ms) >= COPY_AFTER_MS + 1.5 * lease->predicted_ms;
}

/* A target that faulted or was lost with its worker is not given to a second one meanwhile. */
static bool may_be_copied(const struct ff_lease *lease, uint32_t index)
{
    const struct ff_backlog_target *target = ff_backlog_target(lease->job->backlog, index);
    return target->state == FF_TARGET_LEASED && target->lease == lease->id && target->copy == 0 &&
           target->tries == 0 && !target->suspect && !target->copy_faulted;
}

/* Half of what has no copy yet, from the end: the owner works from the front. Returns their number. */
static size_t choose_copies(const struct ff_lease *lease, uint32_t *targets)
{
    size_t count = 0;
    for (size_t i = lease->count; i-- > 0;)
        if (may_be_copied(lease, lease->targets[i]))
            targets[count++] = lease->targets[i];
    return (count + 1) / 2;
}

static struct ff_lease *copy_lease(struct ff_leases *leases, struct ff_lease *late,
                                   const struct ff_dispatch_ask *ask)
{
    uint32_t *targets = ff_xalloc(late->count * sizeof *targets);
    size_t count = choose_copies(late, targets);
    struct ff_lease *copy = count ? ff_leases_add(leases, ask->worker, targets, count) : NULL;
    free(targets);
    if (!copy)
        return NULL;
    copy->job = late->job;
    copy->granted_ms = ask->now_ms;
    copy->is_copy = copy->shared = late->shared = true;
    for (size_t i = 0; i < count; i++)
        ff_backlog_target(copy->job->backlog, copy->targets[i])->copy = copy->id;
    return copy;
}

struct ff_lease *ff_copies_grant(struct ff_leases *leases, const struct ff_dispatch_ask *ask)
{
    struct ff_lease *copy = NULL;
    int looks = 0;
    for (struct ff_lease *lease = leases->oldest; lease && !copy && looks < COPY_LOOKS;
         lease = lease->newer, looks++)
        if (lease->worker != ask->worker && is_late(lease, ask->now_ms))
            copy = copy_lease(leases, lease, ask);
    return copy;
}

bool ff_copies_late(const struct ff_leases *leases, int64_t now_ms)
{
    const struct ff_lease *lease = leases->oldest;
    for (int looks = 0; lease && looks < COPY_LOOKS; lease = lease->newer, looks++)
        if (is_late(lease, now_ms))
            return true;
    return false;
}

#include "coordinator/dispatch_leases.h"

#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

/* Leases of one worker. Workers are few enough for a short list each, many enough for buckets. */
struct ff_lease_holder {
    struct ff_lease_holder *next;
    uint64_t worker;
    struct ff_lease *leases;
};

static struct ff_lease_holder **find_holder(struct ff_leases *leases, uint64_t worker)
{
    struct ff_lease_holder **link = &leases->holders[worker % FF_LEASE_BUCKETS];
    while (*link && (*link)->worker != worker)
        link = &(*link)->next;
    return link;
}

static void give_to_holder(struct ff_leases *leases, struct ff_lease *lease)
{
    struct ff_lease_holder **link = find_holder(leases, lease->worker);
    if (!*link) {
        *link = ff_xcalloc(1, sizeof **link);
        (*link)->worker = lease->worker;
    }
    lease->next_of_worker = (*link)->leases;
    (*link)->leases = lease;
}

static void take_from_holder(struct ff_leases *leases, const struct ff_lease *lease)
{
    struct ff_lease_holder **holder = find_holder(leases, lease->worker);
    struct ff_lease **link = &(*holder)->leases;
    while (*link != lease)
        link = &(*link)->next_of_worker;
    *link = lease->next_of_worker;
    if ((*holder)->leases)
        return;
    struct ff_lease_holder *empty = *holder;
    *holder = empty->next;
    free(empty);
}

static void add_newest(struct ff_leases *leases, struct ff_lease *lease)
{
    lease->older = leases->newest;
    *(leases->newest ? &leases->newest->newer : &leases->oldest) = lease;
    leases->newest = lease;
}

struct ff_lease *ff_leases_add(struct ff_leases *leases, uint64_t worker, const uint32_t *targets,
                               size_t count)
{
    struct ff_lease *lease = ff_xalloc(sizeof *lease + count * sizeof *targets);
    struct ff_lease **bucket = &leases->buckets[++leases->last_id % FF_LEASE_BUCKETS];
    *lease =
        (struct ff_lease){.id = leases->last_id, .worker = worker, .count = count, .next_bucket = *bucket};
    memcpy(lease->targets, targets, count * sizeof *targets);
    *bucket = lease;
    give_to_holder(leases, lease);
    add_newest(leases, lease);
    return lease;
}

void ff_leases_remove(struct ff_leases *leases, struct ff_lease *lease)
{
    struct ff_lease **link = &leases->buckets[lease->id % FF_LEASE_BUCKETS];
    while (*link != lease)
        link = &(*link)->next_bucket;
    *link = lease->next_bucket;
    take_from_holder(leases, lease);
    *(lease->older ? &lease->older->newer : &leases->oldest) = lease->newer;
    *(lease->newer ? &lease->newer->older : &leases->newest) = lease->older;
    free(lease);
}

struct ff_lease *ff_leases_find(const struct ff_leases *leases, uint64_t id)
{
    struct ff_lease *lease = leases->buckets[id % FF_LEASE_BUCKETS];
    while (lease && lease->id != id)
        lease = lease->next_bucket;
    return lease;
}

struct ff_lease *ff_leases_of(const struct ff_leases *leases, uint64_t worker)
{
    const struct ff_lease_holder *holder = leases->holders[worker % FF_LEASE_BUCKETS];
    while (holder && holder->worker != worker)
        holder = holder->next;
    return holder ? holder->leases : NULL;
}

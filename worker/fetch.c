#include "worker/fetch.h"

#include "common/clock.h"
#include "common/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RANGES_IN_FLIGHT = 4, FETCH_DEADLINE_MS = 30000, KEEP_MS = 60000 };

struct fetched {
    struct fetched *next;
    struct ff_fetcher *fetcher;
    struct ff_object_id id;
    uint64_t size;
    uint64_t asked;    /* ranges asked for so far, in bytes */
    uint64_t received; /* bytes; in any order */
    unsigned in_flight;
    int fd;
    uint8_t *data;
    enum ff_fetch_state state;
    int64_t used_ms;
};

struct range {
    struct fetched *object;
    uint64_t offset;
    uint64_t size;
};

struct ff_fetcher {
    struct ff_queue *queue;
    struct ff_rpc_client *client;
    struct fetched *objects;
};

struct ff_fetcher *ff_fetcher_create(struct ff_queue *queue, struct ff_rpc_client *client)
{
    struct ff_fetcher *fetcher = ff_xcalloc(1, sizeof *fetcher);
    fetcher->queue = queue;
    fetcher->client = client;
    return fetcher;
}

static void free_fetched(struct fetched *object)
{
    if (object->data)
        munmap(object->data, object->size);
    if (object->fd >= 0)
        close(object->fd);
    free(object);
}

void ff_fetcher_destroy(struct ff_fetcher *fetcher)
{
    while (fetcher && fetcher->objects) {
        struct fetched *next = fetcher->objects->next;
        free_fetched(fetcher->objects);
        fetcher->objects = next;
    }
    free(fetcher);
}

static void ask(struct ff_fetcher *fetcher, struct fetched *object);

/* All bytes are here: right ones are sealed. */
static void complete(struct fetched *object)
{
    struct ff_object_id id = ff_object_hash((struct ff_bytes){object->data, object->size});
    munmap(object->data, object->size);
    object->data = NULL;
    object->state = memcmp(&id, &object->id, sizeof id) == 0 ? FF_FETCH_READY : FF_FETCH_FAILED;
    fcntl(object->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

static void range_done(void *self, void *item, const struct ff_rpc_response *response)
{
    struct ff_fetcher *fetcher = self;
    struct range *range = item;
    struct fetched *object = range->object;
    object->in_flight--;
    if (object->state == FF_FETCH_UNDER_WAY) {
        if (response->status == FF_OK && response->blocks.size == range->size) {
            memcpy(object->data + range->offset, response->blocks.data, range->size);
            object->received += range->size;
        } else {
            ff_log(FF_LOG_WARNING, "cannot fetch an object of %llu bytes: %s",
                   (unsigned long long)object->size,
                   response->status ? response->text : "a range of another size came");
            object->state = FF_FETCH_FAILED;
        }
    }
    free(range);
    if (object->state == FF_FETCH_UNDER_WAY && object->received == object->size)
        complete(object);
    else if (object->state == FF_FETCH_UNDER_WAY)
        ask(fetcher, object);
}

static void ask(struct ff_fetcher *fetcher, struct fetched *object)
{
    while (object->in_flight < RANGES_IN_FLIGHT && object->asked < object->size) {
        struct range *range = ff_xalloc(sizeof *range);
        uint64_t left = object->size - object->asked;
        *range = (struct range){object, object->asked, left < FF_OBJECT_RANGE ? left : FF_OBJECT_RANGE};
        object->asked += range->size;
        object->in_flight++;
        struct ff_fetch_request request = {object->id, range->offset, range->size};
        struct ff_buf body = {0};
        ff_encode_fetch_request(&request, &body);
        struct ff_loop_call call = {fetcher->queue, fetcher->client, FF_FLEET_FETCH, FETCH_DEADLINE_MS,
                                    range_done,     fetcher,         range};
        ff_loop_call(&call, &body, NULL);
        ff_buf_fini(&body);
    }
}

static struct fetched *begin(struct ff_fetcher *fetcher, const struct ff_object_id *id, uint64_t size)
{
    struct fetched *object = ff_xcalloc(1, sizeof *object);
    object->fetcher = fetcher;
    object->id = *id;
    object->size = size;
    object->state = FF_FETCH_FAILED;
    object->next = fetcher->objects;
    fetcher->objects = object;
    object->fd = memfd_create("fitfleet-object", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (object->fd < 0 || size == 0 || ftruncate(object->fd, (off_t)size) != 0)
        return object;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, object->fd, 0);
    if (data == MAP_FAILED)
        return object;
    object->data = data;
    object->state = FF_FETCH_UNDER_WAY;
    ask(fetcher, object);
    return object;
}

enum ff_fetch_state ff_fetcher_get(struct ff_fetcher *fetcher, const struct ff_object_id *id, uint64_t size,
                                   int *fd)
{
    struct fetched *object = fetcher->objects;
    while (object && (memcmp(&object->id, id, sizeof *id) != 0 || object->size != size))
        object = object->next;
    if (!object)
        object = begin(fetcher, id, size);
    object->used_ms = ff_clock_ms();
    *fd = object->fd;
    enum ff_fetch_state state = object->state;
    if (state == FF_FETCH_FAILED)
        object->used_ms = 0; /* dropped at the next occasion, and fetched again when asked for again */
    return state;
}

void ff_fetcher_expire(struct ff_fetcher *fetcher, int64_t now_ms)
{
    struct fetched **link = &fetcher->objects;
    while (*link) {
        struct fetched *object = *link;
        if (object->in_flight || now_ms - object->used_ms < KEEP_MS) {
            link = &object->next;
            continue;
        }
        *link = object->next;
        free_fetched(object);
    }
}

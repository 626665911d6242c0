#include "coordinator/store_thread.h"

#include "stored.h"

#include <signal.h>
#include <sys/resource.h>

enum { MANY = 500, WAIT_MS = 20000, NEWS = 77 };

static struct ff_store_thread *thread;
static struct ff_queue back;
static struct ff_arena arena;

static void start(void)
{
    open_state();
    ff_queue_init(&back);
    thread = ff_store_thread_start(store, &back, NEWS);
    store = NULL; /* the thread's */
}

static void stop(void)
{
    ff_store_thread_stop(thread);
    ff_queue_fini(&back);
    ff_arena_fini(&arena);
    close_state();
}

TestSuite(store_thread, .init = start, .fini = stop);

/* The next count writes that come back, as a list. */
static void take_back(struct ff_write **writes, size_t count)
{
    size_t taken = 0;
    while (taken < count) {
        ff_queue_wait(&back, WAIT_MS);
        struct ff_event *events = ff_queue_pop_all(&back);
        cr_assert_not_null(events, "%zu of %zu writes came back", taken, count);
        for (; events; events = events->next)
            writes[taken++] = (struct ff_write *)events;
    }
    cr_assert_eq(taken, count);
}

/* A reader on the same directory, in store. */
static void open_reader(void)
{
    must(ff_store_open_reader(path_in_folder("state"), &store, &failure));
}

static enum ff_status note_target(void *context, uint64_t row, const struct ff_stored_report *stored)
{
    uint32_t *targets = context;
    targets[row - 1] = stored->outcomes[0].target;
    return FF_OK;
}

Test(store_thread, writes_come_back_in_their_order_after_their_commit)
{
    static struct ff_write writes[MANY];
    static struct ff_outcome outcomes[MANY];
    static uint32_t targets[MANY];
    struct ff_write *taken[MANY];
    for (uint32_t i = 0; i < MANY; i++) {
        outcomes[i] = fitted(MANY - i);
        writes[i].op = FF_WRITE_REPORT;
        writes[i].job_id = job.id;
        writes[i].report = (struct ff_stored_report){
            .worker = "host-1", .profile = "", .outcomes = &outcomes[i], .outcome_count = 1};
        ff_store_thread_push(thread, &writes[i]);
    }
    take_back(taken, MANY);
    open_reader();
    must(ff_store_reports(store, job.id, 0, note_target, targets, &failure));
    for (uint32_t i = 0; i < MANY; i++) {
        cr_assert_eq(taken[i], &writes[i]);
        cr_assert_eq(taken[i]->error.status, FF_OK);
        cr_assert_eq(targets[i], MANY - i);
    }
}

Test(store_thread, a_new_job_gets_its_id_and_number)
{
    struct ff_write write = {.event.type = 42, .op = FF_WRITE_JOB, .job = job}, *taken;
    write.job.id = 0;
    ff_store_thread_push(thread, &write);
    take_back(&taken, 1);
    cr_assert(taken == &write && write.event.type == 42);
    cr_assert(write.job.id == job.id + 1 && write.job.number == 2);
}

Test(store_thread, a_write_of_nothing_comes_back_behind_what_was_pushed_before)
{
    static const struct ff_stored_target targets[] = {{"a", 1, 1}};
    struct ff_write list = {.op = FF_WRITE_TARGETS, .job_id = job.id, .targets = {targets, 1}};
    struct ff_write cost = {.op = FF_WRITE_COST, .cost = {"ewma", 1, 2}};
    struct ff_write barrier = {.op = FF_WRITE_NOTHING}, *taken[3];
    ff_store_thread_push(thread, &list);
    ff_store_thread_push(thread, &cost);
    ff_store_thread_push(thread, &barrier);
    take_back(taken, 3);
    cr_assert_eq(taken[2], &barrier);
    struct ff_stored_targets stored;
    struct ff_cost *costs;
    size_t count;
    open_reader();
    must(ff_store_targets(store, job.id, &arena, &stored, &failure));
    must(ff_store_costs(store, &arena, &costs, &count, &failure));
    cr_assert(stored.target_count == 1 && count == 1);
}

Test(store_thread, a_publication_sees_the_reports_of_its_own_transaction)
{
    static const struct ff_stored_target targets[] = {{"a", 1, 1}};
    struct ff_outcome outcome = fitted(0);
    struct ff_write list = {.op = FF_WRITE_TARGETS, .job_id = job.id, .targets = {targets, 1}};
    struct ff_write reported = {
        .op = FF_WRITE_REPORT, .job_id = job.id, .report = {"host-1", "", &outcome, 1}};
    struct ff_write publication = {.op = FF_WRITE_PUBLISH, .job = job}, *taken[3];
    ff_store_thread_push(thread, &list);
    ff_store_thread_push(thread, &reported);
    ff_store_thread_push(thread, &publication);
    take_back(taken, 3);
    cr_assert_eq(publication.job.generation, 1);
    struct ff_stored_generation generation;
    open_reader();
    must(ff_store_generation(store, "demo", 0, &arena, &generation, &failure));
    cr_assert_eq(generation.model_count, 1);
}

Test(store_thread, a_switch_to_a_generation_that_is_not_there_is_refused_alone)
{
    struct ff_write refused = {.op = FF_WRITE_ACTIVATE, .activate = {"nothing", 1, ""}}, *taken[2];
    struct ff_write cost = {.op = FF_WRITE_COST, .cost = {"ewma", 1, 2}};
    ff_store_thread_push(thread, &refused);
    ff_store_thread_push(thread, &cost);
    take_back(taken, 2);
    cr_assert_eq(refused.refusal.status, FF_NOT_FOUND);
    cr_assert(refused.error.status == FF_OK && cost.error.status == FF_OK);
}

Test(store_thread, stopping_writes_what_waits_and_closes_the_store)
{
    static struct ff_write writes[50];
    struct ff_write *taken[50];
    for (size_t i = 0; i < 50; i++) {
        writes[i].op = FF_WRITE_JOB;
        writes[i].job = job;
        writes[i].job.id = 0;
        ff_store_thread_push(thread, &writes[i]);
    }
    ff_store_thread_stop(thread);
    thread = NULL;
    take_back(taken, 50);
    must(ff_store_open(path_in_folder("state"), &store, &failure)); /* the lock is free again */
    struct ff_job_record *jobs;
    size_t count;
    must(ff_store_jobs(store, &arena, &jobs, &count, &failure));
    cr_assert_eq(count, 51);
}

Test(store_thread, is_not_stuck_while_the_disk_takes_writes)
{
    cr_assert_not(ff_store_thread_is_stuck(thread));
}

/* ---- a disk that takes nothing ---- */

/* A file cannot grow over the limit: writes fail like on a full disk. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* News come alone or before the write that they let through. */
static void expect_news(const char *why, const struct ff_write *write)
{
    struct ff_event *events = NULL;
    ff_queue_wait(&back, WAIT_MS);
    events = ff_queue_pop_all(&back);
    cr_assert(events && events->type == NEWS);
    cr_assert_str_eq(((struct ff_store_news *)events)->why, why);
    struct ff_event *next = events->next;
    free(events);
    while (write && !next) {
        ff_queue_wait(&back, WAIT_MS);
        next = ff_queue_pop_all(&back);
    }
    cr_assert_eq(next, (const struct ff_event *)write);
}

Test(store_thread, a_disk_that_refuses_writes_is_told_and_tried_until_it_takes_them)
{
    struct ff_write write = {.op = FF_WRITE_JOB, .job = job};
    write.job.id = 0;
    limit_files(0);
    ff_store_thread_push(thread, &write);
    expect_news("disk I/O error", NULL);
    cr_assert(ff_store_thread_is_stuck(thread));
    limit_files(RLIM_INFINITY);
    expect_news("", &write);
    cr_assert_not(ff_store_thread_is_stuck(thread));
    cr_assert(write.error.status == FF_OK && write.job.number == 2, "one row, however often it was tried");
}

Test(store_thread, stopping_while_the_disk_refuses_writes_gives_them_back_unwritten)
{
    struct ff_write write = {.op = FF_WRITE_JOB, .job = job}, *taken;
    write.job.id = 0;
    limit_files(0);
    ff_store_thread_push(thread, &write);
    expect_news("disk I/O error", NULL);
    ff_store_thread_stop(thread);
    thread = NULL;
    take_back(&taken, 1);
    cr_assert_eq(write.error.status, FF_UNAVAILABLE);
    limit_files(RLIM_INFINITY);
    struct ff_job_record *jobs;
    size_t count;
    must(ff_store_open(path_in_folder("state"), &store, &failure));
    must(ff_store_jobs(store, &arena, &jobs, &count, &failure));
    cr_assert_eq(count, 1);
}

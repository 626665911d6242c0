/* Faults at every operation of the store on its disk.
 *
 * A history of transactions is played once undisturbed, and what is stored after each of them is written
 * down. Then it is played again and again, each time with a fault at another operation. A fault that passes
 * is tried over, as the store's thread does. After a kill or a power cut the state is opened again: it must
 * be as it was after the last transaction that was acknowledged, or after the one under way; fsck must find
 * nothing; the epoch must have risen; and the rest of the history must lead to the same end. */
#include "stored.h"
#include "support/forgetful_disk.h"

enum { TARGETS = 30, MOST_STEPS = 16 };
#ifdef FITFLEET_SANITIZED
enum { STRIDE = 3 }; /* it takes ten times as long */
#else
enum { STRIDE = 1 };
#endif

static struct ff_arena arena;
static char snapshots[MOST_STEPS + 1][16384]; /* after as many steps */
static uint64_t epoch;                        /* the last that was acknowledged */

/* ---- the history: each step a transaction that finds its way by what is stored ---- */

static struct ff_stored_target names[TARGETS];

static void name_targets(void)
{
    static char texts[TARGETS][8];
    for (size_t i = 0; i < TARGETS; i++) {
        snprintf(texts[i], sizeof texts[i], "t%02zu", i);
        names[i] = (struct ff_stored_target){texts[i], i, i};
    }
}

static enum ff_status add_job(const char *set, uint64_t keep)
{
    struct ff_job_record record = {.name = "demo", .set = set, .yaml = "x: 1\n", .keep = keep};
    record.state = FF_JOB_RUNNING;
    enum ff_status status = ff_store_put_job(store, &record, &failure);
    struct ff_stored_targets targets = {.targets = names, .target_count = TARGETS, .has_all = true};
    return status ? status : ff_store_put_targets(store, record.id, &targets, &failure);
}

static enum ff_status newest(struct ff_job_record *record)
{
    ff_arena_reset(&arena);
    return ff_store_find_job(store, "demo", &arena, record, &failure);
}

/* Outcomes of targets from first to end; each model with padding bytes of log. */
static enum ff_status add_report(uint32_t first, uint32_t end, size_t padding)
{
    static uint8_t log[10000];
    struct ff_job_record record;
    struct ff_outcome outcomes[TARGETS + 1];
    for (uint32_t i = first; i < end; i++) {
        outcomes[i - first] = fitted(i);
        outcomes[i - first].log = (struct ff_bytes){log, padding};
    }
    struct ff_stored_report stored = {"host-1", "p1", outcomes, end - first};
    enum ff_status status = newest(&record);
    return status ? status : ff_store_add_report(store, record.id, &stored, &failure);
}

static enum ff_status end_job(enum ff_job_state state, uint64_t fitted_count)
{
    struct ff_job_record record;
    enum ff_status status = newest(&record);
    if (status)
        return status;
    record.state = state;
    record.counts.requested = TARGETS;
    record.counts.of_class[FF_FITTED] = fitted_count;
    record.counts.of_class[FF_CANCELLED_CLASS] = TARGETS - fitted_count;
    return ff_store_publish(store, &record, 1000, &failure);
}

static enum ff_status first_job(void)
{
    return add_job("demo", 1);
}

static enum ff_status first_report(void)
{
    return add_report(0, 10, 0);
}

static enum ff_status several_reports(void)
{
    for (uint32_t i = 10; i < TARGETS; i += 10) {
        enum ff_status status = add_report(i, i + 10 + (i + 10 == TARGETS), 300);
        if (status)
            return status;
    }
    return ff_store_add_cost(store, &(struct ff_cost){"seasonal", 100, 1}, &failure);
}

static enum ff_status publish_all(void)
{
    return end_job(FF_JOB_DONE, TARGETS);
}

static enum ff_status second_job(void)
{
    enum ff_status status = add_job("demo", 1);
    return status ? status : add_report(0, TARGETS, 200);
}

static enum ff_status third_job_with_a_large_report(void)
{
    enum ff_status status = add_job("demo", 2);
    return status ? status : add_report(3, 7, 10000);
}

static enum ff_status cancel_partly(void)
{
    return end_job(FF_JOB_CANCELLED, 4);
}

static enum ff_status go_back(void)
{
    struct ff_activate_reply reply;
    return ff_store_activate(store, &(struct ff_activate_request){"demo", 0, ""}, 2000, &reply, &failure);
}

static enum ff_status go_back_for_some(void)
{
    struct ff_activate_reply reply;
    return ff_store_activate(store, &(struct ff_activate_request){"demo", 0, "t0*"}, 2000, &reply, &failure);
}

/* Closing moves the WAL into the database. */
static enum ff_status reopen(void);

static enum ff_status (*const steps[])(void) = {
    first_job,     first_report,     several_reports, publish_all,
    second_job,    publish_all,      reopen,          third_job_with_a_large_report,
    cancel_partly, go_back_for_some, go_back,         first_job};
enum { STEPS = sizeof steps / sizeof *steps };

/* ---- playing it ---- */

static enum ff_status open_store(void)
{
    enum ff_status status = FF_UNAVAILABLE;
    for (int i = 0; i < 3 && status && !disk.stopped; i++)
        status = ff_store_open(path_in_folder("state"), &store, &failure);
    if (!status) {
        cr_assert_gt(ff_store_epoch(store), epoch);
        epoch = ff_store_epoch(store);
    }
    return status;
}

static enum ff_status reopen(void)
{
    ff_store_close(store);
    store = NULL;
    return open_store();
}

static enum ff_status play_once(size_t step)
{
    if (steps[step] == reopen)
        return reopen();
    enum ff_status status = ff_store_begin(store, &failure);
    if (!status)
        status = steps[step]();
    if (!status)
        status = ff_store_commit(store, &failure);
    if (status)
        ff_store_rollback(store);
    return status;
}

/* From that step on, until the machine stops; returns the number of steps that are acknowledged. */
static size_t play(size_t from, void (*after)(size_t done))
{
    if (!store && open_store())
        return from;
    for (size_t i = from; i < STEPS; i++) {
        enum ff_status status = play_once(i);
        for (int again = 0; again < 3 && status && !disk.stopped; again++)
            status = play_once(i);
        if (status)
            return i;
        if (after)
            after(i + 1);
    }
    return STEPS;
}

/* ---- what is stored, as text without row ids of jobs ---- */

static uint32_t sum_of(struct ff_bytes bytes)
{
    uint32_t sum = 2166136261;
    for (size_t i = 0; i < bytes.size; i++)
        sum = (sum ^ bytes.data[i]) * 16777619;
    return sum;
}

static enum ff_status write_report(void *context, uint64_t row, const struct ff_stored_report *stored)
{
    ff_buf_printf(context, "  report %d:", (int)row);
    for (size_t i = 0; i < stored->outcome_count; i++)
        ff_buf_printf(context, " %u:%x:%zu", stored->outcomes[i].target, sum_of(stored->outcomes[i].model),
                      stored->outcomes[i].log.size);
    ff_buf_printf(context, "\n");
    return FF_OK;
}

static void write_jobs(struct ff_buf *out)
{
    struct ff_job_record *jobs;
    size_t count;
    must(ff_store_jobs(store, &arena, &jobs, &count, &failure));
    for (size_t i = 0; i < count; i++) {
        struct ff_stored_targets targets;
        must(ff_store_targets(store, jobs[i].id, &arena, &targets, &failure));
        ff_buf_printf(out, "%s-%d %s, generation %d, %zu targets\n", jobs[i].name, (int)jobs[i].number,
                      ff_job_state_name(jobs[i].state), (int)jobs[i].generation, targets.target_count);
        must(ff_store_reports(store, jobs[i].id, FF_REPORT_MODELS | FF_REPORT_LOGS, write_report, out,
                              &failure));
    }
}

static void write_generations(struct ff_buf *out)
{
    struct ff_generation_row *rows;
    size_t count;
    must(ff_store_generations(store, "", &arena, &rows, &count, &failure));
    for (size_t i = 0; i < count; i++) {
        struct ff_stored_generation generation;
        must(ff_store_generation(store, rows[i].set, rows[i].number, &arena, &generation, &failure));
        ff_buf_printf(out, "%s %d%s:", rows[i].set, (int)rows[i].number, rows[i].active ? " active" : "");
        for (size_t m = 0; m < generation.model_count; m++)
            ff_buf_printf(out, " %s:%d:%u:%d", generation.models[m].target, (int)generation.models[m].report,
                          generation.models[m].index, (int)generation.models[m].from);
        ff_buf_printf(out, "\n");
    }
}

static const char *snapshot(void)
{
    struct ff_cost *costs;
    size_t count;
    shown.size = 0;
    ff_arena_reset(&arena);
    write_jobs(&shown);
    write_generations(&shown);
    must(ff_store_costs(store, &arena, &costs, &count, &failure));
    for (size_t i = 0; i < count; i++)
        ff_buf_printf(&shown, "%s: %g\n", costs[i].name, costs[i].cells);
    return ff_buf_text(&shown);
}

static void write_down(size_t done)
{
    const char *text = snapshot();
    cr_assert_lt(strlen(text), sizeof snapshots[0]);
    strcpy(snapshots[done], text);
}

/* ---- faults ---- */

static void fail_on_finding(void *context, const char *text)
{
    cr_assert_fail("operation %d: fsck: %s", (int)*(uint64_t *)context, text);
}

static void forget_everything(void)
{
    ff_store_close(store);
    store = NULL;
    disk_wipe();
    epoch = 0;
}

/* The history undisturbed; the number of its operations. */
static uint64_t play_undisturbed(void)
{
    make_folder();
    name_targets();
    disk_install();
    must(open_store());
    write_down(0);
    cr_assert_eq(play(0, write_down), STEPS, "%s", failure.text);
    ff_store_close(store);
    store = NULL;
    uint64_t operations = disk.operation;
    forget_everything();
    return operations;
}

static void check_whole(uint64_t operation)
{
    struct ff_store_check sum;
    must(ff_store_check(store, fail_on_finding, &operation, &sum, &failure));
    cr_assert_eq(sum.findings, 0);
}

/* The step from which the history goes on. */
static size_t find_place(size_t acknowledged, uint64_t operation)
{
    const char *text = snapshot();
    if (strcmp(text, snapshots[acknowledged]) == 0)
        return acknowledged;
    cr_assert(acknowledged < STEPS && strcmp(text, snapshots[acknowledged + 1]) == 0,
              "operation %d: after %zu steps were acknowledged there is\n%s", (int)operation, acknowledged,
              text);
    return acknowledged + 1;
}

static void disturb(enum disk_fault fault, uint64_t operation)
{
    disk_arm(fault, operation);
    size_t done = play(0, NULL);
    ff_store_close(store); /* of a machine that stopped, nothing more reaches the disk */
    store = NULL;
    cr_assert(done == STEPS || disk.stopped, "operation %d: step %zu: %s", (int)operation, done,
              failure.text);
    disk_restart();
    must(open_store());
    check_whole(operation);
    done = find_place(done, operation);
    cr_assert_eq(play(done, NULL), STEPS, "operation %d: %s", (int)operation, failure.text);
    cr_assert_str_eq(snapshot(), snapshots[STEPS]);
    forget_everything();
}

static void disturb_every_operation(enum disk_fault fault)
{
    uint64_t operations = play_undisturbed();
    cr_assert_gt(operations, 100);
    for (uint64_t operation = 1; operation <= operations; operation += STRIDE)
        disturb(fault, operation);
    ff_buf_fini(&shown);
    ff_arena_fini(&arena);
    remove_folder();
}

TestSuite(store_faults, .timeout = 300); /* with sanitizers */

Test(store_faults, an_error_at_any_operation_is_tried_over)
{
    disturb_every_operation(DISK_IO_ERROR);
}

Test(store_faults, a_full_disk_at_any_operation_is_tried_over)
{
    disturb_every_operation(DISK_FULL);
}

Test(store_faults, a_kill_at_any_operation_loses_nothing_acknowledged)
{
    disturb_every_operation(DISK_KILL);
}

Test(store_faults, a_power_cut_at_any_operation_loses_nothing_acknowledged)
{
    disturb_every_operation(DISK_CUT_POWER);
}

Test(store_faults, a_power_cut_that_tears_writes_loses_nothing_acknowledged)
{
    disturb_every_operation(DISK_TEAR);
}

#include "coordinator/pass.h"

#include "common/buf.h"
#include "common/clock.h"
#include "coordinator/crew.h"

#include <stdlib.h>

struct worker {
    struct ff_opened opened;
    const struct ff_batch *batch;
    int64_t cpu_us;
    enum ff_status status;
    struct ff_error err;
};

struct round {
    const struct ff_pass *pass;
    struct worker *workers;
    size_t next; /* batch */
    enum ff_status status;
    struct ff_error *err;
};

static bool take(void *state, size_t number)
{
    struct round *round = state;
    const struct ff_dataset *dataset = round->pass->dataset;
    if (round->next == dataset->batch_count)
        return false;
    round->workers[number].batch = &dataset->batches[round->next++];
    return true;
}

static void work(void *state, size_t number)
{
    const struct round *round = state;
    const struct ff_pass *pass = round->pass;
    struct worker *worker = &round->workers[number];
    int64_t start_us = ff_thread_cpu_us();
    worker->status = ff_dataset_open(pass->dataset, worker->batch, &worker->opened, &worker->err);
    if (worker->status == FF_OK)
        worker->status = pass->visit(pass->context, number, worker->batch, &worker->opened, &worker->err);
    worker->cpu_us += ff_thread_cpu_us() - start_us;
}

static bool give(void *state, size_t number)
{
    struct round *round = state;
    const struct worker *worker = &round->workers[number];
    struct ff_load_progress *progress = round->pass->progress;
    if (worker->status) {
        round->status = worker->status;
        *round->err = worker->err;
    } else if (progress && atomic_load(&progress->cancel)) {
        round->status = ff_error_set(round->err, FF_CANCELLED, "cancelled while preparing");
    }
    return round->status == FF_OK;
}

enum ff_status ff_pass_run(const struct ff_pass *pass, int64_t *cpu_us, struct ff_error *err)
{
    size_t threads = pass->dataset->threads;
    struct ff_error ignored = {0};
    struct round round = {.pass = pass, .err = err ? err : &ignored};
    const struct ff_crew crew = {&round, take, work, give};
    round.workers = ff_xcalloc(threads, sizeof *round.workers);
    ff_crew_run(&crew, threads, threads);
    for (size_t i = 0; i < threads; i++) {
        *cpu_us += round.workers[i].cpu_us;
        ff_opened_fini(&round.workers[i].opened);
    }
    free(round.workers);
    return round.status;
}

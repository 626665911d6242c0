/* A dry run: loads and prepares the data as a job would, counts what would be fitted, and predicts how long
 * that takes by dealing the targets to simulated slots with the coordinator's own dispatch.
 *
 * Costs come from the cost book of the state directory. A model that it does not know is measured: sample
 * targets, from the largest to the smallest, are fitted by one executor of a private coordinator that is
 * thrown away. First a few; where those were quick, many more: the first fits of a process are slower than
 * the rest. What counts is their CPU time: in so short a look the rest would be what else the machine did. */
#include "coordinator/cli/embedded.h"
#include "coordinator/cli/plan.h"
#include "coordinator/costbook.h"
#include "coordinator/costs.h"
#include "coordinator/dispatch.h"

#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FEW_SAMPLES = 5,
    MANY_SAMPLES = 100,
    MANY_MS = 1000, /* that as many samples as possible may take */
};

static const double chunk_overhead_ms = 0.3; /* a lease, its copy and its report */
static const double coordinator_ms = 0.01;   /* of the coordinator's one loop for each target */

uint64_t ff_plan_cells(const struct ff_plan *plan, size_t target)
{
    const struct ff_target *of = &plan->set->targets[target];
    bool is_fitted = !of->code && of->rule >= 0 && !plan->loaded->known->has[target];
    return is_fitted ? of->frame.steps * of->frame.columns : 0;
}

bool ff_plan_has_all(const struct ff_plan *plan)
{
    return plan->spec->all.kind && plan->set->all_code == FF_CODE_OK &&
           !plan->loaded->known->has[plan->set->target_count];
}

/* ---- loading ---- */

static void sum_up(struct ff_plan *plan)
{
    plan->groups = plan->spec->top_count + 1;
    plan->us_per_target = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *plan->us_per_target);
    plan->us_per_cell = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *plan->us_per_cell);
    plan->in_book = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *plan->in_book);
    for (size_t i = 0; i < plan->set->target_count; i++) {
        uint64_t bytes = ff_plan_cells(plan, i) * sizeof(double);
        plan->fit_count += bytes > 0;
        plan->reused += plan->loaded->known->has[i];
        plan->frame_bytes += bytes;
        plan->largest_bytes = bytes > plan->largest_bytes ? bytes : plan->largest_bytes;
    }
    plan->all_bytes = ff_plan_has_all(plan) ? ff_frame_bytes(&plan->set->all) : 0;
}

/* For rows that do not fit in memory: the state, if there is one. */
static const char *folder_of(const struct ff_options *options)
{
    const char *state = ff_option_state(options);
    return access(state, W_OK) == 0 ? state : NULL;
}

static enum ff_status load(const struct ff_options *options, struct ff_plan *plan, struct ff_error *err)
{
    struct ff_jobspec *spec;
    enum ff_status status =
        ff_submit_from_file(options, options->arguments[0], &plan->arena, &plan->request, err);
    if (status)
        return status;
    const struct ff_jobspec_source source = ff_submit_source(&plan->request);
    status = ff_jobspec_parse(&source, &spec, err);
    if (!status)
        status = ff_loaded_create(spec, &(struct ff_loaded_options){.folder = folder_of(options)},
                                  &plan->loaded, err);
    if (status)
        return status;
    plan->spec = spec;
    plan->set = plan->loaded->set;
    plan->loaded->known = ff_known_create(plan->set);
    if (!options->no_reuse)
        status =
            ff_known_reuse(plan->loaded->known, ff_option_state(options), spec->output.set, plan->set, err);
    sum_up(plan);
    return status;
}

/* ---- costs ---- */

static const struct ff_model_spec *model_of(const struct ff_plan *plan, size_t group)
{
    return group < plan->spec->top_count ? &plan->spec->top[group].model : &plan->spec->all;
}

/* What the book of the state directory knows; no state is no history. */
static void read_book(const char *state_dir, struct ff_plan *plan)
{
    struct ff_store *store;
    struct ff_cost *costs;
    size_t count = 0;
    if (ff_store_open_reader(state_dir, &store, NULL))
        return;
    if (ff_store_costs(store, &plan->arena, &costs, &count, NULL) == FF_OK)
        for (size_t g = 0; g < plan->groups; g++)
            plan->in_book[g] =
                (plan->us_per_cell[g] = ff_costbook_us_per_cell(costs, count, model_of(plan, g))) > 0;
    ff_store_close(store);
}

/* One target to be fitted. */
struct candidate {
    size_t target;
    size_t group;
    uint64_t cells;
};

static int by_group_and_size(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->group != b->group)
        return a->group < b->group ? -1 : 1;
    if (a->cells != b->cells)
        return a->cells > b->cells ? -1 : 1;
    return a->target < b->target ? -1 : a->target > b->target;
}

/* Of groups without a known cost. */
static struct candidate *find_candidates(struct ff_plan *plan, size_t *count)
{
    struct candidate *list = ff_arena_alloc(&plan->arena, plan->set->target_count * sizeof *list);
    *count = 0;
    for (size_t i = 0; i < plan->set->target_count; i++) {
        uint64_t cells = ff_plan_cells(plan, i);
        size_t group = (size_t)plan->set->targets[i].rule;
        if (cells && !plan->in_book[group])
            list[(*count)++] = (struct candidate){i, group, cells};
    }
    qsort(list, *count, sizeof *list, by_group_and_size);
    return list;
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

/* Up to most of each group, evenly from its largest to its smallest; the list has room for them. */
static size_t choose(struct ff_plan *plan, size_t most, uint32_t *list)
{
    size_t count, chosen = 0;
    const struct candidate *candidates = find_candidates(plan, &count);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from; to < count && candidates[to].group == candidates[from].group;)
            to++;
        size_t size = to - from, few = size < most ? size : most;
        for (size_t i = 0; i < few; i++)
            list[chosen++] = (uint32_t)candidates[from + i * size / few].target;
    }
    qsort(list, chosen, sizeof *list, by_number);
    return chosen;
}

/* NULL: their rows are lost, or there is no memory for them. */
static struct ff_targetset *make_samples(struct ff_plan *plan, size_t most, struct ff_error *err)
{
    const struct ff_targetset *set = plan->set;
    uint32_t *list = ff_arena_alloc(&plan->arena, plan->groups * most * sizeof *list);
    size_t count = choose(plan, most, list);
    struct ff_targetset *samples;
    if (ff_targetset_create(set->metrics, set->metric_count, count, plan->largest_bytes, &samples, err))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (ff_targetset_copy(samples, set, list[i], err)) {
            ff_targetset_destroy(samples);
            return NULL;
        }
        samples->targets[i].rule = set->targets[list[i]].rule;
    }
    samples->all_code = FF_CODE_ALL_MISSING;
    return samples;
}

struct sample_source {
    struct ff_plan *plan;
    struct ff_targetset *samples;
};

static enum ff_status give_samples(void *context, const struct ff_jobspec *spec,
                                   struct ff_load_progress *progress, struct ff_targetset **out,
                                   struct ff_error *err)
{
    struct sample_source *source = context;
    (void)spec;
    (void)progress;
    (void)err;
    *out = source->samples;
    source->samples = NULL;
    return FF_OK;
}

struct measured {
    struct ff_plan *plan;
    struct ff_cost_sums *sums;               /* by group */
    const struct ff_stored_targets *targets; /* the samples */
};

static size_t group_of(const struct measured *measured, uint32_t target, uint64_t *cells)
{
    const struct ff_plan *plan = measured->plan;
    if (target >= measured->targets->target_count) {
        *cells = plan->set->all.steps * plan->set->all.columns;
        return plan->spec->top_count;
    }
    const char *name = measured->targets->targets[target].name;
    for (size_t i = 0; i < plan->set->target_count; i++) {
        if (strcmp(plan->set->targets[i].name, name) != 0)
            continue;
        *cells = ff_plan_cells(plan, i);
        return (size_t)plan->set->targets[i].rule;
    }
    return plan->groups;
}

static enum ff_status add_measured(void *context, uint64_t row, const struct ff_stored_report *report)
{
    struct measured *measured = context;
    (void)row;
    for (size_t i = 0; i < report->outcome_count; i++) {
        uint64_t cells;
        size_t group = group_of(measured, report->outcomes[i].target, &cells);
        if (group == measured->plan->groups || report->outcomes[i].fit_ms <= 0)
            continue;
        ff_cost_sums_add(&measured->sums[group], (double)cells, report->outcomes[i].cpu_ms * 1000);
    }
    return FF_OK;
}

static enum ff_status learn(struct ff_plan *plan, const char *state_dir, struct ff_error *err)
{
    struct ff_store *store;
    struct ff_job_record job;
    struct ff_stored_targets targets;
    struct measured measured = {
        plan, ff_arena_zalloc(&plan->arena, plan->groups * sizeof(struct ff_cost_sums)), &targets};
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    if (status)
        return status;
    status = ff_store_find_job(store, "", &plan->arena, &job, err);
    if (!status)
        status = ff_store_targets(store, job.id, &plan->arena, &targets, err);
    if (!status)
        status = ff_store_reports(store, job.id, FF_REPORT_OUTCOMES, add_measured, &measured, err);
    for (size_t g = 0; !status && g < plan->groups; g++) {
        struct ff_cost_line line = ff_cost_line_fit(&measured.sums[g]);
        if (plan->in_book[g] || !ff_cost_line_known(&line))
            continue;
        plan->us_per_target[g] = line.us;
        plan->us_per_cell[g] = line.us_per_cell;
    }
    ff_store_close(store);
    return status;
}

static enum ff_status run_samples(struct ff_plan *plan, struct ff_embedded *embedded, struct ff_error *err)
{
    struct ff_buf body = {0};
    struct ff_job_status job;
    struct ff_watch watch = {
        .signals = -1, .child_ended = ff_embedded_child_ended, .context = embedded, .quiet = true};
    int signal;
    ff_encode_submit_request(&plan->request, &body);
    enum ff_status status =
        ff_session_job_call(embedded->client, FF_JOBS_SUBMIT, &body, 30000, &plan->arena, &job, err);
    if (!status)
        status = ff_watch_job(embedded->client, ff_arena_strdup(&plan->arena, job.id), &watch, &plan->arena,
                              &job, &signal, err);
    ff_buf_fini(&body);
    return status;
}

static bool all_costs_known(const struct ff_plan *plan)
{
    for (size_t i = 0; i < plan->set->target_count; i++)
        if (ff_plan_cells(plan, i) && !plan->in_book[plan->set->targets[i].rule])
            return false;
    return !ff_plan_has_all(plan) || plan->in_book[plan->spec->top_count];
}

/* Fits the samples and learns from them. Takes them. */
static enum ff_status fit_samples(struct ff_plan *plan, struct ff_targetset *samples, struct ff_error *err)
{
    char state[] = "/tmp/fitfleet-plan-XXXXXX";
    struct ff_embedded embedded;
    struct sample_source source = {plan, samples};
    if (!mkdtemp(state)) {
        ff_targetset_destroy(samples);
        return ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", state);
    }
    struct ff_embedded_options options = {
        .state_dir = state, .slots = "1", .source = give_samples, .source_context = &source};
    enum ff_status status = ff_embedded_start(&options, &embedded, err);
    if (!status) {
        status = run_samples(plan, &embedded, err);
        ff_embedded_stop(&embedded);
    }
    if (!status)
        status = learn(plan, state, err);
    ff_targetset_destroy(source.samples);
    ff_embedded_remove_state(state);
    plan->sampled = true;
    return status;
}

static double predicted_ms(const struct ff_plan *plan, size_t group, double count, double cells)
{
    struct ff_cost_line line = {plan->us_per_target[group], plan->us_per_cell[group]};
    return ff_cost_line_us(&line, count, cells) / 1000;
}

/* What one sample of each group takes, as far as is known now. */
static double sample_ms(struct ff_plan *plan)
{
    size_t count;
    const struct candidate *list = find_candidates(plan, &count);
    double *cells = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *cells);
    double *size = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *size), ms = 0;
    for (size_t i = 0; i < count; i++) {
        cells[list[i].group] += (double)list[i].cells;
        size[list[i].group]++;
    }
    for (size_t g = 0; g < plan->groups; g++)
        ms += size[g] > 0 ? predicted_ms(plan, g, 1, cells[g] / size[g]) : 0;
    return ms;
}

/* The frame of all goes along with the first samples; its size is still of use, its rows are gone. */
static enum ff_status sample_costs(struct ff_plan *plan, struct ff_error *err)
{
    struct ff_targetset *samples = make_samples(plan, FEW_SAMPLES, err);
    if (!samples)
        return err->status;
    if (!plan->in_book[plan->spec->top_count]) {
        ff_targetset_move_all(plan->set, samples);
        samples->all_code = plan->set->all_code;
    }
    enum ff_status status = fit_samples(plan, samples, err);
    double ms = status ? 0 : sample_ms(plan);
    double most = ms > 0 ? MANY_MS / ms : 0;
    if (most < 2 * FEW_SAMPLES)
        return status;
    samples = make_samples(plan, most < MANY_SAMPLES ? (size_t)most : MANY_SAMPLES, err);
    return samples ? fit_samples(plan, samples, err) : err->status;
}

/* ---- prediction ---- */

static struct ff_dispatch_item *make_items(const struct ff_plan *plan)
{
    size_t count = plan->set->target_count;
    struct ff_dispatch_item *items = ff_xcalloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        uint64_t cells = ff_plan_cells(plan, i);
        items[i] = (struct ff_dispatch_item){
            .cells = cells, .group = cells ? (uint32_t)plan->set->targets[i].rule : 0, .closed = cells == 0};
    }
    items[count] = (struct ff_dispatch_item){.cells = plan->all_bytes / sizeof(double),
                                             .group = (uint32_t)plan->spec->top_count,
                                             .closed = !ff_plan_has_all(plan),
                                             .alone = true};
    return items;
}

static size_t earliest(const double *free_ms, unsigned slots)
{
    size_t best = 0;
    for (size_t i = 1; i < slots; i++)
        if (free_ms[i] < free_ms[best])
            best = i;
    return best;
}

/* What a slot is busy with a chunk. */
static double fit_chunk(const struct ff_plan *plan, const struct ff_dispatch_item *items,
                        const struct ff_grant *grant, struct ff_dispatch *dispatch)
{
    double ms = chunk_overhead_ms;
    for (size_t i = 0; i < grant->count; i++) {
        uint32_t tries, target = grant->targets[i];
        double cells = (double)items[target].cells,
               fit_ms = predicted_ms(plan, items[target].group, 1, cells);
        ms += fit_ms + ff_cost_overhead_us(1, cells) / 1000;
        ff_dispatch_result(dispatch, 1, target, &tries);
        ff_dispatch_observe(dispatch, 1, target, fit_ms, fit_ms);
    }
    ff_dispatch_end_lease(dispatch, grant->lease);
    return ms;
}

/* Slots take chunks from a dispatch whose targets cost exactly what is predicted. However many they are, the
 * coordinator has to handle every target. */
static void simulate(const struct ff_plan *plan, const struct ff_dispatch_item *items, unsigned slots,
                     struct ff_prediction *out)
{
    struct ff_dispatch *dispatch = ff_dispatch_create();
    struct ff_dispatch_job job = {.id = 1,
                                  .items = items,
                                  .count = plan->set->target_count + 1,
                                  .group_count = plan->groups,
                                  .us_per_target = plan->us_per_target,
                                  .us_per_cell = plan->us_per_cell,
                                  .attempts = 1,
                                  .mode = plan->spec->chunk_mode,
                                  .chunk = plan->spec->chunk};
    double *free_ms = ff_xcalloc(slots, sizeof *free_ms);
    struct ff_grant grant;
    size_t slot = 0;
    *out = (struct ff_prediction){.slots = slots};
    ff_dispatch_add_job(dispatch, &job);
    struct ff_dispatch_ask ask = {.worker = 1, .idle = 1, .fleet_slots = slots, .fleet_workers = 1};
    while (ff_dispatch_grant(dispatch, &ask, &grant)) {
        free_ms[slot] += fit_chunk(plan, items, &grant, dispatch);
        out->fit_ms = free_ms[slot] > out->fit_ms ? free_ms[slot] : out->fit_ms;
        out->chunks++;
        slot = earliest(free_ms, slots);
    }
    if (out->fit_ms < coordinator_ms * (double)plan->fit_count)
        out->fit_ms = coordinator_ms * (double)plan->fit_count;
    free(free_ms);
    ff_dispatch_destroy(dispatch);
}

/* ---- the command ---- */

static enum ff_status make_plan(const struct ff_options *options, struct ff_plan *plan, struct ff_error *err)
{
    enum ff_status status = load(options, plan, err);
    if (status)
        return status;
    read_book(ff_option_state(options), plan);
    if (!all_costs_known(plan))
        status = sample_costs(plan, err);
    if (status)
        return status;
    struct ff_dispatch_item *items = make_items(plan);
    for (unsigned i = 0; i < FF_PLAN_SLOT_CHOICES; i++)
        simulate(plan, items, 1u << i, &plan->predictions[i]);
    free(items);
    return FF_OK;
}

int ff_command_plan(const struct ff_options *options)
{
    struct ff_plan plan = {0};
    struct ff_error err = {0};
    struct ff_buf out = {0};
    int code;
    ff_signals_open();
    if (make_plan(options, &plan, &err)) {
        code = ff_fail(&err);
    } else {
        if (strcmp(ff_option_format(options, "table"), "json") == 0)
            ff_plan_json(&plan, &out);
        else
            ff_plan_table(&plan, &out);
        code = ff_write_output(options, &out);
    }
    ff_buf_fini(&out);
    ff_loaded_destroy(plan.loaded);
    ff_arena_fini(&plan.arena);
    return code;
}

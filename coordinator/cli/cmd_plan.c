/* A dry run: loads and prepares the data as a job would, counts what would be fitted, and predicts how long
 * that takes by dealing the targets to simulated slots with the coordinator's own dispatch.
 *
 * Costs come from the cost book of the state directory. A kind that it does not know is measured: a few
 * sample targets of each model are fitted in a private coordinator that is thrown away. */
#include "coordinator/cli/embedded.h"
#include "coordinator/dispatch.h"

#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLES = 5, SLOT_CHOICES = 7, CODES = 64, EXAMPLES = 3 };

static const double CHUNK_OVERHEAD_MS = 0.3; /* a lease, its copy and its report, measured */

struct prediction {
    unsigned slots;
    size_t chunks;
    double fit_ms;
};

struct plan {
    struct ff_arena arena;
    struct ff_submit_request request;
    struct ff_jobspec *spec;
    struct ff_targetset *set;
    size_t groups;       /* models.top, and one more for the frame of all */
    double *us_per_cell; /* by group */
    bool sampled;        /* some costs were measured now */
    size_t fit_count;
    uint64_t frame_bytes, largest_bytes, all_bytes;
    struct prediction predictions[SLOT_CHOICES];
};

static uint64_t cells_of(const struct ff_target *target)
{
    if (target->code || target->rule < 0)
        return 0;
    return target->frame.steps * target->frame.columns;
}

static bool has_all(const struct plan *plan)
{
    return plan->spec->all.kind && plan->set->all_code == FF_CODE_OK;
}

/* ---- loading ---- */

static enum ff_status load(const struct ff_options *options, struct plan *plan, struct ff_error *err)
{
    enum ff_status status =
        ff_submit_from_file(options, options->arguments[0], &plan->arena, &plan->request, err);
    if (status)
        return status;
    struct ff_jobspec_source source = {.text = plan->request.yaml,
                                       .size = strlen(plan->request.yaml),
                                       .file = plan->request.file,
                                       .base_dir = plan->request.base_dir,
                                       .overrides = plan->request.overrides,
                                       .override_count = plan->request.override_count,
                                       .override_dir = plan->request.override_dir};
    status = ff_jobspec_parse(&source, &plan->spec, err);
    if (!status)
        status = ff_targetset_load(plan->spec, NULL, NULL, NULL, &plan->set, err);
    if (status)
        return status;
    plan->groups = plan->spec->top_count + 1;
    plan->us_per_cell = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *plan->us_per_cell);
    for (size_t i = 0; i < plan->set->target_count; i++) {
        uint64_t bytes = cells_of(&plan->set->targets[i]) * sizeof(double);
        plan->fit_count += bytes > 0;
        plan->frame_bytes += bytes;
        plan->largest_bytes = bytes > plan->largest_bytes ? bytes : plan->largest_bytes;
    }
    plan->all_bytes = has_all(plan) ? ff_frame_bytes(&plan->set->all) : 0;
    return FF_OK;
}

/* ---- costs ---- */

static const char *kind_of(const struct plan *plan, size_t group)
{
    return group < plan->spec->top_count ? plan->spec->top[group].model.kind : plan->spec->all.kind;
}

/* What the book of the state directory knows; no state is no history. */
static void read_book(const char *state_dir, struct plan *plan)
{
    struct ff_store *store;
    struct ff_cost *costs;
    size_t count = 0;
    if (ff_store_open_reader(state_dir, &store, NULL))
        return;
    if (ff_store_costs(store, &plan->arena, &costs, &count, NULL) == FF_OK)
        for (size_t g = 0; g < plan->groups; g++)
            for (size_t i = 0; i < count; i++)
                if (kind_of(plan, g) && strcmp(costs[i].name, kind_of(plan, g)) == 0 && costs[i].cells > 0)
                    plan->us_per_cell[g] = costs[i].ms * 1000 / costs[i].cells;
    ff_store_close(store);
}

/* Some targets of each group without a known cost, spread over their order. */
static struct ff_targetset *choose_samples(struct plan *plan, struct ff_error *err)
{
    const struct ff_targetset *set = plan->set;
    size_t *seen = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *seen);
    size_t *size = ff_arena_zalloc(&plan->arena, plan->groups * sizeof *size);
    struct ff_targetset *samples;
    if (ff_targetset_create(set->metrics, set->metric_count, plan->groups * SAMPLES, plan->largest_bytes,
                            &samples, err))
        return NULL;
    for (size_t i = 0; i < set->target_count; i++)
        if (cells_of(&set->targets[i]))
            size[set->targets[i].rule]++;
    for (size_t i = 0; i < set->target_count; i++) {
        const struct ff_target *target = &set->targets[i];
        if (!cells_of(target) || plan->us_per_cell[target->rule] > 0)
            continue;
        size_t group = (size_t)target->rule, stride = size[group] / SAMPLES + 1;
        if (seen[group]++ % stride)
            continue;
        if (ff_targetset_copy(samples, set, i, err)) {
            ff_targetset_destroy(samples);
            return NULL;
        }
        samples->targets[samples->target_count - 1].rule = target->rule;
    }
    return samples;
}

struct sample_source {
    struct plan *plan;
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
    struct plan *plan;
    double *us, *cells;                      /* by group */
    const struct ff_stored_targets *targets; /* the samples */
};

static size_t group_of(const struct measured *measured, uint32_t target, uint64_t *cells)
{
    const struct plan *plan = measured->plan;
    if (target >= measured->targets->target_count) {
        *cells = plan->set->all.steps * plan->set->all.columns;
        return plan->spec->top_count;
    }
    const char *name = measured->targets->targets[target].name;
    for (size_t i = 0; i < plan->set->target_count; i++) {
        if (strcmp(plan->set->targets[i].name, name) != 0)
            continue;
        *cells = cells_of(&plan->set->targets[i]);
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
        measured->us[group] += report->outcomes[i].fit_ms * 1000;
        measured->cells[group] += (double)cells;
    }
    return FF_OK;
}

static enum ff_status learn(struct plan *plan, const char *state_dir, struct ff_error *err)
{
    struct ff_store *store;
    struct ff_job_record job;
    struct ff_stored_targets targets;
    struct measured measured = {plan, ff_arena_zalloc(&plan->arena, plan->groups * sizeof(double)),
                                ff_arena_zalloc(&plan->arena, plan->groups * sizeof(double)), &targets};
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    if (status)
        return status;
    status = ff_store_find_job(store, "", &plan->arena, &job, err);
    if (!status)
        status = ff_store_targets(store, job.id, &plan->arena, &targets, err);
    if (!status)
        status = ff_store_reports(store, job.id, FF_REPORT_OUTCOMES, add_measured, &measured, err);
    for (size_t g = 0; !status && g < plan->groups; g++)
        if (plan->us_per_cell[g] <= 0 && measured.cells[g] > 0)
            plan->us_per_cell[g] = measured.us[g] / measured.cells[g];
    ff_store_close(store);
    return status;
}

static enum ff_status run_samples(struct plan *plan, struct ff_embedded *embedded, struct ff_error *err)
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

static bool all_costs_known(const struct plan *plan)
{
    for (size_t i = 0; i < plan->set->target_count; i++)
        if (cells_of(&plan->set->targets[i]) && plan->us_per_cell[plan->set->targets[i].rule] <= 0)
            return false;
    return !has_all(plan) || plan->us_per_cell[plan->spec->top_count] > 0;
}

/* The frame of all goes along as one more sample, and comes back. */
static enum ff_status sample_costs(struct plan *plan, struct ff_error *err)
{
    char state[] = "/tmp/fitfleet-plan-XXXXXX";
    struct ff_embedded embedded;
    struct sample_source source = {plan, choose_samples(plan, err)};
    if (!source.samples)
        return err->status;
    if (!mkdtemp(state))
        return ff_error_set(err, FF_INTERNAL, "cannot make a folder %s: %m", state);
    ff_targetset_move_all(plan->set, source.samples);
    source.samples->all_code =
        plan->us_per_cell[plan->spec->top_count] > 0 ? FF_CODE_ALL_MISSING : plan->set->all_code;
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

/* ---- prediction ---- */

static struct ff_dispatch_item *make_items(const struct plan *plan)
{
    size_t count = plan->set->target_count;
    struct ff_dispatch_item *items = ff_xcalloc(count + 1, sizeof *items);
    for (size_t i = 0; i < count; i++) {
        uint64_t cells = cells_of(&plan->set->targets[i]);
        items[i] = (struct ff_dispatch_item){
            .cells = cells, .group = cells ? (uint32_t)plan->set->targets[i].rule : 0, .closed = cells == 0};
    }
    items[count] = (struct ff_dispatch_item){.cells = plan->all_bytes / sizeof(double),
                                             .group = (uint32_t)plan->spec->top_count,
                                             .closed = !has_all(plan),
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

/* Slots take chunks from a dispatch whose targets cost exactly what is predicted. */
static void simulate(const struct plan *plan, const struct ff_dispatch_item *items, unsigned slots,
                     struct prediction *out)
{
    struct ff_dispatch *dispatch = ff_dispatch_create();
    struct ff_dispatch_job job = {.id = 1,
                                  .items = items,
                                  .count = plan->set->target_count + 1,
                                  .group_count = plan->groups,
                                  .us_per_cell = plan->us_per_cell,
                                  .attempts = 1,
                                  .mode = plan->spec->chunk_mode,
                                  .chunk = plan->spec->chunk};
    double *free_ms = ff_xcalloc(slots, sizeof *free_ms);
    struct ff_grant grant;
    size_t slot = 0;
    *out = (struct prediction){.slots = slots};
    ff_dispatch_add_job(dispatch, &job);
    struct ff_dispatch_ask ask = {.worker = 1, .idle = 1, .fleet_slots = slots, .fleet_workers = 1};
    while (ff_dispatch_grant(dispatch, &ask, &grant)) {
        free_ms[slot] += CHUNK_OVERHEAD_MS;
        for (size_t i = 0; i < grant.count; i++) {
            uint32_t tries, target = grant.targets[i];
            double ms = (double)items[target].cells * plan->us_per_cell[items[target].group] / 1000;
            free_ms[slot] += ms;
            ff_dispatch_result(dispatch, 1, target, &tries);
            ff_dispatch_observe(dispatch, 1, target, ms, ms);
        }
        out->fit_ms = free_ms[slot] > out->fit_ms ? free_ms[slot] : out->fit_ms;
        out->chunks++;
        ff_dispatch_end_lease(dispatch, grant.lease);
        slot = earliest(free_ms, slots);
    }
    free(free_ms);
    ff_dispatch_destroy(dispatch);
}

/* ---- output ---- */

static void json_predictions(const struct plan *plan, struct ff_json *json)
{
    ff_json_key(json, "predicted");
    ff_json_array_begin(json);
    for (size_t i = 0; i < SLOT_CHOICES; i++) {
        const struct prediction *prediction = &plan->predictions[i];
        ff_json_object_begin(json);
        ff_json_put_uint(json, "slots", prediction->slots);
        ff_json_put_uint(json, "chunks", prediction->chunks);
        ff_json_put_double(json, "fit_s", prediction->fit_ms / 1000);
        ff_json_put_double(json, "total_s",
                           (plan->set->load_ms + plan->set->prepare_ms + prediction->fit_ms) / 1000);
        ff_json_object_end(json);
    }
    ff_json_array_end(json);
}

static void print_json(const struct plan *plan, struct ff_buf *out)
{
    const struct ff_targetset *set = plan->set;
    struct ff_json json = ff_json_start(out);
    ff_json_object_begin(&json);
    ff_json_put_string(&json, "job", plan->spec->name);
    ff_json_put_uint(&json, "files", set->file_count);
    ff_json_put_uint(&json, "data_bytes", set->data_bytes);
    ff_json_put_uint(&json, "rows_skipped", set->rows_skipped);
    ff_json_put_uint(&json, "requested", set->target_count);
    ff_json_put_uint(&json, "not_selected", set->not_selected);
    ff_json_put_uint(&json, "to_fit", plan->fit_count);
    ff_json_key(&json, "skipped");
    ff_json_object_begin(&json);
    for (size_t i = 0; i < set->target_count; i++)
        if (set->targets[i].code)
            ff_json_put_string(&json, set->targets[i].name, ff_code_name(set->targets[i].code));
    ff_json_object_end(&json);
    ff_json_put_uint(&json, "frame_bytes", plan->frame_bytes);
    ff_json_put_uint(&json, "largest_frame_bytes", plan->largest_bytes);
    ff_json_put_uint(&json, "all_frame_bytes", plan->all_bytes);
    ff_json_put_double(&json, "load_ms", set->load_ms);
    ff_json_put_double(&json, "prepare_ms", set->prepare_ms);
    ff_json_put_bool(&json, "costs_from_samples", plan->sampled);
    json_predictions(plan, &json);
    ff_json_object_end(&json);
    ff_buf_printf(out, "\n");
}

static void print_bytes(struct ff_buf *out, uint64_t bytes)
{
    if (bytes < 10 << 10)
        ff_buf_printf(out, "%llu bytes", (unsigned long long)bytes);
    else if (bytes < 10 << 20)
        ff_buf_printf(out, "%.1f KiB", (double)bytes / 1024);
    else
        ff_buf_printf(out, "%.1f MiB", (double)bytes / 1048576);
}

/* "  TOO_FEW_ROWS   3: a, b, c" per reason. */
static void print_skipped(const struct plan *plan, struct ff_buf *out)
{
    const struct ff_targetset *set = plan->set;
    for (int code = 1; code < CODES; code++) {
        size_t count = 0;
        struct ff_buf names = {0};
        for (size_t i = 0; i < set->target_count; i++) {
            if ((int)set->targets[i].code != code)
                continue;
            if (count++ < EXAMPLES)
                ff_buf_printf(&names, "%s%s", count > 1 ? ", " : "", set->targets[i].name);
        }
        if (count)
            ff_buf_printf(out, "  %-14s %zu: %s%s\n", ff_code_name((enum ff_code)code), count,
                          ff_buf_text(&names), count > EXAMPLES ? ", …" : "");
        ff_buf_fini(&names);
    }
}

static void print_models(const struct plan *plan, struct ff_buf *out)
{
    for (size_t g = 0; g < plan->spec->top_count; g++) {
        size_t count = 0;
        for (size_t i = 0; i < plan->set->target_count; i++)
            count += cells_of(&plan->set->targets[i]) && plan->set->targets[i].rule == (int)g;
        if (count)
            ff_buf_printf(out, "  %-14s %zu targets (%s), %.3f ms per 1,000 values\n",
                          plan->spec->top[g].model.kind, count, plan->spec->top[g].match,
                          plan->us_per_cell[g]);
    }
    if (plan->spec->all.kind)
        ff_buf_printf(out, "  %-14s all: %zu columns × %zu steps%s\n", plan->spec->all.kind,
                      plan->set->all.columns, plan->set->all.steps,
                      has_all(plan) ? "" : " (cannot be built)");
}

static void print_table(const struct plan *plan, struct ff_buf *out)
{
    const struct ff_targetset *set = plan->set;
    ff_buf_printf(out, "%s: %zu targets to fit of %zu requested; %llu more in the data are not selected\n",
                  plan->spec->name, plan->fit_count, set->target_count,
                  (unsigned long long)set->not_selected);
    print_skipped(plan, out);
    ff_buf_printf(out, "models\n");
    print_models(plan, out);
    ff_buf_printf(out, "data    %llu files, ", (unsigned long long)set->file_count);
    print_bytes(out, set->data_bytes);
    ff_buf_printf(out, "; loading %.2f s, preparing %.2f s; %llu bad rows skipped\n", set->load_ms / 1000,
                  set->prepare_ms / 1000, (unsigned long long)set->rows_skipped);
    ff_buf_printf(out, "memory  frames ");
    print_bytes(out, plan->frame_bytes);
    ff_buf_printf(out, " (also what travels), the largest ");
    print_bytes(out, plan->largest_bytes);
    ff_buf_printf(out, "; frame of all ");
    print_bytes(out, plan->all_bytes);
    ff_buf_printf(out, "\ncosts   %s\n\nslots  chunks  fitting_s  total_s\n",
                  plan->sampled ? "measured now on sample targets" : "from the cost book of earlier jobs");
    for (size_t i = 0; i < SLOT_CHOICES; i++) {
        const struct prediction *prediction = &plan->predictions[i];
        ff_buf_printf(out, "%5u  %6zu  %9.2f  %7.2f\n", prediction->slots, prediction->chunks,
                      prediction->fit_ms / 1000,
                      (set->load_ms + set->prepare_ms + prediction->fit_ms) / 1000);
    }
}

/* ---- the command ---- */

static enum ff_status make_plan(const struct ff_options *options, struct plan *plan, struct ff_error *err)
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
    for (unsigned i = 0; i < SLOT_CHOICES; i++)
        simulate(plan, items, 1u << i, &plan->predictions[i]);
    free(items);
    return FF_OK;
}

int ff_command_plan(const struct ff_options *options)
{
    struct plan plan = {0};
    struct ff_error err = {0};
    struct ff_buf out = {0};
    int code;
    ff_signals_open();
    if (make_plan(options, &plan, &err)) {
        code = ff_fail(&err);
    } else {
        if (strcmp(ff_option_format(options, "table"), "json") == 0)
            print_json(&plan, &out);
        else
            print_table(&plan, &out);
        code = ff_write_output(options, &out);
    }
    ff_buf_fini(&out);
    ff_targetset_destroy(plan.set);
    ff_jobspec_destroy(plan.spec);
    ff_arena_fini(&plan.arena);
    return code;
}

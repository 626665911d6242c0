#include "coordinator/cli/plan.h"

#include "common/json.h"
#include "common/text.h"

enum { CODES = 64, EXAMPLES = 3 };

static void json_predictions(const struct ff_plan *plan, struct ff_json *json)
{
    ff_json_key(json, "predicted");
    ff_json_array_begin(json);
    for (size_t i = 0; i < FF_PLAN_SLOT_CHOICES; i++) {
        const struct ff_prediction *prediction = &plan->predictions[i];
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

void ff_plan_json(const struct ff_plan *plan, struct ff_buf *out)
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
    ff_json_put_uint(&json, "reused", plan->reused);
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
static void print_skipped(const struct ff_plan *plan, struct ff_buf *out)
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

static void print_models(const struct ff_plan *plan, struct ff_buf *out)
{
    for (size_t g = 0; g < plan->spec->top_count; g++) {
        size_t count = 0;
        double ms = 0;
        for (size_t i = 0; i < plan->set->target_count; i++) {
            uint64_t cells = plan->set->targets[i].rule == (int)g ? ff_plan_cells(plan, i) : 0;
            count += cells > 0;
            ms += cells ? (plan->us_per_target[g] + (double)cells * plan->us_per_cell[g]) / 1000 : 0;
        }
        if (count)
            ff_buf_printf(out, "  %-14s %zu target%s (%s), %.3f ms each\n", plan->spec->top[g].model.kind,
                          count, ff_plural(count), plan->spec->top[g].match, ms / (double)count);
    }
    if (plan->spec->all.kind)
        ff_buf_printf(out, "  %-14s all: %zu column%s × %zu step%s%s\n", plan->spec->all.kind,
                      plan->set->all.columns, ff_plural(plan->set->all.columns), plan->set->all.steps,
                      ff_plural(plan->set->all.steps), ff_plan_has_all(plan) ? "" : " (cannot be built)");
}

void ff_plan_table(const struct ff_plan *plan, struct ff_buf *out)
{
    const struct ff_targetset *set = plan->set;
    ff_buf_printf(out, "%s: %zu target%s to fit of %zu requested; %llu more in the data %s not selected\n",
                  plan->spec->name, plan->fit_count, ff_plural(plan->fit_count), set->target_count,
                  (unsigned long long)set->not_selected, set->not_selected == 1 ? "is" : "are");
    if (plan->reused)
        ff_buf_printf(out, "  %-14s %zu: unchanged since the active generation of set %s\n", "reused",
                      plan->reused, plan->spec->output.set);
    print_skipped(plan, out);
    ff_buf_printf(out, "models\n");
    print_models(plan, out);
    ff_buf_printf(out, "data    %llu file%s, ", (unsigned long long)set->file_count,
                  ff_plural(set->file_count));
    print_bytes(out, set->data_bytes);
    ff_buf_printf(out, "; loading %.2f s, preparing %.2f s; %llu bad row%s skipped\n", set->load_ms / 1000,
                  set->prepare_ms / 1000, (unsigned long long)set->rows_skipped,
                  ff_plural(set->rows_skipped));
    ff_buf_printf(out, "memory  frames ");
    print_bytes(out, plan->frame_bytes);
    ff_buf_printf(out, " (also what travels), the largest ");
    print_bytes(out, plan->largest_bytes);
    ff_buf_printf(out, "; frame of all ");
    print_bytes(out, plan->all_bytes);
    ff_buf_printf(out, "\ncosts   %s\n\nslots  chunks  fitting_s  total_s\n",
                  plan->sampled ? "measured now on sample targets" : "from the cost book of earlier jobs");
    for (size_t i = 0; i < FF_PLAN_SLOT_CHOICES; i++) {
        const struct ff_prediction *prediction = &plan->predictions[i];
        ff_buf_printf(out, "%5u  %6zu  %9.2f  %7.2f\n", prediction->slots, prediction->chunks,
                      prediction->fit_ms / 1000,
                      (set->load_ms + set->prepare_ms + prediction->fit_ms) / 1000);
    }
}

#include "coordinator/loader.h"

#include "common/objects.h"
#include "coordinator/clerk.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct ff_loader {
    ff_target_source *source;
    void *context;
    struct ff_clerk *clerk;
    _Atomic(struct ff_load *) current;
};

/* ---- what the loop needs beside the targets ---- */

static struct ff_fit_spec fit_spec(const struct ff_model_spec *model)
{
    return (struct ff_fit_spec){model->kind, model->params, model->param_count};
}

static void choose_metrics(struct ff_loaded *loaded, size_t rule)
{
    const struct ff_targetset *set = loaded->set;
    const char **names = ff_xalloc((set->metric_count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < set->metric_count; i++)
        if (ff_jobspec_wants(&loaded->spec->top[rule], set->metrics[i]))
            names[count++] = set->metrics[i];
    loaded->metrics[rule] = names;
    loaded->metric_counts[rule] = count;
}

static void add_big(struct ff_loaded *loaded, uint32_t target, const struct ff_frame *frame)
{
    struct ff_bytes bytes = {(const uint8_t *)frame->values, ff_frame_bytes(frame)};
    if (!frame->values || bytes.size <= FF_BIG_FRAME_BYTES)
        return;
    loaded->big = ff_xrealloc(loaded->big, (loaded->big_count + 1) * sizeof *loaded->big);
    loaded->big[loaded->big_count++] = (struct ff_big_frame){target, ff_object_hash(bytes)};
}

const struct ff_big_frame *ff_loaded_big(const struct ff_loaded *loaded, uint32_t target)
{
    for (size_t i = 0; i < loaded->big_count; i++)
        if (loaded->big[i].target == target)
            return &loaded->big[i];
    return NULL;
}

static void complete(struct ff_loaded *loaded)
{
    const struct ff_jobspec *spec = loaded->spec;
    loaded->all = fit_spec(&spec->all);
    loaded->fallback = fit_spec(&spec->fallback);
    loaded->rules = ff_xcalloc(spec->top_count + 1, sizeof *loaded->rules);
    loaded->metrics = ff_xcalloc(spec->top_count + 1, sizeof *loaded->metrics);
    loaded->metric_counts = ff_xcalloc(spec->top_count + 1, sizeof *loaded->metric_counts);
    for (size_t i = 0; i < spec->top_count; i++) {
        loaded->rules[i] = fit_spec(&spec->top[i].model);
        choose_metrics(loaded, i);
    }
    for (size_t i = 0; i < loaded->set->target_count; i++)
        add_big(loaded, (uint32_t)i, &loaded->set->targets[i].frame);
    add_big(loaded, (uint32_t)loaded->set->target_count, &loaded->set->all);
}

void ff_loaded_destroy(struct ff_loaded *loaded)
{
    if (!loaded)
        return;
    for (size_t i = 0; loaded->metrics && i < loaded->spec->top_count; i++)
        free(loaded->metrics[i]);
    free(loaded->metrics);
    free(loaded->metric_counts);
    free(loaded->rules);
    free(loaded->big);
    ff_known_destroy(loaded->known);
    ff_targetset_destroy(loaded->set);
    ff_jobspec_destroy(loaded->spec);
    free(loaded);
}

/* ---- the thread ---- */

static enum ff_status from_files(void *context, const struct ff_jobspec *spec,
                                 struct ff_load_progress *progress, struct ff_targetset **out,
                                 struct ff_error *err)
{
    (void)context;
    return ff_targetset_load(spec, NULL, NULL, progress, out, err);
}

static void load(struct ff_loader *loader, struct ff_load *load)
{
    struct ff_loaded *loaded = ff_xcalloc(1, sizeof *loaded);
    enum ff_status status = ff_jobspec_parse(&load->source, &loaded->spec, &load->error);
    if (!status)
        status = loader->source(loader->context, loaded->spec, &load->progress, &loaded->set, &load->error);
    if (status) {
        ff_loaded_destroy(loaded);
        return;
    }
    complete(loaded);
    loaded->known = ff_known_create();
    status = load->retry_of ? ff_known_take_over(loaded->known, load->state_dir, load->retry_of,
                                                 load->retry_classes, loaded->set, &load->error)
                            : FF_OK;
    if (!status)
        status = ff_known_resume(loaded->known, load->state_dir, load->job, loaded->set, &load->error);
    if (status) {
        ff_loaded_destroy(loaded);
        return;
    }
    load->loaded = loaded;
}

static void work(void *context, struct ff_event *event, bool stopping)
{
    struct ff_loader *loader = context;
    struct ff_load *item = (struct ff_load *)event;
    atomic_store(&loader->current, item);
    if (stopping)
        ff_error_set(&item->error, FF_CANCELLED, "the coordinator ends");
    else
        load(loader, item);
    atomic_store(&loader->current, NULL);
}

struct ff_loader *ff_loader_start(struct ff_queue *back, ff_target_source *source, void *context)
{
    struct ff_loader *loader = ff_xcalloc(1, sizeof *loader);
    loader->source = source ? source : from_files;
    loader->context = context;
    loader->clerk = ff_clerk_start(work, loader, back);
    return loader;
}

void ff_loader_stop(struct ff_loader *loader)
{
    if (!loader)
        return;
    struct ff_load *current = atomic_load(&loader->current);
    if (current)
        atomic_store(&current->progress.cancel, true);
    ff_clerk_stop(loader->clerk);
    free(loader);
}

void ff_loader_push(struct ff_loader *loader, struct ff_load *load_item)
{
    ff_clerk_push(loader->clerk, &load_item->event);
}

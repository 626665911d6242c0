#include "coordinator/loader.h"

#include "common/hash.h"
#include "common/texts.h"
#include "coordinator/clerk.h"
#include "coordinator/fingerprint.h"
#include "coordinator/scoring.h"
#include "coordinator/setmodels.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HASHED_BYTES = 1 << 18 };

struct ff_loader {
    ff_target_source *source;
    void *context;
    struct ff_clerk *clerk;
    _Atomic(struct ff_load *) current;
};

/* ---- what the loop needs beside the targets ---- */

static struct ff_fit_spec fit_spec(const struct ff_model_spec *model, const struct ff_alerts *alerts,
                                   const struct ff_work *work)
{
    return (struct ff_fit_spec){.kind = model->kind,
                                .params = model->params,
                                .param_count = model->param_count,
                                .alerts = *alerts,
                                .work = *work};
}

/* total_per_day is shared out among the targets that have rows. */
static struct ff_alerts share_alerts(const struct ff_jobspec *spec, const struct ff_targetset *set)
{
    size_t targets = 0;
    for (size_t i = 0; i < set->target_count; i++)
        targets += set->targets[i].code == FF_CODE_OK;
    double per_week = spec->alerts.per_target_per_week;
    if (spec->alerts.total_per_day > 0)
        per_week = 7 * spec->alerts.total_per_day / (double)(targets ? targets : 1);
    return (struct ff_alerts){per_week, spec->alerts.direction, spec->alerts.least_duration_ms,
                              spec->alerts.least_deviation};
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

/* Adds the values of a target's frame to a hash. */
static enum ff_status hash_rows(const struct ff_targetset *set, size_t target, const struct ff_frame *frame,
                                struct ff_hash *hash, struct ff_error *err)
{
    size_t size = ff_frame_bytes(frame);
    if (frame->values)
        return ff_hash_add(hash, frame->values, size), FF_OK;
    uint8_t *piece = ff_xalloc(HASHED_BYTES);
    enum ff_status status = FF_OK;
    for (size_t at = 0; at < size && status == FF_OK; at += HASHED_BYTES) {
        size_t bytes = size - at < HASHED_BYTES ? size - at : HASHED_BYTES;
        status = ff_targetset_read(set, target, at, piece, bytes, err);
        if (status == FF_OK)
            ff_hash_add(hash, piece, bytes);
    }
    free(piece);
    return status;
}

struct ff_bytes ff_loaded_input(const struct ff_loaded *loaded, uint32_t target)
{
    const struct ff_targetset *set = loaded->set;
    return target == set->target_count ? set->all_input : set->targets[target].input;
}

static enum ff_status add_big(struct ff_loaded *loaded, uint32_t target, const struct ff_frame *frame,
                              struct ff_error *err)
{
    struct ff_big_frame big = {.target = target};
    struct ff_hash hash;
    struct ff_bytes input = ff_loaded_input(loaded, target);
    if (!ff_targetset_has_rows(loaded->set, target) ||
        (ff_frame_bytes(frame) <= FF_BIG_FRAME_BYTES && input.size <= FF_BIG_INPUT_BYTES))
        return FF_OK;
    ff_hash_start(&hash, FF_HASH_STRONG);
    enum ff_status status = hash_rows(loaded->set, target, frame, &hash, err);
    if (status)
        return status;
    if (input.size > FF_BIG_INPUT_BYTES) {
        big.input_size = input.size;
        ff_hash_add(&hash, input.data, input.size);
    }
    ff_hash_finish(&hash, big.id.bytes);
    loaded->big = ff_xrealloc(loaded->big, (loaded->big_count + 1) * sizeof *loaded->big);
    loaded->big[loaded->big_count++] = big;
    return FF_OK;
}

const struct ff_big_frame *ff_loaded_big(const struct ff_loaded *loaded, uint32_t target)
{
    for (size_t i = 0; i < loaded->big_count; i++)
        if (loaded->big[i].target == target)
            return &loaded->big[i];
    return NULL;
}

static void add_file(struct ff_hash *hash, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    ff_hash_add_number(hash, (uint64_t)info.st_size);
    ff_hash_add_number(hash, (uint64_t)info.st_mtim.tv_sec);
    ff_hash_add_number(hash, (uint64_t)info.st_mtim.tv_nsec);
}

/* Whichever arguments of a program are files, seen from where it runs. */
static void add_arguments(struct ff_hash *hash, const struct ff_fit_spec *spec, const char *text)
{
    struct ff_arena arena = {0};
    const char *const *items, *folder = ff_fit_spec_given(spec, "folder");
    size_t count = 0;
    if (!ff_texts_read(text, &arena, &items, &count))
        count = 0;
    for (size_t i = 0; i < count; i++)
        add_file(hash, items[i][0] == '/' || !folder ? items[i]
                                                     : ff_arena_printf(&arena, "%s/%s", folder, items[i]));
    ff_arena_fini(&arena);
}

/* What tells that the files of a model of somebody's own changed, where they can be seen from here. */
static void add_files(struct ff_hash *hash, const struct ff_fit_spec *spec)
{
    const struct ff_kind_schema *kind = spec->kind ? ff_kind_schema(spec->kind) : NULL;
    for (size_t i = 0; kind && ff_kind_is_open(kind) && i < spec->param_count; i++) {
        enum ff_param_type type = ff_kind_param(kind, spec->params[i].name)->type;
        if (type == FF_PARAM_TEXTS)
            add_arguments(hash, spec, spec->params[i].text);
        else if (spec->params[i].text[0] == '/')
            add_file(hash, spec->params[i].text);
    }
    for (size_t i = 0; i < spec->shared_count; i++)
        ff_hash_add(hash, spec->shared[i].id.bytes, FF_OBJECT_ID_SIZE);
}

static enum ff_status take_fingerprint(const struct ff_loaded *loaded, uint32_t target,
                                       const struct ff_frame *frame, struct ff_fingerprint *fingerprint,
                                       struct ff_error *err)
{
    const struct ff_targetset *set = loaded->set;
    struct ff_hash hash;
    if (!ff_targetset_has_rows(set, target))
        return FF_OK;
    if (target == set->target_count) {
        ff_fingerprint_start(&hash, &loaded->all, NULL, set->all_columns, frame);
        add_files(&hash, &loaded->all);
    } else {
        int rule = set->targets[target].rule;
        if (rule < 0)
            return FF_OK;
        ff_fingerprint_start(&hash, &loaded->rules[rule], &loaded->fallback, loaded->metrics[rule], frame);
        add_files(&hash, &loaded->rules[rule]);
        add_files(&hash, &loaded->fallback);
    }
    enum ff_status status = hash_rows(set, target, frame, &hash, err);
    if (status == FF_OK)
        *fingerprint = ff_fingerprint_finish(&hash);
    return status;
}

/* What depends on a target's rows. */
static enum ff_status look_at_rows(struct ff_loaded *loaded, uint32_t target, const struct ff_frame *frame,
                                   struct ff_fingerprint *fingerprint, struct ff_error *err)
{
    enum ff_status status = add_big(loaded, target, frame, err);
    return status ? status : take_fingerprint(loaded, target, frame, fingerprint, err);
}

static enum ff_status share_files(struct ff_loaded *loaded, struct ff_error *err)
{
    const char *root = loaded->spec->data.root;
    loaded->sharing = ff_sharing_create();
    enum ff_status status = ff_sharing_add(loaded->sharing, &loaded->fallback, root, err);
    for (size_t i = 0; i < loaded->spec->top_count && !status; i++)
        status = ff_sharing_add(loaded->sharing, &loaded->rules[i], root, err);
    return status;
}

static enum ff_status complete(struct ff_loaded *loaded, struct ff_error *err)
{
    const struct ff_jobspec *spec = loaded->spec;
    const struct ff_work *work = &loaded->set->work;
    const struct ff_alerts none = {0}, alerts = share_alerts(spec, loaded->set);
    loaded->all = fit_spec(&spec->all, &none, work);
    if (work->type != FF_WORK_BACKTEST) /* what is applied may be a model of the fallback's */
        loaded->fallback = fit_spec(&spec->fallback, &alerts, work);
    loaded->rules = ff_xcalloc(spec->top_count + 1, sizeof *loaded->rules);
    loaded->metrics = ff_xcalloc(spec->top_count + 1, sizeof *loaded->metrics);
    loaded->metric_counts = ff_xcalloc(spec->top_count + 1, sizeof *loaded->metric_counts);
    for (size_t i = 0; i < spec->top_count; i++) {
        loaded->rules[i] = fit_spec(&spec->top[i].model, &alerts, work);
        if (work->type == FF_WORK_FIT)
            loaded->rules[i].promotion = spec->output.promotion;
        choose_metrics(loaded, i);
    }
    struct ff_targetset *set = loaded->set;
    enum ff_status status = share_files(loaded, err);
    for (uint32_t i = 0; i < set->target_count && !status; i++) {
        struct ff_target *target = &set->targets[i];
        status = look_at_rows(loaded, i, &target->frame, &target->fingerprint, err);
    }
    return status ? status
                  : look_at_rows(loaded, (uint32_t)set->target_count, &set->all, &set->all_fingerprint, err);
}

/* The models that an errand applies stay in the arena. */
static enum ff_status read_kit(const char *state_dir, const struct ff_jobspec *spec, struct ff_arena *arena,
                               struct ff_kit *out, struct ff_error *err)
{
    struct ff_store *store;
    enum ff_status status = ff_store_open_reader(state_dir, &store, err);
    if (status)
        return status;
    status = ff_setmodels_kit(store, spec->errand.set, spec->errand.generation, spec->errand.target, arena,
                              out, err);
    ff_store_close(store);
    return status;
}

static enum ff_status find_errand(const struct ff_loaded_options *options, struct ff_loaded *loaded,
                                  struct ff_error *err)
{
    const struct ff_jobspec *spec = loaded->spec;
    struct ff_kit kit;
    struct ff_scoring scoring = {
        .work = spec->errand.work, .with_all = spec->errand.with_all, .folder = options->folder};
    if (!options->state_dir)
        return ff_error_set(err, FF_FAILED_PRECONDITION, "an errand needs the state of a coordinator");
    if (spec->errand.work.type != FF_WORK_BACKTEST) {
        enum ff_status status = read_kit(options->state_dir, spec, &loaded->in_use, &kit, err);
        if (status)
            return status;
        scoring.kit = &kit;
    }
    return ff_scoring_source(&scoring, spec, options->progress, &loaded->set, err);
}

static enum ff_status find_targets(const struct ff_loaded_options *options, struct ff_loaded *loaded,
                                   struct ff_error *err)
{
    const struct ff_jobspec *spec = loaded->spec;
    if (options->source)
        return options->source(options->context, spec, options->progress, &loaded->set, err);
    if (spec->errand.work.type != FF_WORK_FIT)
        return find_errand(options, loaded, err);
    return ff_targetset_load(spec, options->folder, NULL, options->progress, &loaded->set, err);
}

enum ff_status ff_loaded_create(struct ff_jobspec *spec, const struct ff_loaded_options *options,
                                struct ff_loaded **out, struct ff_error *err)
{
    struct ff_loaded *loaded = ff_xcalloc(1, sizeof *loaded);
    loaded->spec = spec;
    enum ff_status status = find_targets(options, loaded, err);
    if (status == FF_OK)
        status = complete(loaded, err);
    if (status)
        ff_loaded_destroy(loaded);
    else
        *out = loaded;
    return status;
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
    ff_sharing_destroy(loaded->sharing);
    ff_known_destroy(loaded->known);
    ff_arena_fini(&loaded->in_use);
    ff_targetset_destroy(loaded->set);
    ff_jobspec_destroy(loaded->spec);
    free(loaded);
}

/* ---- the thread ---- */

/* What the job itself committed comes before what it takes over from others. */
static enum ff_status find_known(struct ff_load *load, struct ff_loaded *loaded)
{
    const struct ff_targetset *set = loaded->set;
    struct ff_known *known = loaded->known = ff_known_create(set);
    enum ff_status status = ff_known_resume(known, load->state_dir, load->job, set, &load->error);
    if (status)
        return status;
    if (load->retry_of)
        return ff_known_take_over(known, load->state_dir, load->retry_of, load->retry_classes, set,
                                  &load->error);
    return load->reuse ? ff_known_reuse(known, load->state_dir, loaded->spec->output.set, set, &load->error)
                       : FF_OK;
}

/* A model that is taken over may be of older rows than today's. */
static void keep_fingerprints(struct ff_loaded *loaded)
{
    struct ff_targetset *set = loaded->set;
    for (size_t i = 0; i < loaded->known->count; i++) {
        const struct ff_known_outcome *known = &loaded->known->outcomes[i];
        uint32_t target = known->outcome.target;
        if (target == set->target_count)
            set->all_fingerprint = known->fingerprint;
        else
            set->targets[target].fingerprint = known->fingerprint;
    }
}

/* Gives targets that will be fitted the models in use, where new ones must prove themselves. A set without
 * generation is fine; a model of more than a megabyte is no rival. */
static enum ff_status find_models_in_use(struct ff_load *load, struct ff_loaded *loaded)
{
    const struct ff_jobspec *spec = loaded->spec;
    struct ff_targetset *set = loaded->set;
    struct ff_stored_generation active = {0};
    const struct ff_kit_model *models = NULL;
    struct ff_kit kit = {0};
    struct ff_store *store = NULL;
    if (!spec->output.promotion.last_ms || set->work.type != FF_WORK_FIT)
        return FF_OK;
    enum ff_status status = ff_store_open_reader(load->state_dir, &store, &load->error);
    if (!status)
        status = ff_store_generation(store, spec->output.set, 0, &loaded->in_use, &active, &load->error);
    if (!status)
        status =
            ff_setmodels_read(store, &active, "", &loaded->in_use, &models, &kit.model_count, &load->error);
    kit.models = models;
    for (uint32_t i = 0; !status && i < set->target_count; i++) {
        const struct ff_kit_model *model =
            loaded->known->has[i] ? NULL : ff_kit_find(&kit, set->targets[i].name);
        if (model && model->model.size <= FF_BIG_INPUT_BYTES)
            set->targets[i].input = model->model;
    }
    ff_store_close(store);
    return status == FF_NOT_FOUND ? FF_OK : status;
}

static void load(struct ff_loader *loader, struct ff_load *load)
{
    struct ff_jobspec *spec;
    struct ff_loaded *loaded;
    const struct ff_loaded_options options = {.source = loader->source,
                                              .context = loader->context,
                                              .folder = load->state_dir,
                                              .state_dir = load->state_dir,
                                              .progress = &load->progress};
    if (ff_jobspec_parse(&load->source, &spec, &load->error) ||
        ff_loaded_create(spec, &options, &loaded, &load->error))
        return;
    enum ff_status status = find_known(load, loaded);
    if (!status)
        status = find_models_in_use(load, loaded);
    if (status) {
        ff_loaded_destroy(loaded);
        return;
    }
    keep_fingerprints(loaded);
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
    loader->source = source;
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

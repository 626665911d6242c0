/* The section errand: what score, forecast and backtest hand to a coordinator beside the job that they are
 * about. */
#include "common/text.h"
#include "coordinator/jobspec_parts.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *const ff_work_names[FF_WORK_TYPES] = {[FF_WORK_FIT] = "fit",
                                                  [FF_WORK_SCORE] = "score",
                                                  [FF_WORK_FORECAST] = "forecast",
                                                  [FF_WORK_BACKTEST] = "backtest"};

static const char *const keys[] = {"do",      "set",   "generation", "target",   "all",         "files",
                                   "horizon", "folds", "season",     "coverage", "explained_ms"};

static enum ff_status read_count(struct ff_jobspec_reader *r, const struct ff_config_node *node, uint64_t min,
                                 uint64_t most, uint32_t *out)
{
    uint64_t value = *out;
    enum ff_status status = ff_config_count(node, min, most, &value, r->err);
    *out = (uint32_t)value;
    return status;
}

static enum ff_status read_text(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                const char **out)
{
    const char *text = "";
    enum ff_status status = ff_config_text(node, &text, r->err);
    *out = ff_arena_strdup(r->arena, text);
    return status;
}

static enum ff_status read_time(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                struct ff_work *work)
{
    const char *text = NULL;
    enum ff_status status = ff_config_text(node, &text, r->err);
    work->explains = text != NULL;
    if (status == FF_OK && text &&
        (!ff_parse_integer(text, &work->explained_ms) || work->explained_ms >= FF_LATEST_MS ||
         work->explained_ms <= -FF_LATEST_MS))
        return ff_config_expected(node, "milliseconds since the epoch", r->err);
    return status;
}

static enum ff_status read_work(struct ff_jobspec_reader *r, const struct ff_config_node *node,
                                struct ff_work *work)
{
    const struct ff_config_node *what = ff_config_child(node, "do");
    int type = FF_WORK_FIT;
    *work = (struct ff_work){.horizon = 24, .folds = 3, .coverage = 0.95};
    enum ff_status status = ff_config_choice(what, ff_work_names, COUNT(ff_work_names), &type, r->err);
    work->type = (enum ff_work_type)type;
    if (status == FF_OK && type == FF_WORK_FIT)
        return ff_config_fail(what ? what : node, r->err, "errand.do: expected score, forecast or backtest");
    if (status == FF_OK)
        status = read_count(r, ff_config_child(node, "horizon"), 1, FF_MOST_HORIZON, &work->horizon);
    if (status == FF_OK)
        status = read_count(r, ff_config_child(node, "folds"), 1, FF_MOST_FOLDS, &work->folds);
    if (status == FF_OK)
        status = read_count(r, ff_config_child(node, "season"), 0, FF_MOST_HORIZON, &work->season);
    if (status == FF_OK)
        status = ff_config_number(ff_config_child(node, "coverage"), 1e-9, 1 - 1e-9, &work->coverage, r->err);
    return status ? status : read_time(r, ff_config_child(node, "explained_ms"), work);
}

enum ff_status ff_jobspec_read_errand(struct ff_jobspec_reader *r, const struct ff_config_node *node)
{
    struct ff_jobspec *spec = r->spec;
    if (!node || node->kind == FF_CONFIG_NULL)
        return FF_OK;
    enum ff_status status = ff_config_check_map(node, keys, COUNT(keys), r->err);
    if (status == FF_OK)
        status = read_work(r, node, &spec->errand.work);
    if (status == FF_OK)
        status = read_text(r, ff_config_child(node, "set"), &spec->errand.set);
    if (status == FF_OK)
        status = read_text(r, ff_config_child(node, "target"), &spec->errand.target);
    if (status == FF_OK)
        status = read_text(r, ff_config_child(node, "files"), &spec->errand.files);
    if (status == FF_OK)
        status = ff_config_bool(ff_config_child(node, "all"), &spec->errand.with_all, r->err);
    if (status == FF_OK)
        status = ff_config_count(ff_config_child(node, "generation"), 0, INT64_MAX, &spec->errand.generation,
                                 r->err);
    if (status == FF_OK && spec->errand.work.type != FF_WORK_BACKTEST && !*spec->errand.set)
        return ff_config_fail(node, r->err, "errand.set is missing: the set whose models are applied");
    return status;
}

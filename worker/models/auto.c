/* auto: of several kinds the one that would have forecast the end of the target's own rows best (contest.h).
 *
 * The model is that of the one chosen, fitted on everything, with its name, its error relative to the naive
 * forecast's and what else was tried beside it. Rows too few to be divided get ewma. */
#include "worker/models/contest.h"
#include "worker/models/registry.h"

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct ff_contest_config *config = fit->alloc(fit, 1, sizeof *config);
    *given = config;
    return ff_contest_configure(fit, params, count, config);
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    struct ff_contest contest;
    int code = ff_contest_run(&contest, fit, config, frame);
    if (code != FF_FIT_OK)
        return code;
    size_t *order = fit->alloc(fit, contest.count, sizeof *order);
    ff_contest_ranking(&contest, order);
    const struct ff_candidate *chosen = &contest.list[order[0]];
    fit->text(fit, "chosen", chosen->label, FF_SUMMARY);
    fit->number(fit, "error", chosen->error, FF_SUMMARY);
    ff_contest_emit(&contest);
    return ff_contest_take(&contest, chosen, "model.");
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct ff_nested_model inner;
    const struct ff_kind *kind = ff_contest_taken(fit, model, "model.", &inner);
    return kind ? kind->score(fit, &inner.model, frame, scores) : FF_FIT_BAD_PARAMETER;
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    struct ff_nested_model inner;
    const struct ff_kind *kind = ff_contest_taken(fit, model, "model.", &inner);
    return kind ? kind->forecast(fit, &inner.model, horizon, coverage, scores) : FF_FIT_BAD_PARAMETER;
}

const struct ff_kind ff_kind_auto = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "auto",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

/* ensemble: the mean of the best kinds, each weighing by how well it would have forecast the end of the
 * target's own rows (contest.h): weight 1 / error⁴, over the best `members`.
 *
 * expected, lower and upper are the weighted means of the members' (Bates & Granger, "The combination of
 * forecasts", Operational Research Quarterly 20 (1969)); a member that says nothing of a step leaves its
 * weight to the others. */
#include "worker/models/contest.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"

#include <math.h>
#include <stdio.h>

enum { MOST_MEMBERS = 20, PREFIX = 24 };

struct config {
    struct ff_contest_config contest;
    double members;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count, const void **given)
{
    struct config *config = fit->alloc(fit, 1, sizeof *config);
    *given = config;
    int code = ff_contest_configure(fit, params, count, &config->contest);
    return code == FF_FIT_OK ? ff_params_number(fit, params, count, "members", 5, &config->members) : code;
}

static void name_member(size_t index, char *prefix)
{
    snprintf(prefix, PREFIX, "%zu.", index);
}

static double weight_of(const struct ff_candidate *candidate)
{
    double error = isfinite(candidate->error) ? fmax(candidate->error, 1e-6) : 1;
    return 1 / (error * error * error * error);
}

static void emit_members(struct ff_fit *fit, const struct ff_contest *contest, const size_t *order,
                         size_t count)
{
    const char **labels = fit->alloc(fit, count, sizeof *labels);
    double *weights = fit->alloc(fit, count, sizeof *weights), sum = 0;
    for (size_t i = 0; i < count; i++) {
        labels[i] = contest->list[order[i]].label;
        sum += weights[i] = weight_of(&contest->list[order[i]]);
    }
    for (size_t i = 0; i < count; i++)
        weights[i] /= sum;
    fit->integer(fit, "members", (int64_t)count, FF_SUMMARY);
    fit->text(fit, "best", labels[0], FF_SUMMARY);
    fit->number(fit, "error", contest->list[order[0]].error, FF_SUMMARY);
    fit->texts(fit, "member_names", labels, count, FF_EXPORT);
    fit->numbers(fit, "weights", weights, count, FF_EXPORT);
}

static int fit_series(struct ff_fit *fit, const void *given, const struct ff_kind_frame *frame)
{
    const struct config *config = given;
    struct ff_contest contest;
    int code = ff_contest_run(&contest, fit, &config->contest, frame);
    if (code != FF_FIT_OK)
        return code;
    size_t *order = fit->alloc(fit, contest.count, sizeof *order),
           count = ff_contest_ranking(&contest, order);
    count = count < (size_t)config->members ? count : (size_t)config->members;
    emit_members(fit, &contest, order, count);
    ff_contest_emit(&contest);
    for (size_t i = 0; i < count && code == FF_FIT_OK; i++) {
        char prefix[PREFIX];
        name_member(i, prefix);
        code = ff_contest_take(&contest, &contest.list[order[i]], prefix);
    }
    return code;
}

/* ---- using it ---- */

/* Sums over members, and the weight that each sum is of. */
struct sums {
    struct ff_kind_scores *out;
    double *weights;
    size_t steps;
};

static void add_member(struct sums *sums, const struct ff_kind_scores *member, double weight)
{
    for (size_t i = 0; i < sums->steps; i++) {
        if (!isfinite(member->expected[i]) || !isfinite(member->lower[i]) || !isfinite(member->upper[i]))
            continue;
        bool first = sums->weights[i] == 0;
        sums->out->expected[i] = (first ? 0 : sums->out->expected[i]) + weight * member->expected[i];
        sums->out->lower[i] = (first ? 0 : sums->out->lower[i]) + weight * member->lower[i];
        sums->out->upper[i] = (first ? 0 : sums->out->upper[i]) + weight * member->upper[i];
        sums->weights[i] += weight;
    }
}

static void divide(const struct sums *sums)
{
    for (size_t i = 0; i < sums->steps; i++) {
        if (sums->weights[i] == 0)
            continue;
        sums->out->expected[i] /= sums->weights[i];
        sums->out->lower[i] /= sums->weights[i];
        sums->out->upper[i] /= sums->weights[i];
    }
}

/* frame NULL: forecasts. */
static int combine(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                   size_t steps, double coverage, struct ff_kind_scores *scores)
{
    size_t count;
    const double *weights = model->numbers(model, "weights", &count);
    struct sums sums = {scores, fit->alloc(fit, steps, sizeof(double)), steps};
    if (count < 1 || count > MOST_MEMBERS)
        return ff_series_damaged(fit, "weights");
    for (size_t i = 0; i < steps; i++)
        sums.weights[i] = 0;
    for (size_t i = 0; i < count; i++) {
        char prefix[PREFIX];
        struct ff_nested_model inner;
        name_member(i, prefix);
        const struct ff_kind *kind = ff_contest_taken(fit, model, prefix, &inner);
        if (!kind || !(weights[i] >= 0))
            return FF_FIT_BAD_PARAMETER;
        struct ff_kind_scores member = ff_nested_scores(fit, steps);
        int code = frame ? kind->score(fit, &inner.model, frame, &member)
                         : kind->forecast(fit, &inner.model, steps, coverage, &member);
        if (code != FF_FIT_OK)
            return code;
        add_member(&sums, &member, weights[i]);
    }
    divide(&sums);
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    return combine(fit, model, frame, frame->steps, 0, scores);
}

static int forecast(struct ff_fit *fit, const struct ff_kind_model *model, size_t horizon, double coverage,
                    struct ff_kind_scores *scores)
{
    return combine(fit, model, NULL, horizon, coverage, scores);
}

const struct ff_kind ff_kind_ensemble = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "ensemble",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
    .forecast = forecast,
};

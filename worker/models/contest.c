#include "worker/models/contest.h"

#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_CANDIDATES = 96,
    MOST_SEASONS = 3,
    WEEK = 7,
    LEAST_TRAINING = 12,
    WITHOUT_SEASON = 12,
    LONGEST_NAME = 64
};

static const double coverage = 0.95;

int ff_contest_configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                         struct ff_contest_config *out)
{
    int code = ff_params_season(fit, params, count, "season", &out->season);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "horizon", 0, &out->horizon);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "budget", 2e6, &out->budget);
    return code;
}

/* ---- candidates ---- */

static const char *keep(struct ff_fit *fit, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(fit->alloc(fit, size, 1), text, size);
}

static struct ff_candidate *add(struct ff_contest *contest, const char *kind, double cost, const char *label)
{
    struct ff_candidate *candidate = &contest->list[contest->count++];
    *candidate = (struct ff_candidate){
        .kind = ff_registry_find(kind), .label = keep(contest->fit, label), .cost = cost, .error = NAN};
    return candidate;
}

static void give(struct ff_contest *contest, struct ff_candidate *candidate, const char *name,
                 const char *text)
{
    candidate->params[candidate->param_count++] = (struct ff_kind_param){name, keep(contest->fit, text)};
}

static void add_seasonal(struct ff_contest *contest, const char *kind, double cost, size_t season)
{
    char label[64], text[32];
    snprintf(label, sizeof label, "%s season %zu", kind, season);
    snprintf(text, sizeof text, "%zu", season);
    give(contest, add(contest, kind, cost, label), "season", text);
}

static void add_classical(struct ff_contest *contest, size_t season, const char *seasonal, const char *memory,
                          const char *alpha)
{
    char label[96], text[32];
    snprintf(label, sizeof label, "classical season %zu %s memory %s alpha %s", season, seasonal, memory,
             alpha);
    snprintf(text, sizeof text, "%zu", season);
    struct ff_candidate *candidate = add(contest, "classical", 6, label);
    give(contest, candidate, "season", text);
    give(contest, candidate, "seasonal", seasonal);
    give(contest, candidate, "memory", memory);
    give(contest, candidate, "alpha", alpha);
}

static void add_of_season(struct ff_contest *contest, size_t season)
{
    static const char *const seasonals[] = {"additive", "multiplicative"},
                             *const memories[] = {"1", "0.9", "0.7"}, *const alphas[] = {"0.1", "0.5", "0.9"};
    add_seasonal(contest, "naive", 1, season);
    for (size_t s = 0; s < 2 && season > 1; s++)
        for (size_t m = 0; m < 3; m++)
            for (size_t a = 0; a < 3; a++)
                add_classical(contest, season, seasonals[s], memories[m], alphas[a]);
}

static size_t find_seasons(const struct ff_contest *contest, size_t season, size_t *seasons)
{
    size_t count = 0, least = contest->frame->steps - FF_CONTEST_FOLDS * contest->horizon;
    if (season > 1)
        seasons[count++] = season;
    if (season > 1 && season <= least / 2 / WEEK)
        seasons[count++] = season * WEEK;
    if (season > WEEK && season % WEEK == 0)
        seasons[count++] = season / WEEK;
    return count;
}

static void add_candidates(struct ff_contest *contest, size_t season)
{
    size_t seasons[MOST_SEASONS], count = find_seasons(contest, season, seasons);
    for (size_t i = 0; i < count; i++)
        add_of_season(contest, seasons[i]);
    add_seasonal(contest, "naive", 1, 1);
    for (size_t a = 0; a < 3; a++)
        add_classical(contest, 1, "additive", "1", a == 0 ? "0.1" : a == 1 ? "0.5" : "0.9");
    for (size_t i = 0; i < count; i++)
        add_seasonal(contest, "theta", 40, seasons[i]);
    if (count == 0)
        add_seasonal(contest, "theta", 40, 1);
    add_seasonal(contest, "holt_winters", 100, season);
    for (size_t i = 0; i < count; i++)
        add_seasonal(contest, "stl", 150, seasons[i]);
    add_seasonal(contest, "ets", 400, season);
}

/* ---- the contest ---- */

static size_t origin_of(const struct ff_contest *contest, size_t fold)
{
    return contest->frame->steps - (fold + 1) * contest->horizon;
}

/* NaN: no value to compare with, or a forecast that is none. */
static double mean_error(const double *values, const double *forecast, size_t count)
{
    double sum = 0;
    size_t compared = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            continue;
        if (!isfinite(forecast[i]))
            return NAN;
        sum += fabs(values[i] - forecast[i]);
        compared++;
    }
    return compared ? sum / (double)compared : NAN;
}

static double fold_error(struct ff_contest *contest, const struct ff_candidate *candidate, size_t fold)
{
    struct ff_kind_frame before = *contest->frame;
    struct ff_nested nested;
    before.steps = origin_of(contest, fold);
    if (ff_nested_fit(&nested, contest->fit, candidate->kind, candidate->params, candidate->param_count,
                      &before) != FF_FIT_OK)
        return NAN;
    struct ff_kind_scores ahead = ff_nested_scores(contest->fit, contest->horizon);
    if (ff_nested_forecast(&nested, contest->horizon, coverage, &ahead) != FF_FIT_OK)
        return NAN;
    return mean_error(contest->frame->values + before.steps, ahead.expected, contest->horizon);
}

/* The mean over folds that can be compared; INFINITY where the candidate fails in one of them. */
static double contest_error(struct ff_contest *contest, const struct ff_candidate *candidate)
{
    double sum = 0;
    size_t folds = 0;
    for (size_t fold = 0; fold < FF_CONTEST_FOLDS; fold++) {
        if (!(contest->naive[fold] > 0))
            continue;
        double error = fold_error(contest, candidate, fold);
        if (isnan(error))
            return INFINITY;
        sum += error / contest->naive[fold];
        folds++;
    }
    return folds ? sum / (double)folds : INFINITY;
}

static double cost_of(const struct ff_contest *contest, const struct ff_candidate *candidate)
{
    double points = (double)contest->frame->steps;
    for (size_t fold = 0; fold < FF_CONTEST_FOLDS; fold++)
        points += (double)origin_of(contest, fold);
    return points * candidate->cost;
}

/* What one season earlier would have given: the unit of a fold's error. */
static void measure_naive(struct ff_contest *contest, size_t season)
{
    const double *values = contest->frame->values;
    for (size_t fold = 0; fold < FF_CONTEST_FOLDS; fold++) {
        size_t origin = origin_of(contest, fold), count = 0;
        double sum = 0;
        for (size_t i = season; i < origin; i++)
            if (!isnan(values[i]) && !isnan(values[i - season])) {
                sum += fabs(values[i] - values[i - season]);
                count++;
            }
        contest->naive[fold] = count ? sum / (double)count : NAN;
    }
}

static void try_candidates(struct ff_contest *contest)
{
    for (; contest->tried < contest->count; contest->tried++) {
        struct ff_candidate *candidate = &contest->list[contest->tried];
        double cost = cost_of(contest, candidate);
        if (contest->spent + cost > contest->budget && contest->tried > 0)
            break;
        contest->spent += cost;
        candidate->error = contest_error(contest, candidate);
    }
}

static void fall_back(struct ff_contest *contest, const char *why)
{
    contest->count = contest->tried = 0;
    contest->why = why;
    add(contest, "ewma", 1, "ewma");
}

static bool any_usable(const struct ff_contest *contest)
{
    for (size_t i = 0; i < contest->tried; i++)
        if (isfinite(contest->list[i].error))
            return true;
    return false;
}

static size_t choose_horizon(const struct ff_contest_config *config, size_t season, size_t steps)
{
    size_t horizon = config->horizon >= 1 ? (size_t)config->horizon
                     : season > 1         ? 2 * season
                                          : WITHOUT_SEASON;
    size_t most = steps / (3 * FF_CONTEST_FOLDS); /* two thirds are left for the first fit */
    if (config->horizon < 1 && horizon > most)
        horizon = most;
    return horizon > 0 ? horizon : 1;
}

int ff_contest_run(struct ff_contest *contest, struct ff_fit *fit, const struct ff_contest_config *config,
                   const struct ff_kind_frame *frame)
{
    double *known = fit->alloc(fit, frame->steps, sizeof *known);
    size_t count = ff_finite_values(frame->values, frame->steps, known);
    *contest = (struct ff_contest){.fit = fit, .frame = frame, .budget = config->budget};
    contest->list = fit->alloc(fit, MOST_CANDIDATES, sizeof *contest->list);
    if (count == 0)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA, "all %zu values are missing", frame->steps);
    size_t season = ff_series_season(fit, &config->season, frame);
    contest->horizon = choose_horizon(config, season, frame->steps);
    if (count < LEAST_TRAINING || frame->steps < FF_CONTEST_FOLDS * contest->horizon + LEAST_TRAINING) {
        fall_back(contest, "too few values to compare kinds");
    } else if (ff_all_equal(known, count)) {
        fall_back(contest, "a constant series");
    } else {
        measure_naive(contest, season > 1 && season < frame->steps / 2 ? season : 1);
        add_candidates(contest, season);
        try_candidates(contest);
        if (!any_usable(contest))
            fall_back(contest, "no kind could forecast every part");
    }
    return FF_FIT_OK;
}

size_t ff_contest_ranking(const struct ff_contest *contest, size_t *order)
{
    size_t count = 0;
    if (contest->why)
        return order[0] = 0, 1;
    for (size_t i = 0; i < contest->tried; i++) {
        size_t at = count;
        if (!isfinite(contest->list[i].error))
            continue;
        for (; at > 0 && contest->list[order[at - 1]].error > contest->list[i].error; at--)
            order[at] = order[at - 1];
        order[at] = i;
        count++;
    }
    return count;
}

void ff_contest_emit(const struct ff_contest *contest)
{
    struct ff_fit *fit = contest->fit;
    const char **labels = fit->alloc(fit, contest->count, sizeof *labels);
    double *errors = fit->alloc(fit, contest->tried, sizeof *errors);
    size_t left_out = contest->why ? 0 : contest->count - contest->tried;
    for (size_t i = 0; i < contest->count; i++)
        labels[i] = contest->list[i].label;
    for (size_t i = 0; i < contest->tried; i++)
        errors[i] = isfinite(contest->list[i].error) ? contest->list[i].error : NAN;
    fit->integer(fit, "tried", (int64_t)contest->tried, FF_SUMMARY);
    fit->integer(fit, "left_out", (int64_t)left_out, FF_SUMMARY);
    if (contest->why)
        fit->text(fit, "why", contest->why, FF_SUMMARY);
    fit->integer(fit, "horizon", (int64_t)contest->horizon, FF_EXPORT);
    fit->texts(fit, "candidates", labels, contest->tried, FF_EXPORT);
    fit->numbers(fit, "errors", errors, contest->tried, FF_EXPORT);
    if (left_out)
        fit->texts(fit, "beyond_budget", labels + contest->tried, left_out, FF_EXPORT);
}

int ff_contest_take(const struct ff_contest *contest, const struct ff_candidate *candidate,
                    const char *prefix)
{
    struct ff_fit *fit = contest->fit;
    struct ff_nested nested;
    char name[LONGEST_NAME];
    int code = ff_nested_fit(&nested, fit, candidate->kind, candidate->params, candidate->param_count,
                             contest->frame);
    if (code != FF_FIT_OK)
        return code;
    snprintf(name, sizeof name, "%skind", prefix);
    fit->text(fit, name, candidate->kind->name, FF_EXPORT);
    snprintf(name, sizeof name, "%sformat", prefix);
    fit->integer(fit, name, candidate->kind->format_version, FF_EXPORT);
    ff_nested_emit(&nested, prefix);
    return FF_FIT_OK;
}

const struct ff_kind *ff_contest_taken(struct ff_fit *fit, const struct ff_kind_model *model,
                                       const char *prefix, struct ff_nested_model *out)
{
    *out = ff_nested_view(model, prefix, 1);
    const char *name = out->model.text(&out->model, "kind");
    int64_t format = out->model.integer(&out->model, "format", 0);
    const struct ff_kind *kind = name ? ff_registry_find(name) : NULL;
    if (!kind || !kind->score || !kind->forecast || format < 1 || format > kind->format_version ||
        kind->flags & FF_KIND_MULTIVARIATE) {
        ff_series_damaged(fit, "the kind that was chosen");
        return NULL;
    }
    out->model.format_version = (uint32_t)format;
    return kind;
}

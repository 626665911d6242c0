/* Scores are kept as they came, decoded once: arrays by metric over the steps of a target. */
#include "coordinator/scored_parts.h"

#include "common/model.h"
#include "coordinator/csvout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ff_scored *ff_scored_create(const char *const *metrics, size_t metric_count)
{
    struct ff_scored *scored = ff_xcalloc(1, sizeof *scored);
    scored->metrics = metrics;
    scored->metric_count = metric_count;
    return scored;
}

void ff_scored_destroy(struct ff_scored *scored)
{
    if (!scored)
        return;
    ff_arena_fini(&scored->arena);
    free(scored->targets);
    free(scored);
}

/* ---- reading what came out ---- */

static const double *array_of(const struct ff_model_part *part, const char *name, size_t count)
{
    const struct ff_model_param *param = ff_model_param(part, name, FF_VALUE_NUMBERS);
    return param && param->count == count ? param->numbers : NULL;
}

static bool read_scores(const struct ff_model_part *part, size_t steps, struct ff_scores *out)
{
    *out = (struct ff_scores){array_of(part, "expected", steps), array_of(part, "lower", steps),
                              array_of(part, "upper", steps), array_of(part, "score", steps),
                              array_of(part, "value", steps)};
    return out->expected && out->lower && out->upper;
}

static const struct ff_model_part *part_of(const struct ff_model *model, const char *metric)
{
    for (size_t i = 0; i < model->part_count; i++)
        if (strcmp(model->parts[i].metric, metric) == 0 && model->parts[i].code == FF_CODE_OK)
            return &model->parts[i];
    return NULL;
}

static enum ff_status damaged(const char *what, struct ff_error *err)
{
    return ff_error_set(err, FF_DATA_LOSS, "the scores of %s cannot be read", what);
}

/* A kind that judges all metrics of a target together gives statistics: what each of its metrics is said to
 * have is the largest score of them, without a band. False: they are no statistics. */
static bool join_statistics(struct ff_scored *scored, const struct ff_model *model, struct ff_scores *out)
{
    struct ff_scores part;
    if (model->part_count == 0 || !array_of(&model->parts[0], "value", model->steps))
        return false;
    double *nothing = ff_arena_alloc(&scored->arena, model->steps * sizeof *nothing);
    double *most = ff_arena_alloc(&scored->arena, model->steps * sizeof *most);
    for (size_t i = 0; i < model->steps; i++)
        nothing[i] = most[i] = NAN;
    for (size_t p = 0; p < model->part_count; p++) {
        if (!read_scores(&model->parts[p], model->steps, &part) || !part.value || !part.score)
            return false;
        for (size_t i = 0; i < model->steps; i++)
            most[i] = fmax(most[i], part.score[i]);
    }
    *out = (struct ff_scores){nothing, nothing, nothing, most, NULL};
    return true;
}

static enum ff_status read_target(struct ff_scored *scored, struct ff_scored_target *target,
                                  const struct ff_outcome *outcome, struct ff_error *err)
{
    struct ff_model model;
    if (ff_model_decode(outcome->model, &scored->arena, &model, NULL) || model.step_ms <= 0)
        return damaged(target->name, err);
    ff_score_counts_add_unfitted(&scored->unfitted, target->name, &model);
    target->t0_ms = model.t0_ms;
    target->step_ms = model.step_ms;
    target->steps = model.steps;
    target->metrics = ff_arena_zalloc(&scored->arena, scored->metric_count * sizeof *target->metrics);
    struct ff_scores joined = {0};
    bool is_joint = join_statistics(scored, &model, &joined);
    for (size_t i = 0; i < scored->metric_count; i++) {
        const struct ff_model_part *part = is_joint ? NULL : part_of(&model, scored->metrics[i]);
        target->metrics[i] = joined;
        if (part && !read_scores(part, target->steps, &target->metrics[i]))
            return damaged(target->name, err);
    }
    return FF_OK;
}

enum ff_status ff_scored_add(struct ff_scored *scored, const char *name, const struct ff_outcome *outcome,
                             struct ff_error *err)
{
    if (scored->count == scored->capacity) {
        scored->capacity = scored->capacity ? 2 * scored->capacity : 64;
        scored->targets = ff_xrealloc(scored->targets, scored->capacity * sizeof *scored->targets);
    }
    struct ff_scored_target *target = &scored->targets[scored->count++];
    *target = (struct ff_scored_target){.name = name};
    return outcome->model.size ? read_target(scored, target, outcome, err) : FF_OK;
}

static int by_name(const void *key, const void *target)
{
    return strcmp(key, ((const struct ff_scored_target *)target)->name);
}

const struct ff_scored_target *ff_scored_find(const struct ff_scored *scored, const char *name)
{
    return scored->count ? bsearch(name, scored->targets, scored->count, sizeof *scored->targets, by_name)
                         : NULL;
}

/* ---- lines ---- */

static double judge(const struct ff_scores *scores, size_t step, double value)
{
    double expected = scores->expected[step];
    if (scores->score && !isnan(scores->score[step]))
        return scores->score[step];
    if (value == expected)
        return 0;
    return value > expected ? (value - expected) / (scores->upper[step] - expected)
                            : (expected - value) / (expected - scores->lower[step]);
}

void ff_scored_put(struct ff_scored_lines *lines, int64_t time_ms, const char *target, const char *metric,
                   const struct ff_scores *scores, size_t step, double value)
{
    struct ff_score score;
    bool judged = scores && scores->expected && !isnan(value);
    if (judged)
        score = (struct ff_score){scores->expected[step], scores->lower[step], scores->upper[step],
                                  judge(scores, step, value)};
    if (!lines->time.text[0] || time_ms != lines->time_ms) {
        lines->time_ms = time_ms;
        lines->time = ff_show_time(time_ms);
    }
    ff_scoreline_put(&lines->out, lines->time.text, target, metric, value, judged ? &score : NULL,
                     &lines->counts);
}

/* ---- the frame of all ---- */

static enum ff_status write_statistics(struct ff_scored_lines *lines, const struct ff_model *model,
                                       struct ff_arena *arena, FILE *file, struct ff_error *err)
{
    struct ff_scores *scores = ff_arena_alloc(arena, model->part_count * sizeof *scores);
    for (size_t i = 0; i < model->part_count; i++)
        if (!read_scores(&model->parts[i], model->steps, &scores[i]) || !scores[i].value)
            return damaged("all", err);
    for (size_t step = 0; step < model->steps; step++) {
        int64_t time_ms = model->t0_ms + (int64_t)step * model->step_ms;
        for (size_t i = 0; i < model->part_count; i++)
            ff_scored_put(lines, time_ms, "all", model->parts[i].metric, &scores[i], step,
                          scores[i].value[step]);
        if (ff_scoreline_flush(&lines->out, file, FF_SCORED_FLUSH_BYTES, err))
            return err->status;
    }
    return ff_scoreline_flush(&lines->out, file, 0, err);
}

enum ff_status ff_scored_write_all(const struct ff_outcome *outcome, FILE *out, struct ff_error *err)
{
    struct ff_scored_lines lines = {0};
    struct ff_arena arena = {0};
    struct ff_model model;
    ff_scoreline_header(&lines.out);
    enum ff_status status = ff_model_decode(outcome->model, &arena, &model, NULL)
                                ? damaged("all", err)
                                : write_statistics(&lines, &model, &arena, out, err);
    ff_arena_fini(&arena);
    ff_buf_fini(&lines.out);
    return status;
}

/* ---- forecasts ---- */

static enum ff_status put_forecast(const char *target, const struct ff_model *model, struct ff_buf *out,
                                   struct ff_error *err)
{
    for (size_t i = 0; i < model->part_count; i++) {
        struct ff_scores scores;
        if (model->parts[i].code != FF_CODE_OK)
            continue;
        if (!read_scores(&model->parts[i], model->steps, &scores))
            return ff_error_set(err, FF_DATA_LOSS, "the forecast of %s cannot be read", target);
        for (size_t step = 0; step < model->steps; step++) {
            struct ff_csvout line = ff_csvout_start(out);
            ff_csvout_text(&line, ff_show_time(model->t0_ms + (int64_t)step * model->step_ms).text);
            ff_csvout_text(&line, target);
            ff_csvout_text(&line, model->parts[i].metric);
            ff_csvout_double(&line, scores.expected[step]);
            ff_csvout_double(&line, scores.lower[step]);
            ff_csvout_double(&line, scores.upper[step]);
            ff_csvout_end(&line);
        }
    }
    return FF_OK;
}

enum ff_status ff_forecast_write(const char *target, const struct ff_outcome *outcome, bool first, FILE *out,
                                 struct ff_score_counts *counts, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_buf text = {0};
    struct ff_model model;
    if (first)
        ff_buf_printf(&text, "time,target,metric,expected,lower,upper\n");
    enum ff_status status = FF_OK;
    if (outcome->model.size)
        status = ff_model_decode(outcome->model, &arena, &model, err);
    if (!status && outcome->model.size) {
        ff_score_counts_add_unfitted(counts, target, &model);
        status = put_forecast(target, &model, &text, err);
    }
    if (!status)
        status = ff_scoreline_flush(&text, out, 0, err);
    ff_buf_fini(&text);
    ff_arena_fini(&arena);
    return status;
}

static bool put_causes(const struct ff_model *model, const struct ff_model_part *part, struct ff_buf *out,
                       size_t *lines)
{
    const struct ff_model_param *at = ff_model_param(part, "at", FF_VALUE_NUMBERS),
                                *columns = ff_model_param(part, "columns", FF_VALUE_TEXTS),
                                *shares = ff_model_param(part, "shares", FF_VALUE_NUMBERS);
    const double *score = array_of(part, "score", model->steps);
    if (!at) /* the kind does not say */
        return true;
    if (!columns || !shares || !score || columns->count != shares->count ||
        (at->count && columns->count % at->count))
        return false;
    size_t named = at->count ? columns->count / at->count : 0;
    for (size_t i = 0; i < at->count * named; i++) {
        double step = at->numbers[i / named];
        if (!(step >= 0 && step < (double)model->steps))
            return false;
        struct ff_csvout line = ff_csvout_start(out);
        ff_csvout_text(&line, ff_show_time(model->t0_ms + (int64_t)step * model->step_ms).text);
        ff_csvout_text(&line, part->metric);
        ff_csvout_double(&line, score[(size_t)step]);
        ff_csvout_text(&line, columns->texts[i]);
        ff_csvout_double(&line, shares->numbers[i]);
        ff_csvout_end(&line);
        ++*lines;
    }
    return true;
}

enum ff_status ff_scored_write_causes(const struct ff_outcome *outcome, FILE *out, size_t *lines,
                                      struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_buf text = {0};
    struct ff_model model;
    bool sound = ff_model_decode(outcome->model, &arena, &model, NULL) == FF_OK;
    ff_buf_printf(&text, "time,statistic,score,column,share\n");
    *lines = 0;
    for (size_t i = 0; sound && i < model.part_count; i++)
        sound = put_causes(&model, &model.parts[i], &text, lines);
    enum ff_status status = sound ? ff_scoreline_flush(&text, out, 0, err) : damaged("all", err);
    ff_buf_fini(&text);
    ff_arena_fini(&arena);
    return status;
}

/* Scores are kept as they came, decoded once: arrays by metric over the steps of a target. A row finds its
 * target by name (mostly that of the row before) and its step by its time. */
#include "coordinator/scored.h"

#include "common/model.h"
#include "common/text.h"
#include "coordinator/csvout.h"
#include "coordinator/names.h"
#include "coordinator/show.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 20 };

/* Arrays of one metric; NULL: there are none. */
struct scores {
    const double *expected, *lower, *upper;
    const double *score; /* NULL: by the band */
    const double *value; /* of statistics */
};

struct target {
    const char *name;
    int64_t t0_ms, step_ms;
    size_t steps;
    struct scores *metrics; /* by metric; NULL: the target was not scored */
};

struct ff_scored {
    struct ff_arena arena;
    const char *const *metrics;
    size_t metric_count;
    struct target *targets;
    size_t count, capacity;
    struct ff_score_counts unfitted; /* nothing else of it */
};

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

static bool read_scores(const struct ff_model_part *part, size_t steps, struct scores *out)
{
    *out = (struct scores){array_of(part, "expected", steps), array_of(part, "lower", steps),
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
static bool join_statistics(struct ff_scored *scored, const struct ff_model *model, struct scores *out)
{
    struct scores part;
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
    *out = (struct scores){nothing, nothing, nothing, most, NULL};
    return true;
}

static enum ff_status read_target(struct ff_scored *scored, struct target *target,
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
    struct scores joined = {0};
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
    struct target *target = &scored->targets[scored->count++];
    *target = (struct target){.name = name};
    return outcome->model.size ? read_target(scored, target, outcome, err) : FF_OK;
}

static int by_name(const void *key, const void *target)
{
    return strcmp(key, ((const struct target *)target)->name);
}

static const struct target *find(const struct ff_scored *scored, const char *name)
{
    return scored->count ? bsearch(name, scored->targets, scored->count, sizeof *scored->targets, by_name)
                         : NULL;
}

/* ---- writing ---- */

struct writer {
    const struct ff_scored *scored;
    const struct ff_jobspec *spec;
    const char *only;
    FILE *file;
    struct ff_buf out;
    struct ff_arena arena;
    struct ff_names unknown;
    struct ff_score_counts *counts;
    /* The row before. */
    struct ff_buf name;
    bool has_name, is_wanted;
    const struct target *target;
    int64_t time_ms;
    struct ff_shown time;
    double **sums; /* by target and metric: for the aggregates sum and count */
};

static const char *show_time(struct writer *writer, int64_t time_ms)
{
    if (!writer->time.text[0] || time_ms != writer->time_ms) {
        writer->time_ms = time_ms;
        writer->time = ff_show_time(time_ms);
    }
    return writer->time.text;
}

static double judge(const struct scores *scores, size_t step, double value)
{
    double expected = scores->expected[step];
    if (scores->score && !isnan(scores->score[step]))
        return scores->score[step];
    if (value == expected)
        return 0;
    return value > expected ? (value - expected) / (scores->upper[step] - expected)
                            : (expected - value) / (expected - scores->lower[step]);
}

/* scores NULL: there is no model. */
static void put_line(struct writer *writer, const char *target, const char *metric,
                     const struct scores *scores, size_t step, double value)
{
    struct ff_score score;
    bool judged = scores && scores->expected && !isnan(value);
    if (judged)
        score = (struct ff_score){scores->expected[step], scores->lower[step], scores->upper[step],
                                  judge(scores, step, value)};
    ff_scoreline_put(&writer->out, show_time(writer, writer->time_ms), target, metric, value,
                     judged ? &score : NULL, writer->counts);
}

static void meet(struct writer *writer, const char *name)
{
    if (writer->has_name && strcmp(ff_buf_text(&writer->name), name) == 0)
        return;
    writer->name.size = 0;
    ff_buf_append(&writer->name, name, strlen(name));
    writer->has_name = true;
    writer->is_wanted = !*writer->only || ff_glob_match(writer->only, name);
    writer->target = find(writer->scored, name);
    if (writer->is_wanted && !writer->target)
        ff_names_add(&writer->unknown, name, strlen(name));
}

static size_t step_of(const struct target *target, int64_t time_ms)
{
    return (size_t)((time_ms - target->t0_ms) / target->step_ms);
}

/* Whether the time is on the axis: the files may have changed since they were scored. */
static bool is_on_axis(const struct target *target, int64_t time_ms)
{
    return target && target->metrics && time_ms >= target->t0_ms && step_of(target, time_ms) < target->steps;
}

static void put_cell(struct writer *writer, const char *name, size_t metric, double value)
{
    const struct target *target = writer->target;
    bool on_axis = is_on_axis(target, writer->time_ms);
    put_line(writer, name, writer->scored->metrics[metric], on_axis ? &target->metrics[metric] : NULL,
             on_axis ? step_of(target, writer->time_ms) : 0, value);
}

static bool is_summed(const struct ff_jobspec *spec)
{
    return spec->prepare.aggregate == FF_AGG_SUM || spec->prepare.aggregate == FF_AGG_COUNT;
}

static void add_cell(struct writer *writer, size_t metric, double value)
{
    const struct target *target = writer->target;
    if (!is_on_axis(target, writer->time_ms))
        return;
    size_t place = (size_t)(target - writer->scored->targets) * writer->scored->metric_count + metric;
    bool counts = writer->spec->prepare.aggregate == FF_AGG_COUNT;
    if (!writer->sums[place]) {
        writer->sums[place] = ff_xalloc(target->steps * sizeof(double));
        for (size_t i = 0; i < target->steps; i++)
            writer->sums[place][i] = counts ? 0 : NAN;
    }
    double *sum = &writer->sums[place][step_of(target, writer->time_ms)];
    if (counts)
        *sum += !isnan(value);
    else if (!isnan(value))
        *sum = isnan(*sum) ? value : *sum + value;
}

static void take_cell(struct writer *writer, const char *name, size_t metric, double value)
{
    if (writer->sums)
        add_cell(writer, metric, value);
    else
        put_cell(writer, name, metric, value);
}

static void take_unknown(struct writer *writer)
{
    if (writer->is_wanted && !writer->target)
        writer->counts->unknown_rows++;
}

static enum ff_status take_row(void *context, const struct ff_scanned_row *row, struct ff_error *err)
{
    struct writer *writer = context;
    if (!row) /* nobody waits for the lines */
        return FF_OK;
    const struct ff_columns *columns = row->columns;
    show_time(writer, row->time_ms);
    if (row->target) {
        meet(writer, row->target);
        take_unknown(writer);
    }
    for (size_t i = 0; i < columns->count; i++) {
        const char *name = row->target ? row->target : columns->values[i].name;
        if (!row->target) {
            meet(writer, name);
            take_unknown(writer);
        }
        if (writer->is_wanted)
            take_cell(writer, name, row->target ? i : 0, row->values[i].value);
    }
    return ff_scoreline_flush(&writer->out, writer->file, FLUSH_BYTES, err);
}

static enum ff_status write_sums(struct writer *writer, struct ff_error *err)
{
    const struct ff_scored *scored = writer->scored;
    for (size_t i = 0; i < scored->count; i++) {
        const struct target *target = &scored->targets[i];
        double **sums = writer->sums + i * scored->metric_count;
        for (size_t step = 0; sums[0] && step < target->steps; step++) {
            show_time(writer, target->t0_ms + (int64_t)step * target->step_ms);
            for (size_t m = 0; m < scored->metric_count; m++)
                put_line(writer, target->name, scored->metrics[m], &target->metrics[m], step, sums[m][step]);
        }
        enum ff_status status = ff_scoreline_flush(&writer->out, writer->file, FLUSH_BYTES, err);
        if (status)
            return status;
    }
    return FF_OK;
}

enum ff_status ff_scored_write(const struct ff_scored *scored, const struct ff_jobspec *spec,
                               const struct ff_data_file *files, size_t file_count, const char *only,
                               FILE *out, struct ff_score_counts *counts, struct ff_error *err)
{
    struct writer writer = {.scored = scored, .spec = spec, .only = only, .file = out, .counts = counts};
    *counts = scored->unfitted;
    size_t cells = scored->count * scored->metric_count;
    if (is_summed(spec))
        writer.sums = ff_xcalloc(cells + 1, sizeof *writer.sums);
    ff_names_init(&writer.unknown, &writer.arena);
    ff_scoreline_header(&writer.out);
    enum ff_status status = ff_rowscan(spec, files, file_count, take_row, &writer, err);
    if (!status && writer.sums)
        status = write_sums(&writer, err);
    if (!status)
        status = ff_scoreline_flush(&writer.out, out, 0, err);
    counts->unknown_targets = writer.unknown.count;
    for (size_t i = 0; writer.sums && i < cells; i++)
        free(writer.sums[i]);
    free(writer.sums);
    ff_names_fini(&writer.unknown);
    ff_arena_fini(&writer.arena);
    ff_buf_fini(&writer.name);
    ff_buf_fini(&writer.out);
    return status;
}

/* ---- the frame of all ---- */

static enum ff_status write_statistics(struct writer *writer, const struct ff_model *model, FILE *file,
                                       struct ff_error *err)
{
    struct scores *scores = ff_arena_alloc(&writer->arena, model->part_count * sizeof *scores);
    for (size_t i = 0; i < model->part_count; i++)
        if (!read_scores(&model->parts[i], model->steps, &scores[i]) || !scores[i].value)
            return damaged("all", err);
    for (size_t step = 0; step < model->steps; step++) {
        show_time(writer, model->t0_ms + (int64_t)step * model->step_ms);
        for (size_t i = 0; i < model->part_count; i++)
            put_line(writer, "all", model->parts[i].metric, &scores[i], step, scores[i].value[step]);
        if (ff_scoreline_flush(&writer->out, file, FLUSH_BYTES, err))
            return err->status;
    }
    return ff_scoreline_flush(&writer->out, file, 0, err);
}

enum ff_status ff_scored_write_all(const struct ff_outcome *outcome, FILE *out,
                                   struct ff_score_counts *counts, struct ff_error *err)
{
    struct writer writer = {.counts = counts};
    struct ff_model model;
    ff_scoreline_header(&writer.out);
    enum ff_status status = ff_model_decode(outcome->model, &writer.arena, &model, NULL)
                                ? damaged("all", err)
                                : write_statistics(&writer, &model, out, err);
    ff_arena_fini(&writer.arena);
    ff_buf_fini(&writer.out);
    return status;
}

/* ---- forecasts ---- */

static enum ff_status put_forecast(const char *target, const struct ff_model *model, struct ff_buf *out,
                                   struct ff_error *err)
{
    for (size_t i = 0; i < model->part_count; i++) {
        struct scores scores;
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

static bool put_causes(const struct ff_model *model, const struct ff_model_part *part, struct ff_buf *out)
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
    }
    return true;
}

enum ff_status ff_scored_write_causes(const struct ff_outcome *outcome, FILE *out, struct ff_error *err)
{
    struct ff_arena arena = {0};
    struct ff_buf text = {0};
    struct ff_model model;
    bool sound = ff_model_decode(outcome->model, &arena, &model, NULL) == FF_OK;
    ff_buf_printf(&text, "time,statistic,score,column,share\n");
    for (size_t i = 0; sound && i < model.part_count; i++)
        sound = put_causes(&model, &model.parts[i], &text);
    enum ff_status status = sound ? ff_scoreline_flush(&text, out, 0, err) : damaged("all", err);
    ff_buf_fini(&text);
    ff_arena_fini(&arena);
    return status;
}

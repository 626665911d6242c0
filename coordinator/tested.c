#include "coordinator/tested.h"

#include "common/json.h"
#include "common/model.h"
#include "coordinator/csvout.h"
#include "coordinator/show.h"
#include "coordinator/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORST = 20 };

void ff_tested_fini(struct ff_tested *tested)
{
    ff_arena_fini(&tested->arena);
    free(tested->series);
    *tested = (struct ff_tested){0};
}

/* ---- reading ---- */

static double mean_of(const struct ff_model_part *part, const char *name)
{
    const struct ff_model_param *param = ff_model_param(part, name, FF_VALUE_NUMBERS);
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; param && i < param->count; i++) {
        if (isnan(param->numbers[i]))
            continue;
        sum += param->numbers[i];
        count++;
    }
    return count ? sum / (double)count : NAN;
}

static double owa(const struct ff_accuracy *accuracy)
{
    return (accuracy->smape / accuracy->naive_smape + accuracy->mase / accuracy->naive_mase) / 2;
}

static struct ff_accuracy read_accuracy(const struct ff_model_part *part)
{
    struct ff_accuracy accuracy = {.smape = mean_of(part, "smape"),
                                   .mase = mean_of(part, "mase"),
                                   .coverage = mean_of(part, "coverage"),
                                   .width = mean_of(part, "width"),
                                   .naive_smape = mean_of(part, "naive_smape"),
                                   .naive_mase = mean_of(part, "naive_mase")};
    accuracy.owa = owa(&accuracy);
    return accuracy;
}

static struct ff_tested_series *append(struct ff_tested *tested)
{
    if (tested->count == tested->capacity) {
        tested->capacity = tested->capacity ? 2 * tested->capacity : 64;
        tested->series = ff_xrealloc(tested->series, tested->capacity * sizeof *tested->series);
    }
    return &tested->series[tested->count++];
}

static void add_part(struct ff_tested *tested, const char *target, const struct ff_model_part *part)
{
    const struct ff_model_param *season = ff_model_param(part, "season", FF_VALUE_INTEGER),
                                *errors = ff_model_param(part, "error", FF_VALUE_NUMBERS);
    uint64_t folds = 0;
    for (size_t i = 0; errors && i < errors->count; i++)
        folds += errors->numbers[i] == 0;
    *append(tested) = (struct ff_tested_series){.target = target,
                                                .metric = part->metric,
                                                .code = part->code,
                                                .errmsg = part->errmsg,
                                                .season = season ? (uint64_t)season->integer : 0,
                                                .folds = folds,
                                                .accuracy = read_accuracy(part)};
}

enum ff_status ff_tested_add(struct ff_tested *tested, const char *target, const struct ff_outcome *outcome,
                             struct ff_error *err)
{
    struct ff_model model;
    if (!outcome->model.size) {
        *append(tested) =
            (struct ff_tested_series){.target = target,
                                      .metric = "",
                                      .code = outcome->code,
                                      .errmsg = ff_arena_strdup(&tested->arena, outcome->errmsg),
                                      .accuracy = {NAN, NAN, NAN, NAN, NAN, NAN, NAN}};
        return FF_OK;
    }
    if (ff_model_decode(outcome->model, &tested->arena, &model, NULL))
        return ff_error_set(err, FF_DATA_LOSS, "what was measured of %s cannot be read", target);
    for (size_t i = 0; i < model.part_count; i++)
        add_part(tested, target, &model.parts[i]);
    return FF_OK;
}

/* ---- the whole ---- */

struct sum {
    double total;
    size_t count;
};

static void add(struct sum *sum, double value)
{
    if (!isfinite(value))
        return;
    sum->total += value;
    sum->count++;
}

static double mean(const struct sum *sum)
{
    return sum->count ? sum->total / (double)sum->count : NAN;
}

size_t ff_tested_mean(const struct ff_tested *tested, struct ff_accuracy *out)
{
    struct sum smape = {0}, mase = {0}, coverage = {0}, width = {0}, naive_smape = {0}, naive_mase = {0};
    size_t measured = 0;
    for (size_t i = 0; i < tested->count; i++) {
        const struct ff_accuracy *accuracy = &tested->series[i].accuracy;
        measured += isnan(accuracy->smape) ? 0u : 1u;
        add(&smape, accuracy->smape);
        add(&mase, accuracy->mase);
        add(&coverage, accuracy->coverage);
        add(&width, accuracy->width);
        add(&naive_smape, accuracy->naive_smape);
        add(&naive_mase, accuracy->naive_mase);
    }
    *out = (struct ff_accuracy){.smape = mean(&smape),
                                .mase = mean(&mase),
                                .coverage = mean(&coverage),
                                .width = mean(&width),
                                .naive_smape = mean(&naive_smape),
                                .naive_mase = mean(&naive_mase)};
    out->owa = owa(out);
    return measured;
}

/* ---- printing ---- */

static void put_accuracy(struct ff_json *json, const struct ff_accuracy *accuracy)
{
    ff_json_put_double(json, "smape", accuracy->smape);
    ff_json_put_double(json, "mase", accuracy->mase);
    ff_json_put_double(json, "owa", accuracy->owa);
    ff_json_put_double(json, "coverage", accuracy->coverage);
    ff_json_put_double(json, "width", accuracy->width);
    ff_json_put_double(json, "naive2_smape", accuracy->naive_smape);
    ff_json_put_double(json, "naive2_mase", accuracy->naive_mase);
}

static void print_json(const struct ff_tested *tested, struct ff_buf *out)
{
    struct ff_json json = ff_json_start(out);
    struct ff_accuracy whole;
    ff_json_object_begin(&json);
    ff_json_put_uint(&json, "series", ff_tested_mean(tested, &whole));
    put_accuracy(&json, &whole);
    ff_json_key(&json, "by_series");
    ff_json_array_begin(&json);
    for (size_t i = 0; i < tested->count; i++) {
        const struct ff_tested_series *series = &tested->series[i];
        ff_json_object_begin(&json);
        ff_json_put_string(&json, "target", series->target);
        ff_json_put_string(&json, "metric", series->metric);
        ff_json_put_string(&json, "error", ff_code_name(series->code));
        ff_json_put_string(&json, "errmsg", series->errmsg);
        ff_json_put_uint(&json, "folds", series->folds);
        ff_json_put_uint(&json, "season", series->season);
        put_accuracy(&json, &series->accuracy);
        ff_json_object_end(&json);
    }
    ff_json_array_end(&json);
    ff_json_object_end(&json);
    ff_buf_append(out, "\n", 1);
}

static void print_csv(const struct ff_tested *tested, struct ff_buf *out)
{
    ff_buf_printf(
        out, "target,metric,error,folds,season,smape,mase,owa,coverage,width,naive2_smape,naive2_mase\n");
    for (size_t i = 0; i < tested->count; i++) {
        const struct ff_tested_series *series = &tested->series[i];
        const struct ff_accuracy *accuracy = &series->accuracy;
        struct ff_csvout line = ff_csvout_start(out);
        ff_csvout_text(&line, series->target);
        ff_csvout_text(&line, series->metric);
        ff_csvout_text(&line, ff_code_name(series->code));
        ff_csvout_uint(&line, series->folds);
        ff_csvout_uint(&line, series->season);
        ff_csvout_double(&line, accuracy->smape);
        ff_csvout_double(&line, accuracy->mase);
        ff_csvout_double(&line, accuracy->owa);
        ff_csvout_double(&line, accuracy->coverage);
        ff_csvout_double(&line, accuracy->width);
        ff_csvout_double(&line, accuracy->naive_smape);
        ff_csvout_double(&line, accuracy->naive_mase);
        ff_csvout_end(&line);
    }
}

static const char *shown(double value, const char *format, struct ff_shown *buffer)
{
    if (!isfinite(value))
        return "";
    snprintf(buffer->text, sizeof buffer->text, format, value);
    return buffer->text;
}

static int worst_first(const void *left, const void *right)
{
    const struct ff_tested_series *const *a = left, *const *b = right;
    double x = isnan((*a)->accuracy.mase) ? INFINITY : (*a)->accuracy.mase,
           y = isnan((*b)->accuracy.mase) ? INFINITY : (*b)->accuracy.mase;
    return x != y ? (x < y) - (x > y) : (*a > *b) - (*a < *b);
}

static void print_lines(const struct ff_tested *tested, bool all, struct ff_buf *out)
{
    static const struct ff_table_column columns[] = {{.title = "target"},
                                                     {.title = "metric"},
                                                     {.title = "sMAPE", .right = true},
                                                     {.title = "MASE", .right = true},
                                                     {.title = "OWA", .right = true},
                                                     {.title = "in band", .right = true},
                                                     {.title = "width", .right = true},
                                                     {.title = "season", .right = true},
                                                     {.title = "", .optional = true}};
    const struct ff_tested_series **order = ff_xalloc((tested->count + 1) * sizeof *order);
    struct ff_table table;
    struct ff_shown text;
    for (size_t i = 0; i < tested->count; i++)
        order[i] = &tested->series[i];
    qsort(order, tested->count, sizeof *order, worst_first);
    ff_table_init(&table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < tested->count && (all || i < (size_t)WORST); i++) {
        const struct ff_accuracy *accuracy = &order[i]->accuracy;
        ff_table_text(&table, order[i]->target);
        ff_table_text(&table, order[i]->metric);
        ff_table_text(&table, shown(accuracy->smape, "%.2f", &text));
        ff_table_text(&table, shown(accuracy->mase, "%.3f", &text));
        ff_table_text(&table, shown(accuracy->owa, "%.3f", &text));
        ff_table_text(&table, shown(100 * accuracy->coverage, "%.1f %%", &text));
        ff_table_text(&table, shown(100 * accuracy->width, "%.0f %%", &text));
        ff_table_text(&table, order[i]->season ? ff_show_count(order[i]->season).text : "");
        ff_table_text(&table, order[i]->code ? order[i]->errmsg : "");
    }
    ff_table_write(&table, out);
    ff_table_fini(&table);
    free(order);
}

static void print_table(const struct ff_tested *tested, bool all, struct ff_buf *out)
{
    struct ff_accuracy whole;
    size_t measured = ff_tested_mean(tested, &whole);
    ff_buf_printf(out, "%s series measured", ff_show_count(measured).text);
    if (measured)
        ff_buf_printf(
            out,
            ": sMAPE %.3f, MASE %.3f, OWA %.3f (Naive2: sMAPE %.3f, MASE %.3f); %.1f %% in the band, "
            "whose width is %.0f %% of the values",
            whole.smape, whole.mase, whole.owa, whole.naive_smape, whole.naive_mase, 100 * whole.coverage,
            100 * whole.width);
    ff_buf_printf(out, "\n\n");
    print_lines(tested, all, out);
    if (!all && tested->count > WORST)
        ff_buf_printf(out, "The %d worst by MASE; --all shows %s.\n", WORST,
                      ff_show_count(tested->count).text);
}

void ff_tested_print(const struct ff_tested *tested, const char *format, bool all, struct ff_buf *out)
{
    if (strcmp(format, "json") == 0)
        print_json(tested, out);
    else if (strcmp(format, "csv") == 0)
        print_csv(tested, out);
    else
        print_table(tested, all, out);
}

/* Fits one kind to every series of a long CSV (target,index,value) on one core.
 *
 *     fit_series KIND CSV [NAME=TEXT …] [horizon=H] [score=1] > one line per series
 *
 * A line: target, CPU time in ms (the least of `repeat=N` runs, 1 without), loglik or sse (nan if the kind
 * has neither), form or -, then H forecasts; with score=1 the CPU time of scoring and the score of every row
 * that was fitted. Nothing is written between fits but into memory: the time is
 * that of ff_fit_task, the encoding of the model included. */
#include "common/buf.h"
#include "common/model.h"
#include "worker/fit.h"
#include "worker/models/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_VALUES = 1000000, MOST_PARAMS = 16 };

struct bench {
    struct ff_fit_spec spec;
    struct ff_param params[MOST_PARAMS];
    uint32_t horizon;
    int repeat;
    bool scores;
    struct ff_fitter *fitter;
};

static const struct ff_model_param *find(const struct ff_model *model, const char *name)
{
    const struct ff_model_part *part = &model->parts[0];
    for (size_t i = 0; i < part->param_count; i++)
        if (strcmp(part->params[i].name, name) == 0)
            return &part->params[i];
    return NULL;
}

static void print_forecast(struct bench *bench, const char *name, struct ff_bytes input)
{
    static const double nothing = NAN;
    const char *metric = "value";
    struct ff_work work = {.type = FF_WORK_FORECAST, .horizon = bench->horizon, .coverage = 0.95};
    struct ff_fit_spec spec = {.kind = bench->spec.kind, .work = work};
    struct ff_task task = {.name = name,
                           .model = &spec,
                           .metrics = &metric,
                           .frame = {0, 3600000, 1, 1, &nothing},
                           .input = input};
    struct ff_outcome outcome = {0};
    struct ff_arena arena = {0};
    struct ff_model found;
    ff_fit_task(bench->fitter, &task, &outcome);
    if (outcome.model.size && ff_model_decode(outcome.model, &arena, &found, NULL) == FF_OK)
        for (size_t h = 0; h < bench->horizon; h++)
            printf(" %.12g:%.8g:%.8g", find(&found, "expected")->numbers[h],
                   find(&found, "lower")->numbers[h], find(&found, "upper")->numbers[h]);
    ff_arena_fini(&arena);
}

/* The scheduler's own count: the accounting behind outcome.cpu_ms may tick in milliseconds. */
static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Of step i by the kind itself, or by the band. */
static double score_at(const struct ff_model *scored, const double *values, size_t i)
{
    const struct ff_model_param *own = find(scored, "score");
    if (own)
        return own->numbers[i];
    double expected = find(scored, "expected")->numbers[i];
    const char *side = values[i] > expected ? "upper" : "lower";
    return fabs(values[i] - expected) / fabs(find(scored, side)->numbers[i] - expected);
}

static void print_scores(struct bench *bench, struct ff_frame frame, struct ff_bytes input)
{
    const char *metric = "value";
    struct ff_fit_spec spec = {.kind = bench->spec.kind, .work = {.type = FF_WORK_SCORE}};
    struct ff_task task = {.name = "", .model = &spec, .metrics = &metric, .frame = frame, .input = input};
    struct ff_outcome outcome = {0};
    struct ff_arena arena = {0};
    struct ff_model scored;
    double start = cpu_ms();
    ff_fit_task(bench->fitter, &task, &outcome);
    printf(" %.4f", cpu_ms() - start);
    if (outcome.model.size && ff_model_decode(outcome.model, &arena, &scored, NULL) == FF_OK)
        for (size_t i = 0; i < frame.steps; i++)
            printf(" %.9g", score_at(&scored, frame.values, i));
    else
        printf(" failed %s", outcome.errmsg);
    ff_arena_fini(&arena);
}

static void print(struct bench *bench, const char *name, struct ff_frame frame,
                  const struct ff_outcome *outcome, double ms)
{
    struct ff_arena arena = {0};
    struct ff_model model;
    if (outcome->class != FF_FITTED || ff_model_decode(outcome->model, &arena, &model, NULL) != FF_OK) {
        printf("%s %.4f failed %s\n", name, ms, outcome->errmsg);
        return;
    }
    const struct ff_model_param *form = find(&model, "form"), *loglik = find(&model, "loglik");
    loglik = loglik ? loglik : find(&model, "sse");
    printf("%s %.4f %.9g %s", name, ms, loglik ? loglik->number : NAN, form ? form->text : "-");
    uint8_t *copy = malloc(outcome->model.size);
    struct ff_bytes input = {copy, outcome->model.size};
    memcpy(copy, outcome->model.data, outcome->model.size);
    if (bench->horizon)
        print_forecast(bench, name, input);
    if (bench->scores)
        print_scores(bench, frame, input);
    free(copy);
    putchar('\n');
    ff_arena_fini(&arena);
}

static void fit_series(struct bench *bench, const char *name, const double *values, size_t n)
{
    const char *metric = "value";
    struct ff_task task = {
        .name = name, .model = &bench->spec, .metrics = &metric, .frame = {0, 3600000, n, 1, values}};
    struct ff_outcome outcome = {0};
    double least = INFINITY;
    for (int i = 0; i < bench->repeat; i++) {
        double start = cpu_ms();
        ff_fit_task(bench->fitter, &task, &outcome);
        least = fmin(least, cpu_ms() - start);
    }
    print(bench, name, task.frame, &outcome, least);
}

static void read_options(struct bench *bench, int count, char **options)
{
    bench->repeat = 1;
    for (int i = 0; i < count && bench->spec.param_count < MOST_PARAMS; i++) {
        char *equals = strchr(options[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        if (strcmp(options[i], "horizon") == 0)
            bench->horizon = (uint32_t)strtoul(equals + 1, NULL, 10);
        else if (strcmp(options[i], "repeat") == 0)
            bench->repeat = atoi(equals + 1);
        else if (strcmp(options[i], "score") == 0)
            bench->scores = atoi(equals + 1);
        else
            bench->params[bench->spec.param_count++] = (struct ff_param){options[i], equals + 1};
    }
    bench->spec.params = bench->params;
}

static void fit_file(struct bench *bench, FILE *file)
{
    double *values = ff_xcalloc(MOST_VALUES, sizeof *values), value;
    char line[256], name[64], current[64] = "";
    size_t n = 0;
    while (fgets(line, sizeof line, file)) {
        char *comma = strrchr(line, ',');
        if (!comma || sscanf(line, "%63[^,]", name) != 1 || strcmp(name, "target") == 0)
            continue;
        value = comma[1] == '\n' ? NAN : strtod(comma + 1, NULL);
        if (strcmp(name, current) != 0 && n)
            fit_series(bench, current, values, n);
        if (strcmp(name, current) != 0)
            n = 0;
        memcpy(current, name, sizeof current);
        if (n < MOST_VALUES)
            values[n++] = value;
    }
    if (n)
        fit_series(bench, current, values, n);
    free(values);
}

int main(int argc, char **argv)
{
    FILE *file = argc > 2 ? fopen(argv[2], "r") : NULL;
    if (!file || !ff_registry_find(argv[1])) {
        fprintf(stderr, "usage: fit_series KIND CSV [NAME=TEXT ...] [horizon=H] [repeat=N] [score=1]\n");
        return 2;
    }
    struct bench bench = {.spec = {.kind = argv[1]}};
    read_options(&bench, argc - 3, argv + 3);
    bench.fitter = ff_fitter_create();
    fit_file(&bench, file);
    ff_fitter_destroy(bench.fitter);
    fclose(file);
    return 0;
}

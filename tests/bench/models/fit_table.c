/* Fits one multivariate kind to the first rows of a wide CSV and judges the rest, on one core.
 *
 *     fit_table KIND CSV FITTED [NAME=TEXT …] > fit ms, score ms, size of the model, then the score of each
 * row
 *
 * CSV: a header of names, then numbers. Times are CPU time, that of fitting the least of three. */
#include "common/buf.h"
#include "common/model.h"
#include "worker/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_COLUMNS = 4096, MOST_ROWS = 100000, MOST_PARAMS = 16, RUNS = 3, LINE = 1 << 20 };

struct table {
    size_t rows, columns;
    char *names[MOST_COLUMNS];
    double *cells; /* row by row */
};

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void read_table(FILE *file, struct table *table)
{
    char *line = ff_xalloc(LINE), *rest = NULL;
    size_t capacity = 0;
    if (!fgets(line, LINE, file))
        return;
    for (char *word = strtok_r(line, ",\r\n", &rest); word && table->columns < MOST_COLUMNS;
         word = strtok_r(NULL, ",\r\n", &rest))
        table->names[table->columns++] = ff_xstrdup(word);
    while (fgets(line, LINE, file) && table->rows < MOST_ROWS) {
        char *at = line;
        if (table->rows == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            table->cells = ff_xrealloc(table->cells, capacity * table->columns * sizeof *table->cells);
        }
        for (size_t c = 0; c < table->columns; c++) {
            char *end;
            double value = strtod(at, &end);
            table->cells[table->rows * table->columns + c] = end == at ? NAN : value;
            at = end + (*end == ',');
        }
        table->rows++;
    }
    free(line);
}

/* Rows [first, end) column by column. */
static double *part_of(const struct table *table, size_t first, size_t end)
{
    size_t rows = end - first;
    double *out = ff_xcalloc(rows * table->columns, sizeof *out);
    for (size_t c = 0; c < table->columns; c++)
        for (size_t i = 0; i < rows; i++)
            out[c * rows + i] = table->cells[(first + i) * table->columns + c];
    return out;
}

static void print_scores(const struct ff_outcome *outcome)
{
    struct ff_arena arena = {0};
    struct ff_model model;
    if (outcome->class != FF_FITTED || ff_model_decode(outcome->model, &arena, &model, NULL) != FF_OK)
        printf(" failed %s", outcome->errmsg);
    else
        for (size_t j = 0; j < model.parts[0].param_count; j++) {
            const struct ff_model_param *param = &model.parts[0].params[j];
            for (size_t i = 0; strcmp(param->name, "score") == 0 && i < param->count; i++)
                printf(" %.9g", param->numbers[i]);
        }
    putchar('\n');
    ff_arena_fini(&arena);
}

static void run(const struct table *table, size_t fitted, const struct ff_fit_spec *spec)
{
    struct ff_fitter *fitter = ff_fitter_create();
    const char *const *names = (const char *const *)table->names;
    double *before = part_of(table, 0, fitted), *later = part_of(table, fitted, table->rows),
           least = INFINITY;
    struct ff_task task = {
        .name = "all", .model = spec, .metrics = names, .frame = {0, 60000, fitted, table->columns, before}};
    struct ff_outcome outcome = {0};
    for (int i = 0; i < RUNS; i++) {
        double start = cpu_ms();
        ff_fit_task(fitter, &task, &outcome);
        least = fmin(least, cpu_ms() - start);
    }
    size_t size = outcome.model.size;
    uint8_t *copy = ff_xalloc(size + 1);
    if (size)
        memcpy(copy, outcome.model.data, size);
    struct ff_fit_spec scoring = {.kind = spec->kind, .work = {.type = FF_WORK_SCORE}};
    task.model = &scoring;
    task.input = (struct ff_bytes){copy, size};
    task.frame = (struct ff_frame){0, 60000, table->rows - fitted, table->columns, later};
    double start = cpu_ms();
    if (size)
        ff_fit_task(fitter, &task, &outcome);
    printf("%.3f %.3f %zu", least, cpu_ms() - start, size);
    print_scores(&outcome);
    free(copy);
    free(before);
    free(later);
    ff_fitter_destroy(fitter);
}

int main(int argc, char **argv)
{
    static struct table table;
    struct ff_param params[MOST_PARAMS];
    struct ff_fit_spec spec = {.params = params};
    FILE *file = argc > 3 ? fopen(argv[2], "r") : NULL;
    if (!file) {
        fprintf(stderr, "usage: fit_table KIND CSV FITTED [NAME=TEXT ...]\n");
        return 2;
    }
    read_table(file, &table);
    fclose(file);
    for (int i = 4; i < argc && spec.param_count < MOST_PARAMS; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        params[spec.param_count++] = (struct ff_param){argv[i], equals + 1};
    }
    spec.kind = argv[1];
    size_t fitted = strtoul(argv[3], NULL, 10);
    if (fitted < table.rows)
        run(&table, fitted, &spec);
    return 0;
}

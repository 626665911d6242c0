/* iforest_rows: how easily a row is isolated from all training rows, by the values of all columns.
 *
 * The isolation forest of iforest (forest.h) over the rows of a table, a feature for each column. The score
 * is 2^(−E(h)/c) and its limit is learned from the training rows (limit.h). Columns are standardized before
 * and holes are their mean (standardize.c). Splits are drawn from numbers seeded by the values.
 *
 * Here the model is the trees: rows may be many and wide. Nodes come in the order in which they were grown,
 * so the places of children follow from it: two behind the last for each node that splits, left subtrees
 * first. What a column contributes is by how much the score falls if its value is the mean; columns that no
 * path of the row asks for contribute nothing.
 *
 * Source: Liu, Ting & Zhou, "Isolation forest", ICDM 2008. */
#include "worker/models/forest.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/standardize.h"

#include <math.h>

enum { LEAST_ROWS = 16, BLOCK = 256, MOST_TREES = 10000, DEEPEST = 64 };

struct config {
    size_t trees, sample;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct config *out = fit->alloc(fit, 1, sizeof *out);
    double trees, sample;
    *config = out;
    int code = ff_params_number(fit, params, count, "trees", 100, &trees);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "sample", 256, &sample);
    if (code != FF_FIT_OK)
        return code;
    *out = (struct config){(size_t)trees, (size_t)sample};
    return FF_FIT_OK;
}

static void emit_forest(struct ff_fit *fit, const struct ff_forest *forest)
{
    size_t count = forest->roots[forest->trees];
    double *features = fit->alloc(fit, count, sizeof *features),
           *splits = fit->alloc(fit, count, sizeof *splits);
    for (size_t i = 0; i < count; i++) {
        features[i] = forest->nodes[i].feature;
        splits[i] = forest->nodes[i].split;
    }
    fit->integer(fit, "trees", (int64_t)forest->trees, FF_EXPORT);
    fit->number(fit, "typical", forest->typical, FF_EXPORT);
    fit->numbers(fit, "features", features, count, FF_EXPORT);
    fit->numbers(fit, "splits", splits, count, FF_EXPORT);
}

static int fit_frame(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct config *given = config;
    struct ff_columns columns;
    ff_standardize(fit, frame, &columns);
    int code = ff_columns_check(fit, &columns, LEAST_ROWS);
    if (code != FF_FIT_OK)
        return code;
    size_t n = columns.rows, *rows = fit->alloc(fit, n, sizeof *rows);
    double *scores = fit->alloc(fit, 2 * n, sizeof *scores);
    for (size_t i = 0; i < n; i++)
        rows[i] = i;
    struct ff_forest_data data = {columns.x, n, columns.count, rows, n};
    struct ff_random random = ff_random_of(columns.x, n * columns.count);
    struct ff_forest forest = ff_forest_grow(fit, &data, given->trees, given->sample, random);
    ff_forest_scores(&forest, &data, scores);
    ff_columns_summarize(fit, &columns);
    fit->number(fit, "limit", ff_forest_limit(scores, n, scores + n).limit, FF_SUMMARY);
    ff_columns_export(fit, &columns);
    emit_forest(fit, &forest);
    ff_columns_export_dropped(fit, &columns);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct fitted {
    struct ff_fitted_columns columns;
    struct ff_forest forest;
    double limit;
};

/* One tree from node `next` on, children placed as they were grown. Returns the place behind it, 0: that
 * cannot be. */
static size_t place_children(struct ff_forest_node *nodes, size_t count, size_t next)
{
    size_t stack[DEEPEST], waiting = 0;
    stack[waiting++] = next++;
    while (waiting) {
        struct ff_forest_node *node = &nodes[stack[--waiting]];
        if (node->feature < 0)
            continue;
        if (next + 2 > count || waiting + 2 > DEEPEST)
            return 0;
        node->left = (uint32_t)next;
        stack[waiting++] = next + 1;
        stack[waiting++] = next;
        next += 2;
    }
    return next;
}

static bool read_nodes(struct ff_fit *fit, const double *features, const double *splits, size_t count,
                       size_t columns, struct ff_forest *out)
{
    out->nodes = fit->alloc(fit, count, sizeof *out->nodes);
    out->roots = fit->alloc(fit, out->trees + 1, sizeof *out->roots);
    for (size_t i = 0; i < count; i++) {
        if (!(features[i] >= -1 && features[i] < (double)columns) || isnan(splits[i]))
            return false;
        out->nodes[i] = (struct ff_forest_node){splits[i], (int32_t)features[i], 0};
    }
    size_t next = 0;
    for (size_t t = 0; t < out->trees; t++) {
        out->roots[t] = next;
        if (next >= count || (next = place_children(out->nodes, count, next)) == 0)
            return false;
    }
    out->roots[out->trees] = next;
    return next == count;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, struct fitted *out)
{
    size_t features, splits;
    bool sound = ff_fitted_columns(fit, model, frame, &out->columns);
    const double *feature = model->numbers(model, "features", &features);
    const double *split = model->numbers(model, "splits", &splits);
    int64_t trees = model->integer(model, "trees", 0);
    out->limit = model->number(model, "limit");
    out->forest = (struct ff_forest){.trees = (size_t)trees, .typical = model->number(model, "typical")};
    if (!sound || features != splits || features > UINT32_MAX || trees < 1 || trees > MOST_TREES ||
        !(out->limit > 0) || !(out->forest.typical >= 0) ||
        !read_nodes(fit, feature, split, features, out->columns.count, &out->forest))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind iforest_rows");
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    size_t p = fitted.columns.count, rows[BLOCK], steps[BLOCK];
    double *x = fit->alloc(fit, BLOCK * p, sizeof *x), found[BLOCK];
    struct ff_forest_data data = {x, 1, p, rows, 0};
    for (size_t i = 0; i < BLOCK; i++)
        rows[i] = i * p;
    for (size_t step = 0; step < frame->steps; data.count = 0) {
        for (; step < frame->steps && data.count < BLOCK; step++) {
            if (!ff_fitted_columns_any(&fitted.columns, frame, step))
                continue;
            ff_fitted_columns_row(&fitted.columns, frame, step, x + data.count * p);
            steps[data.count++] = step;
        }
        ff_forest_scores(&fitted.forest, &data, found);
        for (size_t i = 0; i < data.count; i++)
            ff_statistic_put(&scores[0], steps[i], found[i], fitted.limit);
    }
    return FF_FIT_OK;
}

/* Whether a path of the row asks for a column, by column. */
static void mark_asked(const struct ff_forest *forest, const double *row, size_t p, bool *asked)
{
    for (size_t c = 0; c < p; c++)
        asked[c] = false;
    for (size_t t = 0; t < forest->trees; t++)
        for (const struct ff_forest_node *node = &forest->nodes[forest->roots[t]]; node->feature >= 0;
             node = &forest->nodes[node->left + (row[node->feature] > node->split)])
            asked[node->feature] = true;
}

static int contribute(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, size_t step, double *contributions)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    size_t p = fitted.columns.count, first = 0;
    double *row = fit->alloc(fit, p, sizeof *row), whole, without;
    bool *asked = fit->alloc(fit, p, sizeof *asked);
    struct ff_forest_data data = {row, 1, p, &first, 1};
    ff_fitted_columns_row(&fitted.columns, frame, step, row);
    ff_forest_scores(&fitted.forest, &data, &whole);
    mark_asked(&fitted.forest, row, p, asked);
    for (size_t i = 0; i < frame->columns; i++)
        contributions[i] = 0;
    for (size_t c = 0; c < p; c++) {
        double kept = row[c];
        if (!asked[c] || fitted.columns.places[c] == FF_NO_COLUMN)
            continue;
        row[c] = 0;
        ff_forest_scores(&fitted.forest, &data, &without);
        contributions[fitted.columns.places[c]] = fmax(whole - without, 0);
        row[c] = kept;
    }
    return FF_FIT_OK;
}

static const char *const statistics[] = {"isolation", NULL};

const struct ff_kind ff_kind_iforest_rows = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "iforest_rows",
    .format_version = 1,
    .flags = FF_KIND_MULTIVARIATE,
    .configure = configure,
    .fit = fit_frame,
    .score = score,
    .statistics = statistics,
    .contribute = contribute,
};

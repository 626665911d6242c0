/* ecod: how far into the tails of their columns the values of a row lie, taken together.
 *
 * Of each column the empirical distribution is known. A value has −log P(X ≤ x) and −log P(X ≥ x), and the
 * sum over the columns of the greater of both is the score: the sum of maxima that the authors' program takes
 * (PyOD), where algorithm 1 takes the maximum of sums, which finds less. The limit is learned from the
 * training rows (limit.h).
 *
 * Kept of a column are TAIL values at both ends and every so many between them, KNOTS at most, with linear
 * interpolation between those. Behind the ends the tail goes on as an exponential one, with the slope of its
 * last TAIL values or a tenth of all: by the definition all values out there would be equally odd. Columns
 * are standardized before and holes are their mean (standardize.c).
 *
 * Source: Li et al., "ECOD: unsupervised outlier detection using empirical cumulative distribution
 * functions", IEEE TKDE 35 (2023), algorithm 1. */
#include "worker/models/limit.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/standardize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 10, TAIL = 64, KNOTS = 257 };

/* The distributions of all columns: knots by column, ascending, and the place of each among the n. */
struct tails {
    size_t n, columns, knots;
    const double *places; /* 1 to n, of the values of every column */
    const double *values; /* knots of each column */
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    (void)fit;
    (void)params;
    (void)count;
    *config = NULL;
    return FF_FIT_OK;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* 1 to n: all of them, or both tails and evenly between. */
static double *choose_places(struct ff_fit *fit, size_t n, size_t *count)
{
    *count = n < KNOTS ? n : KNOTS;
    double *places = fit->alloc(fit, *count, sizeof *places);
    for (size_t i = 0; i < *count; i++)
        places[i] = (double)(i + 1);
    if (n <= KNOTS)
        return places;
    double first = TAIL, between = KNOTS - 2 * TAIL + 1, last = (double)(n - TAIL + 1);
    for (size_t i = TAIL; i < KNOTS - TAIL; i++)
        places[i] = floor(first + (last - first) * (double)(i - TAIL + 1) / between);
    for (size_t i = 0; i < TAIL; i++)
        places[KNOTS - 1 - i] = (double)(n - i);
    return places;
}

static struct tails find_tails(struct ff_fit *fit, const struct ff_columns *columns)
{
    struct tails out = {.n = columns->rows, .columns = columns->count};
    out.places = choose_places(fit, out.n, &out.knots);
    double *values = fit->alloc(fit, out.knots * out.columns, sizeof *values);
    double *sorted = fit->alloc(fit, out.n, sizeof *sorted);
    for (size_t c = 0; c < out.columns; c++) {
        memcpy(sorted, columns->x + c * out.n, out.n * sizeof *sorted);
        qsort(sorted, out.n, sizeof *sorted, ascending);
        for (size_t k = 0; k < out.knots; k++)
            values[c * out.knots + k] = sorted[(size_t)out.places[k] - 1];
    }
    out.values = values;
    return out;
}

/* How many of the n are below x, or not above it, with parts between knots. */
static double count_below(const struct tails *tails, const double *values, double x, bool or_equal)
{
    size_t low = 0, high = tails->knots;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (values[middle] < x || (or_equal && values[middle] == x))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return 0;
    if (low == tails->knots)
        return (double)tails->n;
    double gap = tails->places[low] - tails->places[low - 1] - 1;
    double part = (x - values[low - 1]) / (values[low] - values[low - 1]);
    return tails->places[low - 1] + (gap > 0 ? gap * part : 0);
}

/* −log of the share of values as far out as x, which is `outside` by so much behind the last of them. */
static double depth(const struct tails *tails, double count, double outside, double reach)
{
    double n = (double)tails->n, within = -log(fmax(count, 1) / n);
    return outside > 0 ? within + outside / reach : within;
}

/* Of the exponential tail: from the last value to the one TAIL (or a tenth of all) before it. */
static double reach_of(const struct tails *tails, double end, double within)
{
    size_t k = tails->n / 10 < TAIL ? tails->n / 10 : TAIL;
    return fmax(fabs(end - within) / log(fmax((double)k, 2)), 1e-3);
}

static double part_of(const struct tails *tails, size_t column, double x)
{
    const double *values = tails->values + column * tails->knots;
    size_t last = tails->knots - 1, tail = tails->n / 10 < TAIL ? tails->n / 10 : TAIL;
    size_t step = tail > 1 ? tail - 1 : 0;
    double below = count_below(tails, values, x, true);
    double above = (double)tails->n - count_below(tails, values, x, false);
    double left = depth(tails, below, values[0] - x, reach_of(tails, values[0], values[step]));
    double right = depth(tails, above, x - values[last], reach_of(tails, values[last], values[last - step]));
    return fmax(left, right);
}

static double score_row(const struct tails *tails, const double *row, size_t stride)
{
    double sum = 0;
    for (size_t c = 0; c < tails->columns; c++)
        sum += part_of(tails, c, row[c * stride]);
    return sum;
}

static int fit_frame(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    struct ff_columns columns;
    (void)config;
    ff_standardize(fit, frame, &columns);
    int code = ff_columns_check(fit, &columns, LEAST_ROWS);
    if (code != FF_FIT_OK)
        return code;
    size_t n = columns.rows;
    struct tails tails = find_tails(fit, &columns);
    double *scores = fit->alloc(fit, 2 * n, sizeof *scores);
    for (size_t i = 0; i < n; i++)
        scores[i] = score_row(&tails, columns.x + i, n);
    ff_columns_summarize(fit, &columns);
    fit->number(fit, "limit", ff_limit_learn(scores, n, scores + n).limit, FF_SUMMARY);
    ff_columns_export(fit, &columns);
    fit->numbers(fit, "places", tails.places, tails.knots, FF_EXPORT);
    fit->numbers(fit, "values", tails.values, tails.knots * tails.columns, FF_EXPORT);
    ff_columns_export_dropped(fit, &columns);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct fitted {
    struct ff_fitted_columns columns;
    struct tails tails;
    double limit;
};

static bool ascend(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]) || (i && !(values[i] >= values[i - 1])))
            return false;
    return true;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, struct fitted *out)
{
    size_t places, values;
    bool sound = ff_fitted_columns(fit, model, frame, &out->columns);
    struct tails *tails = &out->tails;
    *tails = (struct tails){.columns = out->columns.count,
                            .places = model->numbers(model, "places", &places),
                            .values = model->numbers(model, "values", &values)};
    tails->knots = places;
    out->limit = model->number(model, "limit");
    if (!sound || places < LEAST_ROWS || places > KNOTS || values / places != tails->columns ||
        values % places || !(out->limit > 0) || !ascend(tails->places, places) ||
        !(tails->places[places - 1] < 1e15))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind ecod");
    for (size_t c = 0; c < tails->columns; c++)
        if (!ascend(tails->values + c * places, places))
            return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind ecod");
    tails->n = (size_t)fmax(tails->places[places - 1], (double)places);
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    double *row = fit->alloc(fit, fitted.columns.count, sizeof *row);
    for (size_t i = 0; i < frame->steps; i++) {
        if (!ff_fitted_columns_any(&fitted.columns, frame, i))
            continue;
        ff_fitted_columns_row(&fitted.columns, frame, i, row);
        ff_statistic_put(&scores[0], i, score_row(&fitted.tails, row, 1), fitted.limit);
    }
    return FF_FIT_OK;
}

static int contribute(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, size_t step, double *contributions)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    double *row = fit->alloc(fit, fitted.columns.count, sizeof *row);
    ff_fitted_columns_row(&fitted.columns, frame, step, row);
    for (size_t i = 0; i < frame->columns; i++)
        contributions[i] = 0;
    for (size_t c = 0; c < fitted.columns.count; c++)
        if (fitted.columns.places[c] != FF_NO_COLUMN)
            contributions[fitted.columns.places[c]] = part_of(&fitted.tails, c, row[c]);
    return FF_FIT_OK;
}

static const char *const statistics[] = {"tail", NULL};

const struct ff_kind ff_kind_ecod = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "ecod",
    .format_version = 1,
    .flags = FF_KIND_MULTIVARIATE,
    .configure = configure,
    .fit = fit_frame,
    .score = score,
    .statistics = statistics,
    .contribute = contribute,
};

/* sub_pca: how far the newest steps lie from the few shapes that windows are made of.
 *
 * The windows of the training series are centred place by place; the eigenvectors v of their covariance with
 * the largest eigenvalues λ, which explain the share `variance`, are kept. With t = v·x the score is
 *
 *     √( (Σ t² / (λ + floor) + |x − Σ t·v|² / (rest + floor)) / m )
 *
 * where rest is the mean of the eigenvalues left out and floor a thousandth of the largest one: squared
 * projections weighted by eigenvalues, and the error of reconstruction as one more of them. Without a floor
 * a smooth series is judged by its rounding. Its limit is learned from the training windows (limit.h).
 *
 * Covariances are summed and windows judged in blocks: memory does not grow with the windows.
 *
 * Source: Shyu et al., "A novel anomaly detection scheme based on principal component classifier", ICDM
 * Foundations 2003; over windows: Sub-PCA in Liu & Paparrizos, NeurIPS 2024, of whose weighting little but
 * the norm of x is left where one eigenvalue is small. */
#include "common/text.h"
#include "worker/models/eigen.h"
#include "worker/models/limit.h"
#include "worker/models/registry.h"
#include "worker/models/series.h"
#include "worker/models/stats.h"
#include "worker/models/windows.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { LEAST_WINDOWS = 16, LONGEST = 2048, BLOCK = 256 };

static const double least_eigenvalue = 1e-3; /* of the largest */

struct config {
    struct ff_season window;
    double variance;
};

/* What windows of m are judged by. */
struct shapes {
    size_t m, k;
    const double *means;    /* by place */
    const double *loadings; /* k vectors of m */
    const double *weights;  /* of t², k of them */
    double rest_weight;     /* of what they leave */
};

struct windows {
    const double *held;
    const size_t *ends;
    size_t count;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct config *out = fit->alloc(fit, 1, sizeof *out);
    *config = out;
    int code = ff_params_season(fit, params, count, "window", &out->window);
    return code == FF_FIT_OK ? ff_params_number(fit, params, count, "variance", 0.95, &out->variance) : code;
}

static struct windows find_windows(struct ff_fit *fit, const double *values, size_t n, size_t m)
{
    double *held = fit->alloc(fit, n, sizeof *held);
    size_t *ends = fit->alloc(fit, n, sizeof *ends);
    size_t count = ff_windows_find(values, n, m, held, ends);
    return (struct windows){held, ends, count};
}

/* Windows first … of the list, centred, one behind the other. Returns how many: BLOCK or what is left. */
static size_t take_block(const struct windows *windows, size_t first, size_t m, const double *means,
                         double *x)
{
    size_t count = windows->count - first < BLOCK ? windows->count - first : BLOCK;
    for (size_t i = 0; i < count; i++) {
        const double *window = windows->held + (windows->ends[first + i] + 1 - m);
        for (size_t place = 0; place < m; place++)
            x[i * m + place] = window[place] - means[place];
    }
    return count;
}

static double *find_means(struct ff_fit *fit, const struct windows *windows, size_t m)
{
    double *means = fit->alloc(fit, m, sizeof *means);
    for (size_t place = 0; place < m; place++) {
        double sum = 0;
        for (size_t i = 0; i < windows->count; i++)
            sum += windows->held[windows->ends[i] + 1 - m + place];
        means[place] = sum / (double)windows->count;
    }
    return means;
}

/* Only the lower triangle is set. */
static double *find_covariance(struct ff_fit *fit, const struct windows *windows, size_t m,
                               const double *means)
{
    double *x = fit->alloc(fit, BLOCK * m, sizeof *x), *out = fit->alloc(fit, m * m, sizeof *out);
    memset(out, 0, m * m * sizeof *out);
    for (size_t first = 0; first < windows->count; first += BLOCK) {
        size_t count = take_block(windows, first, m, means, x);
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)m, (int)count, 1 / (double)windows->count,
                    x, (int)m, 1, out, (int)m);
    }
    return out;
}

static void keep_leading(struct ff_fit *fit, const double *vectors, const double *values, size_t m,
                         struct shapes *shapes)
{
    double floor = least_eigenvalue * values[m - 1], rest = 0;
    double *loadings = fit->alloc(fit, shapes->k * m, sizeof *loadings);
    double *weights = fit->alloc(fit, shapes->k, sizeof *weights);
    for (size_t j = 0; j < shapes->k; j++) {
        memcpy(loadings + j * m, vectors + (m - 1 - j) * m, m * sizeof *loadings);
        ff_eigen_orient(loadings + j * m, m);
        weights[j] = 1 / (values[m - 1 - j] + floor);
    }
    for (size_t j = 0; j < m - shapes->k; j++)
        rest += fmax(values[j], 0) / (double)(m - shapes->k);
    shapes->loadings = loadings;
    shapes->weights = weights;
    shapes->rest_weight = 1 / (rest + floor);
}

static int find_shapes(struct ff_fit *fit, const struct windows *windows, size_t m, double variance,
                       struct shapes *shapes, double *explained)
{
    *shapes = (struct shapes){.m = m, .means = find_means(fit, windows, m)};
    double *vectors = find_covariance(fit, windows, m, shapes->means);
    double *values = fit->alloc(fit, m, sizeof *values);
    int code = ff_eigen_solve(fit, vectors, (int)m, values);
    if (code != FF_FIT_OK)
        return code;
    shapes->k = ff_eigen_leading(values, (int)m, variance, explained);
    if (shapes->k == 0)
        return fit->fail(fit, FF_FIT_CONSTANT, "the windows of %zu steps do not differ", m);
    keep_leading(fit, vectors, values, m, shapes);
    return FF_FIT_OK;
}

/* Scores, and if wanted the last value of each as its shapes have it. */
static void judge(struct ff_fit *fit, const struct shapes *shapes, const struct windows *windows,
                  double *scores, double *last)
{
    int m = (int)shapes->m, k = (int)shapes->k;
    double *x = fit->alloc(fit, BLOCK * (shapes->m + shapes->k), sizeof *x), *t = x + BLOCK * m;
    for (size_t first = 0; first < windows->count; first += BLOCK) {
        size_t count = take_block(windows, first, shapes->m, shapes->means, x);
        cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, (int)count, m, 1, shapes->loadings, m, x, m,
                    0, t, k);
        for (size_t i = 0; last && i < count; i++)
            last[first + i] =
                shapes->means[m - 1] + cblas_ddot(k, shapes->loadings + m - 1, m, t + i * shapes->k, 1);
        cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, m, (int)count, k, -1, shapes->loadings, m, t,
                    k, 1, x, m);
        for (size_t i = 0; i < count; i++) {
            double sum = shapes->rest_weight * cblas_ddot(m, x + i * shapes->m, 1, x + i * shapes->m, 1);
            for (size_t j = 0; j < shapes->k; j++)
                sum += shapes->weights[j] * t[i * shapes->k + j] * t[i * shapes->k + j];
            scores[first + i] = sqrt(sum / m);
        }
    }
}

static void emit(struct ff_fit *fit, const struct shapes *shapes, const struct ff_limit *limit,
                 double explained)
{
    fit->integer(fit, "components", (int64_t)shapes->k, FF_SUMMARY);
    fit->number(fit, "explained", explained, FF_SUMMARY);
    fit->number(fit, "limit", limit->limit, FF_SUMMARY);
    fit->number(fit, "low", limit->low, FF_EXPORT);
    fit->number(fit, "rest_weight", shapes->rest_weight, FF_EXPORT);
    fit->numbers(fit, "weights", shapes->weights, shapes->k, FF_EXPORT);
    fit->numbers(fit, "means", shapes->means, shapes->m, FF_EXPORT);
    fit->numbers(fit, "loadings", shapes->loadings, shapes->k * shapes->m, FF_EXPORT);
}

static int fit_windows(struct ff_fit *fit, const struct windows *windows, size_t m, double variance)
{
    struct shapes shapes;
    double explained, *scores = fit->alloc(fit, 2 * windows->count, sizeof *scores);
    int code = find_shapes(fit, windows, m, variance, &shapes, &explained);
    if (code != FF_FIT_OK)
        return code;
    judge(fit, &shapes, windows, scores, NULL);
    struct ff_limit limit = ff_limit_learn(scores, windows->count, scores + windows->count);
    emit(fit, &shapes, &limit, explained);
    return FF_FIT_OK;
}

static int fit_series(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const struct config *given = config;
    size_t n = frame->steps, count = 0, m = 2;
    double *known = fit->alloc(fit, n, sizeof *known), unit = ff_series_unit(frame->values, n);
    size_t seen = ff_finite_values(frame->values, n, known);
    struct windows windows = {0};
    if (seen > 0)
        m = ff_window_length(fit, &given->window, frame);
    if (m > LONGEST)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "window: %zu steps, at most %d are possible", m, LONGEST);
    if (seen > 0 && m <= n) {
        windows = find_windows(fit, ff_series_scaled(fit, frame->values, n, unit), n, m);
        count = windows.count;
    }
    if (count < LEAST_WINDOWS || count < 2 * m)
        return fit->fail(fit, FF_FIT_NOT_ENOUGH_DATA,
                         "%zu window%s of %zu steps with enough values in %zu steps, at least %zu are needed",
                         count, ff_plural(count), m, n, 2 * m > LEAST_WINDOWS ? 2 * m : LEAST_WINDOWS);
    bool constant = ff_all_equal(known, seen);
    double *tail = fit->alloc(fit, m, sizeof *tail);
    memcpy(tail, frame->values + (n - m), m * sizeof *tail);
    fit->integer(fit, "n", (int64_t)n, FF_SUMMARY);
    fit->integer(fit, "missing", (int64_t)(n - seen), FF_SUMMARY);
    fit->integer(fit, "window", (int64_t)m, FF_SUMMARY);
    fit->boolean(fit, "constant", constant, FF_SUMMARY);
    fit->number(fit, "unit", unit, FF_EXPORT);
    fit->numbers(fit, "last", tail, m, FF_EXPORT);
    return constant ? FF_FIT_OK : fit_windows(fit, &windows, m, given->variance);
}

/* ---- using it ---- */

struct model {
    struct shapes shapes;
    const double *last; /* the last window of the training series */
    struct ff_limit limit;
    double unit;
};

static bool all_finite(const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static int read_shapes(struct ff_fit *fit, const struct ff_kind_model *from, size_t m, struct shapes *out)
{
    size_t means, loadings, k;
    *out = (struct shapes){.m = m,
                           .means = from->numbers(from, "means", &means),
                           .loadings = from->numbers(from, "loadings", &loadings),
                           .weights = from->numbers(from, "weights", &k),
                           .rest_weight = from->number(from, "rest_weight")};
    out->k = k;
    if (means != m || k < 1 || k > m || loadings != k * m || !(out->rest_weight > 0) ||
        !all_finite(out->means, m) || !all_finite(out->loadings, loadings) || !all_finite(out->weights, k))
        return ff_series_damaged(fit, "components");
    return FF_FIT_OK;
}

static int read_model(struct ff_fit *fit, const struct ff_kind_model *from, struct model *out)
{
    size_t m;
    const double *last = from->numbers(from, "last", &m);
    *out = (struct model){.last = last,
                          .limit = {from->number(from, "low"), from->number(from, "limit")},
                          .unit = from->number(from, "unit")};
    if (!last || m < 2 || m > LONGEST || m > from->steps || !(out->unit > 0))
        return ff_series_damaged(fit, "window");
    if (from->integer(from, "constant", 0)) {
        out->shapes.m = m;
        return FF_FIT_OK;
    }
    if (!(out->limit.limit > out->limit.low))
        return ff_series_damaged(fit, "limit");
    return read_shapes(fit, from, m, &out->shapes);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *from, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct model model;
    int code = read_model(fit, from, &model);
    if (code != FF_FIT_OK)
        return code;
    size_t m = model.shapes.m, total = m - 1 + frame->steps;
    if (model.shapes.k == 0) {
        ff_windows_put_constant(scores, frame->steps, model.last, m);
        return FF_FIT_OK;
    }
    const double *series = ff_windows_extend(fit, from, model.last, m, frame, m);
    struct windows windows = find_windows(fit, ff_series_scaled(fit, series, total, model.unit), total, m);
    double *found = fit->alloc(fit, total, sizeof *found), *last = fit->alloc(fit, total, sizeof *last);
    judge(fit, &model.shapes, &windows, found, last);
    for (size_t i = 0; i < windows.count; i++)
        ff_windows_put(scores, windows.ends[i] + 1 - m, last[i] * model.unit,
                       ff_limit_score(&model.limit, found[i]));
    return FF_FIT_OK;
}

const struct ff_kind ff_kind_sub_pca = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "sub_pca",
    .format_version = 1,
    .configure = configure,
    .fit = fit_series,
    .score = score,
};

/* pca: the few directions in which all targets move together, and limits for how far a row may lie along them
 * (T²) and off them (Q).
 *
 * The rows are standardized (standardize.c) to X, n × p, column by column. The eigenvectors of XᵀX/n are the
 * loadings. With more columns than rows the smaller XXᵀ/n has the same eigenvalues λ, and an eigenvector u of
 * it gives the loading Xᵀu/√(nλ) (Turk and Pentland, 1991): 6,000 columns × 2,000 rows cost an eigenproblem
 * of 2,000. Where both are above 4,096 a randomized method finds the leading ones (sketch.c): 512 at most,
 * and `explained` says what they reach. Loadings are turned so that the largest |entry| is positive, because
 * eigenvectors have no sign of their own.
 *
 * T² = Σ t²/λ over the k components kept, Q = |x − x̂|². Their limits are quantiles of g·χ²(h) by Wilson and
 * Hilferty (1931): g = 1, h = k for T²; for Q, g and h by matching mean and variance (Box, 1954; Nomikos and
 * MacGregor, 1995). Where that has no value (rows that k components explain entirely; a Q so skewed that the
 * cube turns negative), the limit of Q is the largest Q seen, and never 0. */
#include "worker/models/eigen.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/sketch.h"
#include "worker/models/standardize.h"

#include <cblas.h>
#include <math.h>

enum { LEAST_ROWS = 3, LARGEST_PROBLEM = 20000, LARGEST_EXACT = 4096, FIRST_SKETCH = 64, LAST_SKETCH = 512 };

struct pca {
    struct ff_columns columns;
    size_t k;          /* components kept */
    double explained;  /* their share of the variance */
    double *variances; /* k eigenvalues, largest first */
    double *loadings;  /* k * columns: component by component */
    double *scores;    /* rows * k, component by component */
    double limit_t2;
    double limit_q;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    double *variance = fit->alloc(fit, 1, sizeof *variance);
    *config = variance;
    return ff_params_number(fit, params, count, "variance", 0.9, variance);
}

static int refuse(struct ff_fit *fit, const struct ff_columns *columns)
{
    size_t smaller = columns->rows < columns->count ? columns->rows : columns->count;
    if (smaller > LARGEST_PROBLEM)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER,
                         "%zu columns x %zu rows; at most %d columns or rows are possible", columns->count,
                         columns->rows, LARGEST_PROBLEM);
    return ff_columns_check(fit, columns, LEAST_ROWS);
}

static bool is_wide(const struct ff_columns *columns)
{
    return columns->count > columns->rows;
}

/* The smaller of XᵀX/n and XXᵀ/n; only the lower triangle is set. */
static double *gram_matrix(struct ff_fit *fit, const struct ff_columns *columns, int *order)
{
    int n = (int)columns->rows, p = (int)columns->count;
    bool wide = is_wide(columns);
    *order = wide ? n : p;
    double *gram = fit->alloc(fit, (size_t)*order * (size_t)*order, sizeof *gram);
    cblas_dsyrk(CblasColMajor, CblasLower, wide ? CblasNoTrans : CblasTrans, *order, wide ? p : n, 1.0 / n,
                columns->x, n, 0, gram, *order);
    return gram;
}

/* values ascend. */
static void choose_components(struct ff_fit *fit, const double *values, int order, double share,
                              struct pca *pca)
{
    pca->variances = fit->alloc(fit, (size_t)order, sizeof(double));
    pca->k = ff_eigen_leading(values, order, share, &pca->explained);
    for (size_t j = 0; j < pca->k; j++)
        pca->variances[j] = values[(size_t)order - 1 - j];
}

static void take_loadings(struct ff_fit *fit, const double *vectors, int order, struct pca *pca)
{
    int n = (int)pca->columns.rows, p = (int)pca->columns.count;
    pca->loadings = fit->alloc(fit, pca->k * (size_t)p, sizeof(double));
    for (size_t j = 0; j < pca->k; j++) {
        const double *vector = vectors + (size_t)(order - 1 - (int)j) * (size_t)order;
        double *loading = pca->loadings + j * (size_t)p;
        if (is_wide(&pca->columns))
            cblas_dgemv(CblasColMajor, CblasTrans, n, p, 1 / sqrt(n * pca->variances[j]), pca->columns.x, n,
                        vector, 1, 0, loading, 1);
        else
            cblas_dcopy(p, vector, 1, loading, 1);
        ff_eigen_orient(loading, (size_t)p);
    }
}

/* scores = X·P, then X becomes the part of itself that they do not explain. */
static void project(struct ff_fit *fit, struct pca *pca)
{
    int n = (int)pca->columns.rows, p = (int)pca->columns.count, k = (int)pca->k;
    pca->scores = fit->alloc(fit, pca->columns.rows * pca->k, sizeof(double));
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, n, k, p, 1, pca->columns.x, n, pca->loadings, p, 0,
                pca->scores, n);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n, p, k, -1, pca->scores, n, pca->loadings, p, 1,
                pca->columns.x, n);
}

static void row_squares(const double *x, size_t n, size_t p, double *q)
{
    for (size_t i = 0; i < n; i++)
        q[i] = 0;
    for (size_t c = 0; c < p; c++)
        for (size_t i = 0; i < n; i++)
            q[i] += x[c * n + i] * x[c * n + i];
}

/* The 0.999 quantile of g·χ²(h). */
static double chi_square_limit(double g, double h)
{
    double root = 1 - 2 / (9 * h) + 3.0902 * sqrt(2 / (9 * h));
    return g * h * root * root * root;
}

static double q_limit(const double *q, size_t n, size_t p)
{
    double mean = 0, variance = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        mean += q[i] / (double)n;
        largest = fmax(largest, q[i]);
    }
    for (size_t i = 0; i < n; i++)
        variance += (q[i] - mean) * (q[i] - mean) / (double)n;
    double rounding = 1e-18 * (double)p;
    double limit = mean > rounding ? chi_square_limit(variance / (2 * mean), 2 * mean * mean / variance) : 0;
    return limit > 0 ? limit : fmax(largest, 1e-9 * (double)p);
}

static void find_limits(struct ff_fit *fit, struct pca *pca)
{
    size_t n = pca->columns.rows, p = pca->columns.count;
    double *q = fit->alloc(fit, n, sizeof *q);
    row_squares(pca->columns.x, n, p, q);
    pca->limit_t2 = chi_square_limit(1, (double)pca->k);
    pca->limit_q = q_limit(q, n, p);
}

static void emit(struct ff_fit *fit, const struct pca *pca)
{
    const struct ff_columns *columns = &pca->columns;
    ff_columns_summarize(fit, columns);
    fit->integer(fit, "components", (int64_t)pca->k, FF_SUMMARY);
    fit->number(fit, "explained", pca->explained, FF_SUMMARY);
    fit->number(fit, "limit_t2", pca->limit_t2, FF_SUMMARY);
    fit->number(fit, "limit_q", pca->limit_q, FF_SUMMARY);
    ff_columns_export(fit, columns);
    fit->numbers(fit, "eigenvalues", pca->variances, pca->k, FF_EXPORT);
    fit->numbers(fit, "loadings", pca->loadings, pca->k * columns->count, FF_EXPORT);
    ff_columns_export_dropped(fit, columns);
}

static int solve_exactly(struct ff_fit *fit, double share, struct pca *pca)
{
    int order;
    double *vectors = gram_matrix(fit, &pca->columns, &order);
    double *values = fit->alloc(fit, (size_t)order, sizeof *values);
    int code = ff_eigen_solve(fit, vectors, order, values);
    if (code != FF_FIT_OK)
        return code;
    choose_components(fit, values, order, share, pca);
    take_loadings(fit, vectors, order, pca);
    return FF_FIT_OK;
}

/* More directions until they explain enough. */
static int solve_roughly(struct ff_fit *fit, double share, struct pca *pca)
{
    size_t n = pca->columns.rows, p = pca->columns.count, cells = n * p;
    double total = 0;
    for (size_t i = 0; i < cells; i++)
        total += pca->columns.x[i] * pca->columns.x[i];
    total /= (double)n;
    pca->variances = fit->alloc(fit, LAST_SKETCH, sizeof(double));
    pca->loadings = fit->alloc(fit, LAST_SKETCH * p, sizeof(double));
    for (size_t count = FIRST_SKETCH; count <= LAST_SKETCH && pca->explained < share; count *= 2) {
        int code = ff_sketch(fit, pca->columns.x, n, p, count, pca->variances, pca->loadings);
        if (code != FF_FIT_OK)
            return code;
        pca->explained = 0;
        for (pca->k = 0; pca->k < count && pca->explained < share && pca->variances[pca->k] > 0; pca->k++)
            pca->explained += pca->variances[pca->k] / total;
    }
    for (size_t j = 0; j < pca->k; j++)
        ff_eigen_orient(pca->loadings + j * p, p);
    return FF_FIT_OK;
}

static int fit_frame(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    const double *share = config;
    struct pca pca = {0};
    ff_standardize(fit, frame, &pca.columns);
    int code = refuse(fit, &pca.columns);
    if (code != FF_FIT_OK)
        return code;
    bool rough = pca.columns.rows > LARGEST_EXACT && pca.columns.count > LARGEST_EXACT;
    code = rough ? solve_roughly(fit, *share, &pca) : solve_exactly(fit, *share, &pca);
    if (code != FF_FIT_OK)
        return code;
    project(fit, &pca);
    find_limits(fit, &pca);
    emit(fit, &pca);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct fitted {
    struct ff_fitted_columns columns;
    size_t k;
    const double *variances, *loadings;
    double limit_t2, limit_q;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, struct fitted *out)
{
    size_t variances, loadings;
    bool sound = ff_fitted_columns(fit, model, frame, &out->columns);
    out->variances = model->numbers(model, "eigenvalues", &variances);
    out->loadings = model->numbers(model, "loadings", &loadings);
    out->k = variances;
    out->limit_t2 = model->number(model, "limit_t2");
    out->limit_q = model->number(model, "limit_q");
    if (!sound || variances == 0 || loadings / variances != out->columns.count || loadings % variances ||
        !(out->limit_t2 > 0) || !(out->limit_q > 0))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind pca");
    return FF_FIT_OK;
}

/* A step's standardized values z, its scores t, and z − x̂ in rest. */
struct projected {
    double *z, *t, *rest;
};

static struct projected make_projected(struct ff_fit *fit, const struct fitted *fitted)
{
    size_t p = fitted->columns.count;
    double *z = fit->alloc(fit, 2 * p + fitted->k, sizeof *z);
    return (struct projected){z, z + 2 * p, z + p};
}

static void project_step(const struct fitted *fitted, const struct ff_kind_frame *frame, size_t step,
                         struct projected *at)
{
    int p = (int)fitted->columns.count, k = (int)fitted->k;
    ff_fitted_columns_row(&fitted->columns, frame, step, at->z);
    cblas_dgemv(CblasColMajor, CblasTrans, p, k, 1, fitted->loadings, p, at->z, 1, 0, at->t, 1);
    cblas_dcopy(p, at->z, 1, at->rest, 1);
    cblas_dgemv(CblasColMajor, CblasNoTrans, p, k, -1, fitted->loadings, p, at->t, 1, 1, at->rest, 1);
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    struct projected at = make_projected(fit, &fitted);
    for (size_t i = 0; i < frame->steps; i++) {
        if (!ff_fitted_columns_any(&fitted.columns, frame, i))
            continue;
        double t2 = 0, q = 0;
        project_step(&fitted, frame, i, &at);
        for (size_t j = 0; j < fitted.k; j++)
            t2 += at.t[j] * at.t[j] / fitted.variances[j];
        for (size_t c = 0; c < fitted.columns.count; c++)
            q += at.rest[c] * at.rest[c];
        ff_statistic_put(&scores[0], i, q, fitted.limit_q);
        ff_statistic_put(&scores[1], i, t2, fitted.limit_t2);
    }
    return FF_FIT_OK;
}

/* Of Q the squares of the residuals; of T² the parts of Σ t²/λ = zᵀ·(P·diag(1/λ)·t), which may be negative
 * and add up to it (Nomikos and MacGregor, 1995). */
static int contribute(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, size_t step, double *contributions)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    struct projected at = make_projected(fit, &fitted);
    size_t p = fitted.columns.count;
    project_step(&fitted, frame, step, &at);
    for (size_t i = 0; i < 2 * frame->columns; i++)
        contributions[i] = 0;
    for (size_t c = 0; c < p; c++) {
        size_t place = fitted.columns.places[c];
        if (place == FF_NO_COLUMN)
            continue;
        double sum = 0;
        for (size_t j = 0; j < fitted.k; j++)
            sum += at.t[j] / fitted.variances[j] * fitted.loadings[j * p + c];
        contributions[place] = at.rest[c] * at.rest[c];
        contributions[frame->columns + place] = at.z[c] * sum;
    }
    return FF_FIT_OK;
}

static const char *const statistics[] = {"Q", "T2", NULL};

const struct ff_kind ff_kind_pca = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "pca",
    .format_version = 1,
    .flags = FF_KIND_MULTIVARIATE,
    .configure = configure,
    .fit = fit_frame,
    .score = score,
    .statistics = statistics,
    .contribute = contribute,
};

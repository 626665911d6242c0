/* mahalanobis: how far a row lies from the middle of most rows, in the units of how they vary together.
 *
 * Mean and covariance are those of the minimum covariance determinant (mcd.h): odd training rows, a share of
 * 1 − support at most, have no part in them. The distance is √(zᵀ·Σ⁻¹·z) by the eigenvectors of Σ; its
 * limit is learned from the training rows (limit.h), not from χ², which autocorrelated metrics do not follow.
 * Columns are standardized before and holes are their mean (standardize.c). Random starts are seeded by the
 * values. */
#include "worker/models/limit.h"
#include "worker/models/mcd.h"
#include "worker/models/params.h"
#include "worker/models/registry.h"
#include "worker/models/standardize.h"

#include <cblas.h>
#include <math.h>

enum { LEAST_ROWS = 10, MOST_COLUMNS = 256 };

/* What rows are judged by: centre, eigenvectors and eigenvalues of p columns. */
struct ellipse {
    size_t p;
    const double *centre, *vectors, *variances;
};

static int configure(struct ff_fit *fit, const struct ff_kind_param *params, size_t count,
                     const void **config)
{
    struct ff_mcd_options *out = fit->alloc(fit, 1, sizeof *out);
    double starts;
    *config = out;
    int code = ff_params_number(fit, params, count, "support", 0.5, &out->support);
    if (code == FF_FIT_OK)
        code = ff_params_number(fit, params, count, "starts", 100, &starts);
    if (code != FF_FIT_OK)
        return code;
    out->starts = (size_t)starts;
    return FF_FIT_OK;
}

static int refuse(struct ff_fit *fit, const struct ff_columns *columns)
{
    size_t least = 2 * columns->count > LEAST_ROWS ? 2 * columns->count : LEAST_ROWS;
    if (columns->count > MOST_COLUMNS)
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "%zu columns, at most %d are possible; pca takes more",
                         columns->count, MOST_COLUMNS);
    return ff_columns_check(fit, columns, least);
}

/* t: room for p, the projections of z − centre, over their variances afterwards. Squared. */
static double measure(const struct ellipse *ellipse, double *z, double *t)
{
    int p = (int)ellipse->p;
    double sum = 0;
    cblas_daxpy(p, -1, ellipse->centre, 1, z, 1);
    cblas_dgemv(CblasColMajor, CblasTrans, p, p, 1, ellipse->vectors, p, z, 1, 0, t, 1);
    for (size_t j = 0; j < ellipse->p; j++) {
        sum += t[j] * t[j] / ellipse->variances[j];
        t[j] /= ellipse->variances[j];
    }
    return sum;
}

static double learn_limit(struct ff_fit *fit, const struct ff_columns *columns, const struct ellipse *ellipse)
{
    size_t n = columns->rows, p = columns->count;
    double *z = fit->alloc(fit, 2 * p, sizeof *z), *distances = fit->alloc(fit, 2 * n, sizeof *distances);
    for (size_t i = 0; i < n; i++) {
        cblas_dcopy((int)p, columns->x + i, (int)n, z, 1);
        distances[i] = sqrt(measure(ellipse, z, z + p));
    }
    return ff_limit_learn(distances, n, distances + n).limit;
}

static int fit_frame(struct ff_fit *fit, const void *config, const struct ff_kind_frame *frame)
{
    struct ff_columns columns;
    struct ff_mcd mcd;
    ff_standardize(fit, frame, &columns);
    int code = refuse(fit, &columns);
    if (code != FF_FIT_OK)
        return code;
    size_t n = columns.rows, p = columns.count;
    code = ff_mcd_fit(fit, columns.x, n, p, config, ff_random_of(columns.x, n * p), &mcd);
    if (code != FF_FIT_OK)
        return code;
    struct ellipse ellipse = {p, mcd.centre, mcd.vectors, mcd.variances};
    ff_columns_summarize(fit, &columns);
    fit->number(fit, "limit", learn_limit(fit, &columns, &ellipse), FF_SUMMARY);
    fit->number(fit, "shrinkage", mcd.shrinkage, FF_SUMMARY);
    ff_columns_export(fit, &columns);
    fit->numbers(fit, "centre", mcd.centre, p, FF_EXPORT);
    fit->numbers(fit, "eigenvalues", mcd.variances, p, FF_EXPORT);
    fit->numbers(fit, "eigenvectors", mcd.vectors, p * p, FF_EXPORT);
    ff_columns_export_dropped(fit, &columns);
    return FF_FIT_OK;
}

/* ---- using it ---- */

struct fitted {
    struct ff_fitted_columns columns;
    struct ellipse ellipse;
    double limit;
};

static int read_model(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, struct fitted *out)
{
    size_t centre, vectors, variances;
    bool sound = ff_fitted_columns(fit, model, frame, &out->columns);
    size_t p = out->columns.count;
    out->ellipse = (struct ellipse){.p = p,
                                    .centre = model->numbers(model, "centre", &centre),
                                    .vectors = model->numbers(model, "eigenvectors", &vectors),
                                    .variances = model->numbers(model, "eigenvalues", &variances)};
    out->limit = model->number(model, "limit");
    if (!sound || p > MOST_COLUMNS || centre != p || variances != p || vectors != p * p || !(out->limit > 0))
        return fit->fail(fit, FF_FIT_BAD_PARAMETER, "not a model of the kind mahalanobis");
    return FF_FIT_OK;
}

static int score(struct ff_fit *fit, const struct ff_kind_model *model, const struct ff_kind_frame *frame,
                 struct ff_kind_scores *scores)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    double *z = fit->alloc(fit, 2 * fitted.ellipse.p, sizeof *z);
    for (size_t i = 0; i < frame->steps; i++) {
        if (!ff_fitted_columns_any(&fitted.columns, frame, i))
            continue;
        ff_fitted_columns_row(&fitted.columns, frame, i, z);
        ff_statistic_put(&scores[0], i, sqrt(measure(&fitted.ellipse, z, z + fitted.ellipse.p)),
                         fitted.limit);
    }
    return FF_FIT_OK;
}

/* The parts of the square, zᵀ·(Σ⁻¹·z), which may be negative. */
static int contribute(struct ff_fit *fit, const struct ff_kind_model *model,
                      const struct ff_kind_frame *frame, size_t step, double *contributions)
{
    struct fitted fitted;
    int code = read_model(fit, model, frame, &fitted);
    if (code != FF_FIT_OK)
        return code;
    size_t p = fitted.ellipse.p;
    double *z = fit->alloc(fit, 3 * p, sizeof *z), *t = z + p, *part = z + 2 * p;
    ff_fitted_columns_row(&fitted.columns, frame, step, z);
    measure(&fitted.ellipse, z, t);
    cblas_dgemv(CblasColMajor, CblasNoTrans, (int)p, (int)p, 1, fitted.ellipse.vectors, (int)p, t, 1, 0, part,
                1);
    for (size_t i = 0; i < frame->columns; i++)
        contributions[i] = 0;
    for (size_t c = 0; c < p; c++)
        if (fitted.columns.places[c] != FF_NO_COLUMN)
            contributions[fitted.columns.places[c]] = z[c] * part[c];
    return FF_FIT_OK;
}

static const char *const statistics[] = {"distance", NULL};

const struct ff_kind ff_kind_mahalanobis = {
    .abi_version = FF_KIND_ABI_VERSION,
    .struct_size = sizeof(struct ff_kind),
    .name = "mahalanobis",
    .format_version = 1,
    .flags = FF_KIND_MULTIVARIATE,
    .configure = configure,
    .fit = fit_frame,
    .score = score,
    .statistics = statistics,
    .contribute = contribute,
};

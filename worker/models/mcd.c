/* FastMCD: Rousseeuw & Van Driessen, "A fast algorithm for the minimum covariance determinant estimator",
 * Technometrics 41 (1999). A C-step takes the mean and covariance of some rows and then the h rows that are
 * nearest by them, whose determinant is never greater. Starts are p + 1 random rows of at most SAMPLE, two
 * C-steps there; the BEST are continued on all rows until the determinant stays, and the least wins. (The
 * paper has five such samples, in stages.) One reweighting follows: mean and covariance of the rows within
 * the 0.975 quantile of χ²(p), scaled by their median.
 *
 * The eigenvalues are shrunk towards their mean as far as it takes for a condition of CONDITION, after Boudt,
 * Rousseeuw, Vanduffel & Verdonck, "The minimum regularized covariance determinant estimator", Statistics and
 * Computing 30 (2020); within C-steps a ridge does for collinear rows. */
#include "worker/models/mcd.h"

#include "worker/models/eigen.h"
#include "worker/models/stats.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

enum { SAMPLE = 300, BEST = 10, MOST_STEPS = 30 };

static const double condition = 1000, ridge = 1e-6;

/* Rows are looked at through lists of their numbers. */
struct search {
    const double *rows; /* row by row */
    size_t p;
    double *centre, *covariance; /* the lower triangle; its Cholesky factor after a step */
    double *block;               /* centred rows, as many as there are */
    double *squares, *scratch;   /* of distances */
};

struct candidate {
    double determinant;
    size_t *subset;
};

/* Mean and covariance of the rows in the list. */
static void describe(const struct search *search, const size_t *list, size_t count)
{
    size_t p = search->p;
    memset(search->centre, 0, p * sizeof(double));
    for (size_t i = 0; i < count; i++)
        cblas_daxpy((int)p, 1 / (double)count, search->rows + list[i] * p, 1, search->centre, 1);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < p; c++)
            search->block[i * p + c] = search->rows[list[i] * p + c] - search->centre[c];
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)p, (int)count, 1 / (double)count, search->block,
                (int)p, 0, search->covariance, (int)p);
}

/* Factors the covariance; returns the log of its determinant, NaN if it is not positive. */
static double factor(const struct search *search)
{
    int p = (int)search->p;
    double sum = 0;
    for (size_t c = 0; c < search->p; c++)
        search->covariance[c * search->p + c] += ridge;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', p, search->covariance, p) != 0)
        return NAN;
    for (size_t c = 0; c < search->p; c++)
        sum += 2 * log(search->covariance[c * search->p + c]);
    return sum;
}

/* Squared distances of the rows in the list by what describe and factor left. */
static void measure(const struct search *search, const size_t *list, size_t count)
{
    size_t p = search->p;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < p; c++)
            search->block[i * p + c] = search->rows[list[i] * p + c] - search->centre[c];
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)p, (int)count, 1,
                search->covariance, (int)p, search->block, (int)p);
    for (size_t i = 0; i < count; i++)
        search->squares[i] = cblas_ddot((int)p, search->block + i * p, 1, search->block + i * p, 1);
}

/* The h of the list with the least squares, in its order. */
static void choose(const struct search *search, const size_t *list, size_t count, size_t h, size_t *subset)
{
    memcpy(search->scratch, search->squares, count * sizeof(double));
    double last = ff_sorted_at(search->scratch, count, h - 1);
    size_t taken = 0, equal = h;
    for (size_t i = 0; i < count; i++)
        equal -= search->squares[i] < last;
    for (size_t i = 0; i < count && taken < h; i++) {
        bool takes = search->squares[i] < last || (search->squares[i] == last && equal > 0);
        if (!takes)
            continue;
        equal -= search->squares[i] == last;
        subset[taken++] = list[i];
    }
}

/* From `before` rows of the subset to the h nearest of the list. Returns the determinant of the former. */
static double c_step(const struct search *search, const size_t *list, size_t count, size_t before, size_t h,
                     size_t *subset)
{
    describe(search, subset, before);
    double determinant = factor(search);
    if (isnan(determinant))
        return INFINITY;
    measure(search, list, count);
    choose(search, list, count, h, subset);
    return determinant;
}

/* The first `count` of the list become a random choice of it. */
static void shuffle(size_t *list, size_t length, size_t count, struct ff_random *random)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = i + ff_random_below(random, length - i), kept = list[i];
        list[i] = list[at];
        list[at] = kept;
    }
}

/* Takes the place of the worst if it is better. */
static void keep(struct candidate *best, double determinant, const size_t *subset, size_t h)
{
    struct candidate *worst = best;
    for (size_t i = 1; i < BEST; i++)
        if (best[i].determinant > worst->determinant)
            worst = &best[i];
    if (!(determinant < worst->determinant))
        return;
    worst->determinant = determinant;
    memcpy(worst->subset, subset, h * sizeof *subset);
}

static void start(struct ff_fit *fit, const struct search *search, size_t *list, size_t count, size_t h,
                  size_t starts, struct ff_random *random, struct candidate *best)
{
    size_t first = search->p + 1 < h ? search->p + 1 : h;
    size_t *order = fit->alloc(fit, count, sizeof *order), *subset = fit->alloc(fit, count, sizeof *subset);
    memcpy(order, list, count * sizeof *order);
    for (size_t i = 0; i < starts; i++) {
        shuffle(order, count, first, random);
        memcpy(subset, order, first * sizeof *subset);
        c_step(search, list, count, first, h, subset);
        c_step(search, list, count, h, h, subset);
        describe(search, subset, h);
        keep(best, factor(search), subset, h);
    }
}

/* Until the determinant stays; `before` rows are in the candidate's subset, h of the list will be. */
static void finish(const struct search *search, const size_t *list, size_t count, size_t before, size_t h,
                   struct candidate *candidate)
{
    double last = INFINITY;
    c_step(search, list, count, before, h, candidate->subset);
    for (size_t i = 0; i < MOST_STEPS; i++) {
        candidate->determinant = c_step(search, list, count, h, h, candidate->subset);
        if (!(last - candidate->determinant > 1e-12 * fabs(candidate->determinant)))
            break;
        last = candidate->determinant;
    }
}

/* A quantile of χ²(p) by Wilson and Hilferty (1931). */
static double chi_square(size_t p, double normal)
{
    double part = 2 / (9 * (double)p), root = 1 - part + normal * sqrt(part);
    return (double)p * root * root * root;
}

/* The covariance is multiplied so that half of the rows lie within the median of χ²(p). */
static double correction(const struct search *search, size_t n)
{
    memcpy(search->scratch, search->squares, n * sizeof(double));
    double factor = ff_median(search->scratch, n) / chi_square(search->p, 0);
    return factor > 0 && isfinite(factor) ? factor : 1;
}

/* From the best subset to the rows that are usual by it; list: all, subset: room for them. */
static double reweight(const struct search *search, const size_t *list, size_t n, size_t *subset, size_t h)
{
    size_t count = 0;
    describe(search, subset, h);
    factor(search);
    measure(search, list, n);
    double most = correction(search, n) * chi_square(search->p, 1.959964);
    for (size_t i = 0; i < n; i++)
        if (search->squares[i] <= most)
            subset[count++] = i;
    describe(search, subset, count);
    factor(search);
    measure(search, list, n);
    double scale = correction(search, n);
    describe(search, subset, count);
    return scale;
}

/* Share of the mean that brings the largest of values, which ascend, to `condition` times the least. */
static double shrink(double *values, size_t p)
{
    double mean = 0;
    for (size_t i = 0; i < p; i++) {
        values[i] = fmax(values[i], 0);
        mean += values[i] / (double)p;
    }
    double excess = values[p - 1] - condition * values[0];
    double share = excess > 0 ? excess / (excess + (condition - 1) * mean) : 0;
    for (size_t i = 0; i < p; i++)
        values[i] = (1 - share) * values[i] + share * mean;
    return share;
}

static struct search make_search(struct ff_fit *fit, const double *x, size_t n, size_t p)
{
    double *rows = fit->alloc(fit, n * p, sizeof *rows);
    for (size_t c = 0; c < p; c++)
        for (size_t i = 0; i < n; i++)
            rows[i * p + c] = x[c * n + i];
    return (struct search){.rows = rows,
                           .p = p,
                           .centre = fit->alloc(fit, p, sizeof(double)),
                           .covariance = fit->alloc(fit, p * p, sizeof(double)),
                           .block = fit->alloc(fit, n * p, sizeof(double)),
                           .squares = fit->alloc(fit, n, sizeof(double)),
                           .scratch = fit->alloc(fit, n, sizeof(double))};
}

static struct candidate find_best(struct ff_fit *fit, const struct search *search, size_t *list, size_t n,
                                  size_t h, const struct ff_mcd_options *options, struct ff_random random)
{
    struct candidate best[BEST];
    size_t count = n < SAMPLE ? n : SAMPLE, least = 0;
    size_t part = (size_t)ceil((double)count * options->support);
    for (size_t i = 0; i < BEST; i++)
        best[i] = (struct candidate){INFINITY, fit->alloc(fit, n, sizeof(size_t))};
    shuffle(list, n, count, &random);
    start(fit, search, list, count, part, options->starts, &random, best);
    for (size_t i = 0; i < n; i++)
        list[i] = i;
    for (size_t i = 0; i < BEST; i++) {
        if (isfinite(best[i].determinant))
            finish(search, list, n, part, h, &best[i]);
        if (best[i].determinant < best[least].determinant)
            least = i;
    }
    return best[least];
}

int ff_mcd_fit(struct ff_fit *fit, const double *x, size_t n, size_t p, const struct ff_mcd_options *options,
               struct ff_random random, struct ff_mcd *out)
{
    struct search search = make_search(fit, x, n, p);
    size_t h = (size_t)ceil((double)n * options->support), *list = fit->alloc(fit, n, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = i;
    struct candidate best = find_best(fit, &search, list, n, h, options, random);
    if (!isfinite(best.determinant))
        return fit->fail(fit, FF_FIT_NOT_CONVERGED, "no covariance of %zu rows can be factored", h);
    double scale = reweight(&search, list, n, best.subset, h);
    for (size_t i = 0; i < p * p; i++)
        search.covariance[i] *= scale;
    *out = (struct ff_mcd){.centre = search.centre,
                           .vectors = search.covariance,
                           .variances = fit->alloc(fit, p, sizeof(double)),
                           .determinant = best.determinant};
    int code = ff_eigen_solve(fit, out->vectors, (int)p, out->variances);
    if (code != FF_FIT_OK)
        return code;
    out->shrinkage = shrink(out->variances, p);
    for (size_t j = 0; j < p; j++)
        ff_eigen_orient(out->vectors + j * p, p);
    if (!(out->variances[0] > 0))
        return fit->fail(fit, FF_FIT_NOT_CONVERGED, "the %zu rows closest together do not differ", h);
    return FF_FIT_OK;
}

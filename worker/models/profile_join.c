/* Zhu et al., "Matrix profile II: exploiting a novel algorithm and GPUs to break the one hundred million
 * barrier for time series motifs and joins", ICDM 2016; the recurrence of covariances is that of Zimmerman et
 * al., "Matrix profile XIV: scaling time series motif discovery with GPUs to break a quintillion pairwise
 * comparisons a day and beyond", SoCC 2019:
 *
 *     cov(i, j) = cov(i − 1, j − 1) + df[i]·dg[j] + df[j]·dg[i]
 *
 * Row i meets the windows j = i + k of a tile of diagonals k, so the inner loop runs over neighbouring j, has
 * no carried dependency, and works in the first-level cache. A tile starts again from exact covariances every
 * ROWS rows: errors do not grow with the series. Of the window that is found nearest the distance is then
 * computed by its definition.
 *
 * Every cell is rounded alike whatever the vector width, so all hosts agree on the bits. This file is
 * compiled with -O3. */
#include "worker/models/profile_join.h"

#include <math.h>

enum { DIAGONALS = 512, ROWS = 512 };

struct join {
    size_t n, m, count, first;
    double *x;           /* without holes */
    double *df, *dg;     /* of the recurrence */
    double *inverse;     /* 1 / norm; 0: flat, NaN: it has a hole */
    double *best, *from; /* correlation with the nearest before, and its first step */
    struct ff_profile *profile;
};

size_t ff_profile_lag(size_t m)
{
    return (m + 3) / 4 + 1;
}

/* A hole is what was before it: its windows do not count, and the others do not see it. */
static double *fill(struct ff_fit *fit, const double *values, size_t n)
{
    double *x = fit->alloc(fit, n, sizeof *x), last = 0;
    for (size_t i = 0; i < n; i++)
        x[i] = last = isnan(values[i]) ? last : values[i];
    return x;
}

static double mean_of(const double *x, size_t m)
{
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        sum += x[i];
    return sum / (double)m;
}

static double norm_of(const double *x, size_t m, double mean)
{
    double squares = 0;
    for (size_t i = 0; i < m; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    return sqrt(squares);
}

/* Means, norms and what the recurrence needs, by window. Whether one is flat is seen from its values. */
static void prepare(struct join *join, const double *values)
{
    const double *x = join->x;
    size_t m = join->m, holes = 0, same = 0; /* in the window; values before this one that equal it */
    double *means = join->profile->means, *norms = join->profile->norms;
    for (size_t end = 0; end < join->n; end++) {
        holes += isnan(values[end]) ? 1 : 0;
        same = end > 0 && x[end] == x[end - 1] ? same + 1 : 0;
        if (end + 1 < m)
            continue;
        size_t i = end + 1 - m;
        means[i] = mean_of(x + i, m);
        norms[i] = same + 1 >= m ? 0 : norm_of(x + i, m, means[i]);
        join->inverse[i] = holes ? NAN : norms[i] > 0 ? 1 / norms[i] : 0;
        join->df[i] = i ? (x[end] - x[i - 1]) / 2 : 0;
        join->dg[i] = i ? (x[end] - means[i]) + (x[i - 1] - means[i - 1]) : 0;
        holes -= isnan(values[i]) ? 1 : 0;
    }
}

static double covariance(const struct join *join, size_t i, size_t j)
{
    const double *x = join->x + i, *y = join->x + j;
    double mean = join->profile->means[j], sum = 0;
    for (size_t k = 0; k < join->m; k++)
        sum += x[k] * (y[k] - mean);
    return sum;
}

/* One row of the windows j: the place of each array. */
struct row {
    const double *restrict df, *restrict dg, *restrict inverse;
    double *restrict cov, *restrict best, *restrict from;
};

static struct row row_at(const struct join *join, double *cov, size_t j)
{
    return (struct row){join->df + j, join->dg + j, join->inverse + j, cov, join->best + j, join->from + j};
}

/* df and dg of i, 0: the covariances are those of this row already. */
static void meet(struct row at, size_t count, double df, double dg, double inverse, double i)
{
    const double *restrict dfs = at.df, *restrict dgs = at.dg, *restrict inverses = at.inverse;
    double *restrict cov = at.cov, *restrict best = at.best, *restrict from = at.from;
    for (size_t k = 0; k < count; k++) {
        double now = cov[k] + (df * dgs[k] + dfs[k] * dg);
        double correlation = now * (inverse * inverses[k]);
        double before = best[k], source = from[k];
        cov[k] = now;
        from[k] = correlation > before ? i : source;
        best[k] = correlation > before ? correlation : before;
    }
}

/* Rows [top, bottom) of the diagonals [low, high). */
static void join_block(const struct join *join, size_t top, size_t bottom, size_t low, size_t high,
                       double *cov)
{
    for (size_t k = low; k < high; k++) {
        size_t i = join->first > top + k ? join->first - k : top;
        if (i < bottom && i + k < join->count)
            cov[k - low] = covariance(join, i, i + k);
    }
    for (size_t i = top; i < bottom; i++) {
        size_t begin = low, end = high < join->count - i ? high : join->count - i;
        bool enters = join->first >= i + low; /* the first of them begins here */
        if (enters)
            begin = join->first - i;
        if (begin >= end)
            continue;
        double df = i > top ? join->df[i] : 0, dg = i > top ? join->dg[i] : 0, inverse = join->inverse[i];
        if (enters)
            meet(row_at(join, cov + (begin - low), i + begin), 1, 0, 0, inverse, (double)i);
        begin += enters;
        meet(row_at(join, cov + (begin - low), i + begin), end - begin, df, dg, inverse, (double)i);
    }
}

static void join_all(struct ff_fit *fit, const struct join *join)
{
    double *cov = fit->alloc(fit, DIAGONALS, sizeof *cov);
    size_t end = join->count < FF_PROFILE_FURTHEST ? join->count : FF_PROFILE_FURTHEST;
    for (size_t low = ff_profile_lag(join->m); low < end; low += DIAGONALS) {
        size_t high = low + DIAGONALS < end ? low + DIAGONALS : end;
        size_t rows = join->count - low, start = join->first > high ? join->first - high : 0;
        for (size_t top = start; top < rows; top += ROWS)
            join_block(join, top, top + ROWS < rows ? top + ROWS : rows, low, high, cov);
    }
}

static double distance_of(const struct join *join, size_t i, size_t j)
{
    const struct ff_profile *profile = join->profile;
    const double *x = join->x + i, *y = join->x + j;
    double a = join->inverse[i], b = join->inverse[j], squares = 0;
    for (size_t k = 0; k < join->m; k++) {
        double difference = (x[k] - profile->means[i]) * a - (y[k] - profile->means[j]) * b;
        squares += difference * difference;
    }
    return sqrt(squares * (double)join->m);
}

static bool in_reach(size_t i, size_t j)
{
    return i != SIZE_MAX && j - i < FF_PROFILE_FURTHEST;
}

/* What a flat window has to say, its own or one before, beside the correlations. */
static void conclude(const struct join *join)
{
    struct ff_profile *profile = join->profile;
    size_t lag = ff_profile_lag(join->m), flat = SIZE_MAX, any = SIZE_MAX;
    for (size_t j = 0; j < join->count; j++) {
        if (j >= lag && !isnan(join->inverse[j - lag])) {
            any = j - lag;
            flat = join->inverse[j - lag] == 0 ? j - lag : flat;
        }
        profile->distance[j] = j < join->first ? 0 : INFINITY;
        profile->nearest[j] = SIZE_MAX;
        if (j < join->first || isnan(join->inverse[j]) || !in_reach(any, j))
            continue;
        bool is_flat = join->inverse[j] == 0;
        size_t odd = is_flat ? any : flat; /* √m away */
        size_t i = (size_t)join->from[j];
        if (!is_flat && join->best[j] > -INFINITY && join->inverse[i] > 0) {
            profile->nearest[j] = i;
            profile->distance[j] = distance_of(join, i, j);
        }
        if (is_flat && in_reach(flat, j))
            profile->distance[j] = 0;
        else if (in_reach(odd, j))
            profile->distance[j] = fmin(profile->distance[j], sqrt((double)join->m));
    }
}

struct ff_profile ff_profile_join(struct ff_fit *fit, const double *values, size_t n, size_t m, size_t first)
{
    size_t count = n - m + 1;
    double *arrays = fit->alloc(fit, 5 * count, sizeof *arrays);
    struct ff_profile profile = {
        .count = count,
        .distance = fit->alloc(fit, count, sizeof(double)),
        .nearest = fit->alloc(fit, count, sizeof(size_t)),
        .means = fit->alloc(fit, count, sizeof(double)),
        .norms = fit->alloc(fit, count, sizeof(double)),
    };
    struct join join = {.n = n,
                        .m = m,
                        .count = count,
                        .first = first,
                        .x = fill(fit, values, n),
                        .df = arrays,
                        .dg = arrays + count,
                        .inverse = arrays + 2 * count,
                        .best = arrays + 3 * count,
                        .from = arrays + 4 * count,
                        .profile = &profile};
    for (size_t j = 0; j < count; j++) {
        join.best[j] = -INFINITY;
        join.from[j] = 0;
    }
    prepare(&join, values);
    join_all(fit, &join);
    conclude(&join);
    return profile;
}

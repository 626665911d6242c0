/* Within the series the window lies symmetrically about its place, so the weights of distance come from a
 * table, and values left and right of the place are taken in pairs. Without weights of their own the line's
 * slope has no part there, and the smooth is one fixed kernel. Near the ends it is done by the definition. */
#include "worker/models/loess.h"

#include <math.h>

static double tricube(double distance, double h)
{
    if (distance > 0.999 * h)
        return 0;
    if (distance <= 0.001 * h)
        return 1;
    double ratio = distance / h, rest = 1 - ratio * ratio * ratio;
    return rest * rest * rest;
}

struct ff_loess ff_loess_create(struct ff_fit *fit, size_t window)
{
    size_t half = window / 2;
    struct ff_loess loess = {window, fit->alloc(fit, 3 * (half + 1), sizeof(double)), 0};
    for (size_t d = 0; d <= half; d++) {
        double w = tricube((double)d, (double)half);
        loess.table[3 * d] = w;
        loess.table[3 * d + 1] = w * (double)d;
        loess.table[3 * d + 2] = w * (double)d * (double)d;
        loess.sum += d ? 2 * w : w;
    }
    return loess;
}

/* Sums over the window about a place: of weights, and of weighted values, by powers of the distance. */
struct sums {
    double s0, s1, s2, t0, t1;
};

static double line_at_centre(const struct sums *s, size_t n, double otherwise)
{
    if (!(s->s0 > 0))
        return otherwise;
    double a = s->s1 / s->s0, c = s->s2 / s->s0 - a * a;
    double tilt = c > 0 && sqrt(c) > 0.001 * (double)(n - 1) ? -a / c : 0;
    return (s->t0 + tilt * (s->t1 - a * s->t0)) / s->s0;
}

double ff_loess_at(const struct ff_loess *loess, const double *y, const double *weights, size_t n, double at,
                   size_t left, size_t right, double otherwise)
{
    double h = fmax(at - (double)left, (double)right - at);
    if (loess->window > n)
        h += (double)((loess->window - n) / 2);
    struct sums s = {0};
    for (size_t j = left; j <= right; j++) {
        double d = (double)j - at, w = tricube(fabs(d), h) * (weights ? weights[j] : 1);
        s.s0 += w;
        s.s1 += w * d;
        s.s2 += w * d * d;
        s.t0 += w * y[j];
        s.t1 += w * d * y[j];
    }
    return line_at_centre(&s, n, otherwise);
}

static double plain_centre(const struct ff_loess *loess, const double *y)
{
    double sum = y[0];
    for (size_t d = 1; d <= loess->window / 2; d++)
        sum += loess->table[3 * d] * (y[d] + *(y - d));
    return sum / loess->sum;
}

/* wy: weights times values. */
static double weighted_centre(const struct ff_loess *loess, const double *weights, const double *wy, size_t n,
                              double otherwise)
{
    struct sums s = {weights[0], 0, 0, wy[0], 0};
    for (size_t d = 1; d <= loess->window / 2; d++) {
        const double *table = loess->table + 3 * d;
        double both = weights[d] + *(weights - d), values = wy[d] + *(wy - d);
        s.s0 += table[0] * both;
        s.s1 += table[1] * (weights[d] - *(weights - d));
        s.s2 += table[2] * both;
        s.t0 += table[0] * values;
        s.t1 += table[1] * (wy[d] - *(wy - d));
    }
    return line_at_centre(&s, n, otherwise);
}

void ff_loess_smooth(const struct ff_loess *loess, const double *y, const double *weights, size_t n,
                     double *scratch, double *smooth)
{
    size_t half = loess->window / 2;
    for (size_t i = 0; weights && i < n; i++)
        scratch[i] = weights[i] * y[i];
    for (size_t i = 0; i < n; i++) {
        bool inside = i >= half && i + half < n;
        if (inside) {
            smooth[i] = weights ? weighted_centre(loess, weights + i, scratch + i, n, y[i])
                                : plain_centre(loess, y + i);
            continue;
        }
        size_t width = loess->window < n ? loess->window : n;
        size_t left = i <= half ? 0 : i - half;
        if (left + width > n)
            left = n - width;
        smooth[i] = n < 2 ? y[i] : ff_loess_at(loess, y, weights, n, (double)i, left, left + width - 1, y[i]);
    }
}

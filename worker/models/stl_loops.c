/* Inner loop: cycle-subseries smoothed by loess ─► minus their low pass = seasonal ─► the rest smoothed =
 * trend. Outer loop: bisquare weights of what is left. 2 × 16 rounds if robust, else 5, as in statsmodels.
 *
 * Subseries are gathered so that each lies in one piece; the low pass is three sliding means. What the rounds
 * need is allocated once. */
#include "worker/models/loess.h"
#include "worker/models/stats.h"
#include "worker/models/stl.h"

#include <math.h>
#include <string.h>

enum { ROBUST_ROUNDS = 15, ROBUST_INNER = 2, PLAIN_INNER = 5, SEVERAL_ROUNDS = 2 };

struct work {
    const double *y;
    const double *weights; /* NULL: all 1 */
    size_t n, m;
    struct ff_loess cycle, low, level;
    double *rest, *scratch, *smooth;        /* n */
    double *extended, *passed;              /* n + 2m */
    double *part, *part_weights, *part_out; /* n / m + 3 */
    double *trend, *seasonal;
};

size_t ff_stl_trend_window(size_t season, size_t seasonal_window)
{
    size_t window = (size_t)ceil(1.5 * (double)season / (1 - 1.5 / (double)seasonal_window));
    return window + (window % 2 == 0);
}

/* One phase of rest, smoothed and carried on by one at both ends. */
static void smooth_phase(struct work *work, size_t phase)
{
    size_t m = work->m, count = (work->n - phase - 1) / m + 1;
    size_t width = work->cycle.window < count ? work->cycle.window : count;
    const double *weights = work->weights ? work->part_weights : NULL;
    double *out = work->part_out + 1;
    for (size_t k = 0; k < count; k++) {
        work->part[k] = work->rest[k * m + phase];
        if (weights)
            work->part_weights[k] = work->weights[k * m + phase];
    }
    ff_loess_smooth(&work->cycle, work->part, weights, count, work->scratch, out);
    out[-1] = ff_loess_at(&work->cycle, work->part, weights, count, -1, 0, width - 1, out[0]);
    out[count] = ff_loess_at(&work->cycle, work->part, weights, count, (double)count, count - width,
                             count - 1, out[count - 1]);
    for (size_t k = 0; k < count + 2; k++)
        work->extended[k * m + phase] = out[(ptrdiff_t)k - 1];
}

/* Means of `length` values: in[count] to out[count − length + 1]. */
static void slide(const double *in, size_t count, size_t length, double *out)
{
    double sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += in[i];
    out[0] = sum / (double)length;
    for (size_t i = length; i < count; i++) {
        sum += in[i] - in[i - length];
        out[i - length + 1] = sum / (double)length;
    }
}

static void run_inner(struct work *work)
{
    size_t n = work->n, m = work->m;
    for (size_t i = 0; i < n; i++)
        work->rest[i] = work->y[i] - work->trend[i];
    for (size_t phase = 0; phase < m; phase++)
        smooth_phase(work, phase);
    slide(work->extended, n + 2 * m, m, work->passed);
    slide(work->passed, n + m + 1, m, work->smooth);
    slide(work->smooth, n + 2, 3, work->passed);
    ff_loess_smooth(&work->low, work->passed, NULL, n, work->scratch, work->smooth);
    for (size_t i = 0; i < n; i++) {
        work->seasonal[i] = work->extended[m + i] - work->smooth[i];
        work->rest[i] = work->y[i] - work->seasonal[i];
    }
    ff_loess_smooth(&work->level, work->rest, work->weights, n, work->scratch, work->trend);
}

/* Bisquare weights by six medians of what is left of the values that count. */
static void weigh(const struct work *work, const double *seen, double *weights)
{
    size_t count = 0;
    for (size_t i = 0; i < work->n; i++)
        if (!seen || seen[i] > 0)
            work->scratch[count++] = fabs(work->y[i] - work->trend[i] - work->seasonal[i]);
    double limit = 6 * ff_median(work->scratch, count);
    for (size_t i = 0; i < work->n; i++) {
        double r = fabs(work->y[i] - work->trend[i] - work->seasonal[i]), part = r / limit;
        double rest = 1 - part * part;
        weights[i] = r <= 0.001 * limit ? 1 : r <= 0.999 * limit ? rest * rest : 0;
        if (seen)
            weights[i] *= seen[i];
    }
}

static double *room(struct ff_fit *fit, size_t count)
{
    return fit->alloc(fit, count, sizeof(double));
}

void ff_stl_decompose(struct ff_fit *fit, const double *y, const double *seen, size_t n,
                      const struct ff_stl_options *options, double *trend, double *seasonal)
{
    size_t m = options->season, longest = n / m + 3;
    size_t window =
        options->trend_window ? options->trend_window : ff_stl_trend_window(m, options->seasonal_window);
    struct work work = {.y = y, .weights = seen, .n = n, .m = m, .trend = trend, .seasonal = seasonal};
    work.cycle = ff_loess_create(fit, options->seasonal_window);
    work.low = ff_loess_create(fit, m + 1 + (m % 2));
    work.level = ff_loess_create(fit, window);
    work.rest = room(fit, n);
    work.scratch = room(fit, n);
    work.smooth = room(fit, n + 2 * m);
    work.extended = room(fit, (n / m + 3) * m);
    work.passed = room(fit, n + 2 * m);
    work.part = room(fit, longest);
    work.part_weights = room(fit, longest);
    work.part_out = room(fit, longest);
    double *weights = room(fit, n);
    memset(trend, 0, n * sizeof *trend);
    for (int outer = 0; outer <= (options->robust ? ROBUST_ROUNDS : 0); outer++) {
        for (int inner = 0; inner < (options->robust ? ROBUST_INNER : PLAIN_INNER); inner++)
            run_inner(&work);
        if (options->robust && outer < ROBUST_ROUNDS) {
            weigh(&work, seen, weights);
            work.weights = weights;
        }
    }
}

void ff_mstl_decompose(struct ff_fit *fit, const double *y, const double *seen, size_t n,
                       const struct ff_stl_options *options, size_t count, double *trend, double *seasonal)
{
    double *rest = room(fit, n);
    memcpy(rest, y, n * sizeof *rest);
    memset(seasonal, 0, count * n * sizeof *seasonal);
    for (int round = 0; round < (count > 1 ? SEVERAL_ROUNDS : 1); round++)
        for (size_t k = 0; k < count; k++) {
            double *part = seasonal + k * n;
            for (size_t i = 0; i < n; i++)
                rest[i] += part[i];
            ff_stl_decompose(fit, rest, seen, n, &options[k], trend, part);
            for (size_t i = 0; i < n; i++)
                rest[i] -= part[i];
        }
}

/* The quantile is Wichura's AS 241 (PPND7, Applied Statistics 37, 1988): seven digits, which is more than a
 * normal distribution describes any error. */
#include "worker/models/series.h"

#include "worker/models/season.h"

#include <math.h>

size_t ff_series_season(struct ff_fit *fit, const struct ff_season *season, const struct ff_kind_frame *frame)
{
    if (season->type == FF_SEASON_STEPS)
        return (size_t)season->value;
    if (season->type == FF_SEASON_AUTO)
        return ff_season_detect(fit, frame->values, frame->steps);
    int64_t rest = season->value % frame->step_ms;
    int64_t steps = season->value / frame->step_ms + (rest >= frame->step_ms - rest);
    return steps > 0 ? (size_t)steps : 1;
}

double ff_series_unit(const double *values, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(values[i]) > most)
            most = fabs(values[i]);
    return most > 0 && isfinite(most) ? ldexp(1, ilogb(most)) : 1;
}

double *ff_series_scaled(struct ff_fit *fit, const double *values, size_t n, double unit)
{
    double *out = fit->alloc(fit, n, sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = values[i] / unit;
    return out;
}

void ff_series_fill(double *y, double *weights, size_t n)
{
    size_t last = n;
    for (size_t i = 0; i < n; i++) {
        weights[i] = !isnan(y[i]);
        if (!isnan(y[i])) {
            for (size_t k = last == n ? 0 : last + 1; k < i; k++)
                y[k] =
                    last == n ? y[i] : y[last] + (y[i] - y[last]) * (double)(k - last) / (double)(i - last);
            last = i;
        }
    }
    for (size_t k = last + 1; last < n && k < n; k++)
        y[k] = y[last];
}

int64_t ff_series_offset(const struct ff_kind_model *model, const struct ff_kind_frame *frame)
{
    int64_t distance_ms;
    if (frame->step_ms <= 0 || __builtin_sub_overflow(frame->t0_ms, model->t0_ms, &distance_ms))
        return (int64_t)model->steps;
    return distance_ms / frame->step_ms;
}

size_t ff_series_phase(int64_t step, size_t count)
{
    int64_t rest = step % (int64_t)count;
    return (size_t)(rest < 0 ? rest + (int64_t)count : rest);
}

void ff_series_put(struct ff_kind_scores *scores, size_t i, double expected, double distance)
{
    double lower = expected - distance, upper = expected + distance;
    if (!isfinite(lower) || !isfinite(upper))
        return;
    scores->expected[i] = expected;
    scores->lower[i] = lower;
    scores->upper[i] = upper;
}

double ff_series_clamp(double value, double expected, double distance)
{
    return fmin(fmax(value, expected - distance), expected + distance);
}

static double central(double q)
{
    double r = 0.180625 - q * q;
    return q * (((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
           (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0);
}

static double tail(double p)
{
    double r = sqrt(-log(p));
    if (r <= 5) {
        r -= 1.6;
        return (((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777) /
               ((0.12021132975 * r + 0.73700164250) * r + 1.0);
    }
    r -= 5;
    return (((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150) /
           ((0.012258202635 * r + 0.24197894225) * r + 1.0);
}

double ff_series_normal(double coverage)
{
    double q = coverage / 2; /* the quantile at 0.5 + q */
    return q <= 0.425 ? central(q) : tail(0.5 - q);
}

int ff_series_damaged(struct ff_fit *fit, const char *what)
{
    return fit->fail(fit, FF_FIT_BAD_PARAMETER, "the model is damaged: %s", what);
}

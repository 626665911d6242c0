#include "worker/models/naive2.h"

#include <math.h>

static double mean_of(const double *values, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return sum / (double)n;
}

/* Of lag 1 … m, into acf[0 … m). */
static double autocorrelation(const double *values, size_t n, size_t lag, double mean)
{
    double above = 0, below = 0;
    for (size_t i = 0; i < n; i++)
        below += (values[i] - mean) * (values[i] - mean);
    for (size_t i = lag; i < n; i++)
        above += (values[i] - mean) * (values[i - lag] - mean);
    return below > 0 ? above / below : 0;
}

bool ff_is_seasonal(const double *values, size_t n, size_t m)
{
    if (m < 2 || n < 3 * m)
        return false;
    double mean = mean_of(values, n), squares = 0;
    for (size_t lag = 1; lag < m; lag++) {
        double r = autocorrelation(values, n, lag, mean);
        squares += r * r;
    }
    double limit = 1.645 * sqrt((1 + 2 * squares) / (double)n);
    return fabs(autocorrelation(values, n, m, mean)) > limit;
}

/* The centred moving average of m values at i, whose half window lies within the series. */
static double centred_mean(const double *values, size_t i, size_t m)
{
    size_t half = m / 2;
    double sum = 0;
    for (size_t k = i - half; k <= i + half; k++)
        sum += values[k];
    if (m % 2 == 0)
        sum -= 0.5 * (values[i - half] + values[i + half]);
    return sum / (double)m;
}

bool ff_seasonal_indices(struct ff_fit *fit, const double *values, size_t n, size_t m, double *indices)
{
    size_t half = m / 2, *counts = fit->alloc(fit, m, sizeof *counts);
    for (size_t k = 0; k < m; k++) {
        indices[k] = 0;
        counts[k] = 0;
    }
    for (size_t i = half; i + half < n; i++) {
        double trend = centred_mean(values, i, m);
        if (!(trend > 0))
            return false;
        indices[i % m] += values[i] / trend;
        counts[i % m]++;
    }
    double sum = 0;
    for (size_t k = 0; k < m; k++) {
        if (!counts[k])
            return false;
        indices[k] /= (double)counts[k];
        sum += indices[k];
    }
    for (size_t k = 0; k < m; k++)
        indices[k] *= (double)m / sum;
    for (size_t k = 0; k < m; k++)
        if (!(indices[k] > 0))
            return false;
    return true;
}

void ff_naive2(struct ff_fit *fit, const double *values, size_t n, size_t season, size_t horizon, double *out)
{
    double *indices = fit->alloc(fit, season, sizeof *indices);
    bool seasonal = ff_is_seasonal(values, n, season) && ff_seasonal_indices(fit, values, n, season, indices);
    for (size_t h = 0; h < horizon; h++)
        out[h] =
            seasonal ? values[n - 1] / indices[(n - 1) % season] * indices[(n + h) % season] : values[n - 1];
}

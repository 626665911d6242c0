/* A sliding sum would carry rounding from a large value to the end of the series, so each average is the
 * difference of prefix sums only where that is harmless: sums are built anew every m steps. Source: Kendall &
 * Stuart, "The Advanced Theory of Statistics", vol. 3; what statsmodels calls seasonal_decompose. */
#include "worker/models/decompose.h"

#include <math.h>
#include <string.h>

/* Mean of m values centred at t; of an even m the two at the ends count half. NaN near the ends. */
static double average_at(const double *values, size_t n, size_t m, size_t t)
{
    size_t half = m / 2;
    if (t < half || t + half >= n)
        return NAN;
    double sum = 0;
    for (size_t i = t - half; i <= t + half; i++)
        sum += values[i];
    if (m % 2 == 0)
        sum -= (values[t - half] + values[t + half]) / 2;
    return sum / (double)m;
}

/* Averages by sliding, begun anew every m steps and after holes. */
static void find_averages(const double *values, size_t n, size_t m, double *average)
{
    size_t half = m / 2;
    for (size_t t = 0; t < n; t++) {
        bool fresh = t < half + 1 || t + half >= n || t % m == 0 || isnan(average[t - 1]);
        if (fresh) {
            average[t] = average_at(values, n, m, t);
            continue;
        }
        double out = values[t - 1 - half], in = values[t + half];
        if (m % 2 == 0) {
            out = (out + values[t - half]) / 2;
            in = (in + values[t + half - 1]) / 2;
        }
        average[t] = average[t - 1] + (in - out) / (double)m;
    }
}

static void centre(double *pattern, const double *count, size_t m, bool relative)
{
    double sum = 0, known = 0;
    for (size_t k = 0; k < m; k++)
        if (count[k] > 0) {
            pattern[k] /= count[k];
            sum += pattern[k];
            known++;
        }
    double mean = known > 0 ? sum / known : 0;
    for (size_t k = 0; k < m; k++) {
        if (count[k] == 0)
            pattern[k] = relative;
        else
            pattern[k] = !relative ? pattern[k] - mean : mean > 0 ? pattern[k] / mean : 1;
    }
}

bool ff_decompose_pattern(struct ff_fit *fit, const double *values, size_t n, size_t m, bool relative,
                          double *pattern)
{
    double *average = fit->alloc(fit, n, sizeof *average), *count = fit->alloc(fit, m, sizeof *count);
    find_averages(values, n, m, average);
    memset(pattern, 0, m * sizeof *pattern);
    memset(count, 0, m * sizeof *count);
    bool any = false;
    for (size_t t = 0; t < n; t++) {
        double part = relative ? values[t] / average[t] : values[t] - average[t];
        if (!isfinite(part))
            continue;
        pattern[t % m] += part;
        count[t % m]++;
        any = true;
    }
    centre(pattern, count, m, relative);
    return any;
}

/* Season detection: the series with holes filled by its mean, minus its least-squares line, is correlated
 * with itself; the season is the highest local maximum that stands out from the valley before it.
 *
 * Correlations are rounded to 9 decimals before they are compared, so that which of two equal peaks wins does
 * not depend on how the sums were computed (direct or by FFT). A remainder of no more than 1e-24 of the
 * series' energy is rounding, not signal: a line has no season. */
#include "worker/models/season.h"

#include "worker/models/fft.h"

#include <math.h>

static const double least_correlation = 0.3, least_prominence = 0.1;
enum { DIRECT_UP_TO = 128 };

static double fill_with_mean(const double *values, size_t n, double *filled)
{
    double sum = 0, squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            count++;
        }
    for (size_t i = 0; i < n; i++) {
        filled[i] = isnan(values[i]) ? sum / (double)count : values[i];
        squares += filled[i] * filled[i];
    }
    return squares;
}

/* x minus its least-squares line over the index; returns what is left of Σx². */
static double detrend(double *x, size_t n)
{
    double centre = ((double)n - 1) / 2, sum = 0, moment = 0, spread = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        double at = (double)i - centre;
        sum += x[i];
        moment += at * x[i];
        spread += at * at;
    }
    double mean = sum / (double)n, slope = spread > 0 ? moment / spread : 0;
    for (size_t i = 0; i < n; i++) {
        x[i] -= mean + slope * ((double)i - centre);
        rest += x[i] * x[i];
    }
    return rest;
}

static void correlate(struct ff_fit *fit, const double *x, size_t n, double *sums, size_t lag_count)
{
    if (n <= DIRECT_UP_TO) {
        ff_direct_correlate(x, n, sums, lag_count);
        return;
    }
    size_t size = ff_fft_size(n, lag_count);
    struct ff_complex *data = fit->alloc(fit, size, sizeof *data);
    struct ff_complex *twiddles = fit->alloc(fit, size / 2, sizeof *twiddles);
    ff_fft_correlate(x, n, sums, lag_count, data, twiddles);
}

size_t ff_season_peak(const double *acf, size_t n)
{
    size_t best = 1;
    double valley = INFINITY;
    for (size_t lag = 2; lag <= n / 3; lag++) {
        valley = fmin(valley, acf[lag - 1]);
        bool is_peak = acf[lag - 1] < acf[lag] && acf[lag] >= acf[lag + 1];
        if (is_peak && acf[lag] >= least_correlation && acf[lag] - valley >= least_prominence &&
            (best == 1 || acf[lag] > acf[best]))
            best = lag;
    }
    return best;
}

size_t ff_season_detect(struct ff_fit *fit, const double *values, size_t n)
{
    double *x = fit->alloc(fit, n, sizeof *x);
    double energy = fill_with_mean(values, n, x);
    double rest = detrend(x, n);
    if (n < 6 || rest <= 1e-24 * energy)
        return 1;
    size_t lag_count = n / 3 + 2;
    double *acf = fit->alloc(fit, lag_count, sizeof *acf);
    correlate(fit, x, n, acf, lag_count);
    for (size_t lag = 0; lag < lag_count; lag++)
        acf[lag] = nearbyint(acf[lag] / rest * 1e9) / 1e9;
    return ff_season_peak(acf, n);
}

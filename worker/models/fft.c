/* Radix-2 transforms after Cooley and Tukey (Math. Comp. 19, 1965): forward by decimation in frequency
 * (Gentleman and Sande, 1966), inverse by decimation in time. The first leaves the order that the second
 * takes, and a power spectrum is computed point by point, so no bit reversal is needed.
 *
 * Twiddles without sin and cos: an angle is halved by cos(a/2) = √((1 + cos a)/2), sin(a/2) = sin a / (2
 * cos(a/2)), from a half turn down; factor 2^j + r is then factor 2^j times factor r. Each is a product of at
 * most log2(size) correctly rounded operations, so the error grows with the logarithm of the size only.
 *
 * Autocorrelation by the Wiener-Khinchin theorem on the series padded with zeros. */
#include "worker/models/fft.h"

#include <math.h>

static struct ff_complex product(struct ff_complex a, struct ff_complex b)
{
    return (struct ff_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

void ff_fft_twiddles(struct ff_complex *twiddles, size_t size)
{
    twiddles[0] = (struct ff_complex){1, 0};
    struct ff_complex root = {-1, 0}; /* exp(−2πi · half / size) */
    for (size_t half = size / 4; half >= 1; half /= 2) {
        double cosine = sqrt((1 + root.re) / 2);
        /* A half turn has no sine to halve: its half is a quarter turn. */
        root = root.re < 0 ? (struct ff_complex){0, -1} : (struct ff_complex){cosine, root.im / (2 * cosine)};
        twiddles[half] = root;
    }
    for (size_t bit = 2; bit < size / 2; bit *= 2)
        for (size_t rest = 1; rest < bit; rest++)
            twiddles[bit + rest] = product(twiddles[bit], twiddles[rest]);
}

void ff_fft_forward(struct ff_complex *data, const struct ff_complex *twiddles, size_t size)
{
    for (size_t half = size / 2, stride = 1; half >= 1; half /= 2, stride *= 2) {
        for (size_t start = 0; start < size; start += 2 * half) {
            struct ff_complex *low = data + start, *high = low + half;
            for (size_t k = 0; k < half; k++) {
                struct ff_complex difference = {low[k].re - high[k].re, low[k].im - high[k].im};
                low[k] = (struct ff_complex){low[k].re + high[k].re, low[k].im + high[k].im};
                high[k] = product(difference, twiddles[k * stride]);
            }
        }
    }
}

void ff_fft_inverse(struct ff_complex *data, const struct ff_complex *twiddles, size_t size)
{
    for (size_t half = 1, stride = size / 2; half < size; half *= 2, stride /= 2) {
        for (size_t start = 0; start < size; start += 2 * half) {
            struct ff_complex *low = data + start, *high = low + half;
            for (size_t k = 0; k < half; k++) {
                struct ff_complex factor = {twiddles[k * stride].re, -twiddles[k * stride].im};
                struct ff_complex turned = product(high[k], factor);
                high[k] = (struct ff_complex){low[k].re - turned.re, low[k].im - turned.im};
                low[k] = (struct ff_complex){low[k].re + turned.re, low[k].im + turned.im};
            }
        }
    }
}

size_t ff_fft_size(size_t n, size_t lag_count)
{
    size_t size = 2;
    while (size < n + lag_count)
        size *= 2;
    return size;
}

void ff_fft_correlate(const double *x, size_t n, double *sums, size_t lag_count, struct ff_complex *data,
                      struct ff_complex *twiddles)
{
    size_t size = ff_fft_size(n, lag_count);
    for (size_t i = 0; i < size; i++)
        data[i] = (struct ff_complex){i < n ? x[i] : 0, 0};
    ff_fft_twiddles(twiddles, size);
    ff_fft_forward(data, twiddles, size);
    for (size_t i = 0; i < size; i++)
        data[i] = (struct ff_complex){data[i].re * data[i].re + data[i].im * data[i].im, 0};
    ff_fft_inverse(data, twiddles, size);
    for (size_t lag = 0; lag < lag_count; lag++)
        sums[lag] = data[lag].re / (double)size;
}

void ff_direct_correlate(const double *x, size_t n, double *sums, size_t lag_count)
{
    for (size_t lag = 0; lag < lag_count; lag++) {
        double sum = 0;
        for (size_t i = 0; i + lag < n; i++)
            sum += x[i] * x[i + lag];
        sums[lag] = sum;
    }
}

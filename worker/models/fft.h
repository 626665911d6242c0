/* The autocorrelation sums of a series, by fast Fourier transform where that is faster.
 *
 * Only + − × ÷ √: the same input gives the same bits on every IEEE 754 host, whatever its libm. */
#ifndef FF_WORKER_MODELS_FFT_H
#define FF_WORKER_MODELS_FFT_H

#include <stddef.h>

struct ff_complex {
    double re, im;
};

/* size is a power of two >= 2. Writes size/2 factors: twiddles[k] = exp(−2πi k / size). */
void ff_fft_twiddles(struct ff_complex *twiddles, size_t size);

/* In place: natural order in, bit-reversed order out (decimation in frequency). */
void ff_fft_forward(struct ff_complex *data, const struct ff_complex *twiddles, size_t size);

/* In place: bit-reversed order in, natural order out; size times the inverse (not divided by size). */
void ff_fft_inverse(struct ff_complex *data, const struct ff_complex *twiddles, size_t size);

/* The size that ff_fft_correlate needs for series of n values and lags below lag_count. */
size_t ff_fft_size(size_t n, size_t lag_count);

/* sums[l] = Σ x[i]·x[i+l] for 0 <= l < lag_count <= n. data: room for size, twiddles: for size/2 values,
 * where size = ff_fft_size(n, lag_count); both are overwritten. */
void ff_fft_correlate(const double *x, size_t n, double *sums, size_t lag_count, struct ff_complex *data,
                      struct ff_complex *twiddles);

/* The same by the definition, for short series. */
void ff_direct_correlate(const double *x, size_t n, double *sums, size_t lag_count);

#endif

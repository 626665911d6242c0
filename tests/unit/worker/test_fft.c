#include "worker/models/fft.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static double noise(size_t i)
{
    return (double)(i * 2654435761u % 1000003) / 1000003 - 0.5;
}

Test(fft, twiddles_are_the_roots_of_unity)
{
    for (size_t size = 2; size <= 1 << 16; size *= 2) {
        struct ff_complex *twiddles = malloc(size / 2 * sizeof *twiddles);
        ff_fft_twiddles(twiddles, size);
        for (size_t k = 0; k < size / 2; k++) {
            double angle = -2 * M_PI * (double)k / (double)size;
            cr_assert_float_eq(twiddles[k].re, cos(angle), 2e-15, "%zu of %zu", k, size);
            cr_assert_float_eq(twiddles[k].im, sin(angle), 2e-15, "%zu of %zu", k, size);
        }
        free(twiddles);
    }
}

static size_t reversed(size_t index, size_t size)
{
    size_t result = 0;
    for (size_t bit = 1; bit < size; bit *= 2, index /= 2)
        result = result * 2 + index % 2;
    return result;
}

Test(fft, forward_is_the_fourier_transform_in_bit_reversed_order)
{
    enum { SIZE = 64 };
    struct ff_complex data[SIZE], twiddles[SIZE / 2];
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (struct ff_complex){noise(i), noise(i + 1000)};
    ff_fft_twiddles(twiddles, SIZE);
    ff_fft_forward(data, twiddles, SIZE);
    for (size_t k = 0; k < SIZE; k++) {
        double re = 0, im = 0;
        for (size_t i = 0; i < SIZE; i++) {
            double angle = -2 * M_PI * (double)(i * k) / SIZE;
            re += noise(i) * cos(angle) - noise(i + 1000) * sin(angle);
            im += noise(i) * sin(angle) + noise(i + 1000) * cos(angle);
        }
        cr_expect_float_eq(data[reversed(k, SIZE)].re, re, 1e-12);
        cr_expect_float_eq(data[reversed(k, SIZE)].im, im, 1e-12);
    }
}

Test(fft, inverse_undoes_forward)
{
    for (size_t size = 2; size <= 4096; size *= 2) {
        struct ff_complex *data = malloc(size * sizeof *data),
                          *twiddles = malloc(size / 2 * sizeof *twiddles);
        for (size_t i = 0; i < size; i++)
            data[i] = (struct ff_complex){noise(i), noise(i + 7)};
        ff_fft_twiddles(twiddles, size);
        ff_fft_forward(data, twiddles, size);
        ff_fft_inverse(data, twiddles, size);
        for (size_t i = 0; i < size; i++) {
            cr_assert_float_eq(data[i].re / (double)size, noise(i), 1e-14);
            cr_assert_float_eq(data[i].im / (double)size, noise(i + 7), 1e-14);
        }
        free(data);
        free(twiddles);
    }
}

static void expect_correlation(size_t n, size_t lag_count)
{
    size_t size = ff_fft_size(n, lag_count);
    double *x = malloc(n * sizeof *x);
    double *fast = malloc(lag_count * sizeof *fast), *direct = malloc(lag_count * sizeof *direct);
    struct ff_complex *data = malloc(size * sizeof *data), *twiddles = malloc(size / 2 * sizeof *twiddles);
    for (size_t i = 0; i < n; i++)
        x[i] = noise(i);
    ff_fft_correlate(x, n, fast, lag_count, data, twiddles);
    ff_direct_correlate(x, n, direct, lag_count);
    for (size_t lag = 0; lag < lag_count; lag++)
        cr_assert_float_eq(fast[lag], direct[lag], 1e-12 * direct[0], "n %zu lag %zu", n, lag);
    free(x);
    free(fast);
    free(direct);
    free(data);
    free(twiddles);
}

Test(fft, correlation_is_that_of_the_definition_for_every_length)
{
    for (size_t n = 1; n <= 130; n++)
        expect_correlation(n, n);
    expect_correlation(1440, 482);
    expect_correlation(2048, 2048);
    expect_correlation(10080, 3362);
}

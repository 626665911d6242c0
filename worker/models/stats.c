/* Selection is Hoare's FIND (CACM 4, 1961). Its pivot is the median of three places drawn by a small linear
 * congruential generator with a fixed start: ramps, plateaus and seasons, which defeat fixed places, cost the
 * same as noise, and the result depends on the values alone. The lower middle value of an even count is the
 * largest of what lies before the upper one: one more pass instead of one more selection.
 *
 * 1.4826 and 1.2533 make the median and the mean of absolute deviations estimate the standard deviation of a
 * normal distribution (1/Φ⁻¹(3/4) and √(π/2)). The second serves series that mostly equal their level. */
#include "worker/models/stats.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

size_t ff_finite_values(const double *values, size_t n, double *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            out[count++] = values[i];
    return count;
}

static void swap(double *a, double *b)
{
    double kept = *a;
    *a = *b;
    *b = kept;
}

static double median_of_three(double a, double b, double c)
{
    if ((a <= b) == (b <= c))
        return b;
    return (a <= b) == (c <= a) ? a : c;
}

static double draw(const double *values, ptrdiff_t low, ptrdiff_t high, uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return values[low + (ptrdiff_t)((*state >> 33) % (uint64_t)(high - low + 1))];
}

/* Splits [low, high] into [low, *left] not above pivot, [*right, high] not below it, and what equals it
 * between. */
static void split(double *values, double pivot, ptrdiff_t *right, ptrdiff_t *left)
{
    ptrdiff_t i = *right, j = *left;
    while (i <= j) {
        while (values[i] < pivot)
            i++;
        while (values[j] > pivot)
            j--;
        if (i <= j)
            swap(&values[i++], &values[j--]);
    }
    *right = i;
    *left = j;
}

/* Puts at k what sorting would put there, with nothing larger before it and nothing smaller behind it. */
static double select_at(double *values, size_t n, ptrdiff_t k)
{
    uint64_t state = n;
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1;
    while (low < high) {
        double pivot = median_of_three(draw(values, low, high, &state), draw(values, low, high, &state),
                                       draw(values, low, high, &state));
        ptrdiff_t right = low, left = high;
        split(values, pivot, &right, &left);
        if (k > left && k < right)
            break;
        if (k <= left)
            high = left;
        else
            low = right;
    }
    return values[k];
}

static double largest(const double *values, size_t n)
{
    double found = values[0];
    for (size_t i = 1; i < n; i++)
        if (values[i] > found)
            found = values[i];
    return found;
}

double ff_median(double *values, size_t n)
{
    double upper = select_at(values, n, (ptrdiff_t)(n / 2));
    return n % 2 ? upper : (largest(values, n / 2) + upper) / 2;
}

double ff_sorted_at(double *values, size_t n, size_t k)
{
    return select_at(values, n, (ptrdiff_t)k);
}

double ff_quantile(double *values, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t k = (size_t)place;
    double below = select_at(values, n, (ptrdiff_t)k), above = INFINITY;
    for (size_t i = k + 1; i < n; i++)
        above = values[i] < above ? values[i] : above;
    return k + 1 < n ? below + (place - (double)k) * (above - below) : below;
}

bool ff_all_equal(const double *values, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (values[i] != values[0])
            return false;
    return n > 0;
}

static double at_least(double scale, double typical)
{
    double least = 1e-9 * fmax(1, fabs(typical));
    return scale > least ? scale : least;
}

double ff_robust_scale(const double *residuals, size_t n, double typical, double *scratch)
{
    memcpy(scratch, residuals, n * sizeof *residuals);
    double centre = ff_median(scratch, n), sum = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = fabs(residuals[i] - centre);
        sum += scratch[i];
    }
    double scale = 1.4826 * ff_median(scratch, n);
    if (scale == 0)
        scale = 1.2533 * (sum / (double)n);
    return at_least(scale, typical);
}

double ff_error_scale(const double *errors, size_t n, double typical, double *scratch)
{
    memcpy(scratch, errors, n * sizeof *errors);
    double centre = ff_median(scratch, n), mean = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = fabs(errors[i] - centre);
        mean += fabs(errors[i]) / (double)n;
    }
    double middle = 1.4826 * ff_median(scratch, n);
    return at_least(middle > 0 ? fmax(middle, mean) : 1.2533 * mean, typical);
}
